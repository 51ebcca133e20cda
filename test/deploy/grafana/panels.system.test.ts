// Every query of every panel returns data on a recorded history: real captures, read by the real daemon, backfilled into a real Prometheus.
// Panels that need Synapse's own metrics, which are in no log, say so in their description, and return data when those are added.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Capture, loadCapture, parseCapture } from '../../../daemon/demo/capture.ts';
import { DASHBOARDS } from '../../../deploy/grafana/source/dashboards.ts';
import type { Panel } from '../../../deploy/grafana/source/model.ts';
import { reasonToSkip } from '../../daemon/http/debian-binary.ts';
import { type RunningServer, startPrometheus } from '../../testbench/debian-servers.ts';
import { familyOf, isOfSynapse } from '../known-metrics.ts';
import { selectorsOf } from '../promql.ts';
import { panels } from './dashboard-rules.ts';
import { askPanel, type Sight, sightOf, type TimeSpan } from './panel-data.ts';
import {
  readCapture,
  recordHistory,
  SERVER_NAME,
  STEP_MS,
  SYNAPSE_JOB,
  stepCount,
  synapseHistory,
  WATCHER_JOB,
} from './recorded-history.ts';

const CORPUS = join(import.meta.dirname, '../../../../shared/corpus');
/** Where they are at hand, more of every fault; the bundled capture and the lines below are enough for each panel to show something. */
const CAPTURES = [
  'mixed-two-storms',
  'ke4-slow-homeserver',
  'ke4-client-abort-healthy',
  'ke4-rate-limited',
  'forged-lines',
  'to-device-9533',
  'otk-exhaustion',
];
/** The device that the bundled capture is about. */
const DEVICE = { user_id: '@rosa:matrix.example.org', device_id: 'MSLNKEIKTS' };
const ALL = { job: '.+', instance: '.+', server_name: '.*', ...DEVICE };

const skipped = reasonToSkip('promtool', 'prometheus');

describe.skipIf(skipped !== '')(`panels${skipped && ` (skipped: ${skipped})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lotus-panels-'));
  let prometheus: RunningServer;
  let span: TimeSpan;
  /** `dashboard | panel | answer`, printed at the end. */
  const table: string[] = [];

  beforeAll(async () => {
    const corpus = existsSync(CORPUS) ? CAPTURES.map((name) => readCapture(CORPUS, name)) : [];
    const captures = [{ name: 'demo', capture: loadCapture() }, { name: 'unknown-lines', capture: createUnknownLines() }, ...corpus];
    const steps = stepCount(captures);
    // Some time ago, on a whole step: nothing of it may be in the future.
    const startMs = Math.floor(Date.now() / STEP_MS) * STEP_MS - 3_600_000;
    writeFileSync(join(folder, 'history.om'), `${await recordHistory(captures, startMs, folder)}${synapseHistory(startMs, steps)}# EOF\n`);
    const made = spawnSync(
      'promtool',
      ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', join(folder, 'history.om'), join(folder, 'data')],
      { encoding: 'utf8' },
    );
    expect({ status: made.status, stderr: made.stderr }).toEqual({ status: 0, stderr: '' });
    writeFileSync(join(folder, 'prometheus.yml'), 'scrape_configs: []\n');
    prometheus = await startPrometheus({
      configFile: join(folder, 'prometheus.yml'),
      dataFolder: join(folder, 'data'),
      flags: ['--storage.tsdb.retention.time=1y'],
    });
    span = { from: startMs / 1000, to: startMs / 1000 + ((steps - 1) * STEP_MS) / 1000, step: STEP_MS / 1000 };
  }, 180_000);
  afterAll(async () => {
    await prometheus?.stop();
    rmSync(folder, { recursive: true, force: true });
    console.log(table.join('\n'));
  });

  /** Of each target, the most that is to be seen at any of several ends of the time shown: a storm that is over is in no table. */
  async function sightsOf(panel: Panel, job: string): Promise<readonly Sight[]> {
    const sights = panel.targets.map((): Sight => 'nothing');
    const isInstant = panel.targets.some(({ instant }) => instant);
    for (let to = span.to; to > span.from && sights.some((sight) => sight !== 'values'); to -= 20) {
      const series = await askPanel(prometheus, panel, { ...ALL, job }, { ...span, to });
      series.forEach((each, index) => {
        const sight = sightOf(each);
        if (sight !== 'nothing' && sights[index] !== 'values') sights[index] = sight;
      });
      if (!isInstant) break;
    }
    return sights;
  }

  describe.each(DASHBOARDS.map((dashboard) => [dashboard.title, dashboard] as const))('%s', (title, dashboard) => {
    it.each(panels(dashboard).map((panel) => [panel.title, panel] as const))('%s', async (_, panel) => {
      const needsSynapse = panel.targets.map(({ expr }) => selectorsOf(expr).some(({ metric }) => isOfSynapse(metric)));
      // Series that are only born when something is counted can't be there while nothing counts.
      const isUnfed = panel.targets.map(({ expr }) => selectorsOf(expr).some(({ metric }) => familyOf(metric)?.isNotYetFed === true));
      const all = await sightsOf(panel, '.+');
      const ofWatcher = needsSynapse.includes(true) ? await sightsOf(panel, WATCHER_JOB) : all;
      const words = all.map((sight, index) => {
        if (sight === 'nothing') return isUnfed[index] ? 'not yet fed' : 'NO';
        return (sight === 'zeros' ? 'yes, 0 throughout' : 'yes') + (needsSynapse[index] ? ' (with metrics of Synapse)' : '');
      });
      table.push(`${title} | ${panel.title} | ${[...new Set(words)].join('; ')}`);
      expect(words).not.toContain('NO');
      // What is of Synapse alone comes from its job alone, and is said to.
      expect(ofWatcher.filter((sight, index) => sight !== 'nothing' && needsSynapse[index])).toEqual([]);
      if (needsSynapse.every((needs) => needs)) expect(panel.description).toMatch(/Needs the metrics of Synapse\.$/);
    });
  });

  it('a name that nobody exposes is found', async () => {
    const [panel] = panels(DASHBOARDS[0]!);
    const planted = {
      ...panel!,
      targets: panel!.targets.map((target) => ({
        ...target,
        expr: target.expr.replace('lotus_e2ee_active_storms', 'lotus_e2ee_active_storm'),
      })),
    };
    expect(await sightsOf(planted, '.+')).toEqual(['nothing']);
  });

  it('variables find what they choose from', async () => {
    for (const [label, wanted] of [
      ['job', [WATCHER_JOB, SYNAPSE_JOB]],
      ['server_name', [SERVER_NAME]],
      ['user_id', [DEVICE.user_id]],
    ] as const) {
      const response = await fetch(`${prometheus.url}/api/v1/label/${label}/values?start=${span.from}&end=${span.to}`);
      expect(((await response.json()) as { data: string[] }).data).toEqual(expect.arrayContaining([...wanted]));
    }
  });
});

/** Request lines of a shape that no Synapse writes, one a second: no capture of a healthy server has any. */
function createUnknownLines(): Capture {
  const lines = Array.from({ length: 40 }, (_, n) => {
    const stamp = new Date(Date.UTC(2026, 10, 23, 16, 0, n)).toISOString().replace('T', ' ').replace('.', ',').replace('Z', '');
    return `${stamp} - synapse.access.http.8008 - 643 - INFO - GET-${n} - Processed request in a way that nobody knows\n`;
  });
  return parseCapture(Buffer.from(lines.join('')));
}
