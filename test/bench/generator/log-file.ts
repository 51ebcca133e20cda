/**
 * In: a log stream and a file descriptor. Out: a whole file of a given size, or one that grows in real time.
 *
 * Invariant: what is in the file is what the truth counts; a short write is continued, so no record is cut but by the reader's own eye.
 */
import fs from 'node:fs';
import { LogStream } from './log-stream.ts';
import type { Truth } from './truth.ts';
import type { LogOptions } from './world.ts';

const WRITE_BYTES = 1 << 20;
/** Synapse's PeriodicallyFlushingMemoryHandler: capacity and period (reference/synapse-log-lines.md 7.2). */
const HELD_RECORDS = 10;
const HELD_MS = 5000;

/** Writes records until the file ends at or past `sizeBytes`, and returns the truth. */
export function writeLog(options: LogOptions, sizeBytes: number, fd: number): Truth {
  const stream = new LogStream(options);
  let parts: string[] = [];
  let bytesHeld = 0;
  const flush = (): void => {
    writeAll(fd, parts.join(''));
    parts = [];
    bytesHeld = 0;
  };
  while (stream.bytes < sizeBytes) {
    stream.playMillisecond((text, bytes) => {
      parts.push(text);
      bytesHeld += bytes;
    }, sizeBytes);
    if (bytesHeld > WRITE_BYTES) flush();
  }
  flush();
  return stream.truth();
}

/** A log that grows as time goes on, held back as Synapse's default handler does, or not. */
export class LiveLog {
  readonly stream: LogStream;
  /** Records are held back as Synapse's default handler does. */
  isHeldBack: boolean;
  readonly #fd: number;
  readonly #onWritten: (text: string) => void;
  #parts: string[] = [];
  #heldSinceMs = 0;
  #isUrgent = false;

  /** `onWritten` hears the text of each write, after it. */
  constructor(options: LogOptions, fd: number, isHeldBack: boolean, onWritten: (text: string) => void = () => {}) {
    this.stream = new LogStream(options);
    this.isHeldBack = isHeldBack;
    this.#fd = fd;
    this.#onWritten = onWritten;
  }

  /** Plays the log up to `elapsedMs` since it began, and writes what Synapse would have written by then. */
  advanceTo(elapsedMs: number): void {
    while (this.stream.nowMs < elapsedMs) {
      const before = this.#parts.length;
      this.stream.playMillisecond((text, _bytes, isUrgent) => {
        this.#parts.push(text);
        this.#isUrgent ||= isUrgent;
      });
      if (before === 0) this.#heldSinceMs = this.stream.nowMs;
      if (this.isHeldBack && this.#isDue()) this.flush();
    }
    if (!this.isHeldBack) this.flush();
  }

  #isDue(): boolean {
    return (
      this.#isUrgent || this.#parts.length >= HELD_RECORDS || (this.#parts.length > 0 && this.stream.nowMs - this.#heldSinceMs >= HELD_MS)
    );
  }

  /** Writes what is held. */
  flush(): void {
    if (this.#parts.length === 0) return;
    const text = this.#parts.join('');
    this.#parts = [];
    this.#isUrgent = false;
    writeAll(this.#fd, text);
    this.#onWritten(text);
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  let done = 0;
  while (done < bytes.length) {
    try {
      done += fs.writeSync(fd, bytes, done);
    } catch (error) {
      // A pipe that is full for the moment.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
