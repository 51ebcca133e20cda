/**
 * A consumer that keeps what it is given. In: chunks, by the contract of src/lines/chunk-consumer.ts. Out: lines and bytes, generation by generation.
 *
 * It holds back what the real one may: the line that isn't ended and, if asked, the last whole line (a record that may go on). It checks its caller: bytes
 * that it held must be presented again unchanged.
 */
import { type ChunkConsumer, MAX_LINE_BYTES } from '../../src/lines/chunk-consumer.ts';

const NEWLINE = 10;

export interface Generation {
  /** Whole lines without their newline; after finish also a last one that had none. A cut line is its beginning. */
  readonly lines: string[];
  /** Everything taken. Only kept with `keepsBytes`. */
  readonly bytes: Buffer[];
}

export interface RecordingOptions {
  /** The last whole line is held until more comes, or settle or finish. Default: only the line that isn't ended is. */
  readonly holdsLastLine?: boolean;
  /** Keeps every byte; not for long inputs. */
  readonly keepsBytes?: boolean;
}

export class RecordingConsumer implements ChunkConsumer {
  readonly generations: Generation[] = [{ lines: [], bytes: [] }];
  /** Lines over MAX_LINE_BYTES. */
  cutCount = 0;
  takenBytes = 0;
  finishCount = 0;
  /** Positions, other than 0, at which reading began. */
  readonly begins: number[] = [];
  settleCount = 0;
  /** Largest `length` a call had, and largest buffer. */
  longestBytes = 0;
  bufferBytes = 0;
  readonly #holdsLastLine: boolean;
  readonly #keepsBytes: boolean;
  #held = Buffer.alloc(0);
  #isSkipping = false;

  constructor({ holdsLastLine = false, keepsBytes = false }: RecordingOptions = {}) {
    this.#holdsLastLine = holdsLastLine;
    this.#keepsBytes = keepsBytes;
  }

  /** Lines of all generations. */
  get lines(): string[] {
    return this.generations.flatMap(({ lines }) => lines);
  }

  /** Bytes of all generations, with `keepsBytes`. */
  get bytes(): Buffer {
    return Buffer.concat(this.generations.flatMap(({ bytes }) => bytes));
  }

  get heldText(): string {
    return this.#held.toString();
  }

  /** Takes over what another one has taken, as state that was committed; what that one held is gone. */
  continueAfter({ generations, takenBytes }: RecordingConsumer): void {
    this.generations.splice(0, 1, ...generations.map(({ lines, bytes }) => ({ lines: [...lines], bytes: [...bytes] })));
    this.takenBytes = takenBytes;
  }

  begin(positionBytes: number): void {
    this.begins.push(positionBytes);
  }

  read(bytes: Uint8Array, length: number): number {
    const wholeBytes = lastLineEnd(bytes, length);
    const lastLineStart = wholeBytes === 0 ? 0 : lastLineEnd(bytes, wholeBytes - 1);
    return this.#take(bytes, length, this.#holdsLastLine ? lastLineStart : wholeBytes);
  }

  settle(bytes: Uint8Array, length: number): number {
    this.settleCount++;
    return this.#take(bytes, length, lastLineEnd(bytes, length));
  }

  finish(bytes: Uint8Array, length: number): void {
    this.finishCount++;
    const wholeBytes = lastLineEnd(bytes, length);
    this.#take(bytes, length, wholeBytes);
    if (wholeBytes < length && !this.#isSkipping) this.#addLine(bytes.subarray(wholeBytes, length));
    this.#note(bytes, wholeBytes, length);
    this.#held = Buffer.alloc(0);
    this.#isSkipping = false;
    this.generations.push({ lines: [], bytes: [] });
  }

  #take(bytes: Uint8Array, length: number, end: number): number {
    this.#check(bytes, length);
    for (let start = 0; start < end; ) {
      const newline = bytes.indexOf(NEWLINE, start);
      if (this.#isSkipping) this.#isSkipping = false;
      else this.#addLine(bytes.subarray(start, newline));
      start = newline + 1;
    }
    const done = length - end > MAX_LINE_BYTES ? this.#cut(bytes, end, length) : end;
    this.#note(bytes, 0, done);
    this.#held = Buffer.from(bytes.subarray(done, length));
    return done;
  }

  /** The unended line is too long: its beginning is a line, the rest is skipped to the newline. */
  #cut(bytes: Uint8Array, start: number, length: number): number {
    if (bytes.subarray(start, length).includes(NEWLINE)) return start;
    if (!this.#isSkipping) this.#addLine(bytes.subarray(start, start + MAX_LINE_BYTES));
    if (!this.#isSkipping) this.cutCount++;
    this.#isSkipping = true;
    return length;
  }

  #check(bytes: Uint8Array, length: number): void {
    this.longestBytes = Math.max(this.longestBytes, length);
    this.bufferBytes = Math.max(this.bufferBytes, bytes.length);
    if (!this.#held.equals(bytes.subarray(0, this.#held.length))) throw new Error('The bytes held back were not presented again');
  }

  #addLine(bytes: Uint8Array): void {
    this.generations.at(-1)?.lines.push(Buffer.from(bytes).toString());
  }

  #note(bytes: Uint8Array, start: number, end: number): void {
    this.takenBytes += end - start;
    if (this.#keepsBytes) this.generations.at(-1)?.bytes.push(Buffer.from(bytes.subarray(start, end)));
  }
}

/** Behind the last newline of `bytes[0, length)`; 0: there is none. */
function lastLineEnd(bytes: Uint8Array, length: number): number {
  return length === 0 ? 0 : bytes.lastIndexOf(NEWLINE, length - 1) + 1;
}
