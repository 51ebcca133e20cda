/**
 * Records of a JSON log, whose lines were found and parsed already. In: records, one by one. Out: to a `RecordHandler`, the same as of a text log.
 *
 * The message of a JSON access line is read by the one parser there is (access-line.ts), from a buffer of our own: `REQUEST\0MESSAGE\n`.
 */
import type { AccessLine } from './access-line.ts';
import type { JsonRecord } from './log-format.ts';
import type { Level } from './log-statement.ts';
import type { Interest, RecordHandler } from './record-handler.ts';
import { parseRequestNumber } from './request-id.ts';

const utf8 = new TextEncoder();
const SAMPLE_LENGTH = 200;

export class JsonRecords<I extends Interest> {
  readonly #handler: RecordHandler<I>;
  readonly #access: AccessLine;
  readonly #interestIn: (logger: string, level: Level) => I;
  #scratch = new Uint8Array(0);

  /** @param access the object that is handed over with each access line */
  constructor(handler: RecordHandler<I>, access: AccessLine, interestIn: (logger: string, level: Level) => I) {
    this.#handler = handler;
    this.#access = access;
    this.#interestIn = interestIn;
  }

  /** Hands the record over, if it's wanted. @param lineNumber in its generation, from 1. @param onAccessLine called before an access line is handed over */
  take(record: JsonRecord, position: number, lineNumber: number, onAccessLine: () => void): void {
    const { logger, level, message, request, timeMs } = record;
    const interest = this.#interestIn(logger, level);
    if (interest.isAccess) this.#takeAccessLine(record, interest, position, onAccessLine);
    else if (interest.prefixes.some((prefix) => message.startsWith(prefix)))
      this.#handler.onRecord({
        interest,
        logger,
        level,
        timeMs,
        request,
        requestNumber: parseRequestNumber(request),
        message,
        isCut: false,
        position,
        line: lineNumber,
      });
  }

  #takeAccessLine({ logger, message, request, timeMs }: JsonRecord, interest: Interest, position: number, onAccessLine: () => void): void {
    const text = `${request}\0${message.replaceAll('\n', '\0')}\n`;
    if (this.#scratch.length < text.length * 3 + 64) this.#scratch = new Uint8Array(text.length * 3 + 1024);
    const { written } = utf8.encodeInto(text, this.#scratch);
    const access = this.#access;
    const messageStart = this.#scratch.indexOf(0) + 1;
    if (interest.isDebug && access.isReceivedLine(this.#scratch, messageStart)) return;
    if (written === 0 || !access.parse(this.#scratch, messageStart))
      return this.#handler.onUnrecognised(`access_line ${logger}`, message.slice(0, SAMPLE_LENGTH));
    access.timeMs = timeMs;
    access.requestStart = 0;
    access.requestEnd = messageStart - 1;
    access.requestNumber = parseRequestNumber(request);
    onAccessLine();
    this.#handler.onAccessLine(this.#scratch, access, position);
  }
}
