// Debian's amtool and Alertmanager on the real configuration: who is told of what, and what is left out because another alert says it.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reasonToSkip } from '../../daemon/http/debian-binary.ts';
import { type RunningServer, startAlertmanager, until } from '../../testbench/debian-servers.ts';
import { DEPLOY } from '../known-metrics.ts';
import { type AlertRule, readAlerts } from '../prometheus/read-rules.ts';

const skipped = reasonToSkip('amtool', 'prometheus-alertmanager');
const FILE = join(DEPLOY, 'alertmanager/alertmanager.yml');

function amtool(...parameters: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('amtool', parameters, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

function ruleOf(alert: string): AlertRule {
  const rule = readAlerts().find((each) => each.alert === alert);
  if (rule === undefined) throw new TypeError(`There is no alert ${alert}`);
  return rule;
}

/** Which alert is left out while which other one fires, on the same watcher. */
const MUTED: readonly (readonly [source: string, target: string])[] = [
  ...readAlerts()
    .map(({ alert }) => alert)
    // That one knows the server alone: below.
    .filter((alert) => !['LotusE2EEWatchDown', 'LotusE2EEWatchAbsent', 'LotusE2EEWatchMissesRefusals'].includes(alert))
    .map((alert) => ['LotusE2EEWatchDown', alert] as const),
  ...readAlerts()
    .filter(({ labels }) => labels['ke'] !== undefined)
    .flatMap(({ alert }) => [['LotusE2EEWatchLogStalled', alert] as const, ['LotusE2EEWatchBlind', alert] as const]),
  ['LotusE2EEWatchDown', 'LotusE2EEWatchMissesRefusals'],
  ['LotusE2EEWatchBlind', 'LotusE2EEWatchMissesRefusals'],
  ['LotusE2EEOtkConflictStorm', 'LotusE2EEPoisonedClaims'],
  ['LotusE2EEOtkConflictStorm', 'LotusE2EECallKeysLost'],
  ['LotusE2EEOtkConflictStorm', 'LotusE2EECallKeysUndelivered'],
  ['LotusE2EEDelayedEventTimeoutsHomeserverSlow', 'LotusE2EEDelayedEventTimeoutsHomeserverHealthy'],
  ['LotusE2EEDelayedEventTimeoutsHomeserverSlow', 'LotusE2EEDelayedEventTimeoutsLatencyUnknown'],
  ['LotusE2EEDelayedEventTimeoutsHomeserverSlow', 'LotusE2EEDelayedEventRestartBudgetBurn'],
];

const NOT_MUTED: readonly (readonly [source: string, target: string])[] = [
  // Nobody is left out together with all that explains him.
  ['LotusE2EEWatchDown', 'LotusE2EEWatchAbsent'],
  // A fault of the watcher says nothing of another one.
  ['LotusE2EEWatchLogStalled', 'LotusE2EEWatchGaps'],
  // Has another reason than keys.
  ['LotusE2EEOtkConflictStorm', 'LotusE2EECallKeysLate'],
  ['LotusE2EEOtkConflictStorm', 'LotusE2EEOtkHotLoop'],
  ['LotusE2EEOtkConflictStorm', 'LotusE2EEDelayedEventDrops'],
  ['LotusE2EEPoisonedClaims', 'LotusE2EEOtkConflictStorm'],
  ['LotusE2EEDelayedEventTimeoutsHomeserverSlow', 'LotusE2EEDelayedEventDrops'],
];

describe.skipIf(skipped !== '')(`Alertmanager${skipped && ` (skipped: ${skipped})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lotus-alertmanager-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('amtool accepts the configuration', () => {
    expect(amtool('check-config', FILE)).toMatchObject({ status: 0 });
  });

  it.each([
    ['a receiver that is not there', 'receiver: e2ee-critical', 'receiver: e2ee-critcal'],
    ['a matcher that is none', 'severity="critical"', 'severity is critical'],
    ['a misspelt key', 'inhibit_rules:', 'inhibit_rule:'],
    ['a regex that is none', 'LotusE2EEWatch(Down|Absent)', 'LotusE2EEWatch(Down|Absent'],
  ])('amtool refuses %s', (_, text, replacement) => {
    const planted = join(folder, 'planted.yml');
    const before = readFileSync(FILE, 'utf8');
    writeFileSync(planted, before.replace(text, replacement));
    expect(readFileSync(planted, 'utf8')).not.toBe(before);
    expect(amtool('check-config', planted).status).not.toBe(0);
  });

  it.each(readAlerts().map(({ alert, labels }) => [alert, labels['severity'] ?? ''] as const))(
    '%s (%s) goes to its receiver',
    (alert, severity) => {
      const receiver = { critical: 'e2ee-critical', warning: 'e2ee-warning', info: 'nobody' }[severity] ?? '';
      const { labels } = ruleOf(alert);
      const given = Object.entries({ ...labels, alertname: alert, instance: 'hs1:9464' }).map(([name, value]) => `${name}=${value}`);
      expect(amtool('config', 'routes', 'test', `--config.file=${FILE}`, `--verify.receivers=${receiver}`, ...given)).toMatchObject({
        status: 0,
      });
    },
  );

  it("other people's alerts go where they went", () => {
    expect(
      amtool('config', 'routes', 'test', `--config.file=${FILE}`, '--verify.receivers=default', 'alertname=HostDown', 'severity=critical')
        .status,
    ).toBe(0);
    expect(
      amtool('config', 'routes', 'test', `--config.file=${FILE}`, '--verify.receivers=e2ee-warning', 'alertname=HostDown').status,
    ).not.toBe(0);
  });

  describe('leaves out', () => {
    let alertmanager: RunningServer;
    /** By `source target place`: is it muted? */
    const states = new Map<string, boolean>();

    beforeAll(async () => {
      alertmanager = await startAlertmanager(FILE, join(folder, 'data'));
      const pairs = [...MUTED, ...NOT_MUTED];
      // Each pair on a watcher of its own, and the target once more on another one, where it must not be muted.
      const alerts = pairs.flatMap(([source, target]) => [
        alertAt(source, 'source', source, target),
        alertAt(target, 'source', source, target),
        alertAt(target, 'other', source, target),
      ]);
      const response = await fetch(`${alertmanager.url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(alerts),
      });
      expect(response.status).toBe(200);
      await until('all alerts are there', 10_000, async () => {
        const answer = (await (await fetch(`${alertmanager.url}/api/v2/alerts`)).json()) as readonly {
          labels: Record<string, string>;
          status: { inhibitedBy: readonly string[] };
        }[];
        for (const { labels, status } of answer)
          states.set(`${labels['alertname']} ${labels['pair']} ${labels['place']}`, status.inhibitedBy.length > 0);
        return answer.length === alerts.length;
      });
    });
    afterAll(() => alertmanager?.stop());

    it.each(MUTED)('while %s fires, %s; but not of another watcher', (source, target) => {
      expect(states.get(`${target} ${source}/${target} source`)).toBe(true);
      expect(states.get(`${target} ${source}/${target} other`)).toBe(false);
    });

    it.each(NOT_MUTED)('not: while %s fires, %s', (source, target) => {
      expect(states.get(`${target} ${source}/${target} source`)).toBe(false);
    });
  });
});

/** `pair` and `place` tell the alerts of this test apart; real ones don't have them. */
function alertAt(alert: string, place: string, source: string, target: string): { readonly labels: Readonly<Record<string, string>> } {
  const pair = `${source}/${target}`;
  const where = { server_name: `${pair}-${place}`, pair, place };
  // As its rule leaves them: this one knows no watcher.
  const watcher = alert === 'LotusE2EEWatchMissesRefusals' ? {} : { job: 'lotus-e2ee-watch', instance: `${pair}-${place}` };
  return { labels: { ...ruleOf(alert).labels, ...watcher, ...where, alertname: alert } };
}
