/**
 * Takes Docker's json-file envelope off a log's lines, in front of whoever reads the lines.
 *
 *     {"log":"2026-11-23 16:52:48,338 - synapse.http.server - 131 - INFO - POST-11 - \u003cX…\n","stream":"stdout","time":"2026-11-23T16:52:48.345708468Z"}
 *
 * In: bytes of a file, as a ChunkConsumer; the first whole line of a generation says whether it has envelopes, one without passes untouched.
 * Out: the bytes inside, through the reader's own ChunkConsumer methods. Docker writes a line of more than 16 KiB as several entries, all but the
 * last without `\n` at the end of `log`; they are one line again here (daemon/logger/jsonfilelog and daemon/logger/copier.go in moby/moby).
 *
 * What the reader isn't done with is presented again by our caller, envelope and all, and taken out again: nothing is kept between two calls, so a
 * position in the file is all that a restart needs. A line that has no envelope among those that have is handed on as it is.
 */
import { isAscii } from '../lines/ascii.ts';
import { type ChunkConsumer, MAX_HELD_BYTES } from '../lines/chunk-consumer.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const OPENING = '{"log":"';
const STREAM = ',"stream":"std';

/** `\n`, `\t`, …: what stands for the byte behind the backslash (RFC 8259, 7); others stand for themselves. */
const ESCAPES: Readonly<Record<number, number>> = { 98: 0x08, 102: 0x0c, 110: NEWLINE, 114: 0x0d, 116: 0x09 };

export class DockerEnvelope implements ChunkConsumer {
  readonly #reader: ChunkConsumer;
  /** Undefined until the generation's first whole line was seen. */
  #isWrapped: boolean | undefined;
  #inner = new Uint8Array(0);
  #innerLength = 0;
  /** Where each line begins, inside and in the file's bytes; the last entry is where the next would begin. */
  #innerStarts: number[] = [];
  #outerStarts: number[] = [];
  /** Position of offset 0, in the file and in what was handed on. */
  #outerBase = 0;
  #innerBase = 0;

  constructor(reader: ChunkConsumer) {
    this.#reader = reader;
  }

  begin(positionBytes: number): void {
    this.#isWrapped = undefined;
    this.#outerBase = positionBytes;
    this.#innerBase = positionBytes;
    this.#reader.begin(positionBytes);
  }

  read(bytes: Uint8Array, length: number): number {
    if (!this.#looksWrapped(bytes, length)) return this.#reader.read(bytes, length);
    this.#unwrap(bytes, length);
    return this.#advance(this.#reader.read(this.#inner, this.#innerLength), length);
  }

  settle(bytes: Uint8Array, length: number): number {
    if (!this.#looksWrapped(bytes, length)) return this.#reader.settle(bytes, length);
    this.#unwrap(bytes, length);
    return this.#advance(this.#reader.settle(this.#inner, this.#innerLength), length);
  }

  finish(bytes: Uint8Array, length: number): void {
    if (this.#looksWrapped(bytes, length)) {
      this.#unwrap(bytes, length);
      // An entry that isn't whole: what there is of it is no line of the log.
      this.#reader.finish(this.#inner, this.#innerLength);
    } else this.#reader.finish(bytes, length);
    this.#isWrapped = undefined;
    this.#outerBase = 0;
    this.#innerBase = 0;
  }

  /** Where in the file the record stands that the reader places at `position`; called while the reader works, or right after. */
  originOf(position: number): number {
    if (this.#isWrapped !== true) return position;
    const line = this.#lineAt(position - this.#innerBase);
    return this.#outerBase + (this.#outerStarts[line] ?? 0);
  }

  #looksWrapped(bytes: Uint8Array, length: number): boolean {
    if (this.#isWrapped === undefined) {
      const newline = bytes.indexOf(NEWLINE);
      if (newline >= 0 && newline < length) this.#isWrapped = findTextEnd(bytes, 0, newline) > 0;
    }
    return this.#isWrapped === true;
  }

  /** Fills `#inner` with what stands in the whole lines of `bytes[0, length)`. */
  #unwrap(bytes: Uint8Array, length: number): void {
    if (this.#inner.length < bytes.length) this.#inner = new Uint8Array(bytes.length);
    this.#innerLength = 0;
    this.#innerStarts = [0];
    this.#outerStarts = [0];
    for (let at = 0; at < length; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline < 0 || newline >= length) break;
      this.#takeLine(bytes, at, newline);
      at = newline + 1;
      this.#innerStarts.push(this.#innerLength);
      this.#outerStarts.push(at);
    }
  }

  /** What stands inside is never longer than its envelope, so there is room. */
  #takeLine(bytes: Uint8Array, start: number, newline: number): void {
    const textEnd = findTextEnd(bytes, start, newline);
    const inner = this.#inner;
    if (textEnd === 0) {
      inner.set(bytes.subarray(start, newline + 1), this.#innerLength);
      this.#innerLength += newline + 1 - start;
    } else this.#innerLength = writeUnescaped(bytes, start + OPENING.length, textEnd, inner, this.#innerLength);
  }

  /** The reader is done with `innerDone` bytes: with how many of the file's? */
  #advance(innerDone: number, length: number): number {
    const line = this.#lineAt(innerDone);
    const outerDone = this.#outerStarts[line] ?? 0;
    // A record held by the reader is within its bound; in its envelope, with six bytes for a `<`, it may not be.
    if (length - outerDone > MAX_HELD_BYTES) return this.#giveUpHolding(innerDone, length);
    this.#innerBase += this.#innerStarts[line] ?? 0;
    this.#outerBase += outerDone;
    return outerDone;
  }

  /** The held lines are taken as they are, the last one too if it isn't ended. A line of the file that isn't ended within the bound is let go. */
  #giveUpHolding(innerDone: number, length: number): number {
    const rest = new Uint8Array(this.#innerLength - innerDone + 1);
    rest.set(this.#inner.subarray(innerDone, this.#innerLength));
    rest[rest.length - 1] = NEWLINE;
    const isEnded = rest.length === 1 || rest[rest.length - 2] === NEWLINE;
    this.#reader.settle(rest, rest.length - Number(isEnded));
    const lineEnds = this.#outerStarts.at(-1) ?? 0;
    const outerDone = length - lineEnds > MAX_HELD_BYTES ? length : lineEnds;
    this.#outerBase += outerDone;
    this.#innerBase += innerDone + rest.length - Number(isEnded);
    return outerDone;
  }

  /** Index of the line that holds inner offset `at`: the last one that begins at or before it, or behind all lines the end. */
  #lineAt(at: number): number {
    const starts = this.#innerStarts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Offset of the quote that ends `log` in the envelope at `bytes[start, newline)`; 0 where it is none. */
function findTextEnd(bytes: Uint8Array, start: number, newline: number): number {
  if (!isAscii(bytes, start, OPENING)) return 0;
  let end = start + OPENING.length;
  while (end < newline && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
  return end < newline && isAscii(bytes, end + 1, STREAM) ? end : 0;
}

/** Writes `bytes[start, end)` without its escapes to `target[at…]`; returns the offset behind it. */
function writeUnescaped(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let to = at;
  for (let from = start; from < end; ) {
    const byte = bytes[from] as number;
    if (byte !== BACKSLASH) {
      target[to++] = byte;
      from++;
    } else if (bytes[from + 1] === LETTER_U) {
      const first = codeUnitAt(bytes, from + 2);
      const isPair = first >= 0xd800 && first < 0xdc00 && bytes[from + 6] === BACKSLASH && bytes[from + 7] === LETTER_U;
      const second = isPair ? codeUnitAt(bytes, from + 8) : 0;
      to = writeUtf8(isPair ? 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00) : first, target, to);
      from += isPair ? 12 : 6;
    } else {
      const escaped = bytes[from + 1] as number;
      target[to++] = ESCAPES[escaped] ?? escaped;
      from += 2;
    }
  }
  return to;
}

/** Four hexadecimal digits; U+FFFD where they are none. */
function codeUnitAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0;
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
    if (digit < 0 || digit > 15) return 0xfffd;
    value = value * 16 + digit;
  }
  return value;
}

/** A half of a pair alone, and what lies beyond Unicode, becomes U+FFFD. */
function writeUtf8(codePoint: number, target: Uint8Array, at: number): number {
  const isScalar = codePoint < 0xd800 || (codePoint > 0xdfff && codePoint <= 0x10ffff);
  const code = isScalar ? codePoint : 0xfffd;
  if (code < 0x80) {
    target[at] = code;
    return at + 1;
  }
  if (code < 0x800) {
    target[at] = 0xc0 | (code >> 6);
    target[at + 1] = 0x80 | (code & 0x3f);
    return at + 2;
  }
  if (code < 0x10000) {
    target[at] = 0xe0 | (code >> 12);
    target[at + 1] = 0x80 | ((code >> 6) & 0x3f);
    target[at + 2] = 0x80 | (code & 0x3f);
    return at + 3;
  }
  target[at] = 0xf0 | (code >> 18);
  target[at + 1] = 0x80 | ((code >> 12) & 0x3f);
  target[at + 2] = 0x80 | ((code >> 6) & 0x3f);
  target[at + 3] = 0x80 | (code & 0x3f);
  return at + 4;
}
