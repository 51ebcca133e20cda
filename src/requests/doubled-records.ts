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

/** What a DoubledRecords remembers, as plain data. A time that isn't known is null. */
export interface DoubledRecordsDump {
  /** FIELDS of each: number, log time, procMs, size, length. */
  readonly accessLines: readonly (readonly (number | null)[])[];
  /** In the order of their places in the ring. */
  readonly matches: readonly (readonly [number: number, timeMs: number | null, length: number, key: string])[];
  readonly next: number;
}

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

  dump(): DoubledRecordsDump {
    const lines = this.#accessLines;
    const accessLines: (number | null)[][] = [];
    for (let slot = 0; slot < lines.length; slot += FIELDS)
      if ((lines[slot] as number) >= 0) accessLines.push([...lines.subarray(slot, slot + FIELDS)].map(orNull));
    const matches = this.#matches.map(
      ({ timeMs, length, key }, i) => [this.#matchNumbers[i] as number, orNull(timeMs), length, key] as const,
    );
    return { accessLines, matches, next: this.#next };
  }

  restore({ accessLines, matches, next }: DoubledRecordsDump): void {
    this.#accessLines.fill(-1);
    for (const fields of accessLines)
      this.#accessLines.set(
        fields.slice(0, FIELDS).map((field) => field ?? Number.NaN),
        ((fields[0] as number) & (RECENT_ACCESS_LINES - 1)) * FIELDS,
      );
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
