/**
 * What one entry of the systemd journal says, as the bytes of a log line.
 *
 * In: the entry's fields, as `journalctl -o json` prints them. Out: bytes that a RecordReader understands. Two kinds of Synapse write there:
 *
 * - one that logs to standard output, under systemd or in a container (Docker's and Podman's journald drivers): MESSAGE is a line of its log,
 *   in whatever format that has, and goes through as it is;
 * - one with python-systemd's JournalHandler (contrib/systemd in element-hq/synapse: `%(name)s: [%(request)s] %(message)s`): MESSAGE is a
 *   whole record without time and level, which stand in fields beside it. It becomes a line of Synapse's own JSON format, where the time needs
 *   no zone and a newline ends nothing.
 *
 * A field is text; with bytes that aren't printable an array of them; several values an array of those; the first counts.
 */
import { isAscii } from '../lines/ascii.ts';
import type { Unwrap } from './envelope.ts';
import { decodeText } from './text-decoder.ts';

/** Of the journal's fields those that are looked at; ask journalctl for no others. */
export const JOURNAL_FIELDS = [
  'MESSAGE',
  'PRIORITY',
  'LOGGER',
  '_SOURCE_REALTIME_TIMESTAMP',
  '_LINE_BREAK',
  'CONTAINER_PARTIAL_MESSAGE',
] as const;

export type JournalFields = Readonly<Record<string, unknown>>;

/** Every entry of an export is an object of texts. */
const OPENING = '{"';
const NOTHING = new Uint8Array(0);
const utf8 = new TextEncoder();
const decoder = new TextDecoder();
const NEWLINE = 0x0a;

/** By syslog's numbers, as JournalHandler maps Python's levels (mapPriority in systemd/journal.py). */
const LEVEL_OF_PRIORITY: Readonly<Record<string, string>> = {
  0: 'CRITICAL',
  1: 'CRITICAL',
  2: 'CRITICAL',
  3: 'ERROR',
  4: 'WARNING',
  5: 'INFO',
  6: 'INFO',
  7: 'DEBUG',
};

/** `2026-11-23 16:52:48,338 - ` or `{"`: the handler was given a format that has all in it. */
const WHOLE_RECORD = /^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - |\{")/;

/** `[POST-11] ` behind the logger's name. */
const REQUEST = /^: \[([^\]\n]*)\] /;

/** As in text logs, where it stands behind the record: no part of the message. */
const TRACEBACK = /\n(?:Traceback|Capture point) \(most recent call last\):\n/;

/** The entry's bytes, with the newline that ends it, or without where the next entry goes on with the line; null: it has no message. */
export function journalEntryBytes(fields: JournalFields): Uint8Array | null {
  const message = bytesOf(fields['MESSAGE']);
  if (message === null) return null;
  const logger = textOf(fields['LOGGER']);
  if (logger !== null) {
    const text = decoder.decode(message);
    if (!WHOLE_RECORD.test(text)) return utf8.encode(`${recordOf(fields, logger, text)}\n`);
  }
  return isPart(fields) ? message : withNewline(message);
}

/** The same for a line of an export. An entry without a message is an empty one. */
export const unwrapJournalEntry: Unwrap = (bytes, start, newline) => {
  if (!isAscii(bytes, start, OPENING)) return null;
  const fields = parseFields(decodeText(bytes, start, newline));
  return fields === null ? null : (journalEntryBytes(fields) ?? NOTHING);
};

/** null: no entry of the journal. */
function parseFields(line: string): JournalFields | null {
  try {
    const fields = JSON.parse(line) as JournalFields;
    return '__REALTIME_TIMESTAMP' in fields ? fields : null;
  } catch {
    return null;
  }
}

/** Wall clock of the entry, in milliseconds since 1970; NaN where the journal gives none. */
function journalTimeMs(fields: JournalFields): number {
  const microseconds = textOf(fields['_SOURCE_REALTIME_TIMESTAMP']) ?? textOf(fields['__REALTIME_TIMESTAMP']);
  return microseconds === null ? Number.NaN : Number(microseconds) / 1000;
}

function recordOf(fields: JournalFields, logger: string, text: string): string {
  const match = text.startsWith(logger) ? REQUEST.exec(text.slice(logger.length)) : null;
  const message = match === null ? text : text.slice(logger.length + match[0].length);
  const traceback = message.search(TRACEBACK);
  return JSON.stringify({
    log: traceback < 0 ? message : message.slice(0, traceback),
    namespace: logger,
    level: LEVEL_OF_PRIORITY[textOf(fields['PRIORITY']) ?? ''] ?? 'INFO',
    time: journalTimeMs(fields) / 1000,
    request: match?.[1] ?? '',
  });
}

/** journald cuts lines of standard output at LineMax (48 KiB), Docker at 16 KiB; both say so. */
function isPart(fields: JournalFields): boolean {
  return textOf(fields['_LINE_BREAK']) === 'line-max' || textOf(fields['CONTAINER_PARTIAL_MESSAGE']) === 'true';
}

function bytesOf(field: unknown): Uint8Array | null {
  if (typeof field === 'string') return utf8.encode(field);
  if (!Array.isArray(field) || field.length === 0) return null;
  return field.every(isByte) ? Uint8Array.from(field as readonly number[]) : bytesOf(field[0]);
}

function textOf(field: unknown): string | null {
  const bytes = typeof field === 'string' ? field : bytesOf(field);
  return bytes === null || typeof bytes === 'string' ? bytes : decoder.decode(bytes);
}

function isByte(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}

function withNewline(bytes: Uint8Array): Uint8Array {
  const line = new Uint8Array(bytes.length + 1);
  line.set(bytes);
  line[bytes.length] = NEWLINE;
  return line;
}
