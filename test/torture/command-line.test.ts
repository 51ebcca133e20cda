/** The command line of the torture: plans, or what is wrong with it. */
import { describe, expect, it } from 'vitest';
import { readCommandLine } from './command-line.ts';

const read = (line: string) => readCommandLine(line.split(' ').filter((word) => word !== ''));

describe('a command line', () => {
  it('without anything is one run by rename', () => {
    expect(read('')).toEqual([{ seed: 1, seconds: 60, rate: 20_000, mode: 'rename', keepsFiles: false }]);
  });

  it('of several seeds is a plan for each', () => {
    const plans = read('--seeds 3-5 --mode delete --seconds 0.5 --rate 100 --keep');
    expect(plans).toEqual([3, 4, 5].map((seed) => ({ seed, seconds: 0.5, rate: 100, mode: 'delete', keepsFiles: true })));
  });

  it('may ask for help', () => {
    expect(read('--help --mode sideways')).toBe('help');
  });

  it.each([
    ['--mode sideways', /Cannot rotate by "sideways": expected rename, delete, copytruncate/],
    ['--seeds 5-3', /Cannot take "5-3" as seeds/],
    ['--seed one', /Cannot take "one" as seeds/],
    ['--seconds 0', /Cannot run for "0" seconds/],
    ['--rate many', /Cannot write "many" lines a second/],
    ['--sped 7', /--sped/],
    ['7', /7/],
  ])('%s is refused', (line, expected) => {
    expect(read(line)).toEqual({ problem: expect.stringMatching(expected) });
  });
});
