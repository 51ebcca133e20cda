/**
 * What is known of each device. In: facts. Out: one tally a device, found by user id and device id.
 *
 * Bounded: above MAX_DEVICES the device that was heard of least recently is forgotten, those without a conflict first, and counted.
 * What a tally remembers of key ids is bounded too.
 */
import type { Fact, KeysClaimed, KeyUpload, ToDeviceMessages, UploadOutcome } from '../facts/fact.ts';

/** Devices kept (a large homeserver: 100,000 active ones). */
export const MAX_DEVICES = 100_000;
/** Distinct key ids, and texts of new keys, that are kept of one device's conflicts. A storm repeats a few; more than this is an attack. */
export const MAX_CONFLICT_IDS = 1000;
/** Key ids handed out that are kept of one device, to see one handed out again. A device has at most 100 in stock. */
export const MAX_CLAIMED_IDS = 1000;

export interface DeviceTally {
  readonly userId: string;
  readonly deviceId: string;
  readonly keyUploads: Record<UploadOutcome, number>;
  conflictCount: number;
  readonly conflictKeyIds: Set<string>;
  readonly newKeyHashes: Set<number>;
  firstConflictMs: number;
  lastConflictMs: number;
  claimsOneTime: number;
  claimsFallback: number;
  /** Hashes of the key ids that were handed out and not offered anew since. */
  readonly claimedKeyIds: Set<number>;
  stored: number;
  returned: number;
  dropped: number;
}

/** Uploads whose device no line names, by outcome. */
export type Unattributed = { conflicts: number } & Record<Exclude<UploadOutcome, 'accepted' | 'conflict'>, number>;

export class DeviceTable {
  /** In order of when a device was last heard of: a Map iterates in order of insertion, and `#touch` inserts anew. */
  readonly #devices = new Map<string, DeviceTally>();
  readonly #maxDevices: number;
  readonly unattributed: Unattributed = { conflicts: 0, rejected: 0, client_gave_up: 0, failed: 0 };
  evicted = 0;
  /** Keys handed out, of all devices ever seen. */
  readonly claims = { oneTime: 0, fallback: 0 };

  constructor(maxDevices: number = MAX_DEVICES) {
    this.#maxDevices = maxDevices;
  }

  get size(): number {
    return this.#devices.size;
  }

  /** All devices, by user id and device id. */
  list(): DeviceTally[] {
    return [...this.#devices.values()].sort((a, b) => compare(a.userId, b.userId) || compare(a.deviceId, b.deviceId));
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
      if (Number.isNaN(device.firstConflictMs)) device.firstConflictMs = timeMs;
      device.lastConflictMs = timeMs;
    }
  }

  /** An id handed out again, without an accepted upload of it in between, is the fallback key's (lab-findings 13). */
  #applyClaims({ claims }: KeysClaimed): void {
    for (const { keyId, userId, deviceId } of claims) {
      const device = this.#touch(userId, deviceId);
      const hash = hashText(keyId);
      const isAgain = device.claimedKeyIds.has(hash);
      if (isAgain) device.claimsFallback++;
      else device.claimsOneTime++;
      this.claims[isAgain ? 'fallback' : 'oneTime']++;
      addBounded(device.claimedKeyIds, hash, MAX_CLAIMED_IDS);
    }
  }

  #applyMessages({ stage, messages }: ToDeviceMessages): void {
    for (const { userId, deviceId } of messages) if (userId !== null && deviceId !== null) this.#touch(userId, deviceId)[stage]++;
  }

  #touch(userId: string, deviceId: string): DeviceTally {
    const key = `${userId}\0${deviceId}`;
    const known = this.#devices.get(key);
    if (known !== undefined) {
      if (this.#devices.size * 2 > this.#maxDevices) this.#moveToEnd(key, known);
      return known;
    }
    if (this.#devices.size >= this.#maxDevices) this.#evict();
    const device = createTally(copyText(userId), copyText(deviceId));
    this.#devices.set(copyText(key), device);
    return device;
  }

  /** Order matters only where the table is filling up; below that, nothing is moved. */
  #moveToEnd(key: string, device: DeviceTally): void {
    this.#devices.delete(key);
    this.#devices.set(key, device);
  }

  #evict(): void {
    let scanned = 0;
    let oldest: string | undefined;
    for (const [key, device] of this.#devices) {
      oldest ??= key;
      if (device.conflictCount === 0) {
        oldest = key;
        break;
      }
      if (++scanned >= EVICTION_SCAN) break;
    }
    if (oldest !== undefined) this.#devices.delete(oldest);
    this.evicted++;
  }
}

/** Devices with conflicts that are passed over to find one without, at most. */
const EVICTION_SCAN = 1000;

function createTally(userId: string, deviceId: string): DeviceTally {
  return {
    userId,
    deviceId,
    keyUploads: { accepted: 0, conflict: 0, rejected: 0, client_gave_up: 0, failed: 0 },
    conflictCount: 0,
    conflictKeyIds: new Set(),
    newKeyHashes: new Set(),
    firstConflictMs: Number.NaN,
    lastConflictMs: Number.NaN,
    claimsOneTime: 0,
    claimsFallback: 0,
    claimedKeyIds: new Set(),
    stored: 0,
    returned: 0,
    dropped: 0,
  };
}

function addBounded<T>(set: Set<T>, value: T, bound: number): void {
  if (set.size < bound) set.add(value);
}

function forgetClaims({ claimedKeyIds }: DeviceTally, keyIds: readonly string[]): void {
  if (claimedKeyIds.size > 0) for (const keyId of keyIds) claimedKeyIds.delete(hashText(keyId));
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
