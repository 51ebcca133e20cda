/**
 * What a reader of records tells, and what it must be told: the seam between `records` and whoever wants them (source-stream.ts).
 */
import type { AccessLine } from './access-line.ts';
import type { LogFormat } from './log-format.ts';
import type { Level } from './log-statement.ts';

/** What the records of a log statement are to the handler. */
export interface Interest {
  readonly isAccess: boolean;
  readonly isDebug: boolean;
  /** ASCII beginnings of the messages that are wanted; empty: none is. '' wants all. */
  readonly prefixes: readonly string[];
}

/** A record that may be wanted, with its whole message. */
export interface LogRecord<I extends Interest = Interest> {
  /** What the handler said of the record's statement. */
  readonly interest: I;
  readonly logger: string;
  readonly level: Level;
  readonly timeMs: number;
  /** `POST-2817`, `main`, `sentinel`, …; '' where the log has none. */
  readonly request: string;
  /** −1 where `request` isn't an HTTP request's. */
  readonly requestNumber: number;
  /** Without the traceback that may follow it. */
  readonly message: string;
  readonly isCut: boolean;
  /** Byte position of the record in its generation. */
  readonly position: number;
  /** Line number in its generation, from 1. */
  readonly line: number;
  /** All of its physical lines, header included, without what a transport put before them; only while the handler watches all. */
  readonly raw?: string;
}

export interface RecordHandler<I extends Interest = Interest> {
  /** While true, every record of a text log comes to `onRecord`, wanted or not, and access lines too (onAccessLine isn't called). */
  readonly watchesAll?: boolean;
  interestIn(logger: string, level: Level): I;
  onAccessLine(bytes: Uint8Array, line: AccessLine, position: number): void;
  onRecord(record: LogRecord<I>): void;
  /** A line that has no known shape. `reason`: `access_line synapse.access.http.8008`, `not_a_record`, … */
  onUnrecognised(reason: string, sample: string): void;
  onFormat(format: LogFormat): void;
  /** No record of any kind between these two stamps, MIN_HOLE_MS or more apart. `position`: the record behind the hole. */
  onHole(fromMs: number, toMs: number, position: number): void;
}

/**
 * Shortest hole in the stamps that is told, in ms. A client gives up after 2 s, and may have asked a little before the process stopped; quiet
 * servers have many such holes.
 */
export const MIN_HOLE_MS = 1500;
