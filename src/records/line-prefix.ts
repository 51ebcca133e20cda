/**
 * What log transports put before a line: container engines, compose, journalctl, syslog, and Synapse's own worker name.
 *
 *     2026-11-23T16:52:48.345708468Z 2026-11-23 16:52:48,338 - …           docker logs --timestamps
 *     synapse-1   | 2026-11-23 16:52:48,338 - …                            docker compose logs; `worker | ` of the workers image
 *     2026-11-23T16:52:48+00:00 matrix-1 matrix-synapse[4242]: 2026-…      journalctl -o short-iso
 *     Nov 23 16:52:48 matrix-1 matrix-synapse[4242]: 2026-…                syslog
 *
 * In: a line's bytes. Out: the offset behind the prefix. Which form a source has is found out once (`detectPrefix`) and then expected on
 * each of its lines; a line without it is taken as it is. Continuation lines carry it too. All scans are bounded (a name has at most 100
 * bytes): an unbounded one is quadratic on hostile lines.
 */
export type LinePrefix = 'none' | 'name' | 'timestamp' | 'syslog' | 'name+timestamp';

const SPACE = 0x20;
const PIPE = 0x7c;
const NEWLINE = 0x0a;
const COLON = 0x3a;
const MAX_NAME_BYTES = 140;
const MAX_STAMP_BYTES = 40;

/** Offset behind a prefix of this form at `bytes[at]`; `at` where the line doesn't have it. */
export function skipPrefix(prefix: LinePrefix, bytes: Uint8Array, at: number): number {
  switch (prefix) {
    case 'none':
      return at;
    case 'name':
      return skipName(bytes, at);
    case 'timestamp':
      return skipTimestamp(bytes, at);
    case 'syslog':
      return skipSyslog(bytes, at);
    case 'name+timestamp': {
      const behindName = skipName(bytes, at);
      const behindStamp = behindName === at ? at : skipTimestamp(bytes, behindName);
      return behindStamp === behindName ? at : behindStamp;
    }
  }
}

/** All forms a line's prefix could have, the longest first; `none` always fits. */
export const LINE_PREFIXES: readonly LinePrefix[] = ['none', 'name+timestamp', 'name', 'syslog', 'timestamp'];

/** `synapse-1   | `: up to 100 bytes, white space to pad, `| `. */
function skipName(bytes: Uint8Array, at: number): number {
  // Python draws exception groups with `  | `: no name.
  if (bytes[at] === SPACE) return at;
  for (let i = at; i < at + MAX_NAME_BYTES; i++) {
    const byte = bytes[i];
    if (byte === undefined || byte === NEWLINE) return at;
    if (byte === PIPE) return i > at && bytes[i - 1] === SPACE && bytes[i + 1] === SPACE ? i + 2 : at;
  }
  return at;
}

/** `2026-11-23T16:52:48.345708468Z `: RFC 3339 and a space. */
function skipTimestamp(bytes: Uint8Array, at: number): number {
  if (bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d || bytes[at + 10] !== 0x54 || !isOneLine(bytes, at, at + 19)) return at;
  for (let i = at + 19; i < at + MAX_STAMP_BYTES; i++) {
    if (bytes[i] === SPACE) return i + 1;
    if (bytes[i] === NEWLINE || bytes[i] === undefined) return at;
  }
  return at;
}

/** `2026-11-23T16:52:48+00:00 host ident[pid]: ` or `Nov 23 16:52:48 host ident[pid]: `; the ident ends in a colon. */
function skipSyslog(bytes: Uint8Array, at: number): number {
  const behindStamp = bytes[at + 10] === 0x54 ? skipTimestamp(bytes, at) : skipTraditionalStamp(bytes, at);
  if (behindStamp === at) return at;
  let spaces = 0;
  for (let i = behindStamp; i < behindStamp + MAX_NAME_BYTES; i++) {
    const byte = bytes[i];
    if (byte === undefined || byte === NEWLINE) return at;
    if (byte !== SPACE) continue;
    spaces++;
    if (spaces === 2) return bytes[i - 1] === COLON ? i + 1 : at;
  }
  return at;
}

/** `Nov 23 16:52:48 `, 16 bytes (RFC 3164). */
function skipTraditionalStamp(bytes: Uint8Array, at: number): number {
  const isStamp =
    bytes[at + 3] === SPACE && bytes[at + 6] === SPACE && bytes[at + 9] === COLON && bytes[at + 12] === COLON && bytes[at + 15] === SPACE;
  return isStamp && isOneLine(bytes, at, at + 16) ? at + 16 : at;
}

/** A short line must not be completed from the next one. */
function isOneLine(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (bytes[i] === NEWLINE) return false;
  return true;
}
