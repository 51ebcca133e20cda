/**
 * How request durations are divided: powers of two around one second, so that "1 s or more" is exact.
 *
 *     bucket 0: below 2 ms … bucket 9: 500 to 999 ms · bucket 10: 1 to 2 s · … bucket 15: 32 s and more
 */
export const LATENCY_BUCKETS = 16;
/** The first bucket of requests that took a second or more. */
export const SLOW_BUCKET = 10;
export const SLOW_MS = 1000;

/** @param durationMs whole milliseconds; below 0 counts as 0 */
export function latencyBucket(durationMs: number): number {
  // 1000 ms become 1024, so the bucket is the position of the highest bit.
  const scaled = (Math.max(durationMs, 0) * 1024) / 1000;
  const bucket = 31 - Math.clz32(scaled > 2 ** 30 ? 2 ** 30 : scaled | 1);
  return bucket >= LATENCY_BUCKETS ? LATENCY_BUCKETS - 1 : bucket;
}

/** Where a bucket begins, in ms: 0, 2, 4, … 500, 1000, 2000, … (rounded up: the bucket holds whole milliseconds). */
export function bucketStartMs(bucket: number): number {
  return bucket === 0 ? 0 : Math.ceil((2 ** bucket * 1000) / 1024);
}
