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
const NINE = 0x39;
const LETTER_B = 0x42;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

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
const ZERO_FRACTION = asciiWord('.000');

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

    // `" [0 dbevts]`: the line's end first, the same for every head in it.
    let at = textEnd(bytes, end) - TAIL_LENGTH;
    if (at < messageStart || view.getInt32(at + 4, true) !== TAIL_4 || view.getInt32(at, true) !== TAIL_0) return false;
    at--;
    while (isDigit(bytes[at] as number)) at--;
    if (bytes[at] !== OPEN_BRACKET || bytes[at - 1] !== SPACE || bytes[at - 2] !== QUOTE) return false;

    let close = messageStart + SHORTEST_HEAD - 1;
    for (;;) {
      // The leftmost `}` whose rest is whole; what stands before a later one is a (forged) address. Four bytes at a time, by the borrow that a
      // byte makes which is zero: some 40 bytes of head stand before it, too few to call a native search for.
      for (close++; close + 4 <= end; close += 4) {
        const word = view.getInt32(close, true) ^ FOUR_BRACES;
        if (((word - 0x01010101) & ~word & 0x80808080) !== 0) break;
      }
      while (close < end && bytes[close] !== CLOSE_BRACE) close++;
      if (close + PROCESSED_LENGTH > end) return false;
      if (view.getInt32(close, true) !== PROCESSED_0 || view.getInt32(close + 4, true) !== PROCESSED_4) continue;
      if (view.getInt32(close + 8, true) !== PROCESSED_8 || view.getInt32(close + 12, true) !== PROCESSED_12) continue;
      if (view.getInt32(close + 16, true) !== PROCESSED_16 || bytes[close + 20] !== SPACE) continue;

      // `0.012sec/`, whole milliseconds. The three digits behind the dot are checked at once: of each byte the upper half must be that of a
      // digit, and the lower at most 9.
      at = close + PROCESSED_LENGTH;
      const isProcNegative = bytes[at] === DASH;
      if (isProcNegative) at++;
      if (!isDigit(bytes[at] as number)) continue;
      let procMs = 0;
      for (; isDigit(bytes[at] as number); at++) procMs = procMs * 10 + ((bytes[at] as number) - ZERO);
      if (at + FRACTION_LENGTH > end || view.getInt32(at + 4, true) !== SEC_SLASH) continue;
      let fraction = view.getInt32(at, true) ^ ZERO_FRACTION;
      if ((((fraction + 0x06060600) | fraction) & 0xf0f0f0ff) !== 0) continue;
      procMs = procMs * 1000 + ((fraction >> 8) & 15) * 100 + ((fraction >> 16) & 15) * 10 + (fraction >>> 24);

      // `0.001sec `, the same way.
      at += FRACTION_LENGTH;
      const isSendNegative = bytes[at] === DASH;
      if (isSendNegative) at++;
      if (!isDigit(bytes[at] as number)) continue;
      let sendMs = 0;
      for (; isDigit(bytes[at] as number); at++) sendMs = sendMs * 10 + ((bytes[at] as number) - ZERO);
      if (at + FRACTION_LENGTH > end || view.getInt32(at + 4, true) !== SEC_SPACE) continue;
      fraction = view.getInt32(at, true) ^ ZERO_FRACTION;
      if ((((fraction + 0x06060600) | fraction) & 0xf0f0f0ff) !== 0) continue;
      sendMs = sendMs * 1000 + ((fraction >> 8) & 15) * 100 + ((fraction >> 16) & 15) * 10 + (fraction >>> 24);

      // `ru=(0.002sec, 0.000sec) db=(0.001sec/0.006sec/4) `: nearly always of these widths, and then nothing but its marks is looked at.
      at += FRACTION_LENGTH;
      const isUsualUsage =
        at + USUAL_USAGE_LENGTH <= end &&
        view.getInt32(at, true) === USER_TIME &&
        view.getInt32(at + 9, true) === SEC_COMMA &&
        view.getInt32(at + 19, true) === SEC_CLOSE &&
        view.getInt32(at + 24, true) === DATABASE_TIME &&
        view.getInt32(at + 33, true) === SEC_SLASH &&
        view.getInt32(at + 42, true) === SEC_SLASH;
      at = isUsualUsage ? at + USUAL_USAGE_LENGTH : skipUnusualUsage(bytes, at);
      if (at < 0 || !isDigit(bytes[at] as number)) continue;
      while (isDigit(bytes[at] as number)) at++;
      if (bytes[at] !== CLOSE_PAREN || bytes[at + 1] !== SPACE) continue;

      // `525B 400! "POST /_matrix/…`
      at += 2;
      if (!isDigit(bytes[at] as number)) continue;
      let sizeBytes = 0;
      for (; isDigit(bytes[at] as number); at++) sizeBytes = sizeBytes * 10 + ((bytes[at] as number) - ZERO);
      if (bytes[at] !== LETTER_B || bytes[at + 1] !== SPACE) continue;
      const hundreds = (bytes[at + 2] as number) - ZERO;
      if (hundreds < 1 || hundreds > 9 || !isDigit(bytes[at + 3] as number) || !isDigit(bytes[at + 4] as number)) continue;
      const status = hundreds * 100 + ((bytes[at + 3] as number) - ZERO) * 10 + (bytes[at + 4] as number) - ZERO;
      at += 5;
      const isClientGone = bytes[at] === BANG;
      if (isClientGone) at++;
      if (bytes[at] !== SPACE || bytes[at + 1] !== QUOTE) continue;
      at += 2;
      const methodStart = at;
      while ((bytes[at] as number) > SPACE) at++;
      if (bytes[at] !== SPACE || at === methodStart || at + 1 >= end) continue;

      this.headEnd = close;
      // Not `-procMs`: minus zero is no integer, and would turn every field that holds a duration into a float.
      this.procMs = isProcNegative ? 0 - procMs : procMs;
      this.sendMs = isSendNegative ? 0 - sendMs : sendMs;
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

  /**
   * Who asked, as far as the line tells it besides the requester: a hash of address and user agent, 0 where there is no user agent. It joins
   * requests that are logged without a user to one that has him; neither address nor user agent goes any further than here.
   *
   * @param addressHash what `hashAddress` gives
   */
  hashClient(bytes: Uint8Array, addressHash: number): number {
    let agentStart = this.uriStart;
    while (bytes[agentStart] !== QUOTE && agentStart < this.end) agentStart++;
    agentStart += 3;
    let agentEnd = textEnd(bytes, this.end) - TAIL_LENGTH - 1;
    while (isDigit(bytes[agentEnd] as number)) agentEnd--;
    agentEnd -= 2;
    return agentStart >= agentEnd ? 0 : hashBytes(bytes, agentStart, agentEnd, addressHash);
  }

  /** Hash of the address alone: who is limited together (Synapse 1.143 to 1.155 limits delayed events by address). */
  hashAddress(bytes: Uint8Array): number {
    let end = this.messageStart;
    while ((bytes[end] as number) > SPACE) end++;
    return hashBytes(bytes, this.messageStart, end);
  }
}

/**
 * `ru=(10.002sec, 0.000sec) db=(0.001sec/0.006sec/` of other widths than the usual ones, and without `ru=` and `db=` (before 1.150). The offset
 * of what follows; −1 where it's of another form.
 */
function skipUnusualUsage(bytes: Uint8Array, start: number): number {
  let at = start;
  if (bytes[at] === 0x72 && bytes[at + 1] === 0x75) at += 3;
  at = skipDuration(bytes, at, OPEN_PAREN, COMMA);
  at = skipDuration(bytes, at, SPACE, CLOSE_PAREN);
  if (at < 0 || bytes[at] !== SPACE) return -1;
  at++;
  if (bytes[at] === 0x64 && bytes[at + 1] === 0x62) at += 3;
  at = skipDuration(bytes, at, OPEN_PAREN, SLASH);
  return skipDuration(bytes, at - 1, SLASH, SLASH);
}

/** `(0.002sec,`: a duration between two given bytes. The offset behind it; −1 where there's none, or `start` is negative. */
function skipDuration(bytes: Uint8Array, start: number, before: number, behind: number): number {
  if (start < 0 || bytes[start] !== before) return -1;
  let at = bytes[start + 1] === DASH ? start + 2 : start + 1;
  if (!isDigit(bytes[at] as number)) return -1;
  while (isDigit(bytes[at] as number)) at++;
  if (bytes[at] !== DOT || !isDigit(bytes[at + 1] as number) || !isDigit(bytes[at + 2] as number) || !isDigit(bytes[at + 3] as number))
    return -1;
  return isAscii(bytes, at + 4, 'sec') && bytes[at + FRACTION_LENGTH - 1] === behind ? at + FRACTION_LENGTH : -1;
}

/** Where the line's text ends: in front of its newline, or of the `\r` that a terminal or an editor put there. */
function textEnd(bytes: Uint8Array, newline: number): number {
  return bytes[newline - 1] === RETURN ? newline - 1 : newline;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
