/**
 * How fast the homeserver answered, in the last RING_SECONDS of log time. In: `latency_slice` facts of all its processes. Out: for a moment,
 * how many requests ended around it and how slow the slowest hundredth was. Memory: one ring of typed arrays, whatever the load.
 */
import type { LatencySlice } from '../facts/fact.ts';
import type { ChangedKeys } from './changed-keys.ts';
import { bucketStartMs, LATENCY_BUCKETS, SLOW_BUCKET } from './latency-buckets.ts';

/** The minute of contract.md ("the 60 s around it"), to each side. */
export const AROUND_MS = 30_000;
/** Twice what a decision about a moment needs, plus what one of several sources may lag. A power of two. */
const RING_SECONDS = 256;
/** Chosen: no source lags as long, and its minute would be over anyway. */
const WRONG_CLOCK_SECONDS = 3600;
const PREFIX = 'latency/';

export interface LatencyAround {
  readonly count: number;
  /** Those that took a second or more. */
  readonly slowCount: number;
  /** p99 is a second or more: `isSlow`; `p99AtLeastMs` is where its bucket begins. */
  readonly isSlow: boolean;
  readonly p99AtLeastMs: number;
}

export class LatencyRecord {
  readonly #seconds = new Float64Array(RING_SECONDS).fill(-1);
  readonly #counts = new Uint32Array(RING_SECONDS * LATENCY_BUCKETS);
  readonly #changed: ChangedKeys;

  constructor(changed: ChangedKeys) {
    this.#changed = changed;
  }

  apply({ second, counts }: LatencySlice): void {
    const slot = slotOf(second);
    const known = this.#seconds[slot] as number;
    // A slice from longer ago than the ring reaches (a source that is read behind the others) has no place any more. One that is hours
    // older than what holds the place shows that that one was from a wrong clock, or forged.
    if (second < known && known - second < WRONG_CLOCK_SECONDS) return;
    if (second !== known) {
      this.#seconds[slot] = second;
      this.#counts.fill(0, slot * LATENCY_BUCKETS, (slot + 1) * LATENCY_BUCKETS);
    }
    for (let i = 0; i < LATENCY_BUCKETS; i++) {
      const at = slot * LATENCY_BUCKETS + i;
      this.#counts[at] = (this.#counts[at] as number) + (counts[i] ?? 0);
    }
    this.#changed.mark(`${PREFIX}${slot}`);
  }

  /**
   * The requests of the minute around `timeMs` but one: the one that is judged, whose duration is `ownBucket` (null: it isn't among them).
   *
   * p99 is the ⌊0.99 n⌋-th smallest: below 200 requests, one slow one among them (a media download, a query to a dead server) is not the
   * homeserver's slowness; two are.
   */
  around(timeMs: number, ownBucket: number | null): LatencyAround {
    const sums = new Array<number>(LATENCY_BUCKETS).fill(0);
    for (let second = Math.floor((timeMs - AROUND_MS) / 1000); second <= Math.floor((timeMs + AROUND_MS) / 1000); second++) {
      const slot = slotOf(second);
      if (this.#seconds[slot] !== second) continue;
      for (let i = 0; i < LATENCY_BUCKETS; i++) sums[i] = (sums[i] as number) + (this.#counts[slot * LATENCY_BUCKETS + i] as number);
    }
    if (ownBucket !== null && (sums[ownBucket] ?? 0) > 0) sums[ownBucket] = (sums[ownBucket] as number) - 1;
    const count = sum(sums);
    const p99 = percentileBucket(sums, Math.floor(count * 0.99));
    return { count, slowCount: sum(sums.slice(SLOW_BUCKET)), isSlow: p99 >= SLOW_BUCKET, p99AtLeastMs: bucketStartMs(p99) };
  }

  textOf(key: string): string | null {
    const slot = Number(key.slice(PREFIX.length));
    return JSON.stringify([this.#seconds[slot], ...this.#counts.subarray(slot * LATENCY_BUCKETS, (slot + 1) * LATENCY_BUCKETS)]);
  }

  /** False where the row isn't one of these. */
  restore(key: string, row: unknown): boolean {
    if (!key.startsWith(PREFIX) || !Array.isArray(row) || row.length !== LATENCY_BUCKETS + 1) return false;
    const [second, ...counts] = row as number[];
    if (!Number.isInteger(second) || (second as number) < 0) return false;
    const slot = slotOf(second as number);
    this.#seconds[slot] = second as number;
    this.#counts.set(counts, slot * LATENCY_BUCKETS);
    return true;
  }
}

function slotOf(second: number): number {
  return ((second % RING_SECONDS) + RING_SECONDS) % RING_SECONDS;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** The bucket of the `rank`-th smallest, from 1; 0 where there is none. */
function percentileBucket(counts: readonly number[], rank: number): number {
  let seen = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    seen += counts[bucket] as number;
    if (seen >= rank && rank > 0) return bucket;
  }
  return 0;
}
