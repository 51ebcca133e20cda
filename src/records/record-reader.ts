/**
 * Bytes to records. In: chunks of one source (ChunkConsumer). Out: to a `RecordHandler`, each access line as a parsed `AccessLine`, and each
 * other record that some rule may want, whole, with its continuation lines; all others are counted only.
 *
 * A record that may be wanted is held until the next header comes (or the source is quiet): its message may hold newlines. It stays in the
 * reader's buffer meanwhile: `read` returns the offset where it begins. Nothing else is held, and lines and records are counted when they
 * are done with, so bytes presented again aren't counted again. Every physical line is counted once, whatever it is.
 */
import { isAscii, startsWith } from '../lines/ascii.ts';
import { type ChunkConsumer, MAX_LINE_BYTES, MAX_RECORD_BYTES } from '../lines/chunk-consumer.ts';
import { AccessLine } from './access-line.ts';
import { HeldRecord } from './held-record.ts';
import { JsonRecords } from './json-records.ts';
import { type LinePrefix, skipPrefix } from './line-prefix.ts';
import { detectFormat, isOtherLayout, type LogFormat, parseJsonRecord } from './log-format.ts';
import { type Level, type LogStatement, LogStatementTable } from './log-statement.ts';
import { type Interest, MIN_HOLE_MS, type RecordHandler } from './record-handler.ts';
import { RecordHeader } from './record-header.ts';
import { decodeText } from './text-decoder.ts';
import type { ZoneClock } from './timestamp.ts';

/** What stands in the files, forged and doubled records included (contract.md, `sources[]`). */
export interface PhysicalCounts {
  lines: number;
  records: number;
  accessLines: number;
  cutLines: number;
  bytes: number;
  firstTimeMs: number;
  lastTimeMs: number;
}

/** What a RecordReader knows between two calls, as plain data; what it holds back isn't part of it, that is presented again. */
export interface RecordReaderDump {
  readonly format: LogFormat | null;
  readonly isSkipping: boolean;
  readonly isInRecord: boolean;
  readonly misses: number;
  /** Lines of the generations before this one. */
  readonly linesBefore: number;
  /** Stamp of the last record of any kind; null: none yet. */
  readonly stampMs: number | null;
  readonly counts: Omit<PhysicalCounts, 'firstTimeMs' | 'lastTimeMs'> & {
    readonly firstTimeMs: number | null;
    readonly lastTimeMs: number | null;
  };
}

const NEWLINE = 0x0a;
/** U+FEFF in UTF-8. */
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
/** Lines from a doubtful one on that are looked at: enough to tell a new layout from an odd line. Chosen. */
const LINES_IN_DOUBT = 4;
/** Doubtful lines that are passed over behind one that turned out to be odd: a log may be full of them. Chosen. */
const DOUBTS_PASSED_OVER = 20;
/** Lines in a row without a header after which the format is looked at anew. */
const MISSES_BEFORE_DETECT = 100;
const SAMPLE_LENGTH = 200;

export class RecordReader<I extends Interest = Interest> implements ChunkConsumer {
  readonly counts: PhysicalCounts = {
    lines: 0,
    records: 0,
    accessLines: 0,
    cutLines: 0,
    bytes: 0,
    firstTimeMs: Number.NaN,
    lastTimeMs: Number.NaN,
  };
  readonly #handler: RecordHandler<I>;
  readonly #clock: ZoneClock;
  #header: RecordHeader<I>;
  readonly #access = new AccessLine();
  readonly #interests = new Map<string, I>();
  #format: LogFormat | null = null;
  /** Of the format: looked at for every line. */
  #prefix: LinePrefix = 'none';
  #hasServerName = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  readonly #json: JsonRecords<I>;
  readonly #countAccessLine = (): void => {
    this.counts.accessLines++;
  };

  /** Position, in the generation, of the buffer's offset 0. */
  #base = 0;
  /** Lines of the generations before. */
  #linesBefore = 0;
  readonly #held = new HeldRecord<I>();
  /** The rest of a cut line is being skipped. */
  #isSkipping = false;
  /** A record has been seen, so lines without a header belong to it. */
  #isInRecord = false;
  #misses = 0;
  /** Lines of doubtful layout that are passed over from here on. */
  #doubts = 0;
  /** Stamp of the last record; NaN before the first. */
  #stampMs = Number.NaN;

  constructor(handler: RecordHandler<I>, clock: ZoneClock, format: LogFormat | null = null) {
    this.#handler = handler;
    this.#clock = clock;
    this.#header = this.#createHeader();
    this.#json = new JsonRecords(handler, this.#access, (logger, level) => this.#interestIn(logger, level));
    if (format !== null) this.#setFormat(format);
  }

  #setFormat(format: LogFormat): void {
    this.#format = format;
    this.#prefix = format.prefix;
    this.#hasServerName = format.kind === 'text' && format.hasServerName;
  }

  /** The one that is handed over with each access line. */
  get accessLine(): AccessLine {
    return this.#access;
  }

  /** Of the line that was counted last, in its generation. */
  get lineNumber(): number {
    return this.counts.lines - this.#linesBefore;
  }

  get format(): LogFormat | null {
    return this.#format;
  }

  /** What the handler wants has changed: statements are asked about anew. */
  forgetInterests(): void {
    this.#interests.clear();
    this.#header = this.#createHeader();
  }

  begin(positionBytes: number): void {
    this.#base = positionBytes;
  }

  dump(): RecordReaderDump {
    const { firstTimeMs, lastTimeMs } = this.counts;
    return {
      format: this.#format,
      isSkipping: this.#isSkipping,
      isInRecord: this.#isInRecord,
      misses: this.#misses,
      linesBefore: this.#linesBefore,
      stampMs: orNull(this.#stampMs),
      counts: { ...this.counts, firstTimeMs: orNull(firstTimeMs), lastTimeMs: orNull(lastTimeMs) },
    };
  }

  /** A format that was set stays. */
  restore({ format, isSkipping, isInRecord, misses, linesBefore, stampMs, counts }: RecordReaderDump): void {
    if (this.#format === null && format !== null) this.#setFormat(format);
    this.#isSkipping = isSkipping;
    this.#isInRecord = isInRecord;
    this.#misses = misses;
    this.#linesBefore = linesBefore;
    this.#stampMs = stampMs ?? Number.NaN;
    Object.assign(this.counts, counts, { firstTimeMs: counts.firstTimeMs ?? Number.NaN, lastTimeMs: counts.lastTimeMs ?? Number.NaN });
  }

  #createHeader(): RecordHeader<I> {
    return new RecordHeader(new LogStatementTable((logger, level) => this.#interestIn(logger, level)), this.#clock);
  }

  read(bytes: Uint8Array, length: number): number {
    this.#bind(bytes);
    let at = this.#skipCutLine(bytes, this.#lineStart(bytes), length);
    const limit = findLinesEnd(bytes, length);
    if (at < limit) at = this.#readLines(bytes, at, limit);
    if (!this.#held.isEmpty) at = this.#boundRecord(bytes, limit, length);
    if (this.#held.isEmpty && at >= limit && length - at > MAX_LINE_BYTES) at = this.#cutLine(bytes, at, length);
    return this.#consume(at);
  }

  settle(bytes: Uint8Array, length: number): number {
    this.#bind(bytes);
    const limit = findLinesEnd(bytes, length);
    let at = this.#skipCutLine(bytes, this.#lineStart(bytes), length);
    if (at < limit) at = this.#readLines(bytes, at, limit);
    if (!this.#held.isEmpty) {
      this.#closeHeld(bytes, limit);
      at = limit;
    }
    return this.#consume(at);
  }

  finish(bytes: Uint8Array, length: number): void {
    const consumed = this.settle(bytes, length);
    if (consumed < length && !this.#isSkipping) {
      // The last line has no newline: give it one, in a buffer of our own.
      const rest = new Uint8Array(length - consumed + 1);
      rest.set(bytes.subarray(consumed, length));
      rest[rest.length - 1] = NEWLINE;
      this.settle(rest, rest.length);
      this.counts.bytes--;
    } else this.counts.bytes += length - consumed;
    this.#base = 0;
    this.#linesBefore = this.counts.lines;
    this.#isSkipping = false;
  }

  /** Where the buffer's first line begins: at 0, but behind the byte order mark that an editor put in front of the file. */
  #lineStart(bytes: Uint8Array): number {
    return this.#base === 0 && startsWith(bytes, 0, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  }

  #bind(bytes: Uint8Array): void {
    if (bytes === this.#bytes) return;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #consume(at: number): number {
    this.#base += at;
    this.counts.bytes += at;
    this.#held.drop();
    return at;
  }

  /** All complete lines in `[start, limit)`. Returns the offset up to which they are done with: `limit`, or where the held record begins. */
  #readLines(bytes: Uint8Array, start: number, limit: number): number {
    if (this.#format === null && start < limit) this.#detect(bytes, start, limit);
    return this.#format?.kind === 'json' ? this.#readJsonLines(bytes, start, limit) : this.#readTextLines(bytes, start, limit);
  }

  #readTextLines(bytes: Uint8Array, start: number, limit: number): number {
    const at = this.#readEachLine(bytes, start, limit);
    if (at < limit) return this.#readLines(bytes, at, limit);
    this.#noteTime(this.#header.timeMs);
    return this.#held.isEmpty ? limit : this.#held.at;
  }

  /**
   * Returns `limit`, or where lines of another layout begin. Nothing but a loop: V8 compiles it while it runs, and leaves that code each time it comes to something
   * behind the loop that it hadn't come to by then.
   */
  #readEachLine(bytes: Uint8Array, start: number, limit: number): number {
    const view = this.#view;
    let at = start;
    while (at < limit) {
      const lineStart = at;
      at = this.#readTextLine(bytes, view, lineStart, limit);
      // It has another layout than those before, which is known now: it's read again.
      if (at === lineStart) return at;
      // The missed line is looked at too: it may be all there is, where the log is followed line by line.
      if (this.#misses >= MISSES_BEFORE_DETECT && this.#detect(bytes, lineStart, limit)) return at;
    }
    return limit;
  }

  /** The line at `at`. Returns the offset behind it. A function for each line, not a loop: V8 compiles it once, and well. */
  #readTextLine(bytes: Uint8Array, view: DataView, at: number, limit: number): number {
    const header = this.#header;
    const lineStart = this.#prefix === 'none' ? at : skipPrefix(this.#prefix, bytes, at);
    if (!header.read(bytes, view, lineStart, this.#hasServerName)) return this.#continueRecord(bytes, at);
    if (header.requestNumber < 0 && this.#hasNewLayout(bytes, at, limit)) return at;
    if (!this.#held.isEmpty) this.#closeHeld(bytes, at);
    if (header.timeMs - this.#stampMs >= MIN_HOLE_MS) this.#handler.onHole(this.#stampMs, header.timeMs, this.#base + at);
    this.#stampMs = header.timeMs;
    this.#misses = 0;
    if (!this.#isInRecord) this.#beginRecords();
    const interest = header.statement?.interest as I;
    if (this.#handler.watchesAll === true) return this.#watch(bytes, at);
    if (interest.isAccess) return this.#takeAccessLine(bytes, interest, at) + 1;
    const end = bytes.indexOf(NEWLINE, header.messageStart);
    if (interest.prefixes.length > 0 && isWanted(interest, bytes, header.messageStart)) {
      this.#held.hold(header, at, end);
    } else {
      this.counts.lines++;
      this.counts.records++;
      if (end - at > MAX_LINE_BYTES) this.counts.cutLines++;
    }
    return end + 1;
  }

  /**
   * The record at `at`, whose header was just read, is of no request. Whether that is so because `%(server_name)s` came into the layout, or left it
   * (Synapse's log configuration was changed and reloaded), and the lines from here on bear that out.
   */
  #hasNewLayout(bytes: Uint8Array, at: number, limit: number): boolean {
    if (!isOtherLayout(bytes, this.#header, this.#hasServerName) || this.#doubts-- > 0) return false;
    if (this.#detect(bytes, at, endOfLines(bytes, at, limit, LINES_IN_DOUBT))) {
      // Statements are remembered with their server's name.
      this.#header = this.#createHeader();
      this.#doubts = 0;
      return true;
    }
    this.#doubts = DOUBTS_PASSED_OVER;
    return false;
  }

  /** Holds the record at `at`, whatever it is. */
  #watch(bytes: Uint8Array, at: number): number {
    const end = bytes.indexOf(NEWLINE, this.#header.messageStart);
    this.#held.hold(this.#header, at, end);
    return end + 1;
  }

  /** Physical counts of an access line that was held are those that it would have had otherwise. */
  #countHeldAccessLine(bytes: Uint8Array, { interest, logger }: LogStatement<I>): void {
    const start = this.#held.messageStart;
    if (interest.isDebug && this.#access.isReceivedLine(bytes, start)) return;
    const end = bytes.indexOf(NEWLINE, start);
    if (this.#access.parse(bytes, start) && end - this.#held.at <= MAX_LINE_BYTES) this.counts.accessLines++;
    else this.#handler.onUnrecognised(`access_line ${logger}`, decodeText(bytes, start, Math.min(end, start + SAMPLE_LENGTH)));
  }

  #beginRecords(): void {
    this.#isInRecord = true;
    this.#noteTime(this.#header.timeMs);
  }

  /** Parses the access line at `at`, whose header was just read. Returns the offset of its newline. */
  #takeAccessLine(bytes: Uint8Array, interest: Interest, at: number): number {
    const access = this.#access;
    const header = this.#header;
    const { counts } = this;
    const { messageStart } = header;
    counts.lines++;
    counts.records++;
    const isReceived = interest.isDebug && access.isReceivedLine(bytes, messageStart);
    if (isReceived) return bytes.indexOf(NEWLINE, messageStart);
    const isWhole = access.parse(bytes, messageStart) && access.end - at <= MAX_LINE_BYTES;
    if (!isWhole) {
      const end = bytes.indexOf(NEWLINE, messageStart);
      if (end - at > MAX_LINE_BYTES) counts.cutLines++;
      const sample = decodeText(bytes, messageStart, Math.min(end, messageStart + SAMPLE_LENGTH));
      this.#handler.onUnrecognised(`access_line ${header.statement?.logger}`, sample);
      return end;
    }
    access.timeMs = header.timeMs;
    access.requestStart = header.requestStart;
    access.requestEnd = header.requestEnd;
    access.requestNumber = header.requestNumber;
    counts.accessLines++;
    this.#handler.onAccessLine(bytes, access, this.#base + at);
    return access.end;
  }

  /** A line without a header: part of the record before it. Returns the offset behind it. */
  #continueRecord(bytes: Uint8Array, at: number): number {
    const end = bytes.indexOf(NEWLINE, at);
    if (!this.#held.isEmpty) this.#held.addLine(at, end);
    else {
      this.counts.lines++;
      if (end - at > MAX_LINE_BYTES) this.counts.cutLines++;
      this.#misses++;
      if (!this.#isInRecord) this.#handler.onUnrecognised('not_a_record', decodeText(bytes, at, Math.min(end, at + SAMPLE_LENGTH)));
    }
    return end + 1;
  }

  /** The held record ends before `end` (the offset behind its last newline). `isCut`: what there is of it was cut before. */
  #closeHeld(bytes: Uint8Array, end: number, isCut = false): void {
    const held = this.#held;
    this.counts.lines += held.lines;
    this.counts.cutLines += held.cutLines;
    this.counts.records++;
    if (held.statement?.interest.isAccess === true) this.#countHeldAccessLine(bytes, held.statement);
    const position = this.#base + held.at;
    const line = this.lineNumber - held.lines + 1;
    const record = held.read(bytes, end, { prefix: this.#prefix, position, line, isCut, hasRaw: this.#handler.watchesAll === true });
    held.drop();
    this.#handler.onRecord(record);
  }

  #readJsonLines(bytes: Uint8Array, start: number, limit: number): number {
    const { counts } = this;
    const prefix = this.#format?.prefix ?? 'none';
    let at = start;
    while (at < limit) {
      const end = bytes.indexOf(NEWLINE, at);
      const lineStart = prefix === 'none' ? at : skipPrefix(prefix, bytes, at);
      const isCut = end - at > MAX_LINE_BYTES;
      const line = decodeText(bytes, lineStart, isCut ? lineStart + SAMPLE_LENGTH : end);
      const record = isCut ? null : parseJsonRecord(line);
      counts.lines++;
      if (isCut) counts.cutLines++;
      if (record === null) {
        this.#misses++;
        this.#handler.onUnrecognised(line.startsWith('{') ? 'json_not_a_record' : 'not_a_record', line.slice(0, SAMPLE_LENGTH));
        if (this.#misses >= MISSES_BEFORE_DETECT && this.#detect(bytes, at, limit)) return this.#readLines(bytes, end + 1, limit);
      } else {
        this.#misses = 0;
        counts.records++;
        this.#noteTime(record.timeMs);
        if (record.timeMs - this.#stampMs >= MIN_HOLE_MS) this.#handler.onHole(this.#stampMs, record.timeMs, this.#base + at);
        this.#stampMs = record.timeMs;
        this.#json.take(record, this.#base + at, this.lineNumber, this.#countAccessLine);
      }
      at = end + 1;
    }
    return limit;
  }

  #interestIn(logger: string, level: Level): I {
    const key = `${level} ${logger}`;
    const known = this.#interests.get(key);
    if (known !== undefined) return known;
    const interest = this.#handler.interestIn(logger, level);
    if (this.#interests.size < MAX_INTERESTS) this.#interests.set(key, interest);
    return interest;
  }

  /** Looks at the lines in `[start, limit)`; true where they have another format than the one known. */
  #detect(bytes: Uint8Array, start: number, limit: number): boolean {
    this.#misses = 0;
    const format = detectFormat(bytes, start, limit);
    if (format === null || JSON.stringify(format) === JSON.stringify(this.#format)) return false;
    this.#setFormat(format);
    this.#handler.onFormat(format);
    return true;
  }

  #noteTime(timeMs: number): void {
    if (Number.isNaN(timeMs)) return;
    if (Number.isNaN(this.counts.firstTimeMs)) this.counts.firstTimeMs = timeMs;
    this.counts.lastTimeMs = timeMs;
  }

  /** Skips what is left of a cut line. Returns the offset behind its newline, or `length`. */
  #skipCutLine(bytes: Uint8Array, at: number, length: number): number {
    if (!this.#isSkipping) return at;
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0 || end >= length) return length;
    this.#isSkipping = false;
    return end + 1;
  }

  /** The line at `at` is longer than MAX_LINE_BYTES: what there is of it is read as a line, the rest skipped. */
  #cutLine(bytes: Uint8Array, at: number, length: number): number {
    this.counts.cutLines++;
    this.#isSkipping = true;
    this.#readCut(bytes, at, Math.min(length, at + MAX_LINE_BYTES));
    return length;
  }

  /**
   * Gives up holding where a bound is certain to be crossed: the record's whole lines are longer than MAX_RECORD_BYTES, or the line that isn't
   * ended yet is longer than MAX_LINE_BYTES. What comes out is the same as if all had been there at once. Returns what is done with.
   */
  #boundRecord(bytes: Uint8Array, limit: number, length: number): number {
    const isLineTooLong = length - limit > MAX_LINE_BYTES;
    if (limit - 1 - this.#held.at <= MAX_RECORD_BYTES && !isLineTooLong) return this.#held.at;
    // A line that long has a whole header, if it has one; without one it's part of the record, which then is too long.
    const isNext = isLineTooLong && this.#isHeader(bytes, limit);
    this.#closeHeld(bytes, isNext || !isLineTooLong ? limit : length + 1);
    return limit;
  }

  #isHeader(bytes: Uint8Array, at: number): boolean {
    return this.#header.read(bytes, this.#view, skipPrefix(this.#prefix, bytes, at), this.#hasServerName);
  }

  /** Reads `[start, end)`, the kept part of a cut line, as one line with its newline, in a buffer of our own. */
  #readCut(bytes: Uint8Array, start: number, end: number): void {
    const kept = new Uint8Array(end - start + 1);
    kept.set(bytes.subarray(start, end));
    kept[kept.length - 1] = NEWLINE;
    this.#bind(kept);
    const base = this.#base;
    this.#base += start;
    this.#readLines(kept, 0, kept.length);
    if (!this.#held.isEmpty) this.#closeHeld(kept, kept.length, true);
    this.#base = base;
    this.#bind(bytes);
  }
}

/** JSON has no NaN. */
function orNull(timeMs: number): number | null {
  return Number.isNaN(timeMs) ? null : timeMs;
}

/** Distinct (level, logger) pairs remembered; a log that isn't Synapse's could have any number. */
const MAX_INTERESTS = 4096;

/** Offset behind the last newline in `bytes[0, length)`; 0 where there is none. (`lastIndexOf` with −1 would begin at the buffer's end.) */
function findLinesEnd(bytes: Uint8Array, length: number): number {
  return length === 0 ? 0 : bytes.lastIndexOf(NEWLINE, length - 1) + 1;
}

/** Offset behind the `count`th newline in `bytes[start, limit)`, or `limit`. */
function endOfLines(bytes: Uint8Array, start: number, limit: number, count: number): number {
  let at = start;
  for (let i = 0; i < count && at < limit; i++) at = bytes.indexOf(NEWLINE, at) + 1;
  return at;
}

function isWanted({ prefixes }: Interest, bytes: Uint8Array, messageStart: number): boolean {
  for (let i = 0; i < prefixes.length; i++) if (isAscii(bytes, messageStart, prefixes[i] as string)) return true;
  return false;
}
