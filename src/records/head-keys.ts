/**
 * What tells whether two files hold the same records: the JSON twin of a text log, the same stream with another prefix. In: the first bytes
 * of a file. Out: a key for each of its first records; `isTwin` compares two files' keys.
 *
 * A key has the request id, the logger, the beginning of the message, and the stamp to 10 ms where both have one (a JSON log rounds to that,
 * or has none). Records that one of two handlers doesn't get (a logger with a handler of its own) are missing on one side, so most keys must
 * agree, not all.
 */
import { LineEnvelope } from './line-envelope.ts';
import type { Interest } from './record-handler.ts';
import { RecordReader } from './record-reader.ts';
import type { ZoneClock } from './timestamp.ts';

export interface HeadKey {
  readonly text: string;
  readonly timeMs: number;
}

/** Records compared. */
const MAX_KEYS = 60;
/** Share of the keys of the shorter head that the other one must have. */
const TWIN_SHARE = 0.7;
const MIN_KEYS = 3;
const MESSAGE_LENGTH = 60;
/** JSON times are rounded to 10 ms. */
const TIME_TOLERANCE_MS = 10;

const ALL: Interest = { isAccess: false, isDebug: false, prefixes: [''] };

/** @param bytes the beginning of a file; a record that is cut at its end is left out by chance only */
export function readHeadKeys(bytes: Uint8Array, clock: ZoneClock): readonly HeadKey[] {
  const keys: HeadKey[] = [];
  const reader = new RecordReader(
    {
      interestIn: () => ALL,
      onAccessLine: () => undefined,
      onRecord: ({ logger, request, message, timeMs }) => {
        if (keys.length < MAX_KEYS) keys.push({ text: `${request} ${logger} ${message.slice(0, MESSAGE_LENGTH)}`, timeMs });
      },
      onUnrecognised: () => undefined,
      onFormat: () => undefined,
      onHole: () => undefined,
    },
    clock,
  );
  new LineEnvelope(reader).read(bytes, bytes.length);
  return keys;
}

export function isTwin(a: readonly HeadKey[], b: readonly HeadKey[]): boolean {
  const [shorter, longer] = a.length <= b.length ? [a, b] : [b, a];
  if (shorter.length < MIN_KEYS) return false;
  const times = new Map<string, number[]>();
  for (const { text, timeMs } of longer) times.set(text, [...(times.get(text) ?? []), timeMs]);
  const same = shorter.filter(({ text, timeMs }) => (times.get(text) ?? []).some((other) => isSameTime(timeMs, other)));
  return same.length >= shorter.length * TWIN_SHARE;
}

/** NaN: no time known, so it can't differ. */
function isSameTime(a: number, b: number): boolean {
  return Number.isNaN(a) || Number.isNaN(b) || Math.abs(a - b) <= TIME_TOLERANCE_MS;
}
