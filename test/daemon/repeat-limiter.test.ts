import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RepeatLimiter } from '../../daemon/repeat-limiter.ts';

describe('the repeat limiter', () => {
  it('passes the first of a key, counts the rest, and says the count with the next that passes', () => {
    const limiter = new RepeatLimiter<string>({ intervalMs: 1000, maxKeys: 10 });
    expect(limiter.admit('a', 'one', 0)).toEqual({ item: 'one', suppressed: 0 });
    expect(limiter.admit('a', 'two', 1)).toBeUndefined();
    expect(limiter.admit('a', 'three', 999)).toBeUndefined();
    expect(limiter.admit('b', 'other', 999)).toEqual({ item: 'other', suppressed: 0 });
    expect(limiter.admit('a', 'four', 1000)).toEqual({ item: 'four', suppressed: 2 });
    expect(limiter.admit('a', 'five', 1999)).toBeUndefined();
  });

  it('says the newest item that was kept back when the interval is over and nothing else came', () => {
    const limiter = new RepeatLimiter<string>({ intervalMs: 1000, maxKeys: 10 });
    for (const [item, nowMs] of [
      ['one', 0],
      ['two', 10],
      ['three', 20],
    ] as const)
      limiter.admit('a', item, nowMs);
    expect(limiter.expire(999)).toEqual([]);
    expect(limiter.expire(1000)).toEqual([{ item: 'three', suppressed: 1 }]);
    // What was just said counts as the first of a new interval.
    expect(limiter.admit('a', 'four', 1999)).toBeUndefined();
    expect(limiter.expire(2000)).toEqual([{ item: 'four', suppressed: 0 }]);
    expect(limiter.expire(5000)).toEqual([]);
    expect(limiter.admit('a', 'five', 5001)).toEqual({ item: 'five', suppressed: 0 });
  });

  it('writes a steady stream once an interval, whether it comes out by itself or with the next', () => {
    const limiter = new RepeatLimiter<number>({ intervalMs: 1000, maxKeys: 10 });
    let written = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 100) {
      if (limiter.admit('a', nowMs, nowMs) !== undefined) written++;
      written += limiter.expire(nowMs + 50).length;
    }
    expect(written).toBeGreaterThanOrEqual(9);
    expect(written).toBeLessThanOrEqual(11);
  });

  it('lets the oldest key go at its bound, and says what was kept back of it', () => {
    const limiter = new RepeatLimiter<string>({ intervalMs: 1000, maxKeys: 2 });
    limiter.admit('a', 'a1', 0);
    limiter.admit('a', 'a2', 1);
    limiter.admit('b', 'b1', 2);
    expect(limiter.admit('c', 'c1', 3)).toEqual({ item: 'c1', suppressed: 0 });
    expect(limiter.expire(4)).toEqual([{ item: 'a2', suppressed: 0 }]);
    expect(limiter.admit('b', 'b2', 5)).toBeUndefined();
    expect(limiter.admit('a', 'a3', 6)).toEqual({ item: 'a3', suppressed: 0 });
  });

  it('loses no item: written and counted ones are all that came, whatever comes in whatever order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(700), fc.boolean()), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (steps, maxKeys) => {
          const limiter = new RepeatLimiter<string>({ intervalMs: 1000, maxKeys });
          let [nowMs, said] = [0, 0];
          const say = (admitted: readonly { readonly suppressed: number }[]): void => {
            for (const { suppressed } of admitted) said += 1 + suppressed;
          };
          for (const [key, stepMs, isExpiring] of steps) {
            nowMs += stepMs;
            const admitted = limiter.admit(key, key, nowMs);
            say(admitted === undefined ? [] : [admitted]);
            if (isExpiring) say(limiter.expire(nowMs));
          }
          say(limiter.expire(nowMs + 1000));
          return said === steps.length;
        },
      ),
    );
  });

  it.each([
    { intervalMs: 0, maxKeys: 1 },
    { intervalMs: Number.NaN, maxKeys: 1 },
    { intervalMs: 1, maxKeys: 0 },
  ])('is not made with %o', (limits) => {
    expect(() => new RepeatLimiter(limits)).toThrow(RangeError);
  });
});
