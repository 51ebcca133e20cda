/**
 * A record that may go on: its first line is read, and until the next header comes, lines without one belong to it. In: its header, and where its lines end.
 * Out: the record, with its message. Only offsets are kept; the bytes are the reader's, which presents them again.
 */
import { MAX_LINE_BYTES, MAX_RECORD_BYTES } from '../lines/chunk-consumer.ts';
import { type LinePrefix, skipPrefix } from './line-prefix.ts';
import type { LogStatement } from './log-statement.ts';
import type { Interest, LogRecord } from './record-handler.ts';
import type { RecordHeader } from './record-header.ts';
import { decodeText } from './text-decoder.ts';

/** What the reader knows of the record that it closes. */
interface Circumstances {
  readonly prefix: LinePrefix;
  readonly position: number;
  readonly line: number;
  /** It was cut before it came here. */
  readonly isCut: boolean;
  /** Whether its physical lines are wanted. */
  readonly hasRaw: boolean;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const NONE = -1;
const TRACEBACK = /\n(?:Traceback|Capture point) \(most recent call last\):\n/;

export class HeldRecord<I extends Interest> {
  /** Offset of its first byte. */
  at = NONE;
  lines = 0;
  /** Those of them that are longer than MAX_LINE_BYTES. */
  cutLines = 0;
  messageStart = 0;
  statement: LogStatement<I> | null = null;
  #requestStart = 0;
  #requestEnd = 0;
  #requestNumber = -1;
  #timeMs = 0;

  get isEmpty(): boolean {
    return this.at === NONE;
  }

  /** Begins with the line `[at, newline)`, whose header was just read. */
  hold(header: RecordHeader<I>, at: number, newline: number): void {
    this.at = at;
    this.lines = 1;
    this.cutLines = newline - at > MAX_LINE_BYTES ? 1 : 0;
    this.messageStart = header.messageStart;
    this.statement = header.statement;
    this.#requestStart = header.requestStart;
    this.#requestEnd = header.requestEnd;
    this.#requestNumber = header.requestNumber;
    this.#timeMs = header.timeMs;
  }

  /** The line `[at, newline)` belongs to it. */
  addLine(at: number, newline: number): void {
    this.lines++;
    if (newline - at > MAX_LINE_BYTES) this.cutLines++;
  }

  drop(): void {
    this.at = NONE;
  }

  /** @param end the offset behind its last newline. There must be a record. */
  read(bytes: Uint8Array, end: number, { prefix, position, line, isCut, hasRaw }: Circumstances): LogRecord<I> {
    const isTooLong = end - 1 - this.at > MAX_RECORD_BYTES;
    const textEnd = isTooLong ? this.at + MAX_RECORD_BYTES : end - 1;
    const text = withPlainLineEnds(this.#decode(bytes, this.messageStart, textEnd, prefix));
    const traceback = this.lines === 1 ? -1 : text.search(TRACEBACK);
    const raw = hasRaw ? { raw: withPlainLineEnds(this.#decode(bytes, this.at, textEnd, prefix)) } : null;
    const { interest, logger, level } = this.statement as LogStatement<I>;
    return {
      interest,
      logger,
      level,
      timeMs: this.#timeMs,
      request: decodeText(bytes, this.#requestStart, this.#requestEnd),
      requestNumber: this.#requestNumber,
      message: traceback < 0 ? text : text.slice(0, traceback),
      isCut: isCut || isTooLong,
      position,
      line,
      ...raw,
    };
  }

  /** From `start` (its message, or its first byte) up to `end`, its lines without their prefix. */
  #decode(bytes: Uint8Array, start: number, end: number, prefix: LinePrefix): string {
    const isMessage = start !== this.at;
    if (prefix === 'none' || (isMessage && this.lines === 1)) return decodeText(bytes, start, end);
    const lines: string[] = [];
    for (let at = start; at <= end; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const lineEnd = newline < 0 || newline > end ? end : newline;
      lines.push(decodeText(bytes, isMessage && lines.length === 0 ? at : skipPrefix(prefix, bytes, at), lineEnd));
      at = lineEnd + 1;
    }
    return lines.join('\n');
  }
}

/**
 * Without the `\r` in front of each newline and at the end (a container with a terminal, `tty: true`, and editors on Windows write them), and without empty
 * lines at the end, which belong to no record.
 */
function withPlainLineEnds(text: string): string {
  let end = text.length;
  while (end > 0 && isLineEnd(text.charCodeAt(end - 1))) end--;
  return end === text.length ? text : text.slice(0, end).replaceAll('\r\n', '\n');
}

function isLineEnd(code: number): boolean {
  return code === NEWLINE || code === RETURN;
}
