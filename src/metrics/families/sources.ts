/**
 * The files the watcher reads: how much, how far behind, what could not be read or understood.
 */
import type { FamilySpec } from '../family-spec.ts';

/** Chosen: more files than a homeserver on one host has workers. */
const MAX_SOURCES = 100;

/** Chosen: Synapse logs from about 40 loggers in a busy hour; a forged log can invent any number. */
const MAX_REASONS = 50;

const SOURCE = { name: 'source', maxValues: MAX_SOURCES } as const;

export const SOURCE_FAMILIES = [
  {
    name: 'lotus_e2ee_watch_log_lines_total',
    type: 'counter',
    unit: 'lines',
    help: 'Lines read, forged and doubled ones included.',
    labels: [SOURCE],
  },
  {
    name: 'lotus_e2ee_watch_log_bytes_total',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes read.',
    labels: [SOURCE],
  },
  {
    name: 'lotus_e2ee_watch_log_records_total',
    type: 'counter',
    unit: 'records',
    help: 'Log records read; a record is a line with its traceback.',
    labels: [SOURCE],
  },
  {
    name: 'lotus_e2ee_watch_access_lines_total',
    type: 'counter',
    unit: 'records',
    help: 'Access lines (Processed request) read. If records come but none of these, the access logger is above INFO and the watcher is blind.',
    labels: [SOURCE],
  },
  {
    name: 'lotus_e2ee_watch_cut_lines_total',
    type: 'counter',
    unit: 'lines',
    help: 'Lines longer than 256 KiB; what is beyond was not looked at.',
    labels: [SOURCE],
  },
  {
    name: 'lotus_e2ee_watch_unrecognised_total',
    type: 'counter',
    unit: 'lines',
    help: 'Lines and records of a shape that the watcher does not know, by reason. Counted, never guessed.',
    labels: [SOURCE, { name: 'reason', maxValues: MAX_REASONS }],
  },
  {
    name: 'lotus_e2ee_watch_last_record_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds since 1970',
    help: 'Log time of the newest record read; 0 before the first one.',
    labels: [SOURCE],
  },
  {
    name: 'lotus_e2ee_watch_unread_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Bytes that stand in the file and are not read yet.',
    labels: [SOURCE],
  },
  {
    name: 'lotus_e2ee_watch_rotations_total',
    type: 'counter',
    unit: 'rotations',
    help: 'Rotations seen: rename (a new file took the name), delete (the file was removed and made anew), truncate (the same file began anew), relink (the path led to another file).',
    labels: [SOURCE, { name: 'kind', values: ['rename', 'delete', 'truncate', 'relink'] }],
  },
  {
    name: 'lotus_e2ee_watch_gaps_total',
    type: 'counter',
    unit: 'gaps',
    help: 'Stretches of a log that can no longer be read (cut while the watcher was behind, deleted while it was down). No verdict is healthy across a gap.',
    labels: [SOURCE],
  },
  {
    name: 'lotus_e2ee_watch_lost_bytes_total',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes within gaps, as far as their number is known.',
    labels: [SOURCE],
  },
] as const satisfies readonly FamilySpec[];
