/** When the process behind a log became another one, told from its request numbers; and what only looks so. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestNumbers } from '../../../src/requests/request-numbers.ts';

const WINDOW = 65_536;

/** Closes numbers in order; `banner` stands for a whole start banner. */
function play(steps: Iterable<number | 'banner'>, numbers = new RequestNumbers()): RequestNumbers {
  for (const step of steps) {
    if (step === 'banner') numbers.expectRestart();
    else numbers.close(step);
  }
  return numbers;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const state = ({ incarnation, epoch }: RequestNumbers) => ({ incarnation, epoch });

describe('a new process', () => {
  it.each([
    ['a banner, and numbers from 0', [...range(0, 3000), 'banner', 0, 1, 2, 3]],
    ['a banner, and the first numbers out of order', [...range(0, 3000), 'banner', 5, 2, 0, 1, 3, 4]],
    ['a banner, and a burst that lost its first lines', [...range(0, 3000), 'banner', 700, 701]],
    ['no banner, and numbers that had closed come again', [...range(0, 3000), 0, 1, 2, 3]],
    ['no banner after a short life', [...range(0, 10), 0, 1, 2, 3]],
    ['no banner, and numbers a window and more ago come again', [...range(0, 5), ...range(100_000, 100_010), ...range(0, 101)]],
  ] as const)('is seen by %s', (_, steps) => {
    const numbers = play(steps);
    expect(state(numbers)).toEqual({ incarnation: 1, epoch: 1 });
    const last = steps.at(-1) as number;
    expect(numbers.hasClosed(last)).toBe(true);
    expect(numbers.hasClosed(last + 500)).toBe(false);
  });

  it('is seen as often as it comes', () => {
    expect(play(range(0, 5).flatMap(() => ['banner' as const, ...range(0, 20)])).incarnation).toBe(4);
    expect(play(range(0, 5).flatMap(() => range(0, 2000))).incarnation).toBe(4);
  });

  it('isn’t seen at the banner with which the log begins', () => {
    expect(state(play(['banner', 0, 1, 2]))).toEqual({ incarnation: 0, epoch: 0 });
    expect(state(play(['banner', 'banner', 5000]))).toEqual({ incarnation: 0, epoch: 0 });
  });

  it('is decided by a record as well as by an access line', () => {
    const numbers = play(range(0, 3000));
    numbers.expectRestart();
    numbers.observe(0);
    expect(state(numbers)).toEqual({ incarnation: 1, epoch: 1 });
    expect(numbers.hasClosed(0)).toBe(false);
  });
});

describe('the same process', () => {
  it.each([
    ['a forged banner, and numbers go on', [...range(0, 5000), 'banner', ...range(5000, 5010)]],
    ['many forged banners', [...range(0, 5000), ...range(5000, 5010).flatMap((n) => ['banner' as const, n])]],
    ['a long poll that closes as GET-0 when numbers are far on', [...range(1, 5000), 0, 5000, 5001]],
    ['a long poll that closes when numbers are a window on', [...range(1, 70_000), 0, 70_000, 70_001]],
    ['long polls that close late, again and again', [...range(10, 70_000), ...range(0, 10).flatMap((n) => [n, 70_000 + n])]],
    [
      'the long polls of a very busy server, which close a window and more later, many at once',
      range(0, 20).flatMap((n) => [...range(100_000 + n * 10, 100_010 + n * 10), ...range(n * 99, n * 99 + 99)]),
    ],
    ['numbers that close far out of order', [9, 3, 7, 1, 8, 2, 0, 6, 5, 4, 100, 50]],
    ['two numbers that come again', [...range(0, 3000), 0, 1, ...range(3000, 3010)]],
    ['single numbers that come again, between others', [...range(0, 3000), ...range(0, 10).flatMap((n) => [n, 3000 + n])]],
    ['numbers that jump (OPTIONS requests have no line)', [0, 1000, 5000, 200_000]],
  ] as const)('goes on through %s', (_, steps) => {
    expect(state(play(steps))).toEqual({ incarnation: 0, epoch: 0 });
  });

  it('keeps its open requests through a forged banner while its numbers are still low', () => {
    // Whether the process is new can't be told here; what matters is that requests go on being joined.
    expect(play([...range(0, 500), 'banner', ...range(500, 510)]).epoch).toBe(0);
  });
});

describe('numbers that have closed', () => {
  it('are known, each of them and no other, as far back as the window reaches', () => {
    const step = fc.oneof(
      { arbitrary: fc.nat({ max: 40 }).map((ahead) => ({ ahead })), weight: 5 },
      fc.nat({ max: 60_000 }).map((ahead) => ({ ahead })),
      fc.integer({ min: 1, max: 500 }).map((back) => ({ ahead: -back })),
    );
    fc.assert(
      fc.property(
        fc.nat({ max: 200_000 }),
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.array(fc.nat({ max: 90_000 }), { maxLength: 40, size: 'max' }),
        (start, steps, probes) => {
          const numbers = new RequestNumbers();
          const closed = new Set<number>();
          let highest = -1;
          for (const { ahead } of steps) {
            const number = Math.max(0, (highest < 0 ? start : highest) + ahead);
            // A number closes once in a process: a second time is another one's story.
            if (closed.has(number)) continue;
            numbers.close(number);
            closed.add(number);
            highest = Math.max(highest, number);
          }
          expect(numbers.epoch).toBe(0);
          // Those that a memory of WINDOW bits could mix up with them.
          const around = [...closed].flatMap((number) => [number - WINDOW, number - 1, number + 1, number + WINDOW]);
          for (const number of [...closed, ...around, ...probes.map((back) => highest - back), highest + 1].filter((n) => n >= 0))
            if (numbers.hasClosed(number) !== (closed.has(number) && number > highest - WINDOW))
              throw new Error(`${number} is${closed.has(number) ? ' not' : ''} known as closed`);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('aren’t marked by one that closed long after its window had passed', () => {
    const numbers = play([...range(1, 70_000).filter((n) => n !== WINDOW), 0]);
    expect(numbers.hasClosed(WINDOW)).toBe(false);
    expect(numbers.hasClosed(WINDOW + 1)).toBe(true);
  });

  it('take no time in proportion to how far they jump', () => {
    const numbers = play(range(0, 300).map((i) => i * 2 ** 40));
    expect(numbers.hasClosed(299 * 2 ** 40)).toBe(true);
    expect(numbers.hasClosed(298 * 2 ** 40)).toBe(false);
  });
});
