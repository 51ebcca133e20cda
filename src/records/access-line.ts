/**
 * The access line: what Synapse writes at the end of each HTTP request.
 *
 *     203.0.113.7 - 8008 - {@alice:example.org} Processed request: 0.012sec/0.001sec ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/4) 525B 400 "POST /_matrix/client/v3/keys/upload HTTP/1.1" "Mozilla/5.0 …" [0 dbevts]
 *     └ head: ip, site, requester ─────────────┘                   └ proc ┘ └ send ┘     └ CPU: user, system ┘     └ database: wait, time, count ┘  └size status └ method, URI, protocol ────────────────────┘ └ user agent ┘
 *
 * In: bytes and the offset of the message. Out: whether it's an access line; if so the fields of this object hold its numbers and the
 * offsets of its texts, until the next call. Bytes only: no string, no regular expression; fixed texts are compared in words, and the stretch
 * behind the URI is jumped over by a native search, because a JavaScript loop costs about 1 ns a byte.
 *
 * From the durations to the status the form is fixed. URI and user agent are the client's and may hold anything but a newline (the URI: no
 * white space), so they're taken between the status and the fixed end of the line. The IP may be forged too where a proxy appends to
 * X-Forwarded-For: so the message is searched for the leftmost `} Processed request: ` whose rest is whole (a forged one can't hold the comma
 * of `ru=(a, b)`: Synapse cuts the header at commas).
 *
 * Source: `SynapseRequest._finished_processing`, synapse/http/site.py. `ru=`/`db=` from 1.150.0 on; before, the same without these words.
 */
import { asciiWord, isAscii } from '../lines/ascii.ts';

const SPACE = 0x20;
const BANG = 0x21;
const QUOTE = 0x22;
const OPEN_PAREN = 0x28;
const CLOSE_PAREN = 0x29;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const LETTER_B = 0x42;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NEWLINE = 0x0a;

/** `::1 - 1 - {}`: nothing before can be the brace that ends a head. */
const SHORTEST_HEAD = 8;

/** `} Processed request: ` in words, and the space behind them. */
const PROCESSED_LENGTH = '} Processed request: '.length;
const PROCESSED_0 = asciiWord('} Pr');
const PROCESSED_4 = asciiWord('oces');
const PROCESSED_8 = asciiWord('sed ');
const PROCESSED_12 = asciiWord('requ');
const PROCESSED_16 = asciiWord('est:');
const FOUR_BRACES = asciiWord('}}}}');
const TAIL_LENGTH = ' dbevts]'.length;
const TAIL_0 = asciiWord(' dbe');
const TAIL_4 = asciiWord('vts]');
const USER_TIME = asciiWord('ru=(');
const DATABASE_TIME = asciiWord('db=(');
const SEC_COMMA = asciiWord('sec,');
const SEC_CLOSE = asciiWord('sec)');
const SEC_SLASH = asciiWord('sec/');
const SEC_SPACE = asciiWord('sec ');
/** Length of `.012sec/`: a duration behind its whole seconds. */
const FRACTION_LENGTH = 8;
/** Of `ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/`, with single digits. */
const USUAL_USAGE_LENGTH = 46;
/** What a duration that can't be read gives; no request takes that long. */
const UNREADABLE = -(2 ** 30);

export class AccessLine {
  /** Log time and number of the request; set by whoever read the header. */
  timeMs = Number.NaN;
  requestNumber = -1;
  requestStart = 0;
  requestEnd = 0;

  messageStart = 0;
  /** Offset of the brace behind the requester. */
  headEnd = 0;
  /** Handler time and time to hand the answer over, in whole milliseconds. `sendMs` is negative when the client had left before. */
  procMs = 0;
  sendMs = 0;
  sizeBytes = 0;
  status = 0;
  /** `!` behind the status: the client was gone before the answer was complete. */
  isClientGone = false;
  methodStart = 0;
  uriStart = 0;
  /** Offset of the line's newline. */
  end = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);

  /**
   * One long function, because this is where most of the time of a log goes: V8 compiles it once and keeps its cursor in a register, where a
   * dozen small ones are compiled several times over, inside of each other (bench, profile info: half the time a line).
   *
   * @param messageStart offset of the message; there must be a newline behind it
   */
  parse(bytes: Uint8Array, messageStart: number): boolean {
    if (bytes !== this.#bytes) this.#bind(bytes);
    const view = this.#view;
    const end = bytes.indexOf(NEWLINE, messageStart);
    this.messageStart = messageStart;
    this.end = end;
    // Its end first: the same for every head in the line.
    if (!hasTail(bytes, view, messageStart, end)) return false;
    let close = messageStart + SHORTEST_HEAD - 1;
    for (;;) {
      // The leftmost `}` whose rest is whole; what stands before a later one is a (forged) address.
      close = findBrace(bytes, view, close + 1, end);
      if (close + PROCESSED_LENGTH > end) return false;
      if (!isProcessed(view, close)) continue;

      // `0.012sec/0.001sec `
      let at = close + PROCESSED_LENGTH;
      let dot = findDot(bytes, at);
      if (dot + FRACTION_LENGTH > end || view.getInt32(dot + 4, true) !== SEC_SLASH) continue;
      const procMs = milliseconds(bytes, at, dot, view.getInt32(dot, true));
      at = dot + FRACTION_LENGTH;
      dot = findDot(bytes, at);
      if (dot + FRACTION_LENGTH > end || view.getInt32(dot + 4, true) !== SEC_SPACE) continue;
      const sendMs = milliseconds(bytes, at, dot, view.getInt32(dot, true));
      at = dot + FRACTION_LENGTH;
      if (procMs === UNREADABLE || sendMs === UNREADABLE) continue;

      // `ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/4) `
      at = isUsualUsage(view, at, end) ? at + USUAL_USAGE_LENGTH : skipUnusualUsage(bytes, view, at);
      if (at < 0 || !isDigit(bytes[at] as number)) continue;
      while (isDigit(bytes[at] as number)) at++;
      if (bytes[at] !== CLOSE_PAREN || bytes[at + 1] !== SPACE) continue;

      // `525B 400! "POST /_matrix/…`
      at += 2;
      if (!isDigit(bytes[at] as number)) continue;
      let sizeBytes = 0;
      for (; isDigit(bytes[at] as number); at++) sizeBytes = sizeBytes * 10 + ((bytes[at] as number) - ZERO);
      if (bytes[at] !== LETTER_B || bytes[at + 1] !== SPACE) continue;
      const status = threeDigits(bytes, at + 2);
      const isClientGone = bytes[at + 5] === BANG;
      at += isClientGone ? 6 : 5;
      if (status < 100 || bytes[at] !== SPACE || bytes[at + 1] !== QUOTE) continue;
      const methodStart = at + 2;
      at = methodStart;
      while ((bytes[at] as number) > SPACE) at++;
      if (bytes[at] !== SPACE || at === methodStart || at + 1 >= end) continue;

      this.headEnd = close;
      this.procMs = procMs;
      this.sendMs = sendMs;
      this.sizeBytes = sizeBytes;
      this.status = status;
      this.isClientGone = isClientGone;
      this.methodStart = methodStart;
      this.uriStart = at + 1;
      return true;
    }
  }

  #bind(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** `203.0.113.7 - 8008 - Received request: GET /…`: what the access logger writes at DEBUG when a request begins. */
  isReceivedLine(bytes: Uint8Array, messageStart: number): boolean {
    let i = messageStart;
    while ((bytes[i] as number) > SPACE) i++;
    i += 3;
    while ((bytes[i] as number) > SPACE) i++;
    return isAscii(bytes, i, ' - Received request: ');
  }

  /** Offset behind the brace that opens the requester; `headEnd` where the head is of no known form. */
  findRequester(bytes: Uint8Array): number {
    let i = this.headEnd - 1;
    while (i > this.messageStart && bytes[i] !== OPEN_BRACE && bytes[i] !== CLOSE_BRACE && (bytes[i] as number) > SPACE) i--;
    const isHead = bytes[i] === OPEN_BRACE && bytes[i - 1] === SPACE && bytes[i - 2] === DASH && bytes[i - 3] === SPACE;
    return isHead ? i + 1 : this.headEnd;
  }
}

/** The line must end with `" [0 dbevts]`. */
function hasTail(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
  const at = end - TAIL_LENGTH;
  if (at < start || view.getInt32(at + 4, true) !== TAIL_4 || view.getInt32(at, true) !== TAIL_0) return false;
  let i = at - 1;
  while (isDigit(bytes[i] as number)) i--;
  return bytes[i] === OPEN_BRACKET && bytes[i - 1] === SPACE && bytes[i - 2] === QUOTE;
}

function isProcessed(view: DataView, at: number): boolean {
  return (
    view.getInt32(at, true) === PROCESSED_0 &&
    view.getInt32(at + 4, true) === PROCESSED_4 &&
    view.getInt32(at + 8, true) === PROCESSED_8 &&
    view.getInt32(at + 12, true) === PROCESSED_12 &&
    view.getInt32(at + 16, true) === PROCESSED_16 &&
    view.getUint8(at + 20) === SPACE
  );
}

/** `ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/`: nearly always of these widths, and then nothing but its marks is looked at. */
function isUsualUsage(view: DataView, at: number, end: number): boolean {
  return (
    at + USUAL_USAGE_LENGTH <= end &&
    view.getInt32(at, true) === USER_TIME &&
    view.getInt32(at + 9, true) === SEC_COMMA &&
    view.getInt32(at + 19, true) === SEC_CLOSE &&
    view.getInt32(at + 24, true) === DATABASE_TIME &&
    view.getInt32(at + 33, true) === SEC_SLASH &&
    view.getInt32(at + 42, true) === SEC_SLASH
  );
}

/** The same with longer numbers, and without `ru=` and `db=` (before 1.150). The offset of the count; −1 where it's of another form. */
function skipUnusualUsage(bytes: Uint8Array, view: DataView, start: number): number {
  let at = start;
  if (bytes[at] === 0x72 && bytes[at + 1] === 0x75) at += 3;
  at = skipDuration(bytes, view, at, OPEN_PAREN, SEC_COMMA);
  at = skipDuration(bytes, view, at, SPACE, SEC_CLOSE);
  if (bytes[at] !== SPACE) return -1;
  at++;
  if (bytes[at] === 0x64 && bytes[at + 1] === 0x62) at += 3;
  at = skipDuration(bytes, view, at, OPEN_PAREN, SEC_SLASH);
  return skipDuration(bytes, view, at - 1, SLASH, SEC_SLASH);
}

/** `(0.002sec,`: a duration behind `(` (`before`) and in front of `sec,` (`behind`, a word). The offset behind it; −1 where there's none, and where `at` is negative. */
function skipDuration(bytes: Uint8Array, view: DataView, at: number, before: number, behind: number): number {
  if (bytes[at] !== before) return -1;
  const dot = findDot(bytes, at + 1);
  const end = dot + FRACTION_LENGTH;
  if (end > bytes.length || view.getInt32(dot + 4, true) !== behind) return -1;
  return milliseconds(bytes, at + 1, dot, view.getInt32(dot, true)) === UNREADABLE ? -1 : end;
}

/** Where the whole seconds of the duration at `at` end: nearly always behind one digit. */
function findDot(bytes: Uint8Array, at: number): number {
  const start = bytes[at] === DASH ? at + 1 : at;
  return bytes[start + 1] === DOT ? start + 1 : findDigitsEnd(bytes, start);
}

/**
 * `0.012` in whole milliseconds; UNREADABLE where it's something else.
 *
 * @param fraction the word at `dot`: `.012`. Its digits are checked at once: of each byte, the upper half must be 3 and the lower at most 9.
 */
function milliseconds(bytes: Uint8Array, at: number, dot: number, fraction: number): number {
  const digits = (fraction >>> 8) ^ 0x303030;
  if ((fraction & 0xff) !== DOT || (((digits + 0x060606) | digits) & 0xf0f0f0) !== 0) return UNREADABLE;
  const isNegative = bytes[at] === DASH;
  const start = isNegative ? at + 1 : at;
  let seconds = (bytes[start] as number) - ZERO;
  if (start === dot || seconds < 0 || seconds > 9) return UNREADABLE;
  for (let i = start + 1; i < dot; i++) seconds = seconds * 10 + ((bytes[i] as number) - ZERO);
  const value = seconds * 1000 + (digits & 15) * 100 + ((digits >> 8) & 15) * 10 + (digits >> 16);
  // Not `-value`: minus zero is no integer, and would turn every field that holds a duration into a float.
  return isNegative ? 0 - value : value;
}

/** `400`; −1 where three digits don't stand. */
function threeDigits(bytes: Uint8Array, at: number): number {
  const a = (bytes[at] as number) - ZERO;
  const b = (bytes[at + 1] as number) - ZERO;
  const c = (bytes[at + 2] as number) - ZERO;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 && c >= 0 && c <= 9 ? a * 100 + b * 10 + c : -1;
}

/**
 * Offset of the next `}` in `bytes[start, end)`, or `end`. Four bytes at a time, by the borrow that a byte makes which is zero: some 40 bytes
 * of head stand before it, too few to call a native search for.
 */
function findBrace(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true) ^ FOUR_BRACES;
    if (((word - 0x01010101) & ~word & 0x80808080) !== 0) break;
  }
  while (at < end && bytes[at] !== CLOSE_BRACE) at++;
  return at;
}

function findDigitsEnd(bytes: Uint8Array, at: number): number {
  let i = at;
  while (isDigit(bytes[i] as number)) i++;
  return i;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}
