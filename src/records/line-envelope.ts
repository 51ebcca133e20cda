/**
 * Takes off what a log's lines were put into, in front of whoever reads the lines: Docker's files (docker-entry.ts), Kubernetes' (cri-entry.ts), the journal's
 * entries as `journalctl -o json` exports them (journal-entry.ts).
 *
 * In: bytes of a file, as a ChunkConsumer; the first whole line of a generation says whether it has envelopes, one without passes untouched.
 * Out: the bytes inside, through the reader's own ChunkConsumer methods. Engines write a line of more than 16 KiB as several entries; they are one line
 * again here.
 *
 * What the reader isn't done with is presented again by our caller, envelope and all, and taken out again: nothing is kept between two calls, so a
 * position in the file is all that a restart needs. A line that has no envelope among those that have is handed on as it is.
 */
import { type ChunkConsumer, MAX_HELD_BYTES } from '../lines/chunk-consumer.ts';
import { unwrapCriEntry } from './cri-entry.ts';
import { unwrapDockerEntry } from './docker-entry.ts';
import type { Unwrap } from './envelope.ts';
import { unwrapJournalEntry } from './journal-entry.ts';

const NEWLINE = 0x0a;
const ENVELOPES: readonly Unwrap[] = [unwrapDockerEntry, unwrapCriEntry, unwrapJournalEntry];

export class LineEnvelope implements ChunkConsumer {
  readonly #reader: ChunkConsumer;
  /** Undefined until the generation's first whole line was seen; null: it has no envelope. */
  #unwrap: Unwrap | null | undefined;
  #inner = new Uint8Array(0);
  #innerLength = 0;
  /** Where each line begins, inside and in the file's bytes; the last entry is where the next would begin. */
  #innerStarts: number[] = [];
  #outerStarts: number[] = [];
  /** Bytes of the file that were no bytes of lines. Negative where a line that was given up got a newline. */
  envelopeBytes = 0;
  /** Position of offset 0, in the file and in what was handed on. */
  #outerBase = 0;
  #innerBase = 0;

  constructor(reader: ChunkConsumer) {
    this.#reader = reader;
  }

  begin(positionBytes: number): void {
    this.#unwrap = undefined;
    this.#outerBase = positionBytes;
    this.#innerBase = positionBytes;
    this.#reader.begin(positionBytes);
  }

  read(bytes: Uint8Array, length: number): number {
    if (!this.#looksWrapped(bytes, length)) return this.#reader.read(bytes, length);
    this.#takeOut(bytes, length);
    return this.#advance(this.#reader.read(this.#inner, this.#innerLength), length);
  }

  settle(bytes: Uint8Array, length: number): number {
    if (!this.#looksWrapped(bytes, length)) return this.#reader.settle(bytes, length);
    this.#takeOut(bytes, length);
    return this.#advance(this.#reader.settle(this.#inner, this.#innerLength), length);
  }

  finish(bytes: Uint8Array, length: number): void {
    if (this.#looksWrapped(bytes, length)) {
      this.#takeOut(bytes, length);
      // An entry that isn't whole: what there is of it is no line of the log.
      this.envelopeBytes += length - this.#innerLength;
      this.#reader.finish(this.#inner, this.#innerLength);
    } else this.#reader.finish(bytes, length);
    this.#unwrap = undefined;
    this.#outerBase = 0;
    this.#innerBase = 0;
  }

  /** Where in the file the record stands that the reader places at `position`; called while the reader works, or right after. */
  originOf(position: number): number {
    if (!this.#unwrap) return position;
    const line = this.#lineAt(position - this.#innerBase);
    return this.#outerBase + (this.#outerStarts[line] ?? 0);
  }

  #looksWrapped(bytes: Uint8Array, length: number): boolean {
    if (this.#unwrap === undefined) {
      const newline = bytes.indexOf(NEWLINE);
      if (newline < 0 || newline >= length) return false;
      this.#unwrap = ENVELOPES.find((unwrap) => unwrap(bytes, 0, newline) !== null) ?? null;
    }
    return this.#unwrap !== null;
  }

  /** Fills `#inner` with what stands in the whole lines of `bytes[0, length)`. */
  #takeOut(bytes: Uint8Array, length: number): void {
    this.#innerLength = 0;
    this.#innerStarts = [0];
    this.#outerStarts = [0];
    for (let at = 0; at < length; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline < 0 || newline >= length) break;
      this.#takeLine(bytes, at, newline);
      at = newline + 1;
      this.#innerStarts.push(this.#innerLength);
      this.#outerStarts.push(at);
    }
  }

  #takeLine(bytes: Uint8Array, start: number, newline: number): void {
    const text = this.#unwrap?.(bytes, start, newline) ?? bytes.subarray(start, newline + 1);
    const length = this.#innerLength + text.length;
    if (length > this.#inner.length) {
      const grown = new Uint8Array(2 * length);
      grown.set(this.#inner.subarray(0, this.#innerLength));
      this.#inner = grown;
    }
    this.#inner.set(text, this.#innerLength);
    this.#innerLength = length;
  }

  /** The reader is done with `innerDone` bytes: with how many of the file's? */
  #advance(innerDone: number, length: number): number {
    const line = this.#lineAt(innerDone);
    const outerDone = this.#outerStarts[line] ?? 0;
    // A record held by the reader is within its bound; in its envelope, with six bytes for a `<`, it may not be.
    if (length - outerDone > MAX_HELD_BYTES) return this.#giveUpHolding(innerDone, length);
    this.envelopeBytes += outerDone - innerDone;
    this.#innerBase += this.#innerStarts[line] ?? 0;
    this.#outerBase += outerDone;
    return outerDone;
  }

  /** The held lines are taken as they are, the last one too if it isn't ended. A line of the file that isn't ended within the bound is let go. */
  #giveUpHolding(innerDone: number, length: number): number {
    const rest = new Uint8Array(this.#innerLength - innerDone + 1);
    rest.set(this.#inner.subarray(innerDone, this.#innerLength));
    rest[rest.length - 1] = NEWLINE;
    const isEnded = rest.length === 1 || rest[rest.length - 2] === NEWLINE;
    const restBytes = rest.length - Number(isEnded);
    this.#reader.settle(rest, restBytes);
    const lineEnds = this.#outerStarts.at(-1) ?? 0;
    const outerDone = length - lineEnds > MAX_HELD_BYTES ? length : lineEnds;
    this.envelopeBytes += outerDone - innerDone - restBytes;
    this.#outerBase += outerDone;
    this.#innerBase += innerDone + restBytes;
    return outerDone;
  }

  /** Index of the line that holds inner offset `at`: the last one that begins at or before it, or behind all lines the end. */
  #lineAt(at: number): number {
    const starts = this.#innerStarts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
