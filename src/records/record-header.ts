/**
 * The header of a text record.
 *
 *     2026-06-30 12:00:00,123 - synapse.http.server - 131 - INFO - POST-2817 - <XForwardedForRequest …
 *     └ stamp ─────────────┘   └ statement ──────────────────┘   └ request ┘ └ message
 *
 * In: bytes and the offset where a header could begin (behind a line prefix). Out: whether it is one; if so the fields of this object say
 * where its parts are, until the next call. Reads no further than the line's newline. No strings are made.
 *
 * Source: Synapse's default `precise` formatter (synapse/config/logger.py), unchanged from 1.60 to 1.163; the variants with
 * `%(request)s- ` (its sample configuration) and with `%(server_name)s - ` before the request are read too.
 */
import type { LogStatement, LogStatementTable } from './log-statement.ts';
import { parseStampSecond, STAMP_LENGTH, type ZoneClock } from './timestamp.ts';

const COMMA = 0x2c;
/** ` - `, as the upper three bytes of a word. */
const SEPARATOR = 0x202d20;
const SPACE = 0x20;
const DASH = 0x2d;
const ZERO = 0x30;
/** The stamp and ` - `. */
const STATEMENT_OFFSET = STAMP_LENGTH + 3;
/** Numbers up to here are read as they come; longer ones might not be exact. */
const MAX_USUAL_NUMBER = 2 ** 31;
/** Longest request id looked at, in bytes: `request_id_header` and room ids make them long, but they have no bound of their own. */
const MAX_REQUEST_BYTES = 512;

export class RecordHeader<Interest> {
  timeMs = Number.NaN;
  statement: LogStatement<Interest> | null = null;
  requestStart = 0;
  requestEnd = 0;
  /** The number of `METHOD-N` or `METHOD-N-suffix` (a nested context of that request); −1 for what isn't an HTTP request's. */
  requestNumber = -1;
  messageStart = 0;

  readonly #table: LogStatementTable<Interest>;
  readonly #clock: ZoneClock;
  #secondMs = Number.NaN;
  /** The second's words, as read at 0, 4, 8, 12 and 15. */
  #w0 = 0;
  #w1 = 0;
  #w2 = 0;
  #w3 = 0;
  #w4 = 0;

  constructor(table: LogStatementTable<Interest>, clock: ZoneClock) {
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * One long function, because it's run for every line: as three it took half as long again (bench, profile debug).
   *
   * @param view on the same bytes; there must be a newline at or behind `at`
   */
  read(bytes: Uint8Array, view: DataView, at: number, hasServerName: boolean): boolean {
    if (at + STATEMENT_OFFSET > bytes.length || bytes[at + 19] !== COMMA || view.getInt32(at + 22, true) >>> 8 !== SEPARATOR) return false;
    const tenths = (bytes[at + 20] as number) - ZERO;
    const hundredths = (bytes[at + 21] as number) - ZERO;
    const thousandths = (bytes[at + 22] as number) - ZERO;
    if (tenths < 0 || tenths > 9 || hundredths < 0 || hundredths > 9 || thousandths < 0 || thousandths > 9) return false;
    const statement = this.#table.find(bytes, view, at + STATEMENT_OFFSET, hasServerName);
    if (statement === null) return false;

    // `POST-2817 - `: what nearly all records have; the other forms are read by #readRequest.
    const start = at + STATEMENT_OFFSET + statement.length;
    let i = start;
    while (isUpperCase(bytes[i] as number)) i++;
    let number = -1;
    if (i > start && bytes[i] === DASH && isDigit(bytes[i + 1] as number)) {
      number = 0;
      for (i++; isDigit(bytes[i] as number); i++) number = number * 10 + ((bytes[i] as number) - ZERO);
    }
    if (number >= 0 && number <= MAX_USUAL_NUMBER && bytes[i] === SPACE && bytes[i + 1] === DASH && bytes[i + 2] === SPACE) {
      this.requestStart = start;
      this.requestEnd = i;
      this.requestNumber = number;
      this.messageStart = i + 3;
    } else if (!this.#readRequest(bytes, start)) return false;

    // Last: the clock remembers each second, and a continuation line may begin with one. Most records share theirs with the one before: then
    // five words are compared, and nothing is parsed. (25 bytes were there when the marks were looked at, so they're inside the buffer.)
    const isSameSecond =
      view.getInt32(at + 15, true) === this.#w4 &&
      view.getInt32(at + 12, true) === this.#w3 &&
      view.getInt32(at + 8, true) === this.#w2 &&
      view.getInt32(at + 4, true) === this.#w1 &&
      view.getInt32(at, true) === this.#w0;
    if (!isSameSecond && !this.#readSecond(bytes, view, at)) return false;
    this.statement = statement;
    this.timeMs = this.#secondMs + tenths * 100 + hundredths * 10 + thousandths;
    return true;
  }

  #readSecond(bytes: Uint8Array, view: DataView, at: number): boolean {
    const wallMs = parseStampSecond(bytes, at);
    if (Number.isNaN(wallMs)) return false;
    this.#secondMs = this.#clock.toEpochMs(wallMs);
    this.#w0 = view.getInt32(at, true);
    this.#w1 = view.getInt32(at + 4, true);
    this.#w2 = view.getInt32(at + 8, true);
    this.#w3 = view.getInt32(at + 12, true);
    this.#w4 = view.getInt32(at + 15, true);
    return true;
  }

  #readRequest(bytes: Uint8Array, start: number): boolean {
    let i = start;
    while (isUpperCase(bytes[i] as number)) i++;
    let number = -1;
    if (i > start && bytes[i] === DASH && isDigit(bytes[i + 1] as number)) {
      number = 0;
      for (i++; isDigit(bytes[i] as number); i++) number = number * 10 + ((bytes[i] as number) - ZERO);
      if (bytes[i] !== SPACE && bytes[i] !== DASH) number = -1;
    }
    const limit = start + MAX_REQUEST_BYTES;
    while ((bytes[i] as number) > SPACE && i < limit) i++;
    if (bytes[i] !== SPACE) return false;
    this.requestStart = start;
    this.requestNumber = number <= Number.MAX_SAFE_INTEGER ? number : -1;
    if (bytes[i + 1] === DASH && bytes[i + 2] === SPACE) {
      this.requestEnd = i;
      this.messageStart = i + 3;
      return true;
    }
    if (bytes[i - 1] !== DASH || i === start) return false;
    this.requestEnd = i - 1;
    this.messageStart = i + 1;
    return true;
  }
}

function isUpperCase(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}
