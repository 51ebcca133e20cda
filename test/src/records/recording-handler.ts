/** Keeps what a RecordReader hands over, as plain data. Wants the records of `synapse.wanted` (those that begin with "Wanted") and access lines. */
import { hash } from 'node:crypto';
import type { AccessLine } from '../../../src/records/access-line.ts';
import type { LogFormat } from '../../../src/records/log-format.ts';
import type { Level } from '../../../src/records/log-statement.ts';
import type { Interest, LogRecord, RecordHandler } from '../../../src/records/record-handler.ts';
import { RecordReader } from '../../../src/records/record-reader.ts';
import { ZoneClock } from '../../../src/records/timestamp.ts';
import { type Chunking, feed } from './chunks.ts';
import type { LogEntry } from './log-lines.ts';
import { START_MS } from './log-lines.ts';

export type Handed =
  | {
      readonly kind: 'record';
      readonly request: string;
      readonly number: number;
      readonly message: string;
      readonly isCut: boolean;
      readonly position: number;
      readonly timeMs: number;
    }
  | {
      readonly kind: 'access';
      readonly number: number;
      readonly status: number;
      readonly uri: string;
      readonly position: number;
      readonly timeMs: number;
    }
  | { readonly kind: 'hole'; readonly fromMs: number; readonly toMs: number; readonly position: number }
  | { readonly kind: 'unknown'; readonly reason: string; readonly sample: string };

const WANTED_LOGGER = 'synapse.wanted';

export class RecordingHandler implements RecordHandler {
  readonly handed: Handed[] = [];
  readonly formats: LogFormat[] = [];
  asked = 0;
  prefixes: readonly string[] = ['Wanted'];

  interestIn(logger: string, level: Level): Interest {
    this.asked++;
    const isAccess = logger.startsWith('synapse.access.');
    return { isAccess, isDebug: level === 'DEBUG', prefixes: logger === WANTED_LOGGER ? this.prefixes : [] };
  }

  onAccessLine(bytes: Uint8Array, line: AccessLine, position: number): void {
    const uri = Buffer.from(bytes.subarray(line.uriStart, bytes.indexOf(0x20, line.uriStart))).toString();
    this.handed.push({ kind: 'access', number: line.requestNumber, status: line.status, uri, position, timeMs: line.timeMs });
  }

  onRecord({ request, requestNumber: number, message, isCut, position, timeMs }: LogRecord): void {
    this.handed.push({ kind: 'record', request, number, message, isCut, position, timeMs });
  }

  onUnrecognised(reason: string, sample: string): void {
    this.handed.push({ kind: 'unknown', reason, sample });
  }

  onHole(fromMs: number, toMs: number, position: number): void {
    this.handed.push({ kind: 'hole', fromMs, toMs, position });
  }

  onFormat(format: LogFormat): void {
    this.formats.push(format);
  }

  get records(): Extract<Handed, { kind: 'record' }>[] {
    return this.handed.filter((entry) => entry.kind === 'record');
  }

  get accessLines(): Extract<Handed, { kind: 'access' }>[] {
    return this.handed.filter((entry) => entry.kind === 'access');
  }

  /** Reasons of unknown lines, in order. */
  get unknown(): string[] {
    return this.handed.flatMap((entry) => (entry.kind === 'unknown' ? [entry.reason] : []));
  }
}

export interface Reading {
  readonly handler: RecordingHandler;
  readonly reader: RecordReader;
  readonly mostHeldBytes: number;
}

export function readRecords(
  log: string | Uint8Array,
  chunking: Chunking & { readonly format?: LogFormat; readonly timeZone?: string } = {},
): Reading {
  const handler = new RecordingHandler();
  const reader = new RecordReader(handler, new ZoneClock(chunking.timeZone ?? 'UTC'), chunking.format ?? null);
  const mostHeldBytes = feed(reader, typeof log === 'string' ? Buffer.from(log) : log, chunking);
  return { handler, reader, mostHeldBytes };
}

/** All that can be told of a reading; equal ones read the same. Samples are for people and may differ where a line comes in pieces. */
export function resultOf({ handler, reader }: Reading): unknown {
  const handed = handler.handed.map((entry) =>
    entry.kind === 'unknown' ? entry.reason : entry.kind === 'record' ? { ...entry, message: shorten(entry.message) } : entry,
  );
  return { handed, formats: handler.formats, counts: { ...reader.counts } };
}

/** Long messages by their length and their ends, so that a difference can be read. */
function shorten(message: string): string {
  return message.length < 500 ? message : `${message.slice(0, 20)} … ${message.length} … ${message.slice(-20)} ${hash('sha256', message)}`;
}

let made = 0;

/** A record that the handler wants. */
export function wanted(message: string, more: Partial<LogEntry> = {}): LogEntry {
  return { timeMs: START_MS + made++ * 10, logger: WANTED_LOGGER, level: 'INFO', request: 'POST-7', message: `Wanted ${message}`, ...more };
}

/** A record that nobody wants. */
export function unwanted(message = 'x', more: Partial<LogEntry> = {}): LogEntry {
  return { ...wanted(message, more), logger: 'synapse.other', message };
}
