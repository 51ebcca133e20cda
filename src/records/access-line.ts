/**
 * The access line: what Synapse writes at the end of each HTTP request.
 *
 *     203.0.113.7 - 8008 - {@alice:example.org} Processed request: 0.012sec/0.001sec ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/4) 525B 400 "POST /_matrix/client/v3/keys/upload HTTP/1.1" "Mozilla/5.0 …" [0 dbevts]
 *     └ head: ip, site, requester ─────────────┘                   └ proc ┘ └ send ┘     └ CPU: user, system ┘     └ database: wait, time, count ┘  └size status └ method, URI, protocol ────────────────────┘ └ user agent ┘
 *
 * In: bytes and the offset of the message. Out: whether it's an access line; if so the fields of this object hold its numbers and the
 * offsets of its texts, until the next call. Bytes only: no string, no regular expression; long stretches (head, URI, user agent) are jumped
 * over by native searches, because a JavaScript loop costs 1 to 2 ns a byte.
 *
 * From the durations to the status the form is fixed. URI and user agent are the client's and may hold anything but a newline (the URI: no
 * white space), so they're taken between the status and the fixed end of the line. The IP may be forged too where a proxy appends to
 * X-Forwarded-For: so the message is searched for the leftmost `} Processed request: ` whose rest is whole (a forged one can't hold the comma
 * of `ru=(a, b)`: Synapse cuts the header at commas).
 *
 * Source: `SynapseRequest._finished_processing`, synapse/http/site.py. `ru=`/`db=` from 1.150.0 on; before, the same without these words.
 */
import { asciiBytes, isAscii, startsWith } from '../lines/ascii.ts';
import { hashBytes } from '../lines/private-hash.ts';

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
const LETTER_B = 0x42;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NEWLINE = 0x0a;

/** `::1 - 1 - {}`: nothing before can be the brace that ends a head. */
const SHORTEST_HEAD = 8;

const PROCESSED = asciiBytes('} Processed request: ');
const TAIL = asciiBytes(' dbevts]');
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

  #at = 0;

  /** @param messageStart offset of the message; there must be a newline behind it */
  parse(bytes: Uint8Array, messageStart: number): boolean {
    this.messageStart = messageStart;
    this.end = bytes.indexOf(NEWLINE, messageStart);
    if (!this.#hasTail(bytes)) return false;
    // A loop, not a search: the brace is some 40 bytes away, and calling native code costs as much as a loop over these.
    let close = messageStart + SHORTEST_HEAD;
    while (bytes[close] !== CLOSE_BRACE && (bytes[close] as number) >= SPACE) close++;
    return this.#parseFrom(bytes, close) || this.#parseLaterHead(bytes, close);
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

  /**
   * Who asked, as far as the line tells it besides the requester: a hash of address and user agent, 0 where there is no user agent. It joins
   * requests that are logged without a user to one that has him; neither address nor user agent goes any further than here.
   */
  hashClient(bytes: Uint8Array): number {
    let addressEnd = this.messageStart;
    while ((bytes[addressEnd] as number) > SPACE) addressEnd++;
    let agentStart = this.uriStart;
    while (bytes[agentStart] !== QUOTE && agentStart < this.end) agentStart++;
    agentStart += 3;
    let agentEnd = this.end - TAIL.length - 1;
    while (isDigit(bytes[agentEnd] as number)) agentEnd--;
    agentEnd -= 2;
    return agentStart >= agentEnd ? 0 : hashBytes(bytes, agentStart, agentEnd, hashBytes(bytes, this.messageStart, addressEnd));
  }

  /** All from a `}` on. */
  #parseFrom(bytes: Uint8Array, close: number): boolean {
    if (bytes[close + PROCESSED.length - 1] !== SPACE || !startsWith(bytes, close, PROCESSED)) return false;
    this.headEnd = close;
    this.#at = close + PROCESSED.length;
    this.procMs = this.#seconds(bytes, SLASH);
    this.sendMs = this.#seconds(bytes, SPACE);
    if (this.sendMs === UNREADABLE || this.procMs === UNREADABLE) return false;
    return this.#skipUsage(bytes) && this.#parseAnswer(bytes);
  }

  /** `ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/4) `; nearly always of these widths, and then only its marks are looked at. */
  #skipUsage(bytes: Uint8Array): boolean {
    const at = this.#at;
    const isUsual =
      bytes[at + 3] === OPEN_PAREN &&
      bytes[at + 5] === DOT &&
      bytes[at + 12] === COMMA &&
      bytes[at + 15] === DOT &&
      bytes[at + 22] === CLOSE_PAREN &&
      bytes[at + 27] === OPEN_PAREN &&
      bytes[at + 29] === DOT &&
      bytes[at + 36] === SLASH &&
      bytes[at + 38] === DOT &&
      bytes[at + 45] === SLASH;
    if (isUsual) this.#at = at + 46;
    else if (!this.#skipUnusualUsage(bytes)) return false;
    return this.#integer(bytes) >= 0 && bytes[this.#at++] === CLOSE_PAREN && bytes[this.#at++] === SPACE;
  }

  /** The same with longer numbers, and without `ru=` and `db=` (before 1.150); up to the count. */
  #skipUnusualUsage(bytes: Uint8Array): boolean {
    if (bytes[this.#at] === 0x72 && bytes[this.#at + 1] === 0x75) this.#at += 3;
    if (bytes[this.#at++] !== OPEN_PAREN) return false;
    if (this.#seconds(bytes, COMMA) === UNREADABLE || bytes[this.#at++] !== SPACE) return false;
    if (this.#seconds(bytes, CLOSE_PAREN) === UNREADABLE || bytes[this.#at++] !== SPACE) return false;
    if (bytes[this.#at] === 0x64 && bytes[this.#at + 1] === 0x62) this.#at += 3;
    if (bytes[this.#at++] !== OPEN_PAREN) return false;
    return this.#seconds(bytes, SLASH) !== UNREADABLE && this.#seconds(bytes, SLASH) !== UNREADABLE;
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
    return this.uriStart < this.end;
  }

  /** The line must end with `" [0 dbevts]`; the same for every head in it. */
  #hasTail(bytes: Uint8Array): boolean {
    const { end } = this;
    if (!startsWith(bytes, end - TAIL.length, TAIL)) return false;
    let i = end - TAIL.length - 1;
    while (isDigit(bytes[i] as number)) i--;
    return bytes[i] === OPEN_BRACKET && bytes[i - 1] === SPACE && bytes[i - 2] === QUOTE;
  }

  /** `0.012sec` and the byte behind it; whole milliseconds. */
  #seconds(bytes: Uint8Array, behind: number): number {
    let i = this.#at;
    const isNegative = bytes[i] === DASH;
    if (isNegative) i++;
    let value = (bytes[i] as number) - ZERO;
    if (!(value >= 0 && value <= 9)) return UNREADABLE;
    for (i++; isDigit(bytes[i] as number); i++) value = value * 10 + ((bytes[i] as number) - ZERO);
    const tenths = bytes[i + 1] as number;
    const hundredths = bytes[i + 2] as number;
    const thousandths = bytes[i + 3] as number;
    if (bytes[i] !== DOT || !isDigit(tenths) || !isDigit(hundredths) || !isDigit(thousandths)) return UNREADABLE;
    if (bytes[i + 4] !== 0x73 || bytes[i + 6] !== 0x63 || bytes[i + 7] !== behind) return UNREADABLE;
    this.#at = i + 8;
    value = value * 1000 + tenths * 100 + hundredths * 10 + thousandths - ZERO * 111;
    // Not `-value`: minus zero is no integer, and would turn every field that holds a duration into a float.
    return isNegative ? 0 - value : value;
  }

  /** Decimal digits at the cursor; −1 where there are none. */
  #integer(bytes: Uint8Array): number {
    const start = this.#at;
    let i = start;
    let value = 0;
    while (isDigit(bytes[i] as number)) value = value * 10 + ((bytes[i++] as number) - ZERO);
    this.#at = i;
    return i === start ? -1 : value;
  }

  /** The leftmost later head in the line whose rest is whole; what stands before it is a (forged) address. */
  #parseLaterHead(bytes: Uint8Array, firstClose: number): boolean {
    let close = bytes.indexOf(CLOSE_BRACE, firstClose + 1);
    while (close >= 0 && close < this.end) {
      if (this.#parseFrom(bytes, close)) return true;
      close = bytes.indexOf(CLOSE_BRACE, close + 1);
    }
    return false;
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}
