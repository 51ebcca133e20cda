/**
 * The watcher's own log: levels, messages and fields in; one JSON object a line out, on standard output, where journald takes it. The only
 * importer of pino.
 *
 * Fields that hold capabilities or private data are censored by their names, at three depths; what stands in texts is the observer's
 * concern (redaction.ts). Lines are written synchronously: what was said before a crash is there after it.
 */
import { pino } from 'pino';
import type { Clock } from './clock.ts';
import type { LogLevel } from './config/config.ts';

/** What a line says beside its message: plain data; an Error under `err` is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  write(level: LogLevel, message: string, fields: LogFields): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Takes whole lines, each with its newline; default: standard output. */
  readonly destination?: { write(line: string): void };
}

// Whoever holds a delay id may cancel the event (MSC4140), transaction ids tell what was sent, the rest is about people.
const SENSITIVE_KEYS = ['delayId', 'txnId', 'ip', 'userAgent', 'accessToken', 'delay_id', 'txn_id', 'user_agent', 'access_token'];

/** {"level":"warn","time":"2026-03-10T08:00:00.000Z","source":"homeserver.log","msg":"Source can't be read"} for each line. */
export function createLogger({ level, clock, destination }: LoggerOptions): Logger {
  const log = pino(
    {
      level,
      base: null, // journald knows process and host
      timestamp: () => `,"time":"${new Date(clock.nowMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SENSITIVE_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
  return { write: (at, message, fields) => log[at](fields, message) };
}
