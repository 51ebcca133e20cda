/**
 * Key ids: `signed_curve25519:AAAAAAAAAA0` is the counter 13. The part behind the algorithm is the client's own counter in base64, high byte
 * first: 8 bytes (11 characters) in vodozemac, from 0; 4 bytes (6 characters) in libolm, from 1 (reference/e2ee-evidence.md 2.1). Anything
 * else is opaque: it is told apart from others, not decoded.
 *
 * Ids are kept as small numbers, so that a set of them is a few ranges. Their order is the counter's. The order in which Synapse looks at the
 * ids of an upload, and in which it hands them out, is that of their characters: digits before capitals before small letters, so 13, 14, 15,
 * 0, 1, 2 … (e2ee-evidence 2.2). Nothing here or to the right of here may take the first refused id for the lowest.
 */

const ALGORITHM = 'signed_curve25519:';
const VODOZEMAC_CHARS = 11;
const LIBOLM_CHARS = 6;
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** By character code; −1 for what is no digit. */
const VALUE = Int8Array.from({ length: 128 }, (_, code) => BASE64.indexOf(String.fromCharCode(code)));

/** Counters below this are kept as they are: beyond it no client ever comes. */
const MAX_COUNTER = 2 ** 40;
/** A device may have moved from libolm to vodozemac: both count, and 88 of the one isn't 88 of the other. */
const LIBOLM_OFFSET = 2 ** 41;

/**
 * An id as a number: the counter of vodozemac; LIBOLM_OFFSET and more for libolm; below 0, a hash, for all others (opaque ids, other
 * algorithms, counters beyond MAX_COUNTER). Without BigInt: this runs for each id of each upload.
 */
export function keyNumber(keyId: string): number {
  const length = keyId.length - ALGORITHM.length;
  if ((length !== VODOZEMAC_CHARS && length !== LIBOLM_CHARS) || !keyId.startsWith(ALGORITHM)) return hashKeyId(keyId);
  let value = 0;
  for (let i = ALGORITHM.length; i < keyId.length - 1; i++) {
    const digit = VALUE[keyId.charCodeAt(i)] ?? -1;
    // A double holds 53 bits; what is above MAX_COUNTER here is so behind the last digit, too.
    if (digit < 0 || value > MAX_COUNTER) return hashKeyId(keyId);
    value = value * 64 + digit;
  }
  const last = VALUE[keyId.charCodeAt(keyId.length - 1)] ?? -1;
  const [scale, surplus, offset] = length === VODOZEMAC_CHARS ? [16, 4, 0] : [4, 16, LIBOLM_OFFSET];
  if (last < 0 || last % surplus !== 0) return hashKeyId(keyId);
  const counter = value * scale + last / surplus;
  return counter > MAX_COUNTER ? hashKeyId(keyId) : counter + offset;
}

/** Whether the number is a counter, so that another one can be below or above it. */
export function isCounter(number: number): boolean {
  return number >= 0;
}

/** The counter that the number stands for; for people. */
export function counterOf(number: number): number {
  return number >= LIBOLM_OFFSET ? number - LIBOLM_OFFSET : number;
}

/** 48 bits of FNV-1a, below 0: distinct ids of one device don't meet. */
function hashKeyId(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b) ^ (high >>> 13);
  }
  return -1 - ((high >>> 16) * 2 ** 32 + (low >>> 0));
}
