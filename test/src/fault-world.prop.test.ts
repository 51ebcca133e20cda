/**
 * Faults composed at random (test/testbench/fault-world) through the whole pipeline: the right device is found, with the right cause or an honest unknown; nobody
 * innocent is accused, and nobody by forged records; and it doesn't matter how the bytes come.
 *
 * LOTUS_WORLDS=5000 runs that many seeds, LOTUS_WORLD=17 that seed alone.
 */
import { describe, expect, it } from 'vitest';
import { composeWorld } from '../testbench/fault-world/compose.ts';
import { findFalseAccusations, findFaults } from '../testbench/fault-world/judge.ts';
import { readWorld } from '../testbench/fault-world/read-world.ts';

const WORLDS = Number(process.env['LOTUS_WORLDS'] ?? 60);
const only = process.env['LOTUS_WORLD'];
const SEEDS = only === undefined ? Array.from({ length: WORLDS }, (_, i) => i + 1) : [Number(only)];

describe('a world with faults', () => {
  it('is judged right, whatever happens in it', () => {
    const wrong = SEEDS.flatMap((seed) => {
      const world = composeWorld(seed);
      return findFaults(world, readWorld(world, seed).analysis).map((text) => `seed ${seed}: ${text}`);
    });
    expect(wrong).toEqual([]);
  }, 600_000);

  it('is judged without a false accusation where its logs begin in the middle of things', () => {
    const wrong = SEEDS.flatMap((seed) => {
      const world = composeWorld(seed);
      // A log that begins behind a carrier's first line has nothing that tells the forged ones behind it.
      if (world.forgedRecords > 0) return [];
      const { analysis } = readWorld(world, seed, (seed % 10) / 10);
      return findFalseAccusations(world, analysis).map((text) => `seed ${seed}: ${text}`);
    });
    expect(wrong).toEqual([]);
  }, 600_000);

  it('is judged the same in whatever pieces its logs come', () => {
    for (const seed of SEEDS.slice(0, Math.ceil(SEEDS.length / 6))) {
      const world = composeWorld(seed);
      const whole = readWorld(world, seed).analysis;
      expect(withoutWhole(readWorld(world, seed + 1).analysis), `seed ${seed}`).toEqual(withoutWhole(whole));
    }
  }, 600_000);
});

/** What was found, without the order in which sources were added. */
function withoutWhole({ devices, incidents, questions, counters, untrustedRecords }: ReturnType<typeof readWorld>['analysis']): unknown {
  return { devices, incidents, questions, counters, untrustedRecords };
}
