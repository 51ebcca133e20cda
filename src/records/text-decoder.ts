/**
 * Bytes to text, always UTF-8, whole fields only (never across a chunk's edge). Bytes that aren't UTF-8 become U+FFFD, so that no
 * invalid text can reach a label (an invalid byte fails a whole scrape: observability.md 1.3).
 */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text of `bytes[start, end)`; `start ≥ end` gives ''. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return start >= end ? '' : utf8.decode(bytes.subarray(start, end));
}
