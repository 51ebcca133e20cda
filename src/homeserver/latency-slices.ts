/**
 * How fast one process answers, second by second. In: each access line that says something of it, in file order. Out: one `latency_slice` fact
 * a second of log time in which there were any.
 *
 * One fact a second instead of one a request: everything right of "facts" rests on facts, and this is on the way of every line (a comparison
 * and a count; nothing is allocated but once a second). A second is over when a later one begins; what still comes of it then (the order of
 * stamps is off by some ms, around a stall by more) counts in the later one.
 */
import type { Fact } from '../facts/fact.ts';
import { LATENCY_BUCKETS, latencyBucket } from './latency-buckets.ts';

/** A slice that is open, as plain data; null: none is. */
export type LatencySlicesDump = { readonly startMs: number; readonly counts: readonly number[]; readonly position: number } | null;

/** A stamp this far back is no jitter: a clock that was set, or a forged record from far ahead that opened a slice. Chosen. */
const BACK_STEP_MS = 10_000;

export class LatencySlices {
  readonly #source: string;
  readonly #onFact: (fact: Fact) => void;
  readonly #counts = new Uint32Array(LATENCY_BUCKETS);
  #startMs = Number.NaN;
  #endMs = Number.NEGATIVE_INFINITY;
  #backMs = Number.NEGATIVE_INFINITY;
  #position = 0;

  constructor(source: string, onFact: (fact: Fact) => void) {
    this.#source = source;
    this.#onFact = onFact;
  }

  /** @param timeMs NaN (a log without times) counts nowhere */
  add(timeMs: number, procMs: number, sendMs: number, position: number): void {
    if (!(timeMs < this.#endMs && timeMs >= this.#backMs)) {
      if (Number.isNaN(timeMs)) return;
      this.#turn(timeMs);
    }
    this.#position = position;
    const bucket = latencyBucket(sendMs > 0 ? procMs + sendMs : procMs);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
  }

  /** The input is over. */
  end(): void {
    if (!Number.isNaN(this.#startMs)) this.#turn(this.#endMs);
    this.#startMs = Number.NaN;
    this.#endMs = Number.NEGATIVE_INFINITY;
    this.#backMs = Number.NEGATIVE_INFINITY;
  }

  dump(): LatencySlicesDump {
    return Number.isNaN(this.#startMs) ? null : { startMs: this.#startMs, counts: [...this.#counts], position: this.#position };
  }

  restore(dump: LatencySlicesDump): void {
    if (dump === null) return;
    this.#counts.set(dump.counts);
    this.#position = dump.position;
    this.#open(dump.startMs);
  }

  #turn(timeMs: number): void {
    if (!Number.isNaN(this.#startMs)) {
      this.#onFact({
        kind: 'latency_slice',
        timeMs,
        second: this.#startMs / 1000,
        counts: Array.from(this.#counts),
        provenance: { source: this.#source, positions: [this.#position], requestId: '', incarnation: 0, ruleId: 'log.latency' },
      });
    }
    this.#counts.fill(0);
    this.#open(Math.floor(timeMs / 1000) * 1000);
  }

  #open(startMs: number): void {
    this.#startMs = startMs;
    this.#endMs = this.#startMs + 1000;
    this.#backMs = this.#startMs - BACK_STEP_MS;
  }
}
