/**
 * Every metric family of the watcher, as data: what it is called, what it means, which labels it has and what bounds them.
 *
 * In: nothing. Out: CATALOGUE, and the names as types (a misspelt family doesn't compile). metric-store.ts creates series from it,
 * daemon/http/registry.ts prints it, reference.ts writes deploy/METRICS.md from it. Names and labels are read by scripts, panels
 * and alerts (contract.md): a change here is a [CHANGE] in the CHANGELOG.
 *
 * Invariants, held by test/src/metrics/catalogue.test.ts: base units in names, `_total` on counters and on nothing else, no quote,
 * backslash or newline in a help text (the library doesn't escape quotes for OpenMetrics), buckets ascend and are finite.
 */

/** A label whose values are all known: each combination exists at 0 from the start. Any other value becomes `otherwise`, or is a TypeError where that isn't given. */
export interface ClosedLabel {
  readonly name: string;
  readonly values: readonly string[];
  readonly otherwise?: string;
}

/** A label whose values come from outside (a file's name, a logger). From the `maxValues`-th distinct value on it is `_overflow`. */
export interface OpenLabel {
  readonly name: string;
  readonly maxValues: number;
}

export type LabelSpec = ClosedLabel | OpenLabel;

export interface FamilySpec {
  /** With prefix and unit, example `lotus_e2ee_to_device_delivery_seconds`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What one step of the value is, in words, example `seconds`, `requests`. */
  readonly unit: string;
  /** One or two sentences for the operator; says by which rule the value comes about. */
  readonly help: string;
  /** Without `user_id` and `device_id` of a per-device family; those come first there. */
  readonly labels: readonly LabelSpec[];
  /** Upper bounds in seconds, ascending, without +Inf. Only, and always, on histograms. */
  readonly buckets?: readonly number[];
  /** One series set a device: bounded by maxDeviceSeries, forgotten after deviceIdleMs, never zero-initialised. */
  readonly isPerDevice?: true;
  /** Speaks of this process or of the present moment, so it isn't part of the stored state and begins anew with each start. */
  readonly isPerProcess?: true;
  /** The family exists, but nothing writes to it in this version; METRICS.md says so. */
  readonly isNotYetFed?: true;
}

/** Label value of what has no room in a bounded family. */
export const OVERFLOW = '_overflow';

/** Labels in front of a per-device family's own ones. */
export const DEVICE_LABELS: readonly string[] = ['user_id', 'device_id'];

/** Chosen: more files than a homeserver on one host has workers. */
const MAX_SOURCES = 100;

/** Chosen: Synapse logs from about 40 loggers in a busy hour; a forged log can invent any number. */
const MAX_REASONS = 50;

const SOURCE = { name: 'source', maxValues: MAX_SOURCES } as const;

/** Why a device's keys and the server's differ (reference/e2ee-evidence.md, lab-findings.md). */
const CAUSE = {
  name: 'cause',
  values: ['identity_reset', 'volatile_store', 'rollback', 'concurrent_writers', 'server_rollback', 'unknown'],
  otherwise: 'unknown',
} as const;

/** Request outcomes, decided once a request, at its access line, in the order of contract.md "What each word means". */
const DELAYED_EVENT_OUTCOMES = ['ok', 'client_gave_up', 'rate_limited', 'not_found', 'failed'] as const;

/**
 * Follow the client's timers, not round numbers: matrix-js-sdk `MembershipManager` aborts a restart after 2 s, then waits 3 s; the
 * leave is due 8 s after the last restart (reference/observability.md 1.4).
 */
const DELAYED_EVENT_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 15, 30] as const;

/**
 * To-device types that clients of E2EE and calls send: spec v1.11 "Send-to-Device messaging" and its modules, MSC3401 (call
 * signalling), MSC4143 (call keys), and the unstable names still in use. A client may send any text as type: `other`.
 */
const TO_DEVICE_EVENT_TYPES = [
  'm.room.encrypted',
  'm.room_key',
  'm.room_key.withheld',
  'org.matrix.room_key.withheld',
  'm.room_key_request',
  'm.forwarded_room_key',
  'm.dummy',
  'm.secret.request',
  'm.secret.send',
  'm.key.verification.request',
  'm.key.verification.ready',
  'm.key.verification.start',
  'm.key.verification.accept',
  'm.key.verification.key',
  'm.key.verification.mac',
  'm.key.verification.done',
  'm.key.verification.cancel',
  'io.element.call.encryption_keys',
  'm.rtc.encryption_key',
  'm.call.invite',
  'm.call.candidates',
  'm.call.answer',
  'm.call.hangup',
  'other',
] as const;

export const CATALOGUE = [
  {
    name: 'lotus_e2ee_otk_conflicts_total',
    type: 'counter',
    unit: 'refusals',
    help: 'One-time-key uploads that the homeserver refused with 400 because the key id already exists with another key (KE-1).',
    labels: [],
  },
  {
    name: 'lotus_e2ee_device_otk_conflicts_total',
    type: 'counter',
    unit: 'refusals',
    help: 'One-time-key uploads refused because the key id already exists (KE-1), by device. Only devices with an open or recent incident.',
    labels: [],
    isPerDevice: true,
  },
  {
    name: 'lotus_e2ee_key_uploads_total',
    type: 'counter',
    unit: 'requests',
    help: 'Key uploads by what came of them, decided at the access line: a refusal record, then a client that gave up, then the status. An upload without one-time keys that succeeded counts nowhere.',
    labels: [{ name: 'outcome', values: ['accepted', 'conflict', 'rejected', 'client_gave_up', 'failed'] }],
  },
  {
    name: 'lotus_e2ee_key_claims_total',
    type: 'counter',
    unit: 'keys',
    help: 'Keys handed out to peers. fallback: a key id handed out again, with no accepted upload of it and no database restore in between.',
    labels: [{ name: 'kind', values: ['one_time', 'fallback'] }],
  },
  {
    name: 'lotus_e2ee_poisoned_claims_total',
    type: 'counter',
    unit: 'keys',
    help: 'Keys handed out whose private half the device no longer had: what the peer encrypts with it stays unreadable (KE-1, leads to KE-2).',
    labels: [],
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_devices',
    type: 'gauge',
    unit: 'devices',
    help: 'Devices by how their one-time keys stand: healthy, isolated (a few refusals, none after), storm (refused again and again), dormant (still diverged, no attempt for 15 min), closed (device deleted).',
    labels: [{ name: 'state', values: ['healthy', 'isolated', 'storm', 'dormant', 'closed'] }],
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_active_storms',
    type: 'gauge',
    unit: 'devices',
    help: 'Devices in a one-time-key storm now, by cause: at least 3 refusals over 60 s or more, or over 60 within a minute (KE-1). Alert on this one.',
    labels: [CAUSE],
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_device_storm_active',
    type: 'gauge',
    unit: 'devices',
    help: 'Is 1 for each device that is in a one-time-key storm now, with its cause (KE-1). The series ends with the storm.',
    labels: [CAUSE],
    isPerDevice: true,
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_to_device_sends_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests that send to-device messages, by event type. ok: answered 2xx; failed: any other answer. other: a type that is not in this list.',
    labels: [
      { name: 'event_type', values: TO_DEVICE_EVENT_TYPES, otherwise: 'other' },
      { name: 'outcome', values: ['ok', 'failed'] },
    ],
  },
  {
    name: 'lotus_e2ee_to_device_messages_total',
    type: 'counter',
    unit: 'messages',
    help: 'To-device messages by how far they came: stored for a device, returned to it by a sync, dropped because the device is unknown (KE-2). Needs Synapse debug records.',
    labels: [{ name: 'stage', values: ['stored', 'returned', 'dropped'] }],
  },
  {
    name: 'lotus_e2ee_device_to_device_messages_total',
    type: 'counter',
    unit: 'messages',
    help: 'To-device messages for one device, by how far they came (KE-2). Only devices with an open or recent incident or in a call.',
    labels: [{ name: 'stage', values: ['stored', 'returned', 'dropped'] }],
    isPerDevice: true,
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_to_device_delivery_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Time between storing a to-device message and returning it by a sync of its device, on log time (KE-2).',
    labels: [],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60],
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_delayed_event_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Processing time of delayed-event requests (KE-4). Buckets follow the timers of the client: it gives up on a restart at 2 s and has left the call at 8 s. unknown: the old form, with its action in the body.',
    labels: [
      { name: 'action', values: ['schedule', 'restart', 'cancel', 'send', 'unknown'] },
      { name: 'outcome', values: DELAYED_EVENT_OUTCOMES },
    ],
    buckets: DELAYED_EVENT_BUCKETS,
  },
  {
    name: 'lotus_e2ee_device_delayed_event_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Processing time of delayed-event requests of one device (KE-4). Only devices with an open or recent incident or in a call.',
    labels: [],
    buckets: DELAYED_EVENT_BUCKETS,
    isPerDevice: true,
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_delayed_event_client_timeouts_total',
    type: 'counter',
    unit: 'requests',
    help: 'Delayed-event requests on which the client gave up, by what the homeserver did in that minute: slow (own processing, a stall, or p99 of other requests at 1 s or more), healthy, or unknown (fewer than 20 other requests) (KE-4).',
    labels: [{ name: 'attribution', values: ['homeserver_slow', 'homeserver_healthy', 'unknown'] }],
  },
  {
    name: 'lotus_e2ee_delayed_event_drops_total',
    type: 'counter',
    unit: 'memberships',
    help: 'Call memberships that the server ended because no restart came in time: the first 404 on a delay whose last restart is its delay or longer ago (KE-4).',
    labels: [],
    isNotYetFed: true,
  },
  {
    name: 'lotus_e2ee_homeserver_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Processing time of all requests, without syncs and long polls: how fast the homeserver is at all (KE-4).',
    labels: [],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  {
    name: 'lotus_e2ee_untrusted_records_total',
    type: 'counter',
    unit: 'records',
    help: 'Records that may be forged (a request number twice or off the sequence, a stamp off the order, two readings of one line). They count here and nowhere else.',
    labels: [{ name: 'reason', maxValues: MAX_REASONS }],
    isNotYetFed: true,
  },
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
  {
    name: 'lotus_e2ee_watch_joins_total',
    type: 'counter',
    unit: 'requests',
    help: 'Requests put together from their records: closed by their access line, expired without one, or evicted because too many were open.',
    labels: [{ name: 'outcome', values: ['closed', 'expired', 'evicted'] }],
  },
  {
    name: 'lotus_e2ee_watch_joins_open',
    type: 'gauge',
    unit: 'requests',
    help: 'Requests whose access line has not come yet.',
    labels: [],
  },
  {
    name: 'lotus_e2ee_watch_catching_up',
    type: 'gauge',
    unit: 'boolean',
    help: 'Is 1 while the watcher reads what was written before: rates are then of the past, not of now.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_state_commit_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds since 1970',
    help: 'When the state was last written to disk; 0 before the first time.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_state_commit_duration_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'How long the last commit of the state took: so long nothing else was done.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_state_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Size of the state database, without the log of its last commits (some MiB at most).',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_state_resets_total',
    type: 'counter',
    unit: 'times',
    help: 'Times the state was damaged or foreign and was set aside: counters began anew then, and what was known of devices is lost.',
    labels: [],
  },
  {
    name: 'lotus_e2ee_watch_state_commit_failures_total',
    type: 'counter',
    unit: 'commits',
    help: 'Times the state could not be written to disk. The watcher goes on in memory; a crash then loses what it counted since the last commit.',
    labels: [],
  },
  {
    name: 'lotus_e2ee_watch_series',
    type: 'gauge',
    unit: 'devices',
    help: 'Devices that have series of their own now.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_series_limit',
    type: 'gauge',
    unit: 'devices',
    help: 'Most devices that may have series of their own at a time; others count in user_id _overflow.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_series_rejected_total',
    type: 'counter',
    unit: 'refusals',
    help: 'Times a label set found no room in a bounded family and was counted in its _overflow series.',
    labels: [{ name: 'metric', maxValues: 100 }],
  },
  {
    name: 'lotus_e2ee_watch_rules_loaded',
    type: 'gauge',
    unit: 'rules',
    help: 'Rules in force.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_config_last_reload_successful',
    type: 'gauge',
    unit: 'boolean',
    help: 'Is 1 if the configuration and the rules on disk are the ones in force, 0 if they were refused and the last good ones stay.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    unit: 'seconds since 1970',
    help: 'When configuration and rules were last taken; 0 before the first time.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'lotus_e2ee_watch_build_info',
    type: 'gauge',
    unit: 'constant 1',
    help: 'Is always 1; its labels say which version runs on which Node.',
    labels: [
      { name: 'version', maxValues: 1 },
      { name: 'node_version', maxValues: 1 },
    ],
    isPerProcess: true,
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    unit: 'seconds',
    help: 'Processor time of the watcher, user and system.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Memory of the watcher that is in RAM.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 'seconds since 1970',
    help: 'When the watcher was started.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'process_open_fds',
    type: 'gauge',
    unit: 'file descriptors',
    help: 'File descriptors the watcher has open.',
    labels: [],
    isPerProcess: true,
  },
  {
    name: 'process_max_fds',
    type: 'gauge',
    unit: 'file descriptors',
    help: 'File descriptors the watcher may open.',
    labels: [],
    isPerProcess: true,
  },
] as const satisfies readonly FamilySpec[];

type Entry = (typeof CATALOGUE)[number];
type PerDevice = Extract<Entry, { readonly isPerDevice: true }>;
type Plain = Exclude<Entry, { readonly isPerDevice: true }>;

export type CounterName = Extract<Plain, { readonly type: 'counter' }>['name'];
export type GaugeName = Extract<Plain, { readonly type: 'gauge' }>['name'];
export type HistogramName = Extract<Plain, { readonly type: 'histogram' }>['name'];
/** Families with `user_id` and `device_id` in front of their own labels. */
export type DeviceCounterName = Extract<PerDevice, { readonly type: 'counter' }>['name'];
export type DeviceGaugeName = Extract<PerDevice, { readonly type: 'gauge' }>['name'];
export type DeviceHistogramName = Extract<PerDevice, { readonly type: 'histogram' }>['name'];

/** Whether the label's values are all known. */
export function isClosed(label: LabelSpec): label is ClosedLabel {
  return 'values' in label;
}
