/**
 * What one series holds: a count, a value, or a distribution.
 *
 * In: numbers from the hot path. Out: plain fields that exposition and state read. Invariants: a counter never steps back, a
 * histogram's sum is finite and never steps back. An instrument knows neither its name nor its labels; those are the store's.
 */

/** Counts up. A caller that counts single things may write `counter.value++`. */
export class Counter {
  value = 0;

  /** RangeError if `n` is negative or not finite: a counter that steps back looks like a restart to Prometheus. */
  add(n: number): void {
    if (!(n >= 0 && n < Infinity)) throw new RangeError(`Cannot add ${n} to a counter: expected a finite number from 0 up`);
    this.value += n;
  }
}

/** Holds how things stand. */
export class Gauge {
  value = 0;

  /** RangeError if `n` is not finite. */
  set(n: number): void {
    if (!Number.isFinite(n)) throw new RangeError(`Cannot set a gauge to ${n}: expected a finite number`);
    this.value = n;
  }
}

/** One observation of a bucket, named so that it can be found again in the log. */
export interface Exemplar {
  /** Example `POST-1234`; at most MAX_REQUEST_ID_LENGTH code units. */
  readonly requestId: string;
  readonly seconds: number;
  /** Log time in milliseconds since 1970, null if the caller didn't say. */
  readonly timeMs: number | null;
}

/**
 * In UTF-16 code units. Prometheus silently drops an exemplar whose labels have more than 128 characters, names included
 * (reference/observability.md 1.3); ids set by `request_id_header` can be of any length.
 */
export const MAX_REQUEST_ID_LENGTH = 100;

/**
 * Longest duration that is taken as it stands, in seconds (chosen: 30 years); a longer one counts as this long. Forged lines can
 * state 1e308 s, and two of those would make the sum infinite for good.
 */
export const MAX_SECONDS = 1e9;

/** Durations by bucket. */
export class Histogram {
  /** Upper bounds in seconds, ascending, without +Inf. A value equal to a bound belongs below it. */
  readonly bounds: readonly number[];
  /** Observations of each bucket alone (not cumulative); the last one is +Inf. */
  readonly counts: Float64Array;
  /** In seconds. */
  sum = 0;
  /** The latest exemplar of each bucket, same order as `counts`; null until there is one. */
  exemplars: (Exemplar | undefined)[] | null = null;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /**
   * Negative durations (Synapse prints them when its clock was set back) count as 0, those beyond MAX_SECONDS as MAX_SECONDS; NaN
   * is not counted. `requestId`, with its log time if known, becomes the exemplar of the bucket.
   */
  observe(seconds: number, exemplarRequestId?: string, timeMs?: number): void {
    if (Number.isNaN(seconds)) return;
    const duration = Math.min(Math.max(seconds, 0), MAX_SECONDS);
    const bucket = this.#bucketOf(duration);
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += duration;
    if (exemplarRequestId !== undefined) this.#keepExemplar(bucket, exemplarRequestId, duration, timeMs);
  }

  #bucketOf(seconds: number): number {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? Infinity)) bucket++;
    return bucket;
  }

  #keepExemplar(bucket: number, requestId: string, seconds: number, timeMs: number | undefined): void {
    this.exemplars ??= new Array<Exemplar | undefined>(this.counts.length).fill(undefined);
    const text = requestId.slice(0, MAX_REQUEST_ID_LENGTH).toWellFormed();
    this.exemplars[bucket] = { requestId: text, seconds, timeMs: timeMs ?? null };
  }
}

/** All observations of a histogram, in all its buckets. */
export function countOf(histogram: Histogram): number {
  let total = 0;
  for (const count of histogram.counts) total += count;
  return total;
}
