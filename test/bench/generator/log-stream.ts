/**
 * In: the options of a log. Out: its records, one millisecond of log time at a call, and the ground truth of those that were taken.
 *
 * Invariant: the same options give the same bytes; how often and in which steps a caller asks changes nothing.
 */
import { background } from './background.ts';
import { refusedUpload } from './key-requests.ts';
import { RequestMix } from './request-mix.ts';
import { schedule } from './request-plan.ts';
import type { Truth } from './truth.ts';
import { createWorld, type LogOptions, type World } from './world.ts';

/** One record as it stands in the file, with its newline. `isUrgent`: WARNING and above, which Synapse flushes at once. */
export type WriteRecord = (text: string, bytes: number, isUrgent: boolean) => void;

/** Lines that one request makes, with its share of the background; measured. */
const LINES_PER_REQUEST = { info: 1.17, todevice: 1.31, debug: 17.6, hostile: 1.17 };
/** Background records for a thousand requests; measured so that key lines are 3 % and access lines 85 % of `info`. */
const BACKGROUND_PER_MILLE = 97;
/** Requests per millisecond are counted in these parts: integers, so that no rounding differs between machines. */
const PARTS = 4_294_967;

export class LogStream {
  readonly #world: World;
  readonly #mix: RequestMix;
  #partsPerMs = 0;
  #requestParts = 0;
  #backgroundParts = 0;
  #stampedSecond = -1;
  #stampText = '';

  constructor(options: LogOptions) {
    this.#world = createWorld(options);
    this.#mix = new RequestMix(this.#world);
    this.setRate(options.linesPerSecond);
  }

  /** Lines per second of log time from now on, about; 0: no new request (long polls still end). */
  setRate(linesPerSecond: number): void {
    const requestsPerSecond = linesPerSecond / LINES_PER_REQUEST[this.#world.options.profile];
    this.#partsPerMs = Math.round(requestsPerSecond * 4294.967296);
  }

  /** Milliseconds of log time that have been played. */
  get nowMs(): number {
    return this.#world.timeline.nowMs;
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#world.book.bytes;
  }

  /** Plays one millisecond. Stops in it, for good, at the first record that ends at or past `maxBytes` of the whole log. */
  playMillisecond(write: WriteRecord, maxBytes = Number.POSITIVE_INFINITY): void {
    const { timeline, options, book, isHostile } = this.#world;
    this.#plan();
    for (const planned of timeline.take()) {
      if (book.bytes >= maxBytes) return;
      const { logger, sourceLine, level, requestId, message, onWritten } = planned;
      const text = `${this.#stamp(options.startMs + timeline.nowMs)} - ${logger} - ${sourceLine} - ${level} - ${requestId} - ${message}\n`;
      const bytes = isHostile ? Buffer.byteLength(text) : text.length;
      book.recordWritten(level, text, bytes);
      onWritten?.();
      write(text, bytes, level === 'WARNING' || level === 'ERROR');
    }
    timeline.step();
  }

  #plan(): void {
    this.#requestParts += this.#partsPerMs;
    while (this.#requestParts >= PARTS) {
      this.#requestParts -= PARTS;
      this.#mix.next();
      this.#backgroundParts += BACKGROUND_PER_MILLE;
      while (this.#backgroundParts >= 1000) {
        this.#backgroundParts -= 1000;
        background(this.#world);
      }
    }
  }

  /** Plans a refused upload that arrives now. Its records come within 46 ms of log time (live mode: a writer that waits to see it counted). */
  planRefusal(): void {
    const { random, cast } = this.#world;
    schedule(this.#world, refusedUpload(this.#world, random.pick(cast.wedged)));
  }

  truth(): Truth {
    return this.#world.book.finish(this.nowMs);
  }

  /** `2026-06-30 12:00:00,123`. */
  #stamp(epochMs: number): string {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.#stampedSecond) {
      this.#stampedSecond = second;
      this.#stampText = new Date(second * 1000).toISOString().slice(0, 19).replace('T', ' ');
    }
    return `${this.#stampText},${String(epochMs - second * 1000).padStart(3, '0')}`;
  }
}
