/**
 * Faults of calls composed at random (test/testbench/call-world) through the whole pipeline: timeouts are attributed, drops counted, ids joined to their
 * owners, and nobody is accused of what he didn't do.
 *
 * LOTUS_WORLDS=5000 runs that many seeds, LOTUS_WORLD=17 that seed alone.
 */
import { describe, expect, it } from 'vitest';
import { createAnalysis } from '../../src/analysis.ts';
import { CALL_FAULTS } from '../testbench/call-world/call-faults.ts';
import { findCallFaults } from '../testbench/call-world/call-judge.ts';
import { composeCallWorld } from '../testbench/call-world/call-world.ts';
import { readLog } from './facts/read-log.ts';

const WORLDS = Number(process.env['LOTUS_WORLDS'] ?? 60);
const only = process.env['LOTUS_WORLD'];
const SEEDS = only === undefined ? Array.from({ length: WORLDS }, (_, i) => i + 1) : [Number(only)];

function judge(seed: number, faults?: readonly string[]): string[] {
  const { world, truth } = composeCallWorld(seed, faults);
  const { pipeline, stream } = readLog(world.text());
  const analysis = createAnalysis(pipeline, [{ path: 'homeserver.log', stream, gaps: [] }]);
  return findCallFaults(truth, analysis, pipeline).map((text) => `seed ${seed} (${world.faults.join(', ')}): ${text}`);
}

describe('a world of calls', () => {
  it('is judged right, whatever happens in it', () => {
    expect(SEEDS.flatMap((seed) => judge(seed))).toEqual([]);
  }, 600_000);

  it('in which nothing is wrong is judged so', () => {
    expect(SEEDS.slice(0, Math.ceil(SEEDS.length / 4)).flatMap((seed) => judge(seed, []))).toEqual([]);
  }, 600_000);

  it.each(CALL_FAULTS.map(({ name }) => name))(
    'with the fault "%s" alone is judged right',
    (name) => {
      expect(SEEDS.slice(0, Math.ceil(SEEDS.length / 10)).flatMap((seed) => judge(seed, [name]))).toEqual([]);
    },
    600_000,
  );

  it('is judged the same in whatever pieces its log comes', () => {
    for (const seed of SEEDS.slice(0, Math.ceil(SEEDS.length / 10))) {
      const { world } = composeCallWorld(seed);
      const outcome = (sizes: number[] | undefined) => {
        const { pipeline } = readLog(world.text(), sizes === undefined ? {} : { sizes });
        return [pipeline.calls.totals, pipeline.incidents(), pipeline.answers()];
      };
      expect(outcome([97, 4001]), `seed ${seed}`).toEqual(outcome(undefined));
    }
  }, 600_000);
});
