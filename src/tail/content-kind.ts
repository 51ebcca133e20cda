/**
 * What a file holds, from its first bytes: something to read as a log, something compressed, or something that is no log at all.
 *
 * In: the first SNIFF_BYTES of a file (fewer only where the file is shorter). Out: its kind. Nobody who can write into the log may talk a
 * reader out of it: a file counts as binary only by bytes that stand before the first record's text can begin.
 */

/** How many bytes of a file are looked at. Chosen: one disk block more than any header needs. */
export const SNIFF_BYTES = 8192;

/** `foreign` says what it is and where: `binary data at byte 0`. */
export type ContentKind = { readonly kind: 'empty' | 'text' | 'gzip' } | { readonly kind: 'foreign'; readonly what: string };

/**
 * NULs must begin within so many bytes to count. A record's own head (time, logger) is longer, and what stands behind it may come from outside
 * (`POST /login` can put any text into the log, lab-findings.md 5). Headers of ELF, zip, SQLite, PNG, journal files have a NUL in this range.
 */
const HEADER_BYTES = 32;

/** One byte of so many must be NUL. Chosen: headers and UTF-16 have more than a quarter; a torn write at the start of a log has a few. */
const NUL_SHARE = 16;

/** First bytes of formats that an operator may hand over by mistake, and their names. Sources: the formats' own specifications. */
const SIGNATURES: readonly (readonly [string, readonly number[]])[] = [
  ['UTF-16 text', [0xff, 0xfe]],
  ['UTF-16 text', [0xfe, 0xff]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

const GZIP_SIGNATURE = [0x1f, 0x8b];

/** So many bytes tell gzip from text; the kinds of binary data need SNIFF_BYTES. */
export const GZIP_SIGNATURE_BYTES = GZIP_SIGNATURE.length;

/** Kind of a file that begins with `head[0, length)`; `length` 0 is an empty file. */
export function decideContentKind(head: Uint8Array, length: number): ContentKind {
  if (length === 0) return { kind: 'empty' };
  if (beginsWith(head, length, GZIP_SIGNATURE)) return { kind: 'gzip' };
  for (const [name, signature] of SIGNATURES) {
    if (beginsWith(head, length, signature)) return { kind: 'foreign', what: `binary data at byte 0 (${name})` };
  }
  const firstNul = head.indexOf(0);
  if (firstNul < 0 || firstNul >= Math.min(length, HEADER_BYTES)) return { kind: 'text' };
  return countNuls(head, length) * NUL_SHARE >= length ? { kind: 'foreign', what: `binary data at byte ${firstNul}` } : { kind: 'text' };
}

function beginsWith(head: Uint8Array, length: number, signature: readonly number[]): boolean {
  return length >= signature.length && signature.every((byte, index) => head[index] === byte);
}

function countNuls(head: Uint8Array, length: number): number {
  let count = 0;
  for (let index = 0; index < length; index++) if (head[index] === 0) count++;
  return count;
}
