/**
 * In: what has just been written to a generated log. Out: the ground truth, as plain data (`--truth FILE`).
 *
 * Invariant: it follows what stands in the file. A request whose access line lies beyond the end of the file has no outcome, though a
 * refusal that was written counts. Words are contract.md's, below `contract`; the other keys are those of the first generator.
 */
export type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';
export type Profile = 'info' | 'todevice' | 'debug' | 'hostile';
export const PROFILES: readonly Profile[] = ['info', 'todevice', 'debug', 'hostile'];

/** @throws Error that names those there are */
export function profileNamed(text: string): Profile {
  const profile = PROFILES.find((name) => name === text);
  if (profile === undefined) throw new Error(`Cannot generate profile "${text}": expected one of ${PROFILES.join(', ')}`);
  return profile;
}

/** A request's class: the one whose Synapse servlet pattern matches the whole path (`/keys/upload/../../x` is `other`). */
export const REQUEST_CLASSES = ['keys_upload', 'keys_claim', 'keys_query', 'send_to_device', 'delayed_events', 'sync', 'other'] as const;
export type RequestClass = (typeof REQUEST_CLASSES)[number];

/** Upper bounds of the duration buckets, in milliseconds; what is above falls in one more bucket. */
export const BOUNDS_MS: readonly number[] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000];

export const UPLOAD_OUTCOMES = ['accepted', 'conflict', 'rejected', 'clientGaveUp', 'failed'] as const;
export type UploadOutcome = (typeof UPLOAD_OUTCOMES)[number];
export const DELAYED_ACTIONS = ['schedule', 'restart', 'cancel', 'send', 'unknown'] as const;
export type DelayedAction = (typeof DELAYED_ACTIONS)[number];
export type DelayedOutcome = 'ok' | 'clientGaveUp' | 'rateLimited' | 'notFound' | 'failed';

export interface ClassTruth {
  count: number;
  sum_ms: number;
  by_status: Record<string, number>;
  /** One count a bucket (not cumulative), the last one above all bounds. */
  hist: number[];
}

/** One device's counts; the columns of `contract.devices` are in this order. */
export const DEVICE_COLUMNS = [...UPLOAD_OUTCOMES, 'refusals', 'distinctNewKeys', 'claims', 'stored', 'returned', 'dropped'] as const;
export type DeviceColumn = (typeof DEVICE_COLUMNS)[number];

export interface ContractTruth {
  lines: number;
  records: number;
  accessLines: number;
  deviceColumns: readonly DeviceColumn[];
  /** `@alice:example.org|ABCDEFGHIJ` → a number for each of `deviceColumns`. Devices that are only named, with nothing counted, are left out. */
  devices: Record<string, number[]>;
  /** The ids that were refused, sorted, by device. */
  conflictKeyIds: Record<string, string[]>;
  conflicts: number;
  unattributed: { conflicts: number; rejected: number; clientGaveUp: number; failed: number };
  toDevice: {
    sends: Record<string, number>;
    sendsFailed: number;
    mediaKeySends: number;
    stored: number;
    returned: number;
    dropped: number;
  };
  delayedEvents: { requests: Record<DelayedAction, Partial<Record<DelayedOutcome, number>>> };
  /** Processing time (`proc`, without sending) of every access line but /sync, old and sliding. `buckets` isn't cumulative. */
  requestDuration: { count: number; sum_ms: number; bounds_ms: readonly number[]; buckets: number[] };
}

export interface Truth {
  generator: { version: number; seed: number; profile: Profile };
  bytes: number;
  lines: number;
  records: number;
  continuation_lines: number;
  max_line_bytes: number;
  non_ascii_lines: number;
  by_level: Record<string, number>;
  access: {
    processed: number;
    received: number;
    disconnected: number;
    negative_send: number;
    by_class: Record<RequestClass, ClassTruth>;
    le_ms: readonly number[];
    hist: number[];
    sum_ms: number;
    by_status: Record<string, number>;
  };
  keys: {
    adding_lines: number;
    adding_keys: number;
    adding_devices: number;
    device_keys_updates: number;
    claimed_lines: number;
    claimed_keys: number;
    conflict_lines: number;
    conflict_devices: number;
    conflict_key_ids: number;
    conflict_joined: number;
  };
  to_device: Record<string, number>;
  lookalikes: number;
  virtual_seconds: number;
  contract: ContractTruth;
}

const histogram = (): number[] => new Array<number>(BOUNDS_MS.length + 1).fill(0);

export function emptyTruth(seed: number, profile: Profile): Truth {
  const classTruth = (): ClassTruth => ({ count: 0, sum_ms: 0, by_status: {}, hist: histogram() });
  return {
    generator: { version: 2, seed, profile },
    ...{ bytes: 0, lines: 0, records: 0, continuation_lines: 0, max_line_bytes: 0, non_ascii_lines: 0, by_level: {} },
    access: {
      ...{ processed: 0, received: 0, disconnected: 0, negative_send: 0 },
      by_class: Object.fromEntries(REQUEST_CLASSES.map((name) => [name, classTruth()])) as Record<RequestClass, ClassTruth>,
      ...{ le_ms: BOUNDS_MS, hist: histogram(), sum_ms: 0, by_status: {} },
    },
    keys: {
      ...{ adding_lines: 0, adding_keys: 0, adding_devices: 0, device_keys_updates: 0, claimed_lines: 0, claimed_keys: 0 },
      ...{ conflict_lines: 0, conflict_devices: 0, conflict_key_ids: 0, conflict_joined: 0 },
    },
    to_device: {},
    lookalikes: 0,
    virtual_seconds: 0,
    contract: {
      ...{ lines: 0, records: 0, accessLines: 0, deviceColumns: DEVICE_COLUMNS, devices: {}, conflictKeyIds: {}, conflicts: 0 },
      unattributed: { conflicts: 0, rejected: 0, clientGaveUp: 0, failed: 0 },
      toDevice: { sends: {}, sendsFailed: 0, mediaKeySends: 0, stored: 0, returned: 0, dropped: 0 },
      delayedEvents: { requests: { schedule: {}, restart: {}, cancel: {}, send: {}, unknown: {} } },
      requestDuration: { count: 0, sum_ms: 0, bounds_ms: BOUNDS_MS, buckets: histogram() },
    },
  };
}
