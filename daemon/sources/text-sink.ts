/**
 * Takes bytes of unknown content and hands them to a consumer if they are text.
 *
 * In: chunks of any length. Out: the same bytes through a ChunkFeeder, once the first SNIFF_BYTES (or all there is) say that they are no binary data.
 * A consumer hears nothing at all of content that isn't text.
 */
import type { ChunkConsumer } from '../../src/lines/chunk-consumer.ts';
import { type ContentKind, decideContentKind, SNIFF_BYTES } from '../../src/tail/content-kind.ts';
import { ChunkFeeder } from './chunk-feeder.ts';

/** One generation's worth of bytes; not for use after `finish`. */
export class TextSink {
  readonly #feeder: ChunkFeeder;
  readonly #head = new Uint8Array(SNIFF_BYTES);
  #headBytes = 0;
  #content: ContentKind | undefined;

  constructor(consumer: ChunkConsumer) {
    this.#feeder = new ChunkFeeder(consumer);
  }

  /** What the bytes are, if they are no text: `binary data at byte 0`. Undefined: they are, or it isn't known yet. */
  get foreignContent(): string | undefined {
    if (this.#content?.kind === 'foreign') return this.#content.what;
    return this.#content?.kind === 'gzip' ? 'binary data at byte 0 (gzip)' : undefined;
  }

  /** Returns false when no more is wanted: the content is no text. */
  take(bytes: Uint8Array): boolean {
    if (this.#content !== undefined) return this.#feed(bytes);
    const count = Math.min(bytes.length, SNIFF_BYTES - this.#headBytes);
    this.#head.set(bytes.subarray(0, count), this.#headBytes);
    this.#headBytes += count;
    return this.#headBytes < SNIFF_BYTES || (this.#feed(this.#decide()) && this.#feed(bytes.subarray(count)));
  }

  /** There is no more. */
  finish(): void {
    if (this.#content === undefined) this.#feed(this.#decide());
    if (this.foreignContent === undefined) this.#feeder.finish();
  }

  #decide(): Uint8Array {
    this.#content = decideContentKind(this.#head, this.#headBytes);
    return this.#head.subarray(0, this.#headBytes);
  }

  #feed(bytes: Uint8Array): boolean {
    if (this.foreignContent !== undefined) return false;
    this.#feeder.push(bytes);
    return true;
  }
}
