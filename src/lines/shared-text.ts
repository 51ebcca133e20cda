/**
 * One string for each name. In: where a name stands, in bytes or in a text, again and again. Out: for equal names mostly the same string.
 *
 * Two reasons. A table finds a string that it holds by its address, and an equal one only by its characters: what a log with 70,000 messages names is looked up
 * half a million times. And a part of a longer text keeps the whole of it in memory in V8: a table that lives for weeks would keep every record that it
 * ever took a name from.
 *
 * A memo: what it returns depends on its arguments alone, so one serves all. Bounded: SLOTS texts of up to MAX_LENGTH; a slot's text gives way to the next
 * one that falls on it.
 */

const SLOT_BITS = 16;
/** Chosen: eight times the users and devices of a busy hour, so that few fall on the same one. */
const SLOTS = 2 ** SLOT_BITS;
/** In bytes, or UTF-16 units; longer ones aren't remembered. A user id has at most 255 bytes (Matrix spec), few have 64. */
const MAX_LENGTH = 64;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();
const slots: string[] = new Array<string>(SLOTS).fill('');

/** Text of `bytes[start, end)`, as UTF-8; `start ≥ end` gives ''. */
export function shareBytes(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length <= 0) return '';
  if (length > MAX_LENGTH) return utf8.decode(bytes.subarray(start, end));
  let hash = length;
  for (let i = start; i < end; i++) hash = Math.imul(hash, 31) + (bytes[i] as number);
  const slot = slotOf(hash);
  const known = slots[slot] as string;
  if (isAsciiOf(known, bytes, start, length)) return known;
  const text = utf8.decode(bytes.subarray(start, end));
  slots[slot] = text;
  return text;
}

/** `text.slice(start, end)`, as a string that is no part of `text`. */
export function shareText(text: string, start: number, end: number): string {
  const length = end - start;
  if (length <= 0) return '';
  if (length > MAX_LENGTH) return copyText(text.slice(start, end));
  let hash = length;
  for (let i = start; i < end; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i);
  const slot = slotOf(hash);
  const known = slots[slot] as string;
  if (isPartOf(known, text, start, length)) return known;
  const copy = copyText(text.slice(start, end));
  slots[slot] = copy;
  return copy;
}

/** A text that is no part of a longer one. */
export function copyText(text: string): string {
  // Encoded and back it's one flat string; a text with half a surrogate pair isn't the same afterwards.
  return text.isWellFormed() ? utf8.decode(encoder.encode(text)) : `${text}\0`.slice(0, text.length);
}

function slotOf(hash: number): number {
  // Upper bits of a multiple (Fibonacci hashing): names differ in their last characters, and lower bits would be theirs.
  return Math.imul(hash, 0x9e3779b1) >>> (32 - SLOT_BITS);
}

/** Whether `known`, as ASCII, is what stands there. A text with other characters is never equal: bytes of these are above 127. */
function isAsciiOf(known: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const code = known.charCodeAt(i);
    if (code !== bytes[start + i] || code > 127) return false;
  }
  return true;
}

function isPartOf(known: string, text: string, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known.charCodeAt(i) !== text.charCodeAt(start + i)) return false;
  return true;
}
