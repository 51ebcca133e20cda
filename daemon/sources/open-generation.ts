/**
 * One generation of a followed file, held open.
 *
 * In: a path. Out: its bytes from a position on, and what is needed to know it again. The descriptor pins the inode, so renaming or deleting the file
 * takes nothing away. The marker, the last MARKER_BYTES that were read, always ends at the position. Every method that touches the file throws
 * SourceFailure when the file system refuses.
 */
import {
  type FileIdentity,
  type FileLook,
  type FilePrefix,
  grownPrefixLength,
  isSamePlace,
  MARKER_BYTES,
  MIN_PROOF_BYTES,
} from '../../src/tail/file-identity.ts';
import type { GenerationPosition } from '../../src/tail/source-position.ts';
import type { SourceFileSystem } from './file-system.ts';
import { orSourceFailure } from './read-problem.ts';
import { extendMarker, hashBytes } from './read-trace.ts';

const NEWLINE = 10;

/** How far back the beginning of the last line is looked for, in bytes. Chosen: one read; a longer unended line is joined in its middle. */
const LAST_LINE_SEARCH_BYTES = 64 * 1024;

/** An open file with a read position. Closed once, by its owner. */
export class OpenGeneration {
  /** Without symbolic links, as it was when the file was opened: where its neighbours are. */
  readonly path: string;
  readonly #fileSystem: SourceFileSystem;
  #fd: number;
  #look: FileLook;
  #positionBytes = 0;
  #marker: Uint8Array = new Uint8Array(0);
  #prefix: FilePrefix = { lengthBytes: 0, hash: '' };
  #isBroken = false;

  /** Opens `path`, at position 0. */
  constructor(path: string, fileSystem: SourceFileSystem) {
    this.#fileSystem = fileSystem;
    this.#fd = orSourceFailure(() => fileSystem.open(path));
    try {
      this.path = orSourceFailure(() => fileSystem.resolve(path));
      this.#look = this.lookNow();
    } catch (error) {
      fileSystem.close(this.#fd);
      throw error;
    }
  }

  /** What the last lookNow saw. */
  get look(): FileLook {
    return this.#look;
  }

  /** Bytes from the file's beginning that are read. */
  get positionBytes(): number {
    return this.#positionBytes;
  }

  get identity(): FileIdentity {
    const { dev, ino, birthtimeMs } = this.#look;
    return { dev, ino, birthtimeMs, prefix: this.#prefix };
  }

  /** The last call for the descriptor failed: `reopen` may help. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  lookNow(): FileLook {
    this.#look = this.#attempt(() => this.#fileSystem.lookAtOpen(this.#fd));
    return this.#look;
  }

  /** The bytes before the position are those that were read there. */
  isMarkerIntact(): boolean {
    return this.#holdsBefore(this.#positionBytes, this.#marker);
  }

  /** Reads on; returns 0 at the end. A function value, for ChunkFeeder.fill. */
  readonly readNext = (buffer: Uint8Array, offset: number, length: number): number => {
    const count = this.#readAt(buffer, offset, length, this.#positionBytes);
    if (count > 0) this.#advance(buffer.subarray(offset, offset + count));
    return count;
  };

  /** Begins at the last line that isn't ended, or at the end if there is none: `start_at: end`. */
  skipToLastLine(): void {
    const { sizeBytes } = this.#look;
    const tail = new Uint8Array(Math.min(LAST_LINE_SEARCH_BYTES, sizeBytes));
    const tailStart = sizeBytes - tail.length;
    this.#readAt(tail, 0, tail.length, tailStart);
    const newline = tail.lastIndexOf(NEWLINE);
    const skipped = newline < 0 && tailStart > 0 ? tail : tail.subarray(0, newline + 1);
    this.#positionBytes = tailStart + skipped.length;
    this.#marker = skipped.slice(-MARKER_BYTES);
  }

  /**
   * This file holds what was read of `other`, byte for byte as far as the marker tells: its copy (`cp`, copytruncate) or its replacement by an edited one.
   * True moves the position to where `other`'s is.
   */
  takeOver(other: OpenGeneration): boolean {
    const isCopy = other.#marker.length >= MIN_PROOF_BYTES && this.#look.sizeBytes >= other.#positionBytes;
    if (!isCopy || !this.#holdsBefore(other.#positionBytes, other.#marker)) return false;
    this.#positionBytes = other.#positionBytes;
    this.#marker = other.#marker.slice();
    return true;
  }

  /** Where reading stands, if the consumer holds back the last `heldBytes` of it. `seenBytes`: the largest size seen. */
  position(heldBytes: number, seenBytes: number): GenerationPosition {
    return {
      path: this.path,
      identity: this.identity,
      modifiedMs: this.#look.modifiedMs,
      readBytes: this.#positionBytes,
      marker: hashBytes(this.#marker),
      doneBytes: this.#positionBytes - heldBytes,
      sizeBytes: seenBytes,
      isPacked: false,
    };
  }

  /** This file holds what was read at `known`: true moves the position to where taking goes on. */
  resumeAt({ identity: { prefix }, readBytes, marker, doneBytes }: GenerationPosition): boolean {
    if (this.#look.sizeBytes < readBytes || !this.#hasHash(0, prefix)) return false;
    if (!this.#hasHash(readBytes - marker.lengthBytes, marker)) return false;
    this.#positionBytes = doneBytes;
    this.#marker = this.#bytesAt(Math.max(0, doneBytes - MARKER_BYTES), Math.min(MARKER_BYTES, doneBytes));
    this.#prefix = prefix;
    return true;
  }

  /** The file was emptied: back to 0. */
  restart(): void {
    this.#positionBytes = 0;
    this.#marker = new Uint8Array(0);
    this.#prefix = { lengthBytes: 0, hash: '' };
  }

  /** Opens the file anew at `path` (ESTALE, a file system mounted again). False: another file is there, the descriptor stays as it is. */
  reopen(path: string): boolean {
    const fd = orSourceFailure(() => this.#fileSystem.open(path));
    let surplusFd = fd;
    try {
      const look = orSourceFailure(() => this.#fileSystem.lookAtOpen(fd));
      if (!isSamePlace(look, this.#look)) return false;
      surplusFd = this.#fd;
      this.#fd = fd;
      this.#isBroken = false;
      return true;
    } finally {
      this.#fileSystem.close(surplusFd);
    }
  }

  close(): void {
    this.#fileSystem.close(this.#fd);
  }

  #advance(bytes: Uint8Array): void {
    this.#positionBytes += bytes.length;
    this.#marker = extendMarker(this.#marker, bytes);
    this.#growPrefix();
  }

  #growPrefix(): void {
    const lengthBytes = grownPrefixLength(this.#prefix, this.#positionBytes);
    if (lengthBytes === undefined) return;
    const bytes = new Uint8Array(lengthBytes);
    if (this.#readAt(bytes, 0, lengthBytes, 0) === lengthBytes) this.#prefix = hashBytes(bytes);
  }

  #hasHash(positionBytes: number, { lengthBytes, hash }: FilePrefix): boolean {
    return hashBytes(this.#bytesAt(positionBytes, lengthBytes)).hash === hash;
  }

  /** Fewer at the file's end. */
  #bytesAt(positionBytes: number, lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(lengthBytes);
    return bytes.subarray(0, this.#readAt(bytes, 0, lengthBytes, positionBytes));
  }

  #holdsBefore(positionBytes: number, marker: Uint8Array): boolean {
    const found = Buffer.allocUnsafe(marker.length);
    return this.#readAt(found, 0, marker.length, positionBytes - marker.length) === marker.length && found.equals(marker);
  }

  #readAt(buffer: Uint8Array, offset: number, length: number, positionBytes: number): number {
    return length === 0 ? 0 : this.#attempt(() => this.#fileSystem.read(this.#fd, buffer, offset, length, positionBytes));
  }

  #attempt<T>(call: () => T): T {
    this.#isBroken = true;
    const answer = orSourceFailure(call);
    this.#isBroken = false;
    return answer;
  }
}
