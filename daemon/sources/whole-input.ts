/**
 * Where the bytes of a whole read come from: an open file, or a stream such as standard input.
 *
 * In: a descriptor or chunks. Out: bytes in order, and the count of them. A read that fails (EIO, ESTALE) ends the bytes, as the end of the file
 * does, and is kept as `failure`: what came before it counts, and an error of the consumer is never taken for one of the file.
 */
import type { SourceFileSystem } from './file-system.ts';

/** Told now and then, and at the end: bytes of the file that are read, and its size when it was opened (0: not known). */
export type ReadProgress = (bytesRead: number, sizeBytes: number) => void;

/** What a whole read takes its bytes from; they can be taken once. */
export interface WholeInput {
  /** As the operator knows it. */
  readonly name: string;
  readonly bytesRead: number;
  /** What ended the bytes before their end. */
  readonly failure: unknown;
  chunks(): AsyncGenerator<Uint8Array>;
}

/** Compressed bytes read at once; log text becomes about ten times as many. */
const FILE_CHUNK_BYTES = 64 * 1024;

/** Chunks that somebody else reads. */
export class StreamInput implements WholeInput {
  readonly name: string;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #onProgress: ReadProgress;
  #bytesRead = 0;
  #failure: unknown;

  constructor(name: string, source: AsyncIterable<Uint8Array>, onProgress: ReadProgress) {
    this.name = name;
    this.#source = source;
    this.#onProgress = onProgress;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get failure(): unknown {
    return this.#failure;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const source = this.#source[Symbol.asyncIterator]();
    try {
      for (let chunk = await this.#next(source); chunk !== undefined; chunk = await this.#next(source)) {
        this.#bytesRead += chunk.length;
        this.#onProgress(this.#bytesRead, 0);
        yield chunk;
      }
    } finally {
      // Whoever wants no more leaves the stream closed: an open standard input would keep the process alive.
      await source.return?.();
    }
  }

  async #next(source: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
    try {
      const next = await source.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      this.#failure = error;
      return undefined;
    }
  }
}

/** An open file, read from its first byte. Doesn't close it. */
export class FileInput implements WholeInput {
  readonly name: string;
  readonly sizeBytes: number;
  readonly #fd: number;
  readonly #fileSystem: SourceFileSystem;
  readonly #onProgress: ReadProgress;
  #bytesRead = 0;
  #failure: unknown;

  constructor(name: string, fd: number, sizeBytes: number, fileSystem: SourceFileSystem, onProgress: ReadProgress) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.#fd = fd;
    this.#fileSystem = fileSystem;
    this.#onProgress = onProgress;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get failure(): unknown {
    return this.#failure;
  }

  /** Reads the beginning without taking it; as many bytes as there are, at most `buffer.length`. */
  peek(buffer: Uint8Array): number {
    return this.#read(buffer, 0, buffer.length, 0);
  }

  /** Reads on; 0 at the end, or where reading failed. A function value, for ChunkFeeder.fill. */
  readonly readNext = (buffer: Uint8Array, offset: number, length: number): number => {
    const count = this.#read(buffer, offset, length, this.#bytesRead);
    this.#bytesRead += count;
    return count;
  };

  reportProgress(): void {
    this.#onProgress(this.#bytesRead, this.sizeBytes);
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      // A new one each time: zlib works on it in another thread.
      const chunk = new Uint8Array(FILE_CHUNK_BYTES);
      const count = this.readNext(chunk, 0, chunk.length);
      if (count === 0) return;
      this.reportProgress();
      yield chunk.subarray(0, count);
    }
  }

  #read(buffer: Uint8Array, offset: number, length: number, positionBytes: number): number {
    try {
      return this.#fileSystem.read(this.#fd, buffer, offset, length, positionBytes);
    } catch (error) {
      this.#failure = error;
      return 0;
    }
  }
}
