/** How a device's keys stand: states, causes, poisoned claims, exhaustion, restores; each from the smallest story that shows it. */
import { describe, expect, it } from 'vitest';
import { SECOND_WRITER_MS } from '../../../src/devices/cause.ts';
import { flagsOf } from '../../../src/devices/device.ts';
import { DeviceTable } from '../../../src/devices/device-table.ts';
import { causeOf, stateOf, stormViewOf } from '../../../src/devices/device-view.ts';
import { DEVICES_AGAIN, USERS_AHEAD } from '../../../src/devices/server-starts.ts';
import { CLUSTER_DEVICES } from '../../../src/devices/storm-cluster.ts';
import type { Fact } from '../../../src/facts/fact.ts';
import {
  accepted,
  at,
  claimed,
  DEVICE,
  deleted,
  id,
  ids,
  loggedIn,
  refused,
  started,
  tokenAhead,
  USER,
  unanswered,
} from '../../testbench/device-facts.ts';

const FIRST = ids(0, 49);
const RESET = { hasDeviceKeys: true, at: id(13) };

function tableOf(...facts: readonly (Fact | readonly Fact[])[]): DeviceTable {
  const table = new DeviceTable();
  for (const fact of facts.flat()) table.apply(fact);
  return table;
}

function standing(table: DeviceTable, seconds?: number, deviceId = DEVICE) {
  if (seconds !== undefined) table.advance(at(seconds));
  const device = table.find(USER, deviceId);
  if (device === undefined) throw new Error('no such device');
  const cause = causeOf(device);
  return {
    state: stateOf(device, table.nowMs),
    cause: cause?.name ?? null,
    level: cause?.level ?? null,
    flags: flagsOf(device),
    poisoned: device.claimsPoisoned,
    storm: stormViewOf(device, table.nowMs),
  };
}

/** A device that logged in and published its keys. */
const fresh = [loggedIn(0), accepted(1, FIRST, { hasDeviceKeys: true })];
const resetStorm = [0, 30, 60, 90].map((seconds) => refused(100 + seconds, FIRST, RESET));

describe('a device that was refused', () => {
  it.each<[string, readonly Fact[], number, string]>([
    ['a few times', [refused(100, FIRST, RESET)], 130, 'isolated'],
    ['again and again', resetStorm, 200, 'storm'],
    ['again and again, then fell quiet', resetStorm, 190 + 15 * 60 + 1, 'dormant'],
    ['again and again, then had an upload accepted a moment ago', [...resetStorm, accepted(200, ids(50, 52))], 210, 'storm'],
    ['again and again, then had an upload accepted', [...resetStorm, accepted(200, ids(50, 52))], 501, 'healthy'],
    ['again and again, then was deleted', [...resetStorm, deleted(200)], 201, 'closed'],
    ['a few times, then nothing for hours', [refused(100, FIRST, RESET)], 9000, 'isolated'],
    ['a storm long ago, and a few times now', [...resetStorm, refused(4000, FIRST, RESET)], 4010, 'dormant'],
  ])('%s', (_, facts, seconds, state) => {
    expect(standing(tableOf(fresh, facts), seconds).state).toBe(state);
  });

  it('has its latest storm, with who closed it and when', () => {
    const { storm } = standing(tableOf(fresh, resetStorm, deleted(200)), 201);
    expect(storm).toEqual({ openedMs: at(100), detectedMs: at(160), closedMs: at(200), closedBy: 'deleted', peakPerMinute: 2 });
    expect(standing(tableOf(fresh, resetStorm, accepted(200, ids(50, 52))), 600).storm).toMatchObject({
      closedMs: at(200),
      closedBy: 'accepted',
    });
    expect(standing(tableOf(fresh, resetStorm), 5000).storm).toMatchObject({ closedMs: Number.NaN, closedBy: null });
  });

  it('begins anew once it was healed: another storm, another incident', () => {
    const again = [1000, 1040, 1080].map((seconds) => refused(seconds, ids(50, 52)));
    const table = tableOf(fresh, resetStorm, accepted(200, ids(50, 52)), again);
    expect(standing(table, 1100).storm?.openedMs).toBe(at(1000));
    expect(table.incidents(at(1100)).map(({ kind, isOpen, firstMs }) => [kind, isOpen, firstMs])).toEqual([
      ['otk_storm', false, at(100)],
      ['otk_storm', true, at(1000)],
    ]);
  });

  it('has each of its incidents once, also where it was exhausted before', () => {
    const used = [claimed(10, FIRST), claimed(20, [id(0)]), accepted(30, ids(50, 99))];
    const again = refused(5000, FIRST, RESET);
    const table = tableOf(fresh, used, resetStorm, accepted(200, ids(100, 102)), again);
    const found = table.incidents(at(5001)).map((incident) => incident.id);
    expect(new Set(found).size).toBe(found.length);
    expect(found).toHaveLength(3);
  });

  it('that is deleted and comes back is a device like any other', () => {
    const table = tableOf(fresh, resetStorm, deleted(200), loggedIn(300), accepted(301, FIRST, { hasDeviceKeys: true }));
    expect(standing(table, 400)).toMatchObject({ state: 'healthy', poisoned: 0 });
    expect(table.incidents(at(400)).map(({ kind, isOpen }) => [kind, isOpen])).toEqual([['otk_storm', false]]);
  });
});

describe('the cause', () => {
  const rolledBack = [accepted(50, ids(50, 52)), refused(100, ids(51, 51)), refused(130, ids(51, 51)), refused(170, ids(51, 51))];
  it.each<[string, readonly Fact[], string, string]>([
    ['device keys, one value', resetStorm, 'identity_reset', 'derived'],
    [
      'device keys, another value per page load',
      [refused(100, FIRST, RESET), refused(200, FIRST, { ...RESET, value: 'B' })],
      'volatile_store',
      'suspected',
    ],
    [
      'device keys, three values',
      ['A', 'B', 'C'].map((value, i) => refused(100 + i, FIRST, { ...RESET, value })),
      'volatile_store',
      'derived',
    ],
    [
      'device keys, and the id walks while keys are claimed',
      [refused(100, FIRST, RESET), refused(130, FIRST, { ...RESET, at: id(14) })],
      'identity_reset',
      'derived',
    ],
    ['no device keys, below what was accepted', rolledBack, 'rollback', 'derived'],
    [
      'no device keys, and a batch of 50 in mid-counter (sync cache)',
      [accepted(50, ids(50, 99)), refused(100, ids(52, 101))],
      'rollback',
      'derived',
    ],
    [
      'others accepted while the same key is refused',
      [...rolledBack.slice(0, 2), accepted(110, ids(53, 54)), refused(130, ids(51, 51))],
      'concurrent_writers',
      'derived',
    ],
    [
      'two values in turn',
      ['A', 'B', 'A'].map((value, i) => refused(100 + i * 30, ids(50, 50), { value })),
      'concurrent_writers',
      'derived',
    ],
    ['refused a moment after it was accepted', [accepted(50, ids(50, 52)), refused(51.4, ids(50, 52))], 'concurrent_writers', 'suspected'],
    [
      'the orphans were claimed, and the next batch is refused',
      [...rolledBack, accepted(180, ids(51, 51)), refused(190, ids(52, 52))],
      'rollback',
      'derived',
    ],
    ['ids of no library', [refused(100, ['a:x'], { at: 'a:x' })], 'unknown', 'suspected'],
    ['no line says what was offered', [{ ...refused(100, FIRST), offeredKeyIds: [] }], 'unknown', 'suspected'],
  ])('%s', (_, facts, cause, level) => {
    expect(standing(tableOf(fresh, facts))).toMatchObject({ cause, level });
  });

  it('is told by nothing but the device keys where the log begins in a storm', () => {
    expect(standing(tableOf(refused(100, ids(50, 52))))).toMatchObject({ cause: 'rollback', level: 'suspected' });
    expect(standing(tableOf(refused(100, FIRST, RESET)))).toMatchObject({ cause: 'identity_reset', level: 'derived' });
  });

  it('is a second writer only within so short a time', () => {
    const gap = (ms: number) => standing(tableOf(fresh, accepted(50, ids(50, 52)), refused(50 + ms / 1000, ids(50, 52)))).cause;
    expect([gap(SECOND_WRITER_MS - 1), gap(SECOND_WRITER_MS)]).toEqual(['concurrent_writers', 'rollback']);
  });
});

describe('a claim is poisoned', () => {
  const reset = refused(100, FIRST, RESET);
  const back = refused(100, ids(51, 52));
  it.each<[string, readonly Fact[], number]>([
    ['after a reset, whichever key it is', [reset, claimed(110, [id(20)])], 1],
    ['after a reset, also the fallback key', [reset, claimed(110, [id(20)]), claimed(120, [id(20)])], 2],
    ['not before the reset', [claimed(90, [id(20)]), reset], 0],
    ['not of what was accepted after it', [reset, accepted(200, ids(60, 61)), claimed(210, [id(60)])], 0],
    ['after an older store came back, from the refused id on', [accepted(50, ids(50, 53)), back, claimed(110, [id(51), id(53)])], 2],
    ['not of a key below it', [accepted(50, ids(50, 53)), back, claimed(110, [id(50), id(3)])], 0],
    ['not once the id was accepted anew', [accepted(50, ids(50, 53)), back, accepted(120, ids(51, 52)), claimed(130, [id(51)])], 0],
    ['of an id of no library that was refused', [refused(100, ['a:x'], { at: 'a:x' }), claimed(110, ['a:x', 'a:y'])], 1],
    [
      'not after the device was made anew',
      [reset, deleted(150), loggedIn(160), accepted(161, FIRST, { hasDeviceKeys: true }), claimed(170, [id(20)])],
      0,
    ],
  ])('%s', (_, facts, count) => {
    expect(standing(tableOf(fresh, facts)).poisoned).toBe(count);
  });

  it('and says who is silenced, and for how long', () => {
    const table = tableOf(fresh, reset, claimed(110, [id(20)], { claimer: '@carol:hs' }));
    expect(table.poisonedClaims({ fromMs: at(110), toMs: at(110) })).toMatchObject([
      { userId: USER, deviceId: DEVICE, keyId: id(20), claimer: '@carol:hs', cause: 'identity_reset', level: 'derived' },
    ]);
    expect(table.poisonedClaims({ fromMs: at(111), toMs: at(200) })).toEqual([]);
    const incident = table.incidents(at(120)).find(({ kind }) => kind === 'poisoned_claims');
    expect(incident?.summary).toContain('@carol:hs');
    expect(incident?.summary).toContain('until the device logs in anew');
    expect(incident?.evidence.map(({ text }) => text)).toEqual([`claim of ${DEVICE}`]);
  });
});

describe('a new identity that is accepted', () => {
  const all = claimed(50, FIRST);
  const renewed = accepted(100, FIRST, { hasDeviceKeys: true });
  it.each<[string, readonly Fact[], boolean]>([
    ['without a login, once all old keys are gone', [all, renewed], true],
    ['after a login', [all, loggedIn(90), renewed], false],
    ['while old keys are there is a repeat whose answer was lost', [renewed], false],
    ['whose first upload was never answered', [], false],
  ])('%s', (_, facts, isSilent) => {
    expect(standing(tableOf(fresh, facts)).flags.includes('silent_identity_change')).toBe(isSilent);
  });

  it('is an incident of its own, and its old keys are poisoned', () => {
    const table = tableOf(fresh, all, accepted(60, ids(50, 60)), claimed(61, ids(50, 59)), renewed, claimed(110, [id(60)]));
    expect(standing(table, 120)).toMatchObject({ cause: 'identity_reset', state: 'healthy', poisoned: 1 });
    expect(table.incidents(at(120)).map(({ kind }) => kind)).toEqual(['silent_identity_change', 'poisoned_claims']);
  });
});

describe('a stock', () => {
  it.each<[string, readonly Fact[], readonly string[]]>([
    ['that is handed out to the last few keys is running out', [claimed(10, ids(0, 44))], ['exhaustion_suspected']],
    ['of six is not', [claimed(10, ids(0, 43))], []],
    ['whose beginning was not seen says nothing', [claimed(10, ids(100, 148))], []],
    ['that is used up hands out the fallback key again', [claimed(10, FIRST), claimed(20, [id(0)])], ['exhaustion_suspected', 'exhausted']],
    [
      'is full again with an upload, so nothing is handed out twice',
      [claimed(10, [id(0)]), accepted(15, [id(0)]), claimed(20, [id(0)])],
      [],
    ],
    ['may have an upload that nobody answered', [claimed(10, [id(0)]), unanswered(15, [id(0)]), claimed(20, [id(0)])], ['exhausted']],
  ])('%s', (_, facts, flags) => {
    expect(standing(tableOf(fresh, facts)).flags).toEqual(flags);
  });
});

describe('an older database', () => {
  const before = [accepted(1, FIRST, { hasDeviceKeys: true }), claimed(50, [id(13)]), started(100)];
  const ahead = Array.from({ length: USERS_AHEAD }, (_, i) => tokenAhead(101 + i, `@u${i}:hs`));

  it.each<[string, readonly Fact[]]>([
    ['is known before keys are handed out again', [...before, ...ahead, claimed(120, [id(13)])]],
    ['is known after', [...before, claimed(101, [id(13)]), ...ahead]],
    ['stays in force over a later start', [...before, ...ahead, started(300), claimed(320, [id(13)])]],
  ])('%s', (_, facts) => {
    const table = tableOf(facts);
    expect(standing(table)).toMatchObject({ cause: 'server_rollback', flags: [], storm: null });
    expect(table.find(USER, DEVICE)).toMatchObject({ claimsOneTime: 2, claimsFallback: 0 });
    expect(table.incidents(table.nowMs)).toMatchObject([{ kind: 'server_rollback', level: 'observed', deviceId: null }]);
  });

  it('is not made of one user’s token, nor of tokens without a start', () => {
    expect(tableOf(before, ahead[0] ?? [], claimed(120, [id(13)])).starts.restore).toBeNull();
    expect(tableOf(ahead).starts.restore).toBeNull();
  });

  it('is not made of a start alone: an id that is handed out again then is the fallback key’s', () => {
    expect(standing(tableOf(before, claimed(120, FIRST))).flags).toEqual(['exhausted']);
  });

  it('is suspected where several devices get keys back though others were left', () => {
    const devices = Array.from({ length: DEVICES_AGAIN }, (_, i) => `DEVICE${i}`);
    const facts = [
      ...devices.flatMap((deviceId) => [accepted(1, FIRST, { deviceId }), claimed(50, [id(13)], { deviceId })]),
      started(100),
      ...devices.map((deviceId) => claimed(120, [id(13)], { deviceId })),
    ];
    expect(tableOf(facts.slice(0, -1)).starts.restore).toBeNull();
    const table = tableOf(facts);
    expect(table.starts.restore?.level).toBe('suspected');
    expect(devices.map((deviceId) => standing(table, undefined, deviceId).cause)).toEqual(devices.map(() => 'server_rollback'));
  });
});

describe('several storms', () => {
  const storm = (deviceId: string, seconds: number) =>
    [0, 30, 60].map((offset) => refused(seconds + offset, FIRST, { ...RESET, deviceId }));
  it('within minutes are an incident of the homeserver', () => {
    const kinds = (count: number, spacing: number) => {
      const facts = Array.from({ length: count }, (_, i) => storm(`DEVICE${i}`, i * spacing)).flat();
      const table = tableOf(facts.sort((a, b) => a.timeMs - b.timeMs));
      return table.incidents(table.nowMs).filter(({ kind }) => kind === 'storm_cluster').length;
    };
    expect([kinds(CLUSTER_DEVICES, 60), kinds(CLUSTER_DEVICES - 1, 60), kinds(CLUSTER_DEVICES, 1000)]).toEqual([1, 0, 0]);
  });
});

describe('what heals it', () => {
  it('is a command for this very device, percent-encoded, with what it costs', () => {
    const userId = '@zoë/x:hs.example.org:8448';
    const table = tableOf(refused(100, FIRST, { ...RESET, userId, deviceId: 'A B%' }));
    const steps = table.incidents(table.nowMs)[0]?.remediation.join('\n') ?? '';
    expect(steps).toContain('DELETE /_synapse/admin/v2/users/%40zo%C3%AB%2Fx%3Ahs.example.org%3A8448/devices/A%20B%25');
    expect(steps).toMatch(/verified anew/);
    expect(steps).toMatch(/key backup/);
    expect(steps).toMatch(/without logging out is no cure/);
  });

  it('never is another SDK, nor deleting rows of a running server', () => {
    for (const facts of [
      [refused(100, FIRST, RESET)],
      [refused(100, ids(50, 51))],
      [accepted(50, ids(50, 52)), refused(51, ids(50, 52))],
    ]) {
      const table = tableOf(fresh, facts);
      const text = table
        .incidents(table.nowMs)
        .flatMap(({ remediation }) => remediation)
        .join('\n');
      expect(text).not.toMatch(/SDK|e2e_one_time_keys_json|\brows?\b/);
    }
  });
});

describe('nobody', () => {
  it('is accused by healthy use: refills, quick reloads, repeats of lost answers, claims of many', () => {
    const table = tableOf(
      fresh,
      claimed(5, [id(13), id(14)]),
      accepted(10, ids(50, 51)),
      accepted(20, ids(52, 101)),
      unanswered(30, ids(102, 103), 'client_gave_up'),
      accepted(32, ids(102, 103)),
      accepted(33, ids(102, 103)),
      claimed(40, ids(15, 30)),
    );
    expect(standing(table, 60)).toEqual({ state: 'healthy', cause: null, level: null, flags: [], poisoned: 0, storm: null });
    expect(table.incidents(at(60))).toEqual([]);
  });
});
