/**
 * Plays the reader's part of src/lines/chunk-consumer.ts, and holds the consumer to its part: never more taken than there is, never more held back than
 * MAX_HELD_BYTES, nothing looked at behind `length` (there stand access lines that would be counted).
 */
import { type ChunkConsumer, MAX_HELD_BYTES } from '../../../src/lines/chunk-consumer.ts';
import { ACCESS_LOGGER, accessMessage, asctime, START_MS } from './log-lines.ts';

export interface Chunking {
  /** Sizes of the chunks, used in turn; default: all at once. */
  readonly sizes?: readonly number[];
  /** Where the view begins in its ArrayBuffer. */
  readonly offset?: number;
  /** A Node Buffer instead of a plain Uint8Array. */
  readonly isBuffer?: boolean;
  /** Positions (bytes from the beginning) at which nothing new comes for a while. */
  readonly settleAt?: readonly number[];
}

/** What stands behind the bytes read: must never be seen. */
const POISON = Buffer.from(`\n${asctime(START_MS)} - ${ACCESS_LOGGER} - 643 - INFO - GET-77 - ${accessMessage()}\n`);

/** Feeds one generation and finishes it. Returns the most bytes that were held back. */
export function feed(
  consumer: ChunkConsumer,
  bytes: Uint8Array,
  { sizes = [bytes.length], offset = 0, isBuffer = false, settleAt = [] }: Chunking = {},
): number {
  const capacity = Math.min(bytes.length, MAX_HELD_BYTES + Math.max(...sizes, 1)) + 2 * POISON.length;
  const store = new ArrayBuffer(offset + capacity);
  const buffer = isBuffer ? Buffer.from(store, offset) : new Uint8Array(store, offset);
  for (let at = 0; at < capacity; at += POISON.length) buffer.set(POISON.subarray(0, Math.min(POISON.length, capacity - at)), at);
  const settles = new Set(settleAt);
  let held = 0;
  let mostHeld = 0;
  let position = 0;
  const drop = (done: number, length: number): void => {
    if (!Number.isInteger(done) || done < 0 || done > length) throw new RangeError(`The consumer is done with ${done} of ${length} bytes`);
    buffer.copyWithin(0, done, length);
    held = length - done;
    mostHeld = Math.max(mostHeld, held);
    if (held > MAX_HELD_BYTES) throw new RangeError(`The consumer holds ${held} bytes, at most ${MAX_HELD_BYTES} are allowed`);
  };
  for (let i = 0; position < bytes.length; i++) {
    let size = Math.max(1, Math.min(sizes[i % sizes.length] ?? 1, bytes.length - position));
    for (let step = 1; step < size; step++) if (settles.has(position + step)) size = step;
    const chunk = bytes.subarray(position, position + size);
    buffer.set(chunk, held);
    position += chunk.length;
    const length = held + chunk.length;
    drop(consumer.read(buffer, length), length);
    if (settles.has(position)) {
      const before = held;
      drop(consumer.settle(buffer, before), before);
    }
  }
  consumer.finish(buffer, held);
  return mostHeld;
}

/** Number of newlines, and one for a last line without. */
export function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  return bytes.length > 0 && bytes.at(-1) !== 0x0a ? lines + 1 : lines;
}
