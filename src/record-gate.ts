/**
 * The gate behind the reader of one text log: records that somebody may have forged wait here (src/requests/record-trust.ts) and go on, or are counted.
 *
 * In: records that a watch must see, access lines whose number can't be the next one, records that end in a client's text. Out: each record once, in
 * its order, to `release` or to `distrust`. JSON logs have no gate: a line end can't get out of its string there.
 */
import type { RecordKind } from './facts/emitted-kinds.ts';
import { AccessLine } from './records/access-line.ts';
import type { Interest, LogRecord } from './records/record-handler.ts';
import { decodeText } from './records/text-decoder.ts';
import { NumberWatch } from './requests/number-watch.ts';
import {
  type Carrier,
  CarrierWatch,
  type NumberHistory,
  type Suspect,
  type UntrustedReason,
  type Watch,
  type WatchDump,
} from './requests/record-trust.ts';

export interface GateOptions<I extends Interest> {
  readonly numbers: NumberHistory;
  readonly release: (record: LogRecord<I>) => void;
  readonly releaseAccessLine: (bytes: Uint8Array, line: AccessLine, position: number) => void;
  /** @param seenMs log time at which it was found out: that of the forged record is nothing to go by */
  readonly distrust: (record: LogRecord<I>, reason: UntrustedReason, seenMs: number) => void;
  readonly interestIn: (logger: string, level: LogRecord['level']) => I;
}

const utf8 = new TextEncoder();
const NEWLINE = 0x0a;
const KEYS_LOGGER = 'synapse.handlers.e2e_keys';
const SERVER_LOGGER = 'synapse.http.server';
const ERROR_TEXT = '> SynapseError: ';
/** `400 - `. */
const STATUS_LENGTH = 6;
/** Its text is Synapse's own, and it waits half a second for its access line. */
const RATE_LIMITED = '429 - ';
/** What `handlers/auth.py` says of a login type that it doesn't know: any text, of anybody. */
const LOGIN_TYPE = 'Unknown login type ';
const MEDIUM_TAIL = /, address (?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|None)$/;

export class RecordGate<I extends Interest> {
  readonly #options: GateOptions<I>;
  readonly #access = new AccessLine();
  #scratch = new Uint8Array(1024);
  #watch: Watch<LogRecord<I>> | null = null;
  /** What stands in the scratch buffer, and whether it's an access line. */
  #parsed: LogRecord<I> | null = null;
  #isParsedWhole = false;

  constructor(options: GateOptions<I>) {
    this.#options = options;
  }

  /** Whether every record must come to `hold`. */
  get isWatching(): boolean {
    return this.#watch !== null;
  }

  hold(record: LogRecord<I>): void {
    const verdict = this.#watch?.add(this.#suspectOf(record)) ?? null;
    if (verdict !== null) this.#settle(verdict, record.timeMs);
  }

  /** An access line whose number can't be the next one: it waits for those behind it. */
  question(
    bytes: Uint8Array,
    line: AccessLine,
    record: Omit<LogRecord<I>, 'message' | 'raw' | 'request' | 'requestNumber' | 'timeMs' | 'isCut'>,
  ): void {
    this.#watch = new NumberWatch(this.#options.numbers);
    this.hold({
      ...record,
      isCut: false,
      timeMs: line.timeMs,
      request: decodeText(bytes, line.requestStart, line.requestEnd),
      requestNumber: line.requestNumber,
      message: decodeText(bytes, line.messageStart, line.end),
      raw: '',
    });
  }

  /** A record has gone on. Where it ends in a text of a client's, those behind it wait. @param emitted the piece that a rule made of it */
  watchBehind(record: LogRecord<I>, emitted: string | undefined): void {
    const carrier = carrierOf(record, emitted as RecordKind | undefined);
    if (carrier !== null) this.#watch = new CarrierWatch(this.#options.numbers, carrier);
  }

  /** The input is over: what waits is judged by what is known. */
  end(): void {
    for (let watch = this.#watch; watch !== null; watch = this.#watch) this.#settle(watch.end(), Number.NaN);
  }

  dump(): WatchDump<Omit<LogRecord<I>, 'interest'>> | null {
    const dump = this.#watch?.dump() ?? null;
    return dump && { ...dump, suspects: dump.suspects.map(({ record: { interest, ...record }, ...suspect }) => ({ ...suspect, record })) };
  }

  restore(dump: WatchDump<Omit<LogRecord<I>, 'interest'>> | null): void {
    if (dump === null) return;
    const { numbers, interestIn } = this.#options;
    const suspects = dump.suspects.map(({ record, ...suspect }) => ({
      ...suspect,
      record: { ...record, interest: interestIn(record.logger, record.level) } as LogRecord<I>,
    }));
    const { carrier } = dump;
    this.#watch =
      carrier === null
        ? new NumberWatch(numbers, suspects)
        : new CarrierWatch(numbers, { ...carrier, tail: carrier.tail === null ? null : new RegExp(carrier.tail) }, suspects);
  }

  /** What goes on may begin a watch of its own; those behind it wait then. */
  #settle(
    {
      forged,
      genuine,
    }: {
      readonly forged: readonly { suspect: Suspect<LogRecord<I>>; reason: UntrustedReason }[];
      readonly genuine: readonly Suspect<LogRecord<I>>[];
    },
    nowMs: number,
  ): void {
    this.#watch = null;
    for (const { suspect, reason } of forged) this.#options.distrust(suspect.record, reason, Number.isNaN(nowMs) ? suspect.timeMs : nowMs);
    for (const { record } of genuine) {
      if (this.#watch !== null) this.hold(record);
      else if (record.interest.isAccess) this.#releaseAccess(record);
      else this.#options.release(record);
    }
  }

  #releaseAccess(record: LogRecord<I>): void {
    if (this.#parse(record)) this.#options.releaseAccessLine(this.#scratch, this.#access, record.position);
  }

  #suspectOf(record: LogRecord<I>): Suspect<LogRecord<I>> {
    const { timeMs, requestNumber, raw = '', interest, logger, message } = record;
    const isAccess = interest.isAccess && this.#parse(record);
    const { procMs, sendMs, sizeBytes } = this.#access;
    const isBeforeAnswer = isAccess || logger === KEYS_LOGGER || (logger === SERVER_LOGGER && message.includes(ERROR_TEXT));
    return { record, timeMs, requestNumber, raw, isBeforeAnswer, access: isAccess ? { procMs, sendMs, sizeBytes } : null };
  }

  /** As in a JSON log: the message is read by the same parser, behind the request id, in a buffer of our own. */
  #parse(record: LogRecord<I>): boolean {
    // One that goes on right behind the verdict that it brought was read for that.
    if (record !== this.#parsed) this.#isParsedWhole = this.#parseAnew(record);
    this.#parsed = record;
    return this.#isParsedWhole;
  }

  #parseAnew({ request, message, timeMs, requestNumber }: LogRecord<I>): boolean {
    const text = `${request}\0${message.replaceAll('\n', '\0')}\n`;
    if (this.#scratch.length < text.length * 3 + 64) this.#scratch = new Uint8Array(text.length * 3 + 1024);
    utf8.encodeInto(text, this.#scratch);
    const access = this.#access;
    const messageStart = this.#scratch.indexOf(0) + 1;
    if (this.#scratch.indexOf(NEWLINE) < messageStart || !access.parse(this.#scratch, messageStart)) return false;
    access.timeMs = timeMs;
    access.requestStart = 0;
    access.requestEnd = messageStart - 1;
    access.requestNumber = requestNumber;
    return true;
  }
}

/** null: nothing of a client's stands at its end. */
function carrierOf({ logger, message, requestNumber, timeMs }: LogRecord, emitted: RecordKind | undefined): Carrier | null {
  if (requestNumber < 0) return null;
  const carrier = { requestNumber, timeMs, echoedText: null, tail: null, isFree: false };
  if (emitted === 'client_text') return { ...carrier, tail: MEDIUM_TAIL, isFree: true };
  if (emitted === 'logged_in') return carrier;
  if (logger !== SERVER_LOGGER || emitted !== undefined) return null;
  const at = message.indexOf(ERROR_TEXT);
  if (at < 0 || message.startsWith(RATE_LIMITED, at + ERROR_TEXT.length)) return null;
  const echoedText = message.slice(at + ERROR_TEXT.length + STATUS_LENGTH);
  return { ...carrier, echoedText, isFree: echoedText.startsWith(LOGIN_TYPE) };
}
