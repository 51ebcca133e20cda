/** What is kept of devices in trouble stays within its bounds, and the newest is what stays. */
import { describe, expect, it } from 'vitest';
import { createCauseEvidence, MAX_COMPARED_IDS, MAX_VALUES, noteValue } from '../../../src/devices/cause.ts';
import { flagsOf } from '../../../src/devices/device.ts';
import { DeviceTable, MAX_FINISHED_INCIDENTS, MAX_POISONED_CLAIMS } from '../../../src/devices/device-table.ts';
import { MAX_CLAIMERS } from '../../../src/devices/divergence.ts';
import { LOW_STOCK } from '../../../src/devices/key-book.ts';
import { MAX_EVIDENCE_LINES, MAX_EVIDENCE_TEXT } from '../../../src/incident.ts';
import { accepted, claimed, DEVICE, deleted, id, ids, loggedIn, refused, USER } from '../../testbench/device-facts.ts';

const reset = (seconds: number) => refused(seconds, ids(0, 49), { hasDeviceKeys: true });

describe('of very many', () => {
  it('poisoned claims the newest are kept; all are counted', () => {
    const table = new DeviceTable();
    table.apply(reset(0));
    for (let i = 0; i < MAX_POISONED_CLAIMS + 5; i++) table.apply(claimed(1 + i, [id(i)], { claimer: `@c${i}:hs` }));
    const kept = table.poisonedClaims({ fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY });
    expect([kept.length, kept[0]?.keyId, table.claims.poisoned]).toEqual([MAX_POISONED_CLAIMS, id(5), MAX_POISONED_CLAIMS + 5]);
    expect(table.find(USER, DEVICE)?.divergence?.poisoned?.claimers).toHaveLength(MAX_CLAIMERS);
  });

  it('divergences that are over the newest are kept', () => {
    const table = new DeviceTable();
    for (let i = 0; i < MAX_FINISHED_INCIDENTS + 3; i++)
      for (const fact of [reset(10 * i), deleted(10 * i + 1), loggedIn(10 * i + 2)]) table.apply(fact);
    table.apply(reset(1_000_000));
    expect(table.finished.entries.length).toBeLessThanOrEqual(MAX_FINISHED_INCIDENTS);
    expect(table.finished.dropped).toBeGreaterThan(0);
  });

  it('values of one id, and ids that are compared, as many as are needed are kept', () => {
    const evidence = createCauseEvidence(true, 0);
    for (let value = 0; value < MAX_VALUES + 5; value++) noteValue(evidence, 1, value);
    expect(evidence.values[0]).toHaveLength(MAX_VALUES + 1);
    for (let other = 2; other < MAX_COMPARED_IDS + 4; other++) noteValue(evidence, other, 0);
    expect([evidence.values.length, evidence.values.some(([of]) => of === 1)]).toEqual([MAX_COMPARED_IDS, false]);
  });

  it('lines the first and the last are shown, each cut', () => {
    const table = new DeviceTable();
    for (let i = 0; i < 50; i++)
      table.apply({ ...reset(i), lines: [{ line: i, position: i, timeMs: i, text: `${i} ${'x'.repeat(2 * MAX_EVIDENCE_TEXT)}` }] });
    const evidence = table.incidents(table.nowMs)[0]?.evidence ?? [];
    expect([evidence.length, evidence[0]?.line, evidence.at(-1)?.line]).toEqual([MAX_EVIDENCE_LINES, 0, 49]);
    expect(Math.max(...evidence.map(({ text }) => text.length))).toBe(MAX_EVIDENCE_TEXT);
  });
});

describe('a low stock', () => {
  it('is five keys or fewer', () => {
    const flags = (left: number) => {
      const table = new DeviceTable();
      for (const fact of [loggedIn(0), accepted(1, ids(0, 49), { hasDeviceKeys: true }), claimed(2, ids(left, 49))]) table.apply(fact);
      const device = table.find(USER, DEVICE);
      return device === undefined ? [] : flagsOf(device);
    };
    expect([flags(LOW_STOCK + 1), flags(LOW_STOCK)]).toEqual([[], ['exhaustion_suspected']]);
  });
});
