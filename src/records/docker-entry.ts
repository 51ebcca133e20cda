/**
 * An entry of Docker's json-file driver.
 *
 *     {"log":"2026-11-23 16:52:48,338 - synapse.http.server - 131 - INFO - POST-11 - \u003cX…\n","stream":"stdout","time":"2026-11-23T16:52:48.345708468Z"}
 *
 * In: its bytes. Out: the bytes of `log`, without escapes. Of a line of more than 16 KiB all entries but the last have no `\n` at the end of `log`
 * (daemon/logger/jsonfilelog and daemon/logger/copier.go in moby/moby).
 */
import { isAscii } from '../lines/ascii.ts';
import type { Unwrap } from './envelope.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const OPENING = '{"log":"';
const STREAM = ',"stream":"std';

/** `\n`, `\t`, …: what stands for the byte behind the backslash (RFC 8259, 7); others stand for themselves. */
const ESCAPES: Readonly<Record<number, number>> = { 98: 0x08, 102: 0x0c, 110: NEWLINE, 114: 0x0d, 116: 0x09 };

/** Grows to the longest entry. */
let scratch = new Uint8Array(4096);

export const unwrapDockerEntry: Unwrap = (bytes, start, newline) => {
  const textEnd = findTextEnd(bytes, start, newline);
  if (textEnd === 0) return null;
  const textStart = start + OPENING.length;
  // What stands inside is never longer than it is with its escapes.
  if (scratch.length < textEnd - textStart) scratch = new Uint8Array(2 * (textEnd - textStart));
  return scratch.subarray(0, writeUnescaped(bytes, textStart, textEnd, scratch, 0));
};

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
