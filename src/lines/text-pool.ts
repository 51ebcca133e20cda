/**
 * One string for each text. In: names as they're found in records, again and again. Out: for equal texts the same string, until so many others have come
 * that it's forgotten; then another one.
 *
 * Two reasons. A table finds a string that it holds by its address, and an equal one only by its characters. And a part of a longer text keeps the whole of
 * it in memory in V8: a table that lives for weeks would keep every record that it ever took a name from.
 *
 * Bounded: two generations of MAX_TEXTS texts of up to MAX_TEXT_LENGTH; longer ones are copied, and not kept.
 */

/** Chosen: the devices of a busy quarter of an hour. */
export const MAX_TEXTS = 8192;
/** In UTF-16 units. A user id has at most 255 bytes (Matrix spec). */
export const MAX_TEXT_LENGTH = 255;

export class TextPool {
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  take(text: string): string {
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const own = this.#old.get(text) ?? copyText(text);
    if (own.length > MAX_TEXT_LENGTH) return own;
    if (this.#young.size >= MAX_TEXTS) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(own, own);
    return own;
  }
}

/** A text that is no part of a longer one. */
export function copyText(text: string): string {
  return `${text}\0`.slice(0, text.length);
}
