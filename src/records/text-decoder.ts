/**
 * Bytes to text, always UTF-8, whole fields only (never across a chunk's edge). Bytes that aren't UTF-8 become U+FFFD, so that no
 * invalid text can reach a label (an invalid byte fails a whole scrape: observability.md 1.3).
 */
import type { TextPool } from '../lines/text-pool.ts';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text of `bytes[start, end)`; `start ≥ end` gives ''. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return start >= end ? '' : utf8.decode(bytes.subarray(start, end));
}

const MEMO_SLOTS = 8192;
/** Longer texts aren't remembered. */
const MAX_MEMO_BYTES = 64;

/**
 * Decodes fields that repeat (user ids, event types): a text that was decoded before is compared, not decoded, and is the same string then,
 * whose hash is known. Bounded: MEMO_SLOTS texts of up to MAX_MEMO_BYTES; a slot's text gives way to the next one that falls on it.
 */
export class TextMemo {
  readonly #slots: (string | undefined)[] = new Array(MEMO_SLOTS).fill(undefined);
  readonly #pool: TextPool;

  /** @param pool makes what is decoded the same string as what others got from it */
  constructor(pool: TextPool) {
    this.#pool = pool;
  }

  /** As `decodeText`. */
  decode(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length <= 0 || length > MAX_MEMO_BYTES) return decodeText(bytes, start, end);
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash, 31) + (bytes[i] as number);
    const slot = (hash ^ (hash >>> 13)) & (MEMO_SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && isAsciiOf(known, bytes, start, length)) return known;
    const text = this.#pool.take(decodeText(bytes, start, end));
    this.#slots[slot] = text;
    return text;
  }
}

/** Whether `text`, as ASCII, is what stands there. A text with other characters is never equal: bytes of these are above 127. */
function isAsciiOf(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code !== bytes[start + i] || code > 127) return false;
  }
  return true;
}
