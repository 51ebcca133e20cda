import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { renderMetrics } from '../../../daemon/http/registry.ts';
import { MetricStore } from '../../../src/metrics/metric-store.ts';
import { reasonToSkip } from './debian-binary.ts';
import { createSampleStore, HOSTILE_IDS } from './sample-store.ts';

/** promtool only understands the text format: OpenMetrics with exemplars is a parse error to it (reference/observability.md 1.3). */
function checkMetrics(body: string): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const skipped = reasonToSkip('promtool', 'prometheus');

describe.skipIf(skipped !== '')(`promtool check metrics${skipped && ` (skipped: ${skipped})`}`, () => {
  it.each([
    ['a new store', new MetricStore()],
    ['a populated store', createSampleStore()],
  ])('accepts the text of %s without a remark', async (_, store) => {
    expect(checkMetrics((await renderMetrics(store, 'text')).body)).toEqual({ status: 0, output: '' });
  });

  it('accepts hostile user and device ids without a remark', async () => {
    const store = new MetricStore();
    for (const [, id] of HOSTILE_IDS) store.deviceCounter('lotus_e2ee_device_otk_conflicts_total', id, id, 0).add(1);
    expect(checkMetrics((await renderMetrics(store, 'text')).body)).toEqual({ status: 0, output: '' });
  });

  it.each([
    [
      'a gauge named like a counter',
      (body: string) => body.replaceAll('lotus_e2ee_watch_joins_open', 'lotus_e2ee_watch_joins_open_total'),
      3,
    ],
    ['a family without help', (body: string) => body.replace(/^# HELP lotus_e2ee_devices .*\n/m, ''), 3],
    ['an unescaped quote', (body: string) => body.replace('say \\"hi', 'say "hi'), 1],
    ['a value that is none', (body: string) => body.replace('process_max_fds 0', 'process_max_fds x'), 1],
  ])('refuses %s, so that accepting means something', async (_, plant, status) => {
    const { body } = await renderMetrics(createSampleStore(), 'text');
    const planted = plant(body);
    expect(planted).not.toBe(body);
    expect(checkMetrics(planted).status).toBe(status);
  });
});
