/**
 * What is known of each device. In: facts. Out: one tally a device, found by user id and device id.
 *
 * Bounded: above MAX_DEVICES the device that was heard of least recently is forgotten, those without a conflict first, and counted.
 * What a tally remembers of key ids is bounded too.
 */
import type { Fact, KeysClaimed, KeyUpload, ToDeviceMessages, UploadOutcome } from '../facts/fact.ts';
import type { KeptRows } from '../kept-rows.ts';

/** Devices kept (a large homeserver: 100,000 active ones). */
const MAX_DEVICES = 100_000;
/** Distinct key ids, and texts of new keys, that are kept of one device's conflicts. A storm repeats a few; more than this is an attack. */
export const MAX_CONFLICT_IDS = 1000;
/** Key ids handed out that are kept of one device, to see one handed out again. A device has at most 100 in stock. */
const MAX_CLAIMED_IDS = 1000;

export interface DeviceTally {
  readonly userId: string;
  readonly deviceId: string;
  /** The table's own. */
  readonly link: Link;
  /** Grows with each time any device is heard of. */
  heard: number;
  readonly keyUploads: Record<UploadOutcome, number>;
  conflictCount: number;
  readonly conflictKeyIds: Set<string>;
  readonly newKeyHashes: Set<number>;
  firstConflictMs: number;
  lastConflictMs: number;
  claimsOneTime: number;
  claimsFallback: number;
  /** Key ids (`keyNumber`) that were handed out and not offered anew since. */
  readonly claimedKeyIds: number[];
  stored: number;
  returned: number;
  dropped: number;
}

/** Uploads whose device no line names, by outcome. */
export type Unattributed = { conflicts: number } & Record<Exclude<UploadOutcome, 'accepted' | 'conflict'>, number>;

export class DeviceTable implements KeptRows {
  readonly stage = 'devices';
  /** By row key; null: forgotten. */
  readonly #changed = new Map<string, DeviceTally | null>();
  #committedTotals = '';
  #pendingTotals = '';
  /** By user id, then device id. */
  readonly #users = new Map<string, Map<string, DeviceTally>>();
  /** All devices, in order of when they were last heard of (a ring: `next` of this is the least recent). */
  readonly #order: Link = createRing();
  #size = 0;
  #heard = 0;
  readonly #maxDevices: number;
  readonly unattributed: Unattributed = { conflicts: 0, rejected: 0, client_gave_up: 0, failed: 0 };
  evicted = 0;
  /** Keys handed out, of all devices ever seen. */
  readonly claims = { oneTime: 0, fallback: 0 };

  constructor(maxDevices: number = MAX_DEVICES) {
    this.#maxDevices = maxDevices;
  }

  get size(): number {
    return this.#size;
  }

  /** All devices, by user id and device id. */
  list(): DeviceTally[] {
    return [...this.#users.values()]
      .flatMap((devices) => [...devices.values()])
      .sort((a, b) => compare(a.userId, b.userId) || compare(a.deviceId, b.deviceId));
  }

  apply(fact: Fact): void {
    switch (fact.kind) {
      case 'key_upload':
        return this.#applyUpload(fact);
      case 'keys_claimed':
        return this.#applyClaims(fact);
      case 'to_device_messages':
        return this.#applyMessages(fact);
      case 'logged_in':
        this.#touch(fact.userId, fact.deviceId);
        return;
    }
  }

  changedRows(): readonly (readonly [key: string, text: string | null])[] {
    const { unattributed, evicted, claims } = this;
    const rows: [string, string | null][] = [];
    for (const [key, device] of this.#changed) rows.push([key, device === null ? null : JSON.stringify(storedForm(device))]);
    this.#pendingTotals = JSON.stringify({ unattributed, evicted, claims });
    if (this.#pendingTotals !== this.#committedTotals) rows.push([TOTALS_KEY, this.#pendingTotals]);
    return rows;
  }

  markCommitted(): void {
    this.#changed.clear();
    this.#committedTotals = this.#pendingTotals;
  }

  /** Least recently heard of first, as far as the rows tell. */
  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    const problems: string[] = [];
    const devices: StoredDevice[] = [];
    for (const [key, text] of rows) {
      try {
        if (key === TOTALS_KEY) this.#restoreTotals(text);
        else devices.push(JSON.parse(text) as StoredDevice);
      } catch (error) {
        problems.push(`Cannot read row ${key} of the devices: ${String(error)}`);
      }
    }
    for (const stored of devices.sort((a, b) => a.heard - b.heard)) restoreTally(this.#touch(stored.userId, stored.deviceId), stored);
    this.#heard = devices.at(-1)?.heard ?? 0;
    this.#changed.clear();
    return problems;
  }

  #restoreTotals(text: string): void {
    const { unattributed, evicted, claims } = JSON.parse(text) as Pick<DeviceTable, 'unattributed' | 'evicted' | 'claims'>;
    Object.assign(this.unattributed, unattributed);
    Object.assign(this.claims, claims);
    this.evicted = evicted;
    this.#committedTotals = text;
  }

  #applyUpload({ userId, deviceId, outcome, refusals, offeredKeyIds, timeMs }: KeyUpload): void {
    if (userId === null || deviceId === null) {
      this.unattributed.conflicts += refusals.length;
      if (outcome !== null && outcome !== 'accepted' && outcome !== 'conflict') this.unattributed[outcome]++;
      return;
    }
    const device = this.#touch(userId, deviceId);
    if (outcome !== null) device.keyUploads[outcome]++;
    if (outcome === 'accepted') forgetClaims(device, offeredKeyIds);
    for (const { keyId, newKey } of refusals) {
      device.conflictCount++;
      if (!device.conflictKeyIds.has(keyId)) addBounded(device.conflictKeyIds, copyText(keyId), MAX_CONFLICT_IDS);
      if (newKey !== null) addBounded(device.newKeyHashes, hashText(newKey), MAX_CONFLICT_IDS);
      // Several sources are read one after another, so their times aren't in order.
      if (!(device.firstConflictMs <= timeMs)) device.firstConflictMs = timeMs;
      if (!(device.lastConflictMs >= timeMs)) device.lastConflictMs = timeMs;
    }
  }

  /** An id handed out again, without an accepted upload of it in between, is the fallback key's (lab-findings 13). */
  #applyClaims({ claims }: KeysClaimed): void {
    for (const { keyId, userId, deviceId } of claims) {
      const device = this.#touch(userId, deviceId);
      const number = keyNumber(keyId);
      const isAgain = device.claimedKeyIds.includes(number);
      if (isAgain) device.claimsFallback++;
      else device.claimsOneTime++;
      this.claims[isAgain ? 'fallback' : 'oneTime']++;
      if (!isAgain && device.claimedKeyIds.length < MAX_CLAIMED_IDS) device.claimedKeyIds.push(number);
    }
  }

  #applyMessages({ stage, messages }: ToDeviceMessages): void {
    for (const { userId, deviceId } of messages) if (userId !== null && deviceId !== null) this.#touch(userId, deviceId)[stage]++;
  }

  #touch(userId: string, deviceId: string): DeviceTally {
    const device = this.#find(userId, deviceId);
    device.heard = ++this.#heard;
    this.#changed.set(rowKey(device), device);
    return device;
  }

  #find(userId: string, deviceId: string): DeviceTally {
    const known = this.#users.get(userId)?.get(deviceId);
    if (known !== undefined) {
      // Order matters only where the table is filling up; below that, memory that nobody needs isn't touched.
      if (this.#size * 2 > this.#maxDevices) moveToEnd(known.link, this.#order);
      return known;
    }
    return this.#add(copyText(userId), copyText(deviceId));
  }

  #add(userId: string, deviceId: string): DeviceTally {
    if (this.#size >= this.#maxDevices) this.#evict();
    const device = createTally(userId, deviceId);
    const devices = this.#users.get(userId);
    if (devices === undefined) this.#users.set(userId, new Map([[deviceId, device]]));
    else devices.set(deviceId, device);
    link(device.link, this.#order);
    this.#size++;
    return device;
  }

  /** The least recent device without a conflict; where the first EVICTION_SCAN all have some, the least recent of all. */
  #evict(): void {
    let chosen = this.#order.next;
    let scanned = 0;
    for (let at = this.#order.next; at !== this.#order && scanned < EVICTION_SCAN; at = at.next, scanned++)
      if (at.device?.conflictCount === 0) {
        chosen = at;
        break;
      }
    const { device } = chosen;
    if (device === null) return;
    unlink(chosen);
    const devices = this.#users.get(device.userId);
    devices?.delete(device.deviceId);
    if (devices?.size === 0) this.#users.delete(device.userId);
    this.#changed.set(rowKey(device), null);
    this.#size--;
    this.evicted++;
  }
}

/** A place in the order of devices. */
interface Link {
  device: DeviceTally | null;
  previous: Link;
  next: Link;
}

function createRing(device: DeviceTally | null = null): Link {
  const ring = { device } as Link;
  ring.previous = ring;
  ring.next = ring;
  return ring;
}

/** Puts `entry` in front of `ring`: last in order. */
function link(entry: Link, ring: Link): void {
  entry.previous = ring.previous;
  entry.next = ring;
  ring.previous.next = entry;
  ring.previous = entry;
}

function unlink({ previous, next }: Link): void {
  previous.next = next;
  next.previous = previous;
}

function moveToEnd(entry: Link, ring: Link): void {
  unlink(entry);
  link(entry, ring);
}

/** No device's key is empty. */
const TOTALS_KEY = '';

/** A tally as plain data: lists for sets, null for a time that isn't known. */
interface StoredDevice extends Omit<DeviceTally, 'link' | 'conflictKeyIds' | 'newKeyHashes' | 'firstConflictMs' | 'lastConflictMs'> {
  readonly conflictKeyIds: readonly string[];
  readonly newKeyHashes: readonly number[];
  readonly firstConflictMs: number | null;
  readonly lastConflictMs: number | null;
}

function rowKey({ userId, deviceId }: DeviceTally): string {
  return JSON.stringify([userId, deviceId]);
}

function storedForm({ link, conflictKeyIds, newKeyHashes, firstConflictMs, lastConflictMs, ...rest }: DeviceTally): StoredDevice {
  return {
    ...rest,
    conflictKeyIds: [...conflictKeyIds],
    newKeyHashes: [...newKeyHashes],
    firstConflictMs: Number.isNaN(firstConflictMs) ? null : firstConflictMs,
    lastConflictMs: Number.isNaN(lastConflictMs) ? null : lastConflictMs,
  };
}

function restoreTally(device: DeviceTally, stored: StoredDevice): void {
  const { userId, deviceId, keyUploads, conflictKeyIds, newKeyHashes, firstConflictMs, lastConflictMs, claimedKeyIds, ...counts } = stored;
  Object.assign(device, counts, { firstConflictMs: firstConflictMs ?? Number.NaN, lastConflictMs: lastConflictMs ?? Number.NaN });
  Object.assign(device.keyUploads, keyUploads);
  for (const keyId of conflictKeyIds) device.conflictKeyIds.add(keyId);
  for (const hash of newKeyHashes) device.newKeyHashes.add(hash);
  device.claimedKeyIds.push(...claimedKeyIds);
}

/** Devices with conflicts that are passed over to find one without, at most. */
const EVICTION_SCAN = 1000;

function createTally(userId: string, deviceId: string): DeviceTally {
  const place = createRing();
  const device: DeviceTally = {
    userId,
    deviceId,
    link: place,
    heard: 0,
    keyUploads: { accepted: 0, conflict: 0, rejected: 0, client_gave_up: 0, failed: 0 },
    conflictCount: 0,
    conflictKeyIds: new Set(),
    newKeyHashes: new Set(),
    firstConflictMs: Number.NaN,
    lastConflictMs: Number.NaN,
    claimsOneTime: 0,
    claimsFallback: 0,
    claimedKeyIds: [],
    stored: 0,
    returned: 0,
    dropped: 0,
  };
  place.device = device;
  return device;
}

function addBounded<T>(set: Set<T>, value: T, bound: number): void {
  if (set.size < bound) set.add(value);
}

function forgetClaims({ claimedKeyIds }: DeviceTally, keyIds: readonly string[]): void {
  if (claimedKeyIds.length === 0) return;
  for (const keyId of keyIds) {
    const index = claimedKeyIds.indexOf(keyNumber(keyId));
    if (index < 0) continue;
    claimedKeyIds[index] = claimedKeyIds.at(-1) as number;
    claimedKeyIds.pop();
  }
}

/**
 * A small integer for a key id. `signed_curve25519:AAAAAAAAAA0` is 13 (the id is a counter in base64, 4 or 8 bytes, high byte first:
 * e2ee-evidence 2.1); other ids, and other algorithms, give a negative hash. Small integers, because a list of them is fast and small.
 */
function keyNumber(keyId: string): number {
  if (!keyId.startsWith(USUAL_ALGORITHM)) return hashSmall(keyId);
  let value = 0;
  for (let i = USUAL_ALGORITHM.length; i < keyId.length; i++) {
    const digit = BASE64_VALUE[keyId.charCodeAt(i)] ?? -1;
    if (digit < 0 || value > MAX_KEY_NUMBER) return hashSmall(keyId);
    value = value * 64 + digit;
  }
  return value > MAX_KEY_NUMBER ? hashSmall(keyId) : value;
}

const USUAL_ALGORITHM = 'signed_curve25519:';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** By character code; −1 for what is no digit. */
const BASE64_VALUE = Int8Array.from({ length: 128 }, (_, code) => BASE64.indexOf(String.fromCharCode(code)));
/** Larger ones don't fit a small integer. A device that ever made this many keys would be the first. */
const MAX_KEY_NUMBER = 2 ** 28;

function hashSmall(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return -1 - (hash >>> 2);
}

/**
 * A text of its own. A part of a longer text (a capture of a message) keeps the whole of it in memory in V8, and a table that lives for weeks
 * would keep every message it ever took a name from.
 */
function copyText(text: string): string {
  return `${text}\0`.slice(0, text.length);
}

/** 53 bits of two FNV-1a hashes: texts are told apart, not kept (a new key is public, but long). */
function hashText(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b) ^ (high >>> 13);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
