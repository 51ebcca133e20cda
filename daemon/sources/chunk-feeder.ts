/**
 * The buffer between a source of bytes and its consumer.
 *
 * In: bytes, read straight into the buffer (fill) or copied (push). Out: calls of the consumer, by the contract in src/lines/chunk-consumer.ts:
 * what it isn't done with is moved to the front and presented again. The buffer is made once and never grows: what the consumer holds back is bounded
 * (MAX_HELD_BYTES), so there is always room for at least FEED_BUFFER_BYTES - MAX_HELD_BYTES new bytes.
 */
import { type ChunkConsumer, MAX_HELD_BYTES } from '../../src/lines/chunk-consumer.ts';

/** Size of the buffer. Measured: from 64 KiB to 4 MiB reads cost the same within 5 % (performance.md 2.1); it must be above MAX_HELD_BYTES. */
export const FEED_BUFFER_BYTES = MAX_HELD_BYTES + 512 * 1024;

/** Puts bytes at `buffer[offset, offset + length)` and returns how many it put there (0 … length; 0: there are none). */
export type ReadInto = (buffer: Uint8Array, offset: number, length: number) => number;

/** One source's buffer. Every method may throw what the consumer or the reader throws; the bytes held are unchanged then. */
export class ChunkFeeder {
  readonly #bytes = Buffer.allocUnsafeSlow(FEED_BUFFER_BYTES);
  readonly #consumer: ChunkConsumer;
  #heldBytes = 0;

  constructor(consumer: ChunkConsumer) {
    this.#consumer = consumer;
  }

  /** Bytes that the consumer isn't done with. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Asks for up to `maxBytes` new bytes (fewer if the buffer has no more room) and feeds them. Returns how many came. */
  fill(read: ReadInto, maxBytes: number): number {
    const count = read(this.#bytes, this.#heldBytes, Math.min(maxBytes, this.#room()));
    if (count > 0) this.#feed(count);
    return count;
  }

  /** Feeds a copy of `chunk`, of any length, in pieces as large as there is room. */
  push(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length; ) {
      const end = Math.min(chunk.length, start + this.#room());
      this.#bytes.set(chunk.subarray(start, end), this.#heldBytes);
      this.#feed(end - start);
      start = end;
    }
  }

  /** Nothing new for RECORD_IDLE_MS. */
  settle(): void {
    this.#drop(this.#consumer.settle(this.#bytes, this.#heldBytes), this.#heldBytes);
  }

  /** The generation has ended; what was held is the consumer's to take, and the buffer is empty. */
  finish(): void {
    const heldBytes = this.#heldBytes;
    this.#heldBytes = 0;
    this.#consumer.finish(this.#bytes, heldBytes);
  }

  #feed(count: number): void {
    const length = this.#heldBytes + count;
    this.#drop(this.#consumer.read(this.#bytes, length), length);
  }

  #drop(doneBytes: number, length: number): void {
    if (doneBytes < 0 || doneBytes > length)
      throw new RangeError(`Cannot feed on: the consumer is done with ${doneBytes} of ${length} bytes`);
    if (doneBytes > 0) this.#bytes.copyWithin(0, doneBytes, length);
    this.#heldBytes = length - doneBytes;
  }

  /** A consumer over MAX_HELD_BYTES is tolerated as long as reading goes on; one that takes nothing at all would stop it for ever. */
  #room(): number {
    const room = FEED_BUFFER_BYTES - this.#heldBytes;
    if (room === 0)
      throw new RangeError(`Cannot feed on: the consumer holds all ${FEED_BUFFER_BYTES} bytes, at most ${MAX_HELD_BYTES} are allowed`);
    return room;
  }
}
