/**
 * In: a truth, an analysis made from it, and one changed number at a time. Out: proof that the benchmark's comparison sees each of them:
 * a comparison that can't fail would make every benchmark exact.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeLog } from './generator/log-file.ts';
import type { Profile, Truth } from './generator/truth.ts';
import { type Analysis, ourDifferences } from './our-counts.ts';
import { peerDifferences } from './peer-counts.ts';

const DURATION = 'lotus_e2ee_homeserver_request_duration_seconds';

function truthOf(profile: Profile): Truth {
  const fd = fs.openSync(path.join(os.tmpdir(), `lotus-compare-${process.pid}`), 'w');
  const startMs = Date.parse('2026-06-30T12:00:00Z');
  try {
    return writeLog({ profile, seed: 1, linesPerSecond: 500, startMs, wedgedCount: 40 }, 4 * 1024 ** 2, fd);
  } finally {
    fs.closeSync(fd);
    fs.rmSync(path.join(os.tmpdir(), `lotus-compare-${process.pid}`));
  }
}

/** What a perfect `analyze --json` prints, with all the zeros that it may print. Typed loosely: tests break it on purpose. */
// biome-ignore lint/suspicious/noExplicitAny: each test reaches into another corner of it.
function perfectAnalysis({ contract }: Truth): any {
  const { lines, records, accessLines, requestDuration } = contract;
  const devices = Object.entries(contract.devices).map(([device, counts]) => {
    const row = Object.fromEntries(contract.deviceColumns.map((column, i) => [column, counts[i] ?? 0]));
    const { accepted, conflict, rejected, clientGaveUp, failed, refusals, distinctNewKeys, claims, stored, returned, dropped } = row;
    const [userId, deviceId] = device.split('|');
    return {
      ...{ userId, deviceId, keyUploads: { accepted, conflict, rejected, clientGaveUp, failed } },
      conflicts: { count: refusals, keyIds: [...(contract.conflictKeyIds[device] ?? [])].reverse(), distinctNewKeys },
      ...{ claims: { oneTime: claims, fallback: 0, poisoned: 0 }, toDevice: { sends: 0, stored, returned, dropped } },
    };
  });
  const healthy = { userId: '@nobody:example.org', deviceId: 'NONE', keyUploads: { accepted: 0 } };
  let below = 0;
  const buckets = requestDuration.bounds_ms.map((bound, i) => {
    below += requestDuration.buckets[i] ?? 0;
    return [String(bound / 1000), below];
  });
  return structuredClone({
    sources: [{ lines, records, accessLines }],
    devices: [...devices, healthy],
    unattributed: contract.unattributed,
    toDevice: { ...contract.toDevice, sends: { ...contract.toDevice.sends, 'm.dummy': 0 } },
    delayedEvents: contract.delayedEvents,
    untrustedRecords: 0,
    counters: { lotus_e2ee_otk_conflicts_total: contract.conflicts },
    histograms: { [DURATION]: { count: requestDuration.count, sum: requestDuration.sum_ms / 1000, buckets: Object.fromEntries(buckets) } },
  });
}

describe('ours', () => {
  const truth = truthOf('debug');

  it('has no difference when all is right, whatever zeros and order it prints', () => {
    expect(ourDifferences(perfectAnalysis(truth) as Analysis, truth)).toEqual([]);
  });

  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const firstWith = (analysis: any, column: 'conflicts' | 'toDevice'): any =>
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    analysis.devices.find((device: any) => (column === 'conflicts' ? device.conflicts?.count > 0 : device.toDevice?.returned > 0));

  it.each([
    // biome-ignore-start lint/suspicious/noExplicitAny: as above.
    ['a line', (a: any) => a.sources[0].lines++],
    ['a record', (a: any) => a.sources[0].records--],
    ['an access line', (a: any) => a.sources[0].accessLines++],
    ['a second source', (a: any) => a.sources.push({})],
    ['a device left out', (a: any) => a.devices.shift()],
    ['a device made up', (a: any) => a.devices.push({ userId: '@x:y', deviceId: 'Z', keyUploads: { accepted: 1 } })],
    ['an upload', (a: any) => a.devices[0].keyUploads.clientGaveUp++],
    ['a refusal', (a: any) => firstWith(a, 'conflicts').conflicts.count++],
    ['a refused id', (a: any) => firstWith(a, 'conflicts').conflicts.keyIds.push('signed_curve25519:AAAAAAAAAAA')],
    ['a new key', (a: any) => firstWith(a, 'conflicts').conflicts.distinctNewKeys++],
    ['a claim', (a: any) => a.devices[0].claims.fallback++],
    ["a device's message", (a: any) => firstWith(a, 'toDevice').toDevice.returned++],
    ['an unattributed refusal', (a: any) => a.unattributed.conflicts++],
    ['a send', (a: any) => a.toDevice.sends['m.room.encrypted']++],
    ['a type made up', (a: any) => (a.toDevice.sends['m.made.up'] = 1)],
    ['a failed send', (a: any) => a.toDevice.sendsFailed++],
    ['a media key', (a: any) => a.toDevice.mediaKeySends--],
    ['a stored message', (a: any) => a.toDevice.stored++],
    ['a restart', (a: any) => a.delayedEvents.requests.restart.ok++],
    ['an outcome', (a: any) => (a.delayedEvents.requests.cancel.failed = 1)],
    ['an untrusted record', (a: any) => a.untrustedRecords++],
    ['a counter', (a: any) => a.counters.lotus_e2ee_otk_conflicts_total++],
    ['a bucket', (a: any) => a.histograms[DURATION].buckets['0.1']++],
    ['a millisecond', (a: any) => (a.histograms[DURATION].sum += 0.001)],
    // biome-ignore-end lint/suspicious/noExplicitAny: as above.
  ])('sees %s', (_, change) => {
    const analysis = perfectAnalysis(truth);
    change(analysis);
    expect(ourDifferences(analysis as Analysis, truth)).toHaveLength(1);
  });
});

describe('a peer', () => {
  it('is wrong with one access line too few, in all samples that hold it', () => {
    const truth = truthOf('info');
    const { count, by_status } = truth.access.by_class.keys_claim;
    const text = `synapse_access_requests_total{class="keys/claim",prog="peers-bench.mtail",status="200"} ${(by_status['200'] ?? 0) - 1}\n`;
    const differences = peerDifferences(text, truth);
    expect(differences).toContain(`synapse_access_requests_total{class="keys/claim",status="200"}: expected ${count}, got ${count - 1}`);
  });
});
