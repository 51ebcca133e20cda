/**
 * Records that stand twice in a file. Around SIGTERM Synapse's memory handler can be flushed inside its own flush and write its buffer
 * again: the same records, to the byte, out of order (lab-findings, part 2, 1.4). They are one record each.
 *
 * In: access lines and matched records. Out: whether the same one was among the last ones seen. Only records that the caller has reason to
 * suspect (an access line whose number had closed) or that are rare (matched ones) are asked about, so this costs nothing on the hot path.
 * Logs without time (`JsonFormatter`) can't be checked; their writer doesn't double.
 */
import type { AccessLine } from '../records/access-line.ts';

/** Access lines remembered; the memory handler holds at most 10 records, and a flush can repeat all of them. Power of two. */
const RECENT_ACCESS_LINES = 512;
const RECENT_MATCHES = 64;
/** Longer messages are compared by length alone. */
const COMPARED_LENGTH = 8192;

/** What a DoubledRecords remembers, as plain data. A time that isn't known is null. */
export interface DoubledRecordsDump {
  /** Number, log time, procMs, size mark. */
  readonly accessLines: readonly (readonly [number: number, timeMs: number | null, procMs: number, size: number])[];
  /** In the order of their places in the ring. */
  readonly matches: readonly (readonly [number: number, timeMs: number | null, length: number, key: string])[];
  readonly next: number;
}

export class DoubledRecords {
  readonly #numbers = new Float64Array(RECENT_ACCESS_LINES).fill(-1);
  readonly #times = new Float64Array(RECENT_ACCESS_LINES);
  readonly #procs = new Float64Array(RECENT_ACCESS_LINES);
  readonly #sizes = new Float64Array(RECENT_ACCESS_LINES);
  readonly #matchNumbers = new Float64Array(RECENT_MATCHES).fill(-1);
  readonly #matches: { timeMs: number; length: number; key: string }[] = [];
  #next = 0;

  rememberAccessLine({ requestNumber, timeMs, procMs, sizeBytes, end, requestStart }: AccessLine): void {
    const slot = requestNumber & (RECENT_ACCESS_LINES - 1);
    this.#numbers[slot] = requestNumber;
    this.#times[slot] = timeMs;
    this.#procs[slot] = procMs;
    this.#sizes[slot] = sizeBytes * 2 ** 20 + (end - requestStart);
  }

  isDoubledAccessLine({ requestNumber, timeMs, procMs, sizeBytes, end, requestStart }: AccessLine): boolean {
    const slot = requestNumber & (RECENT_ACCESS_LINES - 1);
    return (
      this.#numbers[slot] === requestNumber &&
      this.#times[slot] === timeMs &&
      this.#procs[slot] === procMs &&
      this.#sizes[slot] === sizeBytes * 2 ** 20 + (end - requestStart)
    );
  }

  /** Remembers a matched record, and says whether it was there already. */
  isDoubledMatch(number: number, timeMs: number, message: string): boolean {
    const key = message.length > COMPARED_LENGTH ? '' : message;
    for (let i = 0; i < this.#matches.length; i++) {
      if (this.#matchNumbers[i] !== number) continue;
      const match = this.#matches[i];
      if (match?.timeMs === timeMs && match.length === message.length && match.key === key) return true;
    }
    this.#matchNumbers[this.#next] = number;
    this.#matches[this.#next] = { key, timeMs, length: message.length };
    this.#next = (this.#next + 1) % RECENT_MATCHES;
    return false;
  }

  dump(): DoubledRecordsDump {
    const accessLines: [number, number | null, number, number][] = [];
    for (let slot = 0; slot < RECENT_ACCESS_LINES; slot++) {
      const number = this.#numbers[slot] as number;
      if (number >= 0)
        accessLines.push([number, orNull(this.#times[slot] as number), this.#procs[slot] as number, this.#sizes[slot] as number]);
    }
    const matches = this.#matches.map(
      ({ timeMs, length, key }, i) => [this.#matchNumbers[i] as number, orNull(timeMs), length, key] as const,
    );
    return { accessLines, matches, next: this.#next };
  }

  restore({ accessLines, matches, next }: DoubledRecordsDump): void {
    this.#numbers.fill(-1);
    for (const [number, timeMs, procMs, size] of accessLines) {
      const slot = number & (RECENT_ACCESS_LINES - 1);
      this.#numbers[slot] = number;
      this.#times[slot] = timeMs ?? Number.NaN;
      this.#procs[slot] = procMs;
      this.#sizes[slot] = size;
    }
    this.#matchNumbers.fill(-1);
    this.#matches.length = 0;
    for (const [i, [number, timeMs, length, key]] of matches.slice(0, RECENT_MATCHES).entries()) {
      this.#matchNumbers[i] = number;
      this.#matches.push({ timeMs: timeMs ?? Number.NaN, length, key });
    }
    this.#next = next % RECENT_MATCHES;
  }
}

/** JSON has no NaN. */
function orNull(timeMs: number): number | null {
  return Number.isNaN(timeMs) ? null : timeMs;
}
