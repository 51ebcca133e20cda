/** What is known of each device: counts, and bounds that nothing pushes over. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeviceTable, type DeviceTally, MAX_CONFLICT_IDS } from '../../../src/devices/device-table.ts';
import type { Fact, KeyUpload, Provenance, UploadOutcome } from '../../../src/facts/fact.ts';
import { toDeviceMessages } from '../../testbench/made-facts.ts';

const PROVENANCE: Provenance = { source: 's', positions: [0], requestId: '', incarnation: 0, ruleId: 'test' };
const USER = '@alice:hs';

const uploaded = (deviceId: string | null, more: Partial<KeyUpload> = {}): KeyUpload => ({
  kind: 'key_upload',
  timeMs: 1000,
  provenance: PROVENANCE,
  userId: deviceId === null ? null : USER,
  deviceId,
  offeredKeyIds: [],
  hasDeviceKeys: false,
  refusals: [],
  outcome: null,
  access: null,
  ...more,
});
const refused = (deviceId: string | null, keyIds: readonly string[], timeMs = 1000): KeyUpload =>
  uploaded(deviceId, { outcome: 'conflict', timeMs, refusals: keyIds.map((keyId) => ({ keyId, oldKey: '"O"', newKey: `new ${keyId}` })) });
const claimed = (deviceId: string, ...keyIds: readonly string[]): Fact => ({
  kind: 'keys_claimed',
  timeMs: 1000,
  provenance: PROVENANCE,
  claims: keyIds.map((keyId) => ({ keyId, userId: USER, deviceId })),
  claimer: null,
});
const accepted = (deviceId: string, ...offeredKeyIds: readonly string[]): KeyUpload =>
  uploaded(deviceId, { outcome: 'accepted', offeredKeyIds });
const stored = (...deviceIds: readonly (string | null)[]): Fact =>
  toDeviceMessages({ messages: deviceIds.map((deviceId) => ({ userId: USER, deviceId, idHash: null })) });
const loggedIn = (deviceId: string, userId = USER): Fact => ({ kind: 'logged_in', timeMs: 1000, provenance: PROVENANCE, userId, deviceId });

function tableOf(facts: readonly Fact[], maxDevices?: number): DeviceTable {
  const table = new DeviceTable(maxDevices);
  for (const fact of facts) table.apply(fact);
  return table;
}

const device = (facts: readonly Fact[], deviceId = 'D') =>
  tableOf(facts)
    .list()
    .find((entry) => entry.deviceId === deviceId) as DeviceTally;
const namesOf = (table: DeviceTable) => table.list().map(({ deviceId }) => deviceId);

describe('a device', () => {
  it('is there as soon as a fact names it, and listed by user and device', () => {
    const table = tableOf([
      loggedIn('B'),
      stored('C', null),
      claimed('A', 'a:1'),
      loggedIn('Z', '@aaron:hs'),
      uploaded('E'),
      uploaded(null, { outcome: 'rejected' }),
    ]);
    expect(table.list().map(({ userId, deviceId }) => `${userId} ${deviceId}`)).toEqual([
      '@aaron:hs Z',
      '@alice:hs A',
      '@alice:hs B',
      '@alice:hs C',
      '@alice:hs E',
    ]);
    expect(table.size).toBe(5);
  });

  it.each<UploadOutcome>(['accepted', 'conflict', 'rejected', 'client_gave_up', 'failed'])('counts uploads that ended as %s', (outcome) => {
    expect(device([uploaded('D', { outcome }), uploaded('D', { outcome }), uploaded('D')]).keyUploads).toEqual({
      accepted: 0,
      conflict: 0,
      rejected: 0,
      client_gave_up: 0,
      failed: 0,
      [outcome]: 2,
    });
  });

  it('keeps apart devices of one id of two users, and names that run into each other', () => {
    const table = tableOf([loggedIn('D', '@a:hs'), loggedIn('D', '@b:hs'), loggedIn('sD', '@a:h'), loggedIn('', '@a:hsD')]);
    expect(table.size).toBe(4);
  });

  it('knows its conflicts: how many, which ids, how many different new keys', () => {
    const { conflictCount, conflictKeyIds, newKeyHashes } = device([
      refused('D', ['a:1']),
      refused('D', ['a:1']),
      refused('D', ['a:2', 'a:3']),
    ]);
    expect([conflictCount, [...conflictKeyIds].sort(), newKeyHashes.size]).toEqual([4, ['a:1', 'a:2', 'a:3'], 3]);
  });

  it('knows when its first and its last conflict were, in whatever order it hears of them', () => {
    const { firstConflictMs, lastConflictMs } = device([
      refused('D', ['a:1'], 2000),
      refused('D', ['a:1'], 1000),
      refused('D', ['a:1'], 3000),
      refused('D', ['a:1'], 2500),
    ]);
    expect([firstConflictMs, lastConflictMs]).toEqual([1000, 3000]);
  });

  it('has no time of a conflict where the log has none', () => {
    const { firstConflictMs, lastConflictMs, conflictCount } = device([refused('D', ['a:1'], Number.NaN)]);
    expect([firstConflictMs, lastConflictMs, conflictCount]).toEqual([Number.NaN, Number.NaN, 1]);
  });
});

describe('keys that are handed out', () => {
  const KEY = 'signed_curve25519:AAAAAAAAAA0';
  const OTHER = 'signed_curve25519:AAAAAAAAAA4';
  it.each<[string, Fact[], [oneTime: number, fallback: number]]>([
    ['once', [claimed('D', KEY)], [1, 0]],
    ['different ones', [claimed('D', KEY, OTHER)], [2, 0]],
    ['the same twice', [claimed('D', KEY), claimed('D', KEY)], [1, 1]],
    ['the same twice in one claim', [claimed('D', KEY, KEY)], [1, 1]],
    ['the same again and again', [claimed('D', KEY), claimed('D', KEY), claimed('D', KEY)], [1, 2]],
    ['again after it was published anew', [claimed('D', KEY), accepted('D', KEY), claimed('D', KEY)], [2, 0]],
    ['again after another was published', [claimed('D', KEY), accepted('D', OTHER), claimed('D', KEY)], [1, 1]],
    ['again after it was refused', [claimed('D', KEY), refused('D', [KEY]), claimed('D', KEY)], [1, 1]],
    [
      'again after an upload whose client left',
      [claimed('D', KEY), uploaded('D', { outcome: 'failed', offeredKeyIds: [KEY] }), claimed('D', KEY)],
      [1, 1],
    ],
    ['the same of another device', [claimed('D', KEY), claimed('E', KEY)], [1, 0]],
    ['of another algorithm', [claimed('D', KEY), claimed('D', 'curve25519:AAAAAAAAAA0')], [2, 0]],
    ['with ids of no usual form', [claimed('D', 'a', 'b', '', 'a:', 'a:!', 'signed_curve25519:!', 'signed_curve25519:')], [7, 0]],
  ])('%s: one-time and fallback', (_, facts, expected) => {
    const { claimsOneTime, claimsFallback } = device(facts);
    expect([claimsOneTime, claimsFallback]).toEqual(expected);
  });

  it('are told apart by every id that a client may use: counters of four bytes and of eight, and any text', () => {
    // A counter in base64 as libolm (4 bytes) and vodozemac (8 bytes) write it (e2ee-evidence 2.1).
    const counter = (bytes: number) =>
      fc.nat({ max: 2 ** 31 - 1 }).map((number) => {
        const buffer = Buffer.alloc(bytes);
        buffer.writeUInt32BE(number, bytes - 4);
        return `signed_curve25519:${buffer.toString('base64').replace(/=+$/, '')}`;
      });
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.oneof(
            counter(8),
            fc.string({ maxLength: 5 }).map((text) => `a:${text}`),
          ),
          { maxLength: 100, size: 'max' },
        ),
        (keyIds) => {
          const { claimsOneTime, claimsFallback } = device([claimed('D'), claimed('D', ...keyIds), loggedIn('D')]) ?? {};
          expect([claimsOneTime, claimsFallback]).toEqual([keyIds.length, 0]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('uploads of no known device', () => {
  it('are counted by outcome, and their conflicts', () => {
    const table = tableOf([
      refused(null, ['a:1', 'a:2']),
      ...(['rejected', 'client_gave_up', 'failed', 'failed', 'accepted'] as const).map((outcome) => uploaded(null, { outcome })),
      uploaded(null),
    ]);
    expect(table.unattributed).toEqual({ conflicts: 2, rejected: 1, client_gave_up: 1, failed: 2 });
    expect(table.size).toBe(0);
  });
});

describe('a full table', () => {
  it('forgets the device that was heard of least recently', () => {
    const table = tableOf([...['A', 'B', 'C', 'D'].map((id) => loggedIn(id)), loggedIn('A'), stored('B'), loggedIn('E'), loggedIn('F')], 4);
    expect([namesOf(table), table.size, table.evicted]).toEqual([['A', 'B', 'E', 'F'], 4, 2]);
  });

  it('forgets devices without a conflict first', () => {
    const table = tableOf([refused('A', ['a:1']), loggedIn('B'), refused('C', ['a:1']), loggedIn('D'), loggedIn('E'), loggedIn('F')], 4);
    expect(namesOf(table)).toEqual(['A', 'C', 'E', 'F']);
  });

  it('forgets the oldest conflict where all have some', () => {
    const table = tableOf([...['A', 'B', 'C'].map((id) => refused(id, ['a:1'])), loggedIn('D'), loggedIn('E')], 3);
    expect(namesOf(table)).toEqual(['B', 'C', 'E']);
  });

  it('begins a device anew that was forgotten', () => {
    const table = tableOf([accepted('A', 'a:1'), loggedIn('B'), loggedIn('C'), accepted('A', 'a:1')], 2);
    expect(table.list().find(({ deviceId }) => deviceId === 'A')?.keyUploads.accepted).toBe(1);
  });

  it('counts keys that were handed out of devices that it has forgotten', () => {
    expect(tableOf([claimed('A', 'a:1'), claimed('A', 'a:1'), loggedIn('B'), loggedIn('C')], 2).claims).toEqual({
      oneTime: 1,
      fallback: 1,
      poisoned: 0,
    });
  });

  it('isn’t kept from forgetting by an attacker’s many conflicts', () => {
    const table = tableOf(
      Array.from({ length: 3000 }, (_, i) => refused(`D${i}`, ['a:1'])),
      1500,
    );
    expect([table.size, table.evicted]).toEqual([1500, 1500]);
    expect(table.list().some(({ deviceId }) => deviceId === 'D2999')).toBe(true);
  });
});

describe('any facts', () => {
  const id = fc.nat({ max: 12 }).map((n) => `D${n}`);
  const keyId = fc.nat({ max: 3 }).map((n) => `a:${n}`);
  const fact = fc.oneof(
    id.map((deviceId) => loggedIn(deviceId)),
    fc.tuple(id, keyId).map(([deviceId, key]) => refused(deviceId, [key])),
    fc.tuple(id, keyId).map(([deviceId, key]) => accepted(deviceId, key)),
    fc.tuple(id, fc.array(keyId, { minLength: 1, maxLength: 3 })).map(([deviceId, keys]) => claimed(deviceId, ...keys)),
    fc.array(fc.option(id), { maxLength: 4 }).map((ids) => stored(...ids)),
  );

  it('leave the table within its bound; who is in it was heard of later than any healthy one that isn’t', () => {
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 120, size: 'max' }), fc.integer({ min: 1, max: 8 }), (facts, maxDevices) => {
        const table = new DeviceTable(maxDevices);
        const heard = new Map<string, number>();
        let step = 0;
        // Full from the start, so that somebody is forgotten.
        for (let i = 0; i < maxDevices; i++) table.apply(loggedIn(`old ${i}`));
        const note = (deviceId: string | null) => deviceId !== null && heard.set(deviceId, ++step);
        for (const each of facts) {
          table.apply(each);
          if (each.kind === 'logged_in' || each.kind === 'key_upload') note(each.deviceId);
          else if (each.kind === 'keys_claimed') for (const { deviceId } of each.claims) note(deviceId);
          else if (each.kind === 'to_device_messages') for (const { deviceId } of each.messages) note(deviceId);
          expect(table.size).toBeLessThanOrEqual(maxDevices);
          expect(table.list()).toHaveLength(table.size);
        }
        // Each device that isn't there was let go.
        expect(table.evicted).toBeGreaterThanOrEqual(maxDevices + heard.size - table.size);
        if (heard.size <= maxDevices) expect(table.evicted).toBe(heard.size);
        const last = [...heard].sort(([, a], [, b]) => b - a)[0]?.[0];
        if (last !== undefined) expect(namesOf(table)).toContain(last);
        const healthy = table.list().filter((each) => !table.troubled.has(each));
        const oldestHealthy = Math.min(...healthy.map(({ deviceId }) => heard.get(deviceId) ?? 0));
        const gone = [...heard].filter(([deviceId]) => !namesOf(table).includes(deviceId));
        // Who is gone without ever having been in trouble (refused, or its keys handed out twice) was heard of before every healthy one that is left.
        const everTroubled = new Set(
          facts.flatMap((each) => {
            if (each.kind === 'keys_claimed') return each.claims.map(({ deviceId }) => deviceId);
            return each.kind === 'key_upload' && each.refusals.length > 0 ? [each.deviceId] : [];
          }),
        );
        for (const [deviceId, when] of gone) if (!everTroubled.has(deviceId)) expect(when).toBeLessThan(oldestHealthy);
      }),
      { numRuns: 150 },
    );
  });

  it('leave what is kept of one device within its bounds', () => {
    const keyIds = Array.from({ length: 5000 }, (_, i) => `a:${i}`);
    const [tally] = tableOf([...keyIds.map((key) => refused('D', [key])), claimed('D', ...keyIds), claimed('D', ...keyIds)]).list();
    expect(tally?.conflictCount).toBe(5000);
    expect(tally?.conflictKeyIds.size).toBe(MAX_CONFLICT_IDS);
    expect(tally?.newKeyHashes.size).toBe(MAX_CONFLICT_IDS);
    expect((tally?.claimsOneTime ?? 0) + (tally?.claimsFallback ?? 0)).toBe(10_000);
  });

  it('of one user with very many devices take no time that grows with their square', () => {
    const facts = Array.from({ length: 20_000 }, (_, i) => loggedIn(`D${i}`));
    const table = tableOf([...facts, ...facts, ...facts]);
    expect(table.size).toBe(20_000);
  }, 1500);
});
