/**
 * Hashes of what must not be kept: delay ids (capabilities), addresses, user agents. In: bytes or a text. Out: 53 bits, enough to tell some
 * hundred thousand of them apart (a pair of 100,000 is the same by chance with a probability of 1 to 1,800,000).
 *
 * Two FNV-1a style hashes over the bytes; the second one folds its high bits back, so that the two don't go wrong together. Not keyed: an
 * address and user agent can be found again by somebody who tries all of them and has the state database, so the hash is never printed.
 */

/** @param seed the hash of what comes before, to hash several parts into one */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let low = 0x811c9dc5 ^ (seed >>> 0);
  let high = 0x1b873593 ^ Math.floor(seed / 2 ** 32);
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x85ebca6b);
    high ^= high >>> 13;
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

/**
 * The same kind of hash of a text, over its UTF-16 units. Equal texts have equal hashes; not comparable with `hashBytes`.
 *
 * @param seed as for `hashBytes`
 */
export function hashText(text: string, seed = 0): number {
  let low = 0x811c9dc5 ^ (seed >>> 0);
  let high = 0x1b873593 ^ Math.floor(seed / 2 ** 32);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b);
    high ^= high >>> 13;
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
