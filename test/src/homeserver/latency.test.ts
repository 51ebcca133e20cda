/** How fast the homeserver answers: buckets, slices of a second, the minute around a moment. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact, LatencySlice } from '../../../src/facts/fact.ts';
import { Homeserver } from '../../../src/homeserver/homeserver.ts';
import { bucketStartMs, LATENCY_BUCKETS, latencyBucket, SLOW_BUCKET, SLOW_MS } from '../../../src/homeserver/latency-buckets.ts';
import { LatencySlices } from '../../../src/homeserver/latency-slices.ts';
import { latencySlice } from '../../testbench/made-facts.ts';

const NOON = Date.UTC(2026, 5, 30, 12);

describe('a bucket', () => {
  it.each([
    [-5, 0],
    [0, 0],
    [1, 0],
    [2, 1],
    [499, 8],
    [500, 9],
    [999, 9],
    [1000, 10],
    [1999, 10],
    [2000, 11],
    [10_000_000, LATENCY_BUCKETS - 1],
  ])('of %d ms is %d', (durationMs, bucket) => {
    expect(latencyBucket(durationMs)).toBe(bucket);
  });

  it('divides at exactly one second, and holds what is not below its beginning', () => {
    expect([latencyBucket(SLOW_MS - 1), latencyBucket(SLOW_MS)]).toEqual([SLOW_BUCKET - 1, SLOW_BUCKET]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), (durationMs) => {
        const bucket = latencyBucket(durationMs);
        expect(bucketStartMs(bucket)).toBeLessThanOrEqual(durationMs);
        if (bucket < LATENCY_BUCKETS - 1) expect(durationMs).toBeLessThan(bucketStartMs(bucket + 1));
      }),
    );
  });
});

describe('slices', () => {
  const sliceOf = (...lines: readonly (readonly [timeMs: number, procMs: number, sendMs: number])[]): LatencySlice[] => {
    const facts: Fact[] = [];
    const slices = new LatencySlices('homeserver.log', (fact) => facts.push(fact));
    for (const [timeMs, procMs, sendMs] of lines) slices.add(timeMs, procMs, sendMs, 7);
    slices.end();
    return facts as LatencySlice[];
  };
  const countOf = ({ counts }: LatencySlice): number => counts.reduce((sum, count) => sum + count, 0);

  it('are one a second, with the second that they are of, and come when a later one begins', () => {
    const slices = sliceOf([NOON, 5, 0], [NOON + 999, 5, 0], [NOON + 4000, 5, 0]);
    expect(slices.map((slice) => [slice.second, slice.timeMs, countOf(slice)])).toEqual([
      [NOON / 1000, NOON + 4000, 2],
      [NOON / 1000 + 4, NOON + 5000, 1],
    ]);
  });

  it('take the time to hand the answer over along, but not the time that a client was gone', () => {
    const [slice] = sliceOf([NOON, 600, 500], [NOON, 600, -500]);
    expect([slice?.counts[SLOW_BUCKET], slice?.counts[SLOW_BUCKET - 1]]).toEqual([1, 1]);
  });

  it('count a stamp that is a little back in the second that is open', () => {
    expect(sliceOf([NOON, 5, 0], [NOON - 40, 5, 0]).map(countOf)).toEqual([2]);
  });

  it('let go of a second from far ahead (a forged stamp) at the next line', () => {
    expect(sliceOf([NOON + 1e9, 5, 0], [NOON, 5, 0], [NOON + 1, 5, 0]).map(countOf)).toEqual([1, 2]);
  });

  it('have no place for a line without a time', () => {
    expect(sliceOf([Number.NaN, 5, 0])).toEqual([]);
  });
});

describe('the minute around a moment', () => {
  const countsOf = (quick: number, slow: number): number[] => {
    const counts = new Array<number>(LATENCY_BUCKETS).fill(0);
    counts[3] = quick;
    counts[SLOW_BUCKET] = slow;
    return counts;
  };
  const recordOf = (...slices: readonly (readonly [second: number, quick: number, slow: number])[]): Homeserver => {
    const homeserver = new Homeserver();
    for (const [second, quick, slow] of slices)
      homeserver.apply(latencySlice({ second: NOON / 1000 + second, timeMs: NOON + second * 1000, counts: countsOf(quick, slow) }));
    return homeserver;
  };

  it('reaches 30 s to each side, over all processes', () => {
    const homeserver = recordOf([-31, 1, 0], [-30, 2, 0], [0, 4, 0], [0, 8, 0], [30, 16, 0], [31, 32, 0]);
    expect(homeserver.latencyAround(NOON, null).count).toBe(2 + 4 + 8 + 16);
  });

  it('leaves out the request that is judged, if it is one of them', () => {
    const homeserver = recordOf([0, 20, 1]);
    expect(homeserver.latencyAround(NOON, SLOW_BUCKET)).toMatchObject({ count: 20, slowCount: 0 });
    expect(homeserver.latencyAround(NOON, null)).toMatchObject({ count: 21, slowCount: 1 });
  });

  it.each([
    [99, 1, false],
    [98, 2, true],
    [18, 2, true],
    [19, 1, false],
    [197, 3, true],
    [198, 2, false],
    [0, 0, false],
  ])('of %d quick and %d slow requests has a p99 of a second: %s', (quick, slow, isSlow) => {
    expect(recordOf([0, quick, slow]).latencyAround(NOON, null).isSlow).toBe(isSlow);
  });

  it('forgets what is further back than its ring, and is not blinded by a clock that was ahead', () => {
    const homeserver = recordOf([256, 1, 0], [0, 5, 0]);
    expect(homeserver.latencyAround(NOON, null).count).toBe(0);
    const ahead = recordOf([256 * 1000, 1, 0], [0, 5, 0]);
    expect(ahead.latencyAround(NOON, null).count).toBe(5);
  });
});
