/**
 * Generations that have been read and left, kept open a while to see whether something is written to them too late.
 *
 * In: generations, when they are left. Out: a gap for each that grew after that. Bounded in time and number, so in descriptors.
 */
import type { Gap } from '../../src/tail/rotation.ts';
import type { OpenGeneration } from './open-generation.ts';
import { SourceFailure } from './read-problem.ts';

/** Kept for this long, in milliseconds. As Fluent Bit's `rotate_wait`. */
const RETIRED_MS = 5000;

/** Kept at most; the oldest goes first. Bounds descriptors where rotations come fast. */
const MAX_RETIRED = 4;

interface Retired {
  readonly generation: OpenGeneration;
  readonly untilMs: number;
}

export class RetiredGenerations {
  readonly #onGap: (gap: Gap) => void;
  #retired: readonly Retired[] = [];

  constructor(onGap: (gap: Gap) => void) {
    this.#onGap = onGap;
  }

  /** Takes over the generation: it's closed here. */
  add(generation: OpenGeneration, nowMs: number): void {
    const surplus = Math.max(0, this.#retired.length + 1 - MAX_RETIRED);
    for (const retired of this.#retired.slice(0, surplus)) this.#close(retired);
    this.#retired = [...this.#retired.slice(surplus), { generation, untilMs: nowMs + RETIRED_MS }];
  }

  /** Closes those whose time is over; Infinity: all. */
  dropUntil(nowMs: number): void {
    if (this.#retired[0] === undefined || this.#retired[0].untilMs > nowMs) return;
    for (const retired of this.#retired.filter(({ untilMs }) => untilMs <= nowMs)) this.#close(retired);
    this.#retired = this.#retired.filter(({ untilMs }) => untilMs > nowMs);
  }

  #close({ generation }: Retired): void {
    try {
      const fromByte = generation.positionBytes;
      const lostBytes = generation.lookNow().sizeBytes - fromByte;
      if (lostBytes > 0) this.#onGap({ reason: 'late_write', fromByte, lostBytes, isExact: true, recoveredFrom: undefined });
    } catch (error) {
      // A file that can't be looked at tells of no loss.
      if (!(error instanceof SourceFailure)) throw error;
    } finally {
      generation.close();
    }
  }
}
