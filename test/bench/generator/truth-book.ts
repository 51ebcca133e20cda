/**
 * In: an account of each record, called when it's written. Out: the ground truth (truth.ts).
 *
 * Invariant: outcomes are decided once a request, at its access line, in contract.md's order; nothing here reads the text of a line.
 */
import {
  BOUNDS_MS,
  DEVICE_COLUMNS,
  type DelayedAction,
  type DelayedOutcome,
  type DeviceColumn,
  emptyTruth,
  type Level,
  type Profile,
  type RequestClass,
  type Truth,
  type UploadOutcome,
} from './truth.ts';

/** What the lines of one key upload have said so far. */
export interface UploadFacts {
  /** `@alice:example.org|ABCDEFGHIJ`, when a line has named it. */
  device?: string | undefined;
  hasOneTimeKeys: boolean;
  isRefused: boolean;
}

export interface AccessFacts {
  readonly requestClass: RequestClass;
  readonly status: number;
  /** `!` after the status. */
  readonly isLost: boolean;
  /** `proc`, in milliseconds. */
  readonly ms: number;
  readonly isSendNegative: boolean;
  /** Holds text that imitates another line. */
  readonly isLookalike: boolean;
  readonly upload?: UploadFacts | undefined;
  readonly delayedAction?: DelayedAction | undefined;
  readonly toDeviceSend?: { readonly eventType: string; readonly isMediaKey: boolean } | undefined;
}

export class TruthBook {
  readonly #truth: Truth;
  readonly #addingDevices = new Set<string>();
  readonly #conflictKeyIds = new Map<string, Set<string>>();
  readonly #newKeys = new Map<string, Set<string>>();

  constructor(seed: number, profile: Profile) {
    this.#truth = emptyTruth(seed, profile);
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#truth.bytes;
  }

  /** One record is in the file: `text` with all its lines and the last newline, `bytes` its length in UTF-8. */
  recordWritten(level: Level, text: string, bytes: number): void {
    const truth = this.#truth;
    truth.bytes += bytes;
    truth.records++;
    bump(truth.by_level, level);
    if (bytes !== text.length) truth.non_ascii_lines++;
    const lineCount = text.indexOf('\n') === text.length - 1 ? 1 : this.#continuationLines(text);
    if (lineCount === 1 && bytes - 1 > truth.max_line_bytes) truth.max_line_bytes = bytes - 1;
    truth.lines += lineCount;
  }

  #continuationLines(text: string): number {
    const lines = text.slice(0, -1).split('\n');
    for (const line of lines) this.#truth.max_line_bytes = Math.max(this.#truth.max_line_bytes, Buffer.byteLength(line));
    this.#truth.continuation_lines += lines.length - 1;
    return lines.length;
  }

  accessLine(facts: AccessFacts): void {
    const access = this.#truth.access;
    const ofClass = access.by_class[facts.requestClass];
    const bucket = bucketOf(facts.ms);
    access.processed++;
    access.sum_ms += facts.ms;
    access.hist[bucket] = (access.hist[bucket] ?? 0) + 1;
    bump(access.by_status, facts.status);
    ofClass.count++;
    ofClass.sum_ms += facts.ms;
    ofClass.hist[bucket] = (ofClass.hist[bucket] ?? 0) + 1;
    bump(ofClass.by_status, facts.status);
    if (facts.isLost) access.disconnected++;
    if (facts.isSendNegative) access.negative_send++;
    if (facts.isLookalike) this.#truth.lookalikes++;
    if (facts.requestClass !== 'sync') this.#observeDuration(facts.ms, bucket);
    if (facts.upload) this.#uploadEnded(facts.upload, facts);
    if (facts.delayedAction) bump(this.#truth.contract.delayedEvents.requests[facts.delayedAction], delayedOutcome(facts));
    if (facts.toDeviceSend) this.#toDeviceSent(facts.toDeviceSend, facts.status);
  }

  #observeDuration(ms: number, bucket: number): void {
    const duration = this.#truth.contract.requestDuration;
    duration.count++;
    duration.sum_ms += ms;
    duration.buckets[bucket] = (duration.buckets[bucket] ?? 0) + 1;
  }

  #uploadEnded(upload: UploadFacts, facts: AccessFacts): void {
    const outcome = uploadOutcome(upload, facts);
    if (outcome === undefined) return;
    if (upload.device !== undefined) this.#add(upload.device, outcome, 1);
    // Refusals whose device no line names are counted at the refusal; an accepted upload always has one.
    else if (outcome !== 'conflict' && outcome !== 'accepted') this.#truth.contract.unattributed[outcome]++;
  }

  #toDeviceSent(send: NonNullable<AccessFacts['toDeviceSend']>, status: number): void {
    const toDevice = this.#truth.contract.toDevice;
    if (status < 200 || status > 299) toDevice.sendsFailed++;
    else {
      bump(toDevice.sends, send.eventType);
      if (send.isMediaKey) toDevice.mediaKeySends++;
    }
  }

  /** `Received request` at DEBUG. */
  received(): void {
    this.#truth.access.received++;
  }

  /** `Adding one_time_keys`: `device` offered `count` keys. */
  keysAdded(upload: UploadFacts, device: string, count: number): void {
    this.#truth.keys.adding_lines++;
    this.#truth.keys.adding_keys += count;
    this.#addingDevices.add(device);
    upload.device = device;
    upload.hasOneTimeKeys = true;
  }

  /** `Updating device_keys`. */
  deviceKeysUpdated(upload: UploadFacts, device: string): void {
    this.#truth.keys.device_keys_updates++;
    upload.device ??= device;
  }

  /** `One time key … already exists`. `signer`: the device in the old key's signatures; undefined: the key is a plain string. */
  refused(upload: UploadFacts, signer: string | undefined, keyId: string, newKey: string): void {
    const { keys, contract } = this.#truth;
    keys.conflict_lines++;
    contract.conflicts++;
    if (upload.hasOneTimeKeys) keys.conflict_joined++;
    upload.isRefused = true;
    upload.device ??= signer;
    if (upload.device === undefined) {
      contract.unattributed.conflicts++;
      return;
    }
    this.#add(upload.device, 'refusals', 1);
    setOf(this.#conflictKeyIds, upload.device).add(keyId);
    setOf(this.#newKeys, upload.device).add(newKey);
  }

  /** `Claimed one-time-keys`: one entry for each key handed out. */
  claimed(devices: readonly string[]): void {
    this.#truth.keys.claimed_lines++;
    this.#truth.keys.claimed_keys += devices.length;
    for (const device of devices) this.#add(device, 'claims', 1);
  }

  /** A to-device debug record of `kind` (`storing`, `awaking` …). */
  toDeviceRecord(kind: string): void {
    bump(this.#truth.to_device, kind);
  }

  /** `count` list entries of a to-device debug record, all for `device`. */
  toDeviceMessages(stage: 'stored' | 'returned' | 'dropped', device: string, count: number): void {
    this.#truth.contract.toDevice[stage] += count;
    this.#add(device, stage, count);
  }

  /** The truth of what has been written; `virtualMs` is the time that the log spans. */
  finish(virtualMs: number): Truth {
    const { keys, contract } = this.#truth;
    keys.adding_devices = this.#addingDevices.size;
    keys.conflict_devices = this.#conflictKeyIds.size;
    keys.conflict_key_ids = [...this.#conflictKeyIds.values()].reduce((sum, ids) => sum + ids.size, 0);
    contract.conflictKeyIds = Object.fromEntries([...this.#conflictKeyIds].map(([device, ids]) => [device, [...ids].sort()]));
    for (const [device, texts] of this.#newKeys) this.#set(device, 'distinctNewKeys', texts.size);
    contract.lines = this.#truth.lines;
    contract.records = this.#truth.records;
    contract.accessLines = this.#truth.access.processed;
    this.#truth.virtual_seconds = virtualMs / 1000;
    return this.#truth;
  }

  #row(device: string): number[] {
    const devices = this.#truth.contract.devices;
    const known = devices[device];
    if (known) return known;
    const row = DEVICE_COLUMNS.map(() => 0);
    devices[device] = row;
    return row;
  }

  #add(device: string, column: DeviceColumn, n: number): void {
    const row = this.#row(device);
    const index = DEVICE_COLUMNS.indexOf(column);
    row[index] = (row[index] ?? 0) + n;
  }

  #set(device: string, column: DeviceColumn, value: number): void {
    this.#row(device)[DEVICE_COLUMNS.indexOf(column)] = value;
  }
}

function uploadOutcome(upload: UploadFacts, { status, isLost }: AccessFacts): UploadOutcome | undefined {
  if (upload.isRefused) return 'conflict';
  if (isLost || status === 499) return 'clientGaveUp';
  if (status === 200) return upload.hasOneTimeKeys ? 'accepted' : undefined;
  return status >= 500 ? 'failed' : 'rejected';
}

function delayedOutcome({ status, isLost }: AccessFacts): DelayedOutcome {
  if (isLost || status === 499) return 'clientGaveUp';
  if (status === 429) return 'rateLimited';
  if (status === 404) return 'notFound';
  return status >= 200 && status < 300 ? 'ok' : 'failed';
}

function bucketOf(ms: number): number {
  let i = 0;
  while (i < BOUNDS_MS.length && ms > (BOUNDS_MS[i] as number)) i++;
  return i;
}

function bump(counts: Record<string, number>, key: string | number): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function setOf(sets: Map<string, Set<string>>, key: string): Set<string> {
  const known = sets.get(key);
  if (known) return known;
  const set = new Set<string>();
  sets.set(key, set);
  return set;
}
