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
const FIELDS = 5;
const RECENT_MATCHES = 64;
/** Longer messages are compared by length alone. */
const COMPARED_LENGTH = 8192;

export class DoubledRecords {
  /** Number, time, duration, size, length of each. */
  readonly #accessLines = new Float64Array(RECENT_ACCESS_LINES * FIELDS).fill(-1);
  readonly #matchNumbers = new Float64Array(RECENT_MATCHES).fill(-1);
  readonly #matches: { timeMs: number; length: number; key: string }[] = [];
  #next = 0;

  rememberAccessLine(line: AccessLine): void {
    const slot = (line.requestNumber & (RECENT_ACCESS_LINES - 1)) * FIELDS;
    const lines = this.#accessLines;
    lines[slot] = line.requestNumber;
    lines[slot + 1] = line.timeMs;
    lines[slot + 2] = line.procMs;
    lines[slot + 3] = line.sizeBytes;
    lines[slot + 4] = line.end - line.requestStart;
  }

  isDoubledAccessLine(line: AccessLine): boolean {
    const slot = (line.requestNumber & (RECENT_ACCESS_LINES - 1)) * FIELDS;
    const lines = this.#accessLines;
    return (
      lines[slot] === line.requestNumber &&
      lines[slot + 1] === line.timeMs &&
      lines[slot + 2] === line.procMs &&
      lines[slot + 3] === line.sizeBytes &&
      lines[slot + 4] === line.end - line.requestStart
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
}
