/**
 * Log time. In: Synapse's `asctime` (`2026-06-30 12:00:00,123`: local time of the server, no zone) as bytes, and the log's zone.
 * Out: milliseconds since the epoch, UTC.
 *
 * `ZoneClock` turns wall time of one zone into epoch time. At the end of summer time an hour comes twice: the first occurrence is taken
 * until the log itself has stepped back into that hour, from then on the second. In spring, wall times that don't exist are read with the
 * offset before the change. One clock a source: it remembers the last time it gave.
 */

/** Length of `2026-06-30 12:00:00,123`, in bytes. */
export const STAMP_LENGTH = 23;

const HOUR_MS = 3_600_000;
/** Offsets are looked up for half hours: no zone changes in between (Lord Howe moves by 30 minutes). */
const CELL_MS = HOUR_MS / 2;
/** Log lines step back by some milliseconds (database threads; up to 136 ms seen around SIGTERM); more than this inside a doubled hour is the second one. */
const REPEAT_STEP_MS = 60_000;
/** In the second hour, only this little before the last line is a late line of the first; else the log was quiet for most of an hour. */
const LATE_LINE_MS = 1000;

/** What a ZoneClock remembers, as plain data. */
export interface ZoneClockDump {
  /** null: no time given yet. */
  readonly lastMs: number | null;
  readonly isRepeating: boolean;
}

export class ZoneClock {
  readonly #offsets: ZoneOffsets;
  #lastMs = Number.NEGATIVE_INFINITY;
  #cell = Number.NaN;
  #firstOffsetMs = 0;
  #secondOffsetMs = 0;
  /** The last time was in the second of two hours. */
  #isRepeating = false;

  /**
   * @param timeZone an IANA name: `Europe/Berlin`, `UTC`
   * @throws RangeError for a name that the machine's zone data doesn't know
   */
  constructor(timeZone: string) {
    this.#offsets = createZoneOffsets(timeZone);
  }

  /** @param wallMs the wall time read as if it were UTC, in milliseconds */
  toEpochMs(wallMs: number): number {
    const cell = Math.floor(wallMs / CELL_MS);
    if (cell !== this.#cell) this.#loadCell(cell);
    let epochMs = wallMs - this.#firstOffsetMs;
    if (this.#secondOffsetMs !== this.#firstOffsetMs) {
      this.#isRepeating = epochMs < this.#lastMs - (this.#isRepeating ? LATE_LINE_MS : REPEAT_STEP_MS);
      if (this.#isRepeating) epochMs = wallMs - this.#secondOffsetMs;
    }
    this.#lastMs = epochMs;
    return epochMs;
  }

  dump(): ZoneClockDump {
    return { lastMs: Number.isFinite(this.#lastMs) ? this.#lastMs : null, isRepeating: this.#isRepeating };
  }

  restore({ lastMs, isRepeating }: ZoneClockDump): void {
    this.#lastMs = lastMs ?? Number.NEGATIVE_INFINITY;
    this.#isRepeating = isRepeating;
  }

  #loadCell(cell: number): void {
    this.#cell = cell;
    const { first, second } = this.#offsets(cell * CELL_MS);
    this.#firstOffsetMs = first;
    this.#secondOffsetMs = second;
  }
}

/** Offsets (local minus UTC, in ms) that hold in a half hour of wall time: two different ones where it comes twice. */
type ZoneOffsets = (wallMs: number) => { readonly first: number; readonly second: number };

function createZoneOffsets(timeZone: string): ZoneOffsets {
  if (timeZone === 'UTC') return () => ({ first: 0, second: 0 });
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const offsetAt = (epochMs: number): number => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(epochMs)) parts[type] = Number(value);
    const wall = Date.UTC(parts['year'] ?? 0, (parts['month'] ?? 1) - 1, parts['day'], parts['hour'], parts['minute'], parts['second']);
    return wall - epochMs;
  };
  // Changes lie hours apart, so the offsets a few hours before and behind are those on either side of a change. An hour of wall time
  // comes twice where reading it with either offset gives a moment at which that offset really holds.
  return (wallMs) => {
    const before = offsetAt(wallMs - 24 * HOUR_MS);
    const behind = offsetAt(wallMs + 24 * HOUR_MS);
    if (before === behind) return { first: before, second: before };
    const middle = wallMs + CELL_MS / 2;
    const holdsBefore = offsetAt(middle - before) === before;
    const holdsBehind = offsetAt(middle - behind) === behind;
    if (holdsBefore && holdsBehind) return { first: before, second: behind };
    const offset = holdsBehind ? behind : before;
    return { first: offset, second: offset };
  };
}

/**
 * Wall time of the stamp at `bytes[at …]`, to the second, as if it were UTC; NaN where no stamp stands. Reads 19 bytes; the caller sees
 * to it that they exist.
 */
export function parseStampSecond(bytes: Uint8Array, at: number): number {
  const year = digits(bytes, at, 4);
  const month = digits(bytes, at + 5, 2);
  const day = digits(bytes, at + 8, 2);
  const hour = digits(bytes, at + 11, 2);
  const minute = digits(bytes, at + 14, 2);
  const second = digits(bytes, at + 17, 2);
  const isStamp =
    year >= 1970 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 31 &&
    hour >= 0 &&
    hour <= 23 &&
    minute >= 0 &&
    minute <= 59 &&
    second >= 0 &&
    second <= 60;
  if (
    !isStamp ||
    bytes[at + 4] !== 0x2d ||
    bytes[at + 7] !== 0x2d ||
    bytes[at + 10] !== 0x20 ||
    bytes[at + 13] !== 0x3a ||
    bytes[at + 16] !== 0x3a
  )
    return Number.NaN;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Value of `count` decimal digits at `at`; −1 where one of them isn't a digit. */
export function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const ISO_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z$/;

/** `2026-06-30T12:00:00.123Z` (GcpJsonFormatter) in epoch ms, fractions of a millisecond cut off; NaN for another form. */
export function parseIsoTime(text: string): number {
  const match = ISO_TIME.exec(text);
  if (!match) return Number.NaN;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  return Date.UTC(year, month - 1, day, hour, minute, second) + Math.floor(Number(`0.${match[7] ?? '0'}`) * 1000);
}
