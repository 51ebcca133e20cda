/**
 * The log statement in Synapse's source that wrote a record: logger, line number, level; with it what we do with its records.
 *
 *     synapse.handlers.e2e_keys - 955 - INFO -          the middle of a header, between the stamp and the request id
 *
 * A statement writes the same middle every time, so the middle's bytes are the key of a small memo: known ones are recognised by
 * comparing words, without reading a field. Unknown ones are parsed once. The line number changes with each Synapse release; it's never
 * matched on. The memo is bounded: beyond MAX_STATEMENTS (a log that isn't Synapse's, or a hostile one) middles are parsed each time.
 */
import { isAscii } from '../lines/ascii.ts';
import { decodeText } from './text-decoder.ts';
import { digits } from './timestamp.ts';

export const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;
export type Level = (typeof LEVELS)[number];

/** Distinct log statements that are remembered. Synapse 1.155 has about 2,000; a busy server's INFO log shows 100 to 200. */
export const MAX_STATEMENTS = 4096;
/** Longest middle that is remembered, in bytes. */
export const MAX_MIDDLE_BYTES = 160;
const MAX_LOGGER_BYTES = 120;
const ACCESS_LOGGER = 'synapse.access.';
const SPACE = 0x20;

export interface LogStatement<Interest> {
  readonly logger: string;
  readonly level: Level;
  /** Behind the middle (and its ` - `), relative to its start: there the request id begins. */
  readonly length: number;
  /** What the owner of the table wants of it; asked once, when the statement is first seen. */
  readonly interest: Interest;
}

/**
 * A middle's bytes, eight at a time, as floating-point numbers: the widest that JavaScript compares at once. Exact, because text below 0x80 is
 * neither NaN nor a zero; a middle with other bytes equals nothing, and is parsed each time.
 */
interface Memo<Interest> {
  readonly words: Float64Array;
  /** The last eight bytes, and where they stand: the length needn't be a multiple of eight. */
  readonly lastWord: number;
  readonly lastOffset: number;
  readonly statement: LogStatement<Interest>;
  /** Another one in the same bucket. */
  readonly next: Memo<Interest> | null;
}

/** 2^10: ten bits of the hash. */
const BUCKETS = 1024;
/** The bytes of a middle that choose its bucket end here. A shorter middle (`root - 12 - INFO - `, rare) isn't remembered. */
const HASHED_BYTES = 22;

export class LogStatementTable<Interest> {
  readonly #buckets: (Memo<Interest> | null)[] = new Array(BUCKETS).fill(null);
  readonly #interestIn: (logger: string, level: Level) => Interest;
  #count = 0;
  /** The one found last: most records are of the same statement as the one before. */
  #last: Memo<Interest> | null = null;

  constructor(interestIn: (logger: string, level: Level) => Interest) {
    this.#interestIn = interestIn;
  }

  /**
   * The statement whose middle stands at `bytes[at …]`, or null where none does.
   *
   * @param view on the same bytes
   * @param hasServerName the layout has `%(server_name)s - ` before the request id
   */
  find(bytes: Uint8Array, view: DataView, at: number, hasServerName: boolean): LogStatement<Interest> | null {
    if (at + MAX_MIDDLE_BYTES > bytes.length) return this.#parse(bytes, at, hasServerName);
    const last = this.#last;
    if (last === null || view.getFloat64(at + last.lastOffset, true) !== last.lastWord)
      return this.#findOther(bytes, view, at, hasServerName);
    const { words } = last;
    for (let i = words.length - 1; i >= 0; i--)
      if (view.getFloat64(at + i * 8, true) !== words[i]) return this.#findOther(bytes, view, at, hasServerName);
    return last.statement;
  }

  #findOther(bytes: Uint8Array, view: DataView, at: number, hasServerName: boolean): LogStatement<Interest> | null {
    const bucket = bucketOf(view, at);
    const first = this.#buckets[bucket] as Memo<Interest> | null;
    for (let memo = first; memo !== null; memo = memo.next) {
      if (!isSame(memo, view, at)) continue;
      this.#last = memo;
      return memo.statement;
    }
    const statement = this.#parse(bytes, at, hasServerName);
    if (statement !== null && isRemembered(statement.length) && this.#count < MAX_STATEMENTS) {
      const memo = createMemo(statement, view, at, first);
      // One that holds no number would never be found again, and fill the table.
      if (isSame(memo, view, at)) {
        this.#count++;
        this.#buckets[bucket] = memo;
      }
    }
    return statement;
  }

  #parse(bytes: Uint8Array, at: number, hasServerName: boolean): LogStatement<Interest> | null {
    const loggerEnd = findLoggerEnd(bytes, at);
    if (loggerEnd < 0 || loggerEnd === at) return null;
    const lineStart = loggerEnd + 3;
    let lineEnd = lineStart;
    while (digits(bytes, lineEnd, 1) >= 0 && lineEnd < lineStart + 9) lineEnd++;
    if (lineEnd === lineStart || findTokenEnd(bytes, lineEnd, 1) !== lineEnd) return null;
    const levelStart = lineEnd + 3;
    const level = LEVELS.find((name) => isAscii(bytes, levelStart, name));
    if (level === undefined || findTokenEnd(bytes, levelStart + level.length, 1) !== levelStart + level.length) return null;
    let end = levelStart + level.length + 3;
    if (hasServerName) {
      const nameEnd = findTokenEnd(bytes, end, MAX_MIDDLE_BYTES);
      if (nameEnd < 0) return null;
      end = nameEnd + 3;
    }
    const logger = decodeText(bytes, at, loggerEnd);
    return { logger, level, length: end - at, interest: this.#interestIn(logger, level) };
  }
}

function isRemembered(length: number): boolean {
  return length >= HASHED_BYTES && length <= MAX_MIDDLE_BYTES;
}

/** From words behind `synapse.`, which all have in common. */
function bucketOf(view: DataView, at: number): number {
  const end = view.getInt32(at + 16, true) ^ Math.imul(view.getInt32(at + HASHED_BYTES - 4, true), 0xc2b2ae35);
  return Math.imul(view.getInt32(at + 8, true) ^ Math.imul(end, 0x9e3779b1), 0x85ebca6b) >>> 22;
}

function createMemo<Interest>(statement: LogStatement<Interest>, view: DataView, at: number, next: Memo<Interest> | null): Memo<Interest> {
  const words = new Float64Array(statement.length >> 3);
  for (let i = 0; i < words.length; i++) words[i] = view.getFloat64(at + i * 8, true);
  const lastOffset = statement.length - 8;
  return { words, lastWord: view.getFloat64(at + lastOffset, true), lastOffset, statement, next };
}

function isSame<Interest>({ words, lastWord, lastOffset }: Memo<Interest>, view: DataView, at: number): boolean {
  if (view.getFloat64(at + lastOffset, true) !== lastWord) return false;
  for (let i = words.length - 1; i >= 0; i--) if (view.getFloat64(at + i * 8, true) !== words[i]) return false;
  return true;
}

/** As findTokenEnd; a listener's tag (`listeners: [{tag: …}]`), the end of an access logger's name, may hold spaces. */
function findLoggerEnd(bytes: Uint8Array, at: number): number {
  const end = findTokenEnd(bytes, at, MAX_LOGGER_BYTES);
  if (end >= 0 || !isAscii(bytes, at, ACCESS_LOGGER)) return end;
  for (let i = at + ACCESS_LOGGER.length; i < at + MAX_LOGGER_BYTES && (bytes[i] ?? 0) >= SPACE; i++)
    if (bytes[i] === SPACE && findTokenEnd(bytes, i, 0) === i) return i;
  return -1;
}

/** End of the token without white space at `at`, where ` - ` follows; −1 where it doesn't within `limit` bytes. */
function findTokenEnd(bytes: Uint8Array, at: number, limit: number): number {
  for (let i = at; i <= at + limit; i++) {
    const byte = bytes[i];
    if (byte === SPACE) return bytes[i + 1] === 0x2d && bytes[i + 2] === 0x20 ? i : -1;
    if (byte === undefined || byte < SPACE) return -1;
  }
  return -1;
}
