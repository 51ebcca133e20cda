/**
 * What a source's lines look like, found out from the lines themselves.
 *
 * In: some complete lines. Out: text (with its line prefix, and whether the server's name stands in the header), JSON, or null where no line
 * is a record of Synapse's. The first lines decide; who reads the source asks again when lines stop fitting.
 *
 * JSON: `JsonFormatter` and `TerseJsonFormatter` (`log`, `namespace`, `level`; `time` in the latter), `GcpJsonFormatter` (`message`, `logger`,
 * `severity`); synapse/logging/_terse_json.py. The journal's own layout (contrib/systemd: `name: [request] message`) carries level and time
 * only in the journal's fields; it isn't read from text.
 */
import { isAscii } from '../lines/ascii.ts';
import { LINE_PREFIXES, type LinePrefix, skipPrefix } from './line-prefix.ts';
import { LEVELS, LogStatementTable } from './log-statement.ts';
import { RecordHeader } from './record-header.ts';
import { decodeText } from './text-decoder.ts';
import { parseIsoTime, ZoneClock } from './timestamp.ts';

export type LogFormat =
  | { readonly kind: 'text'; readonly prefix: LinePrefix; readonly hasServerName: boolean }
  | { readonly kind: 'json'; readonly prefix: LinePrefix };

/** Lines looked at. */
const SAMPLE_LINES = 200;
/** Bytes at the start of a JSON line in which one of Synapse's keys must stand. */
const NEWLINE = 0x0a;
const SEPARATOR_LENGTH = ' - '.length;
const OPEN_BRACE = 0x7b;

/** @param end behind the last complete line */
export function detectFormat(bytes: Uint8Array, start: number, end: number): LogFormat | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let best: LogFormat | null = null;
  let bestCount = 0;
  for (const prefix of LINE_PREFIXES) {
    const { texts, named, jsons } = countRecords(bytes, view, start, end, prefix);
    if (Math.max(texts, jsons) <= bestCount) continue;
    bestCount = Math.max(texts, jsons);
    best = jsons > texts ? { kind: 'json', prefix } : { kind: 'text', prefix, hasServerName: named * 2 > texts };
  }
  return best;
}

function countRecords(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  prefix: LinePrefix,
): { texts: number; named: number; jsons: number } {
  const header = new RecordHeader(new LogStatementTable(() => null), new ZoneClock('UTC'));
  const found = { texts: 0, named: 0, jsons: 0 };
  let at = start;
  for (let i = 0; i < SAMPLE_LINES && at < end; i++) {
    const lineEnd = bytes.indexOf(NEWLINE, at);
    if (lineEnd < 0) break;
    const lineStart = skipPrefix(prefix, bytes, at);
    // A prefix that this line doesn't have says nothing for the prefix.
    if (prefix === 'none' || lineStart > at) {
      if (bytes[lineStart] === OPEN_BRACE) found.jsons += Number(isSynapseJson(decodeText(bytes, lineStart, lineEnd)));
      else if (header.read(bytes, view, lineStart, false)) {
        found.texts++;
        found.named += Number(hasServerName(bytes, header));
      }
    }
    at = lineEnd + 1;
  }
  return found;
}

/** `POST-7`, `PUT-880-$event`, `_send_events-0`, and the names of contexts that have no number (synapse-log-lines 2.1). */
const REQUEST_FIELD = /^(?:main|sentinel|sighup|system_event|call_later|call_when_running|looping_call(?:_now)?|[\w.-]+-\d+(?:-.*)?)$/s;

/** `… - INFO - example.org - POST-7 - …`: what stands in the request's place is a server name, and a request id follows it. */
function hasServerName(bytes: Uint8Array, header: RecordHeader<unknown>): boolean {
  const { requestNumber, messageStart } = header;
  if (requestNumber >= 0) return false;
  let i = messageStart;
  while ((bytes[i] ?? 0) > 0x20) i++;
  if (!isAscii(bytes, i, ' - ')) return false;
  const request = decodeText(bytes, messageStart, i);
  return REQUEST_FIELD.test(request);
}

/** How a request's id begins, where a server's name was expected. */
const NUMBERED = /^[A-Z]+-\d+(?:-|$)/;

/**
 * Whether a record outside of any request looks as if it were read by the wrong layout. Only a hint: a message may begin in any way.
 *
 * @param isNamed the header was read as one with a server's name
 */
export function isOtherLayout(bytes: Uint8Array, header: RecordHeader<unknown>, isNamed: boolean): boolean {
  if (!isNamed) return hasServerName(bytes, header);
  const end = header.requestStart - SEPARATOR_LENGTH;
  let start = end;
  while (start > 0 && (bytes[start - 1] as number) > 0x20) start--;
  return NUMBERED.test(decodeText(bytes, start, end));
}

/** A record of a JSON log, reduced to what all formatters have. */
export interface JsonRecord {
  readonly logger: string;
  readonly level: (typeof LEVELS)[number];
  readonly message: string;
  /** '' where the formatter doesn't write it (Gcp). */
  readonly request: string;
  /** Epoch ms, rounded to 10 ms by Synapse; NaN where the formatter writes none. */
  readonly timeMs: number;
}

/** Reads one line of a JSON log; null for what isn't a record of Synapse's. */
export function parseJsonRecord(line: string): JsonRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Readonly<Record<string, unknown>>;
  const message = fields['log'] ?? fields['message'];
  const logger = fields['namespace'] ?? fields['logger'];
  const level = LEVELS.find((name) => name === (fields['level'] ?? fields['severity']));
  if (typeof message !== 'string' || typeof logger !== 'string' || level === undefined) return null;
  const request = typeof fields['request'] === 'string' ? fields['request'] : '';
  return { logger, level, message, request, timeMs: readTime(fields['time']) };
}

function isSynapseJson(line: string): boolean {
  return parseJsonRecord(line) !== null;
}

/** The end of the year 9999. */
const MAX_SECONDS = 253_402_300_800;

/** `1782820800.12` (seconds), or `2026-06-30T12:00:00.123Z`. */
function readTime(time: unknown): number {
  if (typeof time === 'number') return Math.abs(time) < MAX_SECONDS ? Math.round(time * 1000) : Number.NaN;
  return typeof time === 'string' ? parseIsoTime(time) : Number.NaN;
}
