/**
 * When two looks at a file saw the same file.
 *
 * In: what the file system says of it, and a hash of how it begins. Out: same or not. Names never count (rotation changes them), the inode
 * alone never counts: ext4 hands the inode of a deleted file to the next one made (performance.md 7.1; 5 of 5 tries in systemd.md 5).
 */

/** What the file system says of a file that is there. Bytes and milliseconds since 1970, both ≥ 0. */
export interface FileLook {
  readonly dev: number;
  /** Unique on `dev` while the file exists or is held open, not after. Above 2⁵³ rounded (XFS, NFS), so nearly unique there. */
  readonly ino: number;
  /** Creation; 0 where the file system doesn't keep it. As coarse as the kernel's tick (4 ms): files made at once share it. */
  readonly birthtimeMs: number;
  readonly modifiedMs: number;
  readonly sizeBytes: number;
  /** Names it has; 0: deleted, but held open. */
  readonly linkCount: number;
  /** Permission bits and owner, as text: only compared, to see that they changed. */
  readonly access: string;
}

/** Hash of a file's first `lengthBytes` (0 … MAX_PREFIX_BYTES). An append-only file never changes it, so it can grow with the file. */
export interface FilePrefix {
  readonly lengthBytes: number;
  /** Hexadecimal SHA-256, made in daemon/. */
  readonly hash: string;
}

/** Enough to know a file again, after a restart too. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
  readonly birthtimeMs: number;
  readonly prefix: FilePrefix;
}

/** A prefix grows up to this. Chosen as in Filebeat and OTel (1 KiB): two Synapse logs differ in the first stamp already. */
export const MAX_PREFIX_BYTES = 1024;

/**
 * So many bytes before the position are kept and compared before each read. They are how a file that was emptied and has grown past the old
 * position since is told from one that only grew (seen in 2 of 6 copytruncate runs, systemd.md 5).
 */
export const MARKER_BYTES = 256;

/** Fewer bytes than this prove nothing about another file: a stamp is 23 bytes, a record's head more. */
export const MIN_PROOF_BYTES = 32;

type Place = Pick<FileLook, 'dev' | 'ino' | 'birthtimeMs'>;

/** Same file, both looks taken while one of them was held open: its inode can't have been handed on. `dev` of some file systems changes at mount. */
export function isSameInode(a: Pick<Place, 'dev' | 'ino'>, b: Pick<Place, 'dev' | 'ino'>): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** Same file, looks taken at any time: inode and birth time; where one look has no birth time, the inode has to do. */
export function isSamePlace(a: Place, b: Place): boolean {
  return isSameInode(a, b) && (a.birthtimeMs === b.birthtimeMs || a.birthtimeMs === 0 || b.birthtimeMs === 0);
}

/** The prefix may cover more now than `prefix` does: it is to be hashed anew over this many bytes. Undefined: it's as long as it can be. */
export function grownPrefixLength(prefix: FilePrefix, readBytes: number): number | undefined {
  const lengthBytes = Math.min(readBytes, MAX_PREFIX_BYTES);
  return lengthBytes > prefix.lengthBytes ? lengthBytes : undefined;
}

/**
 * The file at `look` is the one known as `known`, and still begins as it did. `hashOfFirst(n)` hashes its first n bytes; it's asked only for a
 * file in the same place that is long enough. A known file of 0 bytes is any file in that place: it had nothing that could be read twice.
 */
export function isKnownFile(known: FileIdentity, look: FileLook, hashOfFirst: (lengthBytes: number) => string): boolean {
  if (!isSamePlace(known, look) || look.sizeBytes < known.prefix.lengthBytes) return false;
  return known.prefix.lengthBytes === 0 || hashOfFirst(known.prefix.lengthBytes) === known.prefix.hash;
}
