/** A restart anywhere changes nothing: what was kept, and the facts behind it, give what would have been without it. */
import { describe, expect, it } from 'vitest';
import { DeviceTable } from '../../../src/devices/device-table.ts';
import { causeOf, stateOf, stormViewOf } from '../../../src/devices/device-view.ts';
import type { Fact } from '../../../src/facts/fact.ts';
import { Random } from '../../bench/generator/random.ts';
import { composeWorld } from '../../testbench/fault-world/compose.ts';
import { readLog } from '../facts/read-log.ts';

const WORLDS = Number(process.env['LOTUS_WORLDS'] ?? 40);

/** All that can be asked of a table. */
function all(table: DeviceTable): unknown {
  const { claims, unattributed, evicted, size, nowMs } = table;
  return {
    devices: table.list().map((device) => {
      const { previous, next, heard, held, claimed, rare, ...rest } = device;
      const ranges = [held, claimed, rare?.claimedBefore, rare?.divergence?.fresh, rare?.divergence?.orphans].map((each) => each?.bounds());
      return { ...rest, rare, ranges, state: stateOf(device, nowMs), cause: causeOf(device), storm: stormViewOf(device, nowMs) };
    }),
    incidents: [...table.incidents(nowMs)].sort((a, b) => (a.id < b.id ? -1 : 1)),
    states: table.countStates(),
    poisoned: table.poisoned.entries,
    claims,
    unattributed,
    evicted,
    size,
  };
}

function factsOf(seed: number): readonly Fact[] {
  return composeWorld(seed)
    .logs()
    .flatMap(({ name, text }) => readLog(text, { name }).facts)
    .sort((a, b) => a.timeMs - b.timeMs);
}

describe('a table that is kept and restored', () => {
  it('goes on as if nothing had happened, wherever the restart falls', () => {
    for (let seed = 1; seed <= WORLDS; seed++) {
      const random = new Random(seed);
      const facts = factsOf(seed);
      // Sometimes with too little room: forgetting must be the same, too.
      const maxDevices = random.chance(300_000) ? 6 : 1000;
      const whole = new DeviceTable(maxDevices);
      for (const fact of facts) whole.apply(fact);
      let table = new DeviceTable(maxDevices);
      const kept = new Map<string, string>();
      for (const fact of facts) {
        table.apply(fact);
        if (!random.chance(20_000)) continue;
        for (const [key, text] of table.changedRows())
          if (text === null) kept.delete(key);
          else kept.set(key, text);
        table.markCommitted();
        expect([...table.changedRows()], 'a commit leaves nothing').toEqual([]);
        if (random.chance(500_000)) continue;
        table = new DeviceTable(maxDevices);
        expect(table.restoreRows([...kept].reverse())).toEqual([]);
      }
      expect(all(table), `seed ${seed}`).toEqual(all(whole));
    }
  }, 300_000);

  it('leaves out a row that it can’t read, and says so', () => {
    const table = new DeviceTable();
    expect(table.restoreRows([['["@a:hs","D"]', '{']])).toHaveLength(1);
    expect(table.size).toBe(0);
  });

  it('writes the rows of those that changed, and no others', () => {
    const table = new DeviceTable();
    const facts = factsOf(3);
    for (const fact of facts) table.apply(fact);
    table.markCommitted();
    const claim = facts.find((fact) => fact.kind === 'keys_claimed' && fact.claims.length === 1);
    if (claim?.kind !== 'keys_claimed') throw new Error('no claim in this world');
    table.apply(claim);
    const keys = [...table.changedRows()].map(([key]) => key).filter((key) => key.startsWith('['));
    expect(keys).toEqual([JSON.stringify([claim.claims[0]?.userId, claim.claims[0]?.deviceId])]);
  });
});
