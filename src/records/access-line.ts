/**
 * The access line: what Synapse writes at the end of each HTTP request.
 *
 *     203.0.113.7 - 8008 - {@alice:example.org} Processed request: 0.012sec/0.001sec ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/4) 525B 400 "POST /_matrix/client/v3/keys/upload HTTP/1.1" "Mozilla/5.0 …" [0 dbevts]
 *     └ ip ─────┘   └site┘  └ requester ──────┘                    └ proc ┘ └ send ┘     └ CPU: user, system ┘     └ database: wait, time, count ┘  └size status └ method, URI, protocol ────────────────────┘ └ user agent ┘
 *
 * In: bytes and the offset of the message. Out: whether it's an access line; if so the fields of this object hold its numbers and the
 * offsets of its texts, until the next call. Bytes only: no string, no regular expression, one walk.
 *
 * Everything up to the status is fixed in form; URI and user agent are the client's and may hold anything but a newline (the URI: no white
 * space), so they're taken between the status and the fixed end of the line. The IP may be forged too where a proxy appends to
 * X-Forwarded-For: then the message is searched for the leftmost head whose rest is whole (a forged one can't hold the comma of `ru=(a, b)`:
 * Synapse cuts the header at commas).
 *
 * Source: `SynapseRequest._finished_processing`, synapse/http/site.py. `ru=`/`db=` from 1.150.0 on; before, the same without these words.
 */
import { isAscii } from './log-statement.ts';

const SPACE = 0x20;
const BANG = 0x21;
const QUOTE = 0x22;
const OPEN_PAREN = 0x28;
const CLOSE_PAREN = 0x29;
const COMMA = 0x2c;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_B = 0x42;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NEWLINE = 0x0a;
const BRACKET = 0x5d;

const PROCESSED = '} Processed request: ';
const TAIL = ' dbevts]';
/** Heads that are tried where the first one has no whole rest. */
const MAX_HEADS = 8;
/** What a duration that can't be read gives; no request takes that long. */
const UNREADABLE = -1e12;

export class AccessLine {
  /** Log time and number of the request; set by whoever read the header. */
  timeMs = Number.NaN;
  requestNumber = -1;
  requestStart = 0;
  requestEnd = 0;

  ipStart = 0;
  ipEnd = 0;
  requesterStart = 0;
  requesterEnd = 0;
  /** Handler time and time to hand the answer over, in whole milliseconds. `sendMs` is negative when the client had left before. */
  procMs = 0;
  sendMs = 0;
  dbWaitMs = 0;
  dbMs = 0;
  sizeBytes = 0;
  status = 0;
  /** `!` behind the status: the client was gone before the answer was complete. */
  isClientGone = false;
  methodStart = 0;
  uriStart = 0;
  /** Offset of the line's newline. */
  end = 0;

  #at = 0;

  /** @param messageStart offset of the message; there must be a newline behind it */
  parse(bytes: Uint8Array, messageStart: number): boolean {
    if (this.#parseHead(bytes, messageStart) && this.#parseRest(bytes)) return true;
    return this.#parseLaterHead(bytes, messageStart);
  }

  /** `203.0.113.7 - 8008 - Received request: GET /…`: what the access logger writes at DEBUG when a request begins. */
  isReceivedLine(bytes: Uint8Array, messageStart: number): boolean {
    let i = messageStart;
    while ((bytes[i] as number) > SPACE) i++;
    i += 3;
    while ((bytes[i] as number) > SPACE) i++;
    return isAscii(bytes, i, ' - Received request: ');
  }

  /** `203.0.113.7 - 8008 - {@alice:example.org} Processed request: ` */
  #parseHead(bytes: Uint8Array, start: number): boolean {
    let i = start;
    while ((bytes[i] as number) > SPACE) i++;
    if (i === start || bytes[i] !== SPACE || bytes[i + 1] !== DASH || bytes[i + 2] !== SPACE) return false;
    this.ipStart = start;
    this.ipEnd = i;
    i += 3;
    while ((bytes[i] as number) > SPACE) i++;
    if (bytes[i] !== SPACE || bytes[i + 1] !== DASH || bytes[i + 2] !== SPACE || bytes[i + 3] !== OPEN_BRACE) return false;
    i += 4;
    this.requesterStart = i;
    while ((bytes[i] as number) > SPACE && bytes[i] !== CLOSE_BRACE) i++;
    if (!isAscii(bytes, i, PROCESSED)) return false;
    this.requesterEnd = i;
    this.#at = i + PROCESSED.length;
    return true;
  }

  /** From the durations to the end of the line. */
  #parseRest(bytes: Uint8Array): boolean {
    this.procMs = this.#seconds(bytes, SLASH);
    this.sendMs = this.#seconds(bytes, SPACE);
    if (this.sendMs === UNREADABLE || this.procMs === UNREADABLE) return false;
    if (!this.#skipUsage(bytes) || !this.#skipDatabase(bytes)) return false;
    return this.#parseAnswer(bytes) && this.#parseTail(bytes);
  }

  /** `ru=(0.002sec, 0.000sec) ` or, before 1.150, `(0.002sec, 0.000sec) `. */
  #skipUsage(bytes: Uint8Array): boolean {
    if (bytes[this.#at] === 0x72 && bytes[this.#at + 1] === 0x75) this.#at += 3;
    if (bytes[this.#at++] !== OPEN_PAREN) return false;
    if (this.#seconds(bytes, COMMA) === UNREADABLE || bytes[this.#at++] !== SPACE) return false;
    return this.#seconds(bytes, CLOSE_PAREN) !== UNREADABLE && bytes[this.#at++] === SPACE;
  }

  /** `db=(0.001sec/0.006sec/4) ` or, before 1.150, `(0.001sec/0.006sec/4) `. */
  #skipDatabase(bytes: Uint8Array): boolean {
    if (bytes[this.#at] === 0x64 && bytes[this.#at + 1] === 0x62) this.#at += 3;
    if (bytes[this.#at++] !== OPEN_PAREN) return false;
    this.dbWaitMs = this.#seconds(bytes, SLASH);
    this.dbMs = this.#seconds(bytes, SLASH);
    if (this.dbMs === UNREADABLE || this.dbWaitMs === UNREADABLE || this.#integer(bytes) < 0) return false;
    return bytes[this.#at++] === CLOSE_PAREN && bytes[this.#at++] === SPACE;
  }

  /** `525B 400! "POST /_matrix/…`: up to the URI. */
  #parseAnswer(bytes: Uint8Array): boolean {
    this.sizeBytes = this.#integer(bytes);
    if (this.sizeBytes < 0 || bytes[this.#at] !== LETTER_B || bytes[this.#at + 1] !== SPACE) return false;
    this.#at += 2;
    this.status = this.#integer(bytes);
    if (this.status < 100 || this.status > 999) return false;
    this.isClientGone = bytes[this.#at] === BANG;
    if (this.isClientGone) this.#at++;
    if (bytes[this.#at] !== SPACE || bytes[this.#at + 1] !== QUOTE) return false;
    let i = this.#at + 2;
    this.methodStart = i;
    while ((bytes[i] as number) > SPACE) i++;
    if (bytes[i] !== SPACE || i === this.methodStart) return false;
    this.uriStart = i + 1;
    return true;
  }

  /** The line must end with `" [0 dbevts]`. */
  #parseTail(bytes: Uint8Array): boolean {
    const end = bytes.indexOf(NEWLINE, this.uriStart);
    if (end < 0 || bytes[end - 1] !== BRACKET || !isAscii(bytes, end - TAIL.length, TAIL)) return false;
    this.end = end;
    let i = end - TAIL.length - 1;
    while (isDigit(bytes[i])) i--;
    return bytes[i] === 0x5b && bytes[i - 1] === SPACE && bytes[i - 2] === QUOTE;
  }

  /** `0.012sec` and the byte behind it; whole milliseconds. */
  #seconds(bytes: Uint8Array, behind: number): number {
    let i = this.#at;
    const isNegative = bytes[i] === DASH;
    if (isNegative) i++;
    const start = i;
    let value = 0;
    while (isDigit(bytes[i])) value = value * 10 + ((bytes[i++] as number) - ZERO);
    if (i === start || bytes[i] !== DOT || !isDigit(bytes[i + 1]) || !isDigit(bytes[i + 2]) || !isDigit(bytes[i + 3])) return UNREADABLE;
    value = value * 1000 + ((bytes[i + 1] as number) - ZERO) * 100 + ((bytes[i + 2] as number) - ZERO) * 10 + ((bytes[i + 3] as number) - ZERO);
    if (bytes[i + 4] !== 0x73 || bytes[i + 5] !== 0x65 || bytes[i + 6] !== 0x63 || bytes[i + 7] !== behind) return UNREADABLE;
    this.#at = i + 8;
    return isNegative ? -value : value;
  }

  /** Decimal digits at the cursor; −1 where there are none. */
  #integer(bytes: Uint8Array): number {
    const start = this.#at;
    let i = start;
    let value = 0;
    while (isDigit(bytes[i])) value = value * 10 + ((bytes[i++] as number) - ZERO);
    this.#at = i;
    return i === start ? -1 : value;
  }

  /** The leftmost later `{requester} Processed request: ` whose rest is whole; what stands before it is the (forged) address. */
  #parseLaterHead(bytes: Uint8Array, start: number): boolean {
    const lineEnd = bytes.indexOf(NEWLINE, start);
    let from = start;
    for (let heads = 0; heads < MAX_HEADS; heads++) {
      const close = findHead(bytes, from, lineEnd);
      if (close < 0) return false;
      from = close + 1;
      this.#at = close + PROCESSED.length;
      if (this.#readRequesterBefore(bytes, start, close) && this.#parseRest(bytes)) return true;
    }
    return false;
  }

  #readRequesterBefore(bytes: Uint8Array, start: number, close: number): boolean {
    let i = close - 1;
    while (i > start && bytes[i] !== OPEN_BRACE && bytes[i] !== CLOSE_BRACE && (bytes[i] as number) > SPACE) i--;
    if (bytes[i] !== OPEN_BRACE || i - start < 4 || bytes[i - 1] !== SPACE || bytes[i - 2] !== DASH || bytes[i - 3] !== SPACE) return false;
    this.requesterStart = i + 1;
    this.requesterEnd = close;
    this.ipStart = start;
    i -= 4;
    while (i > start && (bytes[i] as number) > SPACE) i--;
    this.ipEnd = Math.max(start, i - 2);
    return bytes[i] === SPACE && bytes[i - 1] === DASH && bytes[i - 2] === SPACE;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** Offset of the next `} Processed request: ` in `bytes[from, end)`; −1 where there is none. */
function findHead(bytes: Uint8Array, from: number, end: number): number {
  for (let i = bytes.indexOf(CLOSE_BRACE, from); i >= 0 && i < end; i = bytes.indexOf(CLOSE_BRACE, i + 1)) if (isAscii(bytes, i, PROCESSED)) return i;
  return -1;
}
