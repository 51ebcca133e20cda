/**
 * Which devices have series of their own.
 *
 * In: user and device ids as the log has them, with log time. Out: the label values that stand for a device, or null where it gets
 * none. Invariants: at most `maxDevices` at a time; a device idle for `idleMs` of log time is forgotten; in hashed mode no id
 * leaves this file in the clear, except as the key of a look-up table in memory.
 */

import { OVERFLOW } from './family-spec.ts';
import { KEY_SEPARATOR, toLabelText } from './label-text.ts';

/** `plain`: ids as they are; `hashed`: through the given hash; `none`: no device has series of its own. */
export type IdentifierMode = 'plain' | 'hashed' | 'none';

/** A device with series of its own. */
export interface DeviceEntry {
  /** Values of `user_id` and `device_id`, as printed: already hashed where that is wanted. */
  readonly userId: string;
  readonly deviceId: string;
  /** Log time of its last use, in milliseconds; never steps back. */
  lastUsedMs: number;
}

export interface DeviceDirectoryOptions {
  readonly maxDevices: number;
  readonly idleMs: number;
  readonly identifiers: IdentifierMode;
  readonly hashIdentifier: (text: string) => string;
}

export class DeviceDirectory {
  readonly #options: DeviceDirectoryOptions;
  readonly #byLabels = new Map<string, DeviceEntry>();
  /** By raw ids, so that a known device costs one look-up and no hash. At most one key a device: others take the slow way. */
  readonly #byIds = new Map<string, DeviceEntry>();
  readonly #idsOf = new Map<DeviceEntry, string>();
  /** No device expires before this log time. */
  #nextExpiryMs = Infinity;

  constructor(options: DeviceDirectoryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byLabels.size;
  }

  /** Devices in the order they were admitted. */
  entries(): Iterable<DeviceEntry> {
    return this.#byLabels.values();
  }

  /**
   * The device's entry, marked as used at `nowMs`; null where ids are not shown, or when the directory is full. Make room with
   * `takeIdle` before asking, where `isFull` says so.
   */
  admit(userId: string, deviceId: string, nowMs: number): DeviceEntry | null {
    const ids = `${userId.length}:${userId}${deviceId}`;
    const entry = this.#byIds.get(ids) ?? this.#admitSlowly(ids, userId, deviceId, nowMs);
    if (entry && nowMs > entry.lastUsedMs) entry.lastUsedMs = nowMs;
    return entry;
  }

  /** Puts back an entry that was stored; false if there is no room for it. */
  restore(userId: string, deviceId: string, lastUsedMs: number): boolean {
    return this.#add(userId, deviceId, lastUsedMs) !== null;
  }

  has(userId: string, deviceId: string): boolean {
    return this.#byLabels.has(keyOf(userId, deviceId));
  }

  isFull(): boolean {
    return this.#byLabels.size >= this.#options.maxDevices;
  }

  /** Forgets, and returns, the devices not used since `nowMs - idleMs` (log time). Costs nothing while none can be due. */
  takeIdle(nowMs: number): readonly DeviceEntry[] {
    if (nowMs < this.#nextExpiryMs) return [];
    const idle: DeviceEntry[] = [];
    let oldestMs = Infinity;
    for (const entry of this.#byLabels.values()) {
      if (entry.lastUsedMs + this.#options.idleMs <= nowMs) idle.push(entry);
      else oldestMs = Math.min(oldestMs, entry.lastUsedMs);
    }
    for (const entry of idle) this.#remove(entry);
    this.#nextExpiryMs = oldestMs + this.#options.idleMs;
    return idle;
  }

  clear(): void {
    this.#byLabels.clear();
    this.#byIds.clear();
    this.#idsOf.clear();
    this.#nextExpiryMs = Infinity;
  }

  #admitSlowly(ids: string, userId: string, deviceId: string, nowMs: number): DeviceEntry | null {
    if (this.#options.identifiers === 'none') return null;
    const entry = this.#add(this.#toLabel(userId), this.#toLabel(deviceId), nowMs);
    if (entry && !this.#idsOf.has(entry)) {
      this.#idsOf.set(entry, ids);
      this.#byIds.set(ids, entry);
    }
    return entry;
  }

  #toLabel(identifier: string): string {
    return toLabelText(this.#options.identifiers === 'hashed' ? this.#options.hashIdentifier(identifier) : identifier);
  }

  #add(userId: string, deviceId: string, nowMs: number): DeviceEntry | null {
    const key = keyOf(userId, deviceId);
    const known = this.#byLabels.get(key);
    if (known) return known;
    // A forged device of this name must not look like the overflow series; it counts there.
    if (this.isFull() || userId === OVERFLOW) return null;
    const entry = { userId, deviceId, lastUsedMs: nowMs };
    this.#byLabels.set(key, entry);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, nowMs + this.#options.idleMs);
    return entry;
  }

  #remove(entry: DeviceEntry): void {
    this.#byLabels.delete(keyOf(entry.userId, entry.deviceId));
    const ids = this.#idsOf.get(entry);
    if (ids !== undefined) this.#byIds.delete(ids);
    this.#idsOf.delete(entry);
  }
}

function keyOf(userId: string, deviceId: string): string {
  return userId + KEY_SEPARATOR + deviceId;
}
