/**
 * A rotated generation that was packed (`.gz`) before it was read to its end.
 *
 * In: its path, and from which unpacked byte on it's wanted. Out: those bytes, pushed while they are unpacked in other turns of the event loop; then how it ended.
 * Positions count unpacked bytes, so a generation may be begun plain and be gone on with packed.
 */
import type { FileLook } from '../../src/tail/file-identity.ts';
import type { GenerationPosition } from '../../src/tail/source-position.ts';
import type { SourceFileSystem } from './file-system.ts';
import { type GzipEnd, unpackGzip } from './gzip-reader.ts';
import { orSourceFailure, reasonOf } from './read-problem.ts';
import { ReadTrace } from './read-trace.ts';
import { inTurns, type Turns } from './turns.ts';
import { FileInput } from './whole-input.ts';

/** What the first bytes are compared with: a generation that was just read isn't read again because somebody packed it meanwhile. */
export interface Beginning {
  readonly lengthBytes: number;
  readonly hash: string;
}

export class PackedGeneration {
  readonly path: string;
  readonly look: FileLook;
  readonly #fileSystem: SourceFileSystem;
  readonly #fd: number;
  readonly #trace = new ReadTrace();
  #isUnpacking = false;
  #isStopped = false;
  #hasEnded = false;
  #isRepeat = false;
  #isNew = false;
  #fault: string | undefined;

  /** Opens it. Throws SourceFailure. */
  constructor(path: string, fileSystem: SourceFileSystem) {
    this.#fileSystem = fileSystem;
    this.#fd = orSourceFailure(() => fileSystem.open(path));
    try {
      this.path = orSourceFailure(() => fileSystem.resolve(path));
      this.look = orSourceFailure(() => fileSystem.lookAtOpen(this.#fd));
    } catch (error) {
      fileSystem.close(this.#fd);
      throw error;
    }
  }

  /** Unpacked so far. */
  get positionBytes(): number {
    return this.#trace.positionBytes;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** It begins as the generation that was read before it: it's the packed form of that. */
  get isRepeat(): boolean {
    return this.#isRepeat;
  }

  /** It's certain that it's another generation than the one read before it. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Why it could not be unpacked to its end. */
  get fault(): string | undefined {
    return this.#fault;
  }

  position(heldBytes: number): GenerationPosition {
    const { dev, ino, birthtimeMs, modifiedMs } = this.look;
    const { positionBytes, prefix, marker } = this.#trace;
    return {
      path: this.path,
      identity: { dev, ino, birthtimeMs, prefix },
      modifiedMs,
      readBytes: positionBytes,
      marker,
      doneBytes: positionBytes - heldBytes,
      sizeBytes: positionBytes,
      isPacked: true,
    };
  }

  /** Whether what was read of `known` is in it. Unpacks as far as that; for a generation that isn't read yet. */
  async holds(known: GenerationPosition): Promise<boolean> {
    const trace = new ReadTrace();
    const { prefix } = known.identity;
    await this.#unpack((bytes) => {
      trace.add(bytes.subarray(0, known.readBytes - trace.positionBytes));
      const first = trace.hashOfFirst(prefix.lengthBytes);
      return (first === undefined || first === prefix.hash) && trace.positionBytes < known.readBytes;
    });
    const { lengthBytes, hash } = known.marker;
    return trace.positionBytes === known.readBytes && trace.marker.lengthBytes === lengthBytes && trace.marker.hash === hash;
  }

  /**
   * Unpacks all of it, and gives what is behind `fromByte`; nothing if it begins as `known` does. Rejects with what `push` throws. Waits while turns are held, and
   * holds nothing up for longer than a chunk takes.
   */
  async read(fromByte: number, known: Beginning | undefined, turns: Turns, push: (bytes: Uint8Array) => void): Promise<void> {
    const take = (bytes: Uint8Array): boolean => {
      const skipped = Math.max(0, fromByte - this.#trace.positionBytes);
      this.#trace.add(bytes);
      if (known !== undefined && !this.#isNew) {
        const first = this.#trace.hashOfFirst(known.lengthBytes);
        this.#isRepeat = first === known.hash;
        this.#isNew = first !== undefined && !this.#isRepeat;
      }
      if (this.#isRepeat) return false;
      if (skipped < bytes.length) push(bytes.subarray(skipped));
      return true;
    };
    const end = await this.#unpack(take, (chunks) => inTurns(chunks, turns));
    this.#hasEnded = true;
    this.#isNew = !this.#isRepeat;
    this.#fault = describeEnd(end);
  }

  /** Nothing more is pushed. */
  close(): void {
    this.#isStopped = true;
    if (!this.#isUnpacking) this.#fileSystem.close(this.#fd);
  }

  /** The descriptor is closed when nobody reads any more: its number could be another file's by then. */
  async #unpack(
    take: (bytes: Uint8Array) => boolean,
    paced: (chunks: AsyncGenerator<Uint8Array>) => AsyncGenerator<Uint8Array> = (chunks) => chunks,
  ): Promise<GzipEnd> {
    const input = new FileInput(this.path, this.#fd, this.look.sizeBytes, this.#fileSystem, () => {});
    this.#isUnpacking = true;
    try {
      const end = await unpackGzip(paced(input.chunks()), (bytes) => !this.#isStopped && take(bytes));
      return input.failure === undefined ? end : { end: 'damaged', reason: reasonOf(input.failure) };
    } finally {
      this.#isUnpacking = false;
      if (this.#isStopped) this.#fileSystem.close(this.#fd);
    }
  }
}

function describeEnd(end: GzipEnd): string | undefined {
  if (end.end === 'cut') return 'its gzip data stops in the middle';
  return end.end === 'damaged' ? end.reason : undefined;
}
