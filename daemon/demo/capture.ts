/**
 * The bundled capture: a gzipped log of Synapse in, its bytes and the time of each record out (capture/README.md says what it is).
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A log, ready to be played. */
export interface Capture {
  readonly bytes: Uint8Array;
  /** In the order of the file; they tile `bytes`. */
  readonly records: readonly CaptureRecord[];
  /** Of the first record, epoch ms. */
  readonly startMs: number;
  /** From the first record to the last, in log time. */
  readonly durationMs: number;
}

export interface CaptureRecord {
  /** Where the record, with its continuation lines, ends in the capture's bytes. */
  readonly endByte: number;
  /** Log time since the first record; never less than that of the record before (Synapse's stamps may step back by milliseconds). */
  readonly afterMs: number;
}

/** The zone of the capture's stamps. */
export const CAPTURE_TIME_ZONE = 'UTC';

const NEWLINE = 0x0a;
const STAMP_LENGTH = '2026-11-23 16:54:45,689'.length;
// 2026-11-23 16:54:45,689
const STAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3})$/;

/** Throws what reading a file throws, and a RangeError where it isn't a log. */
export function loadCapture(): Capture {
  return parseCapture(gunzipSync(readFileSync(new URL('./capture/homeserver.log.gz', import.meta.url))));
}

/** A text log in UTC, that begins with a record and ends with a newline. */
export function parseCapture(bytes: Buffer): Capture {
  const records: { endByte: number; afterMs: number }[] = [];
  let startMs = Number.NaN;
  let at = 0;
  while (at < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, at);
    const endByte = newline < 0 ? bytes.length : newline + 1;
    const timeMs = parseStamp(bytes.toString('latin1', at, at + STAMP_LENGTH));
    const last = records.at(-1);
    if (last === undefined) startMs = timeMs;
    // A line without a stamp goes on with the record before.
    if (last !== undefined && Number.isNaN(timeMs)) last.endByte = endByte;
    else records.push({ endByte, afterMs: Math.max(timeMs - startMs, last?.afterMs ?? 0) });
    at = endByte;
  }
  const last = records.at(-1);
  if (last === undefined || Number.isNaN(startMs)) throw new RangeError('Cannot play the capture: it does not begin with a record');
  return { bytes, records, startMs, durationMs: last.afterMs };
}

function parseStamp(text: string): number {
  const match = STAMP.exec(text);
  return match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}.${match[3]}Z`);
}
