/**
 * What is remembered of one device: counts, its stock of one-time keys as far as the log shows it, and, only for the few that ever were in
 * trouble, its divergence. Plain data; `key-book.ts` and `divergence.ts` know what changes it.
 */
import type { UploadOutcome } from '../facts/fact.ts';
import type { Divergence } from './divergence.ts';
import type { EvidenceLines } from './evidence-lines.ts';
import { IdRanges } from './id-ranges.ts';

/** What was seen of a device, at any time; contract.md, `flags`. */
export const DEVICE_FLAGS = ['hot_loop', 'critical', 'silent_identity_change', 'exhaustion_suspected', 'exhausted'] as const;
export type DeviceFlag = (typeof DEVICE_FLAGS)[number];

export interface DeviceTally {
  readonly userId: string;
  readonly deviceId: string;
  /** The table's own. */
  readonly link: Link;
  /** Grows with each time any device is heard of. */
  heard: number;
  readonly keyUploads: Record<UploadOutcome, number>;
  conflictCount: number;
  conflictKeyIds: Set<string>;
  newKeyHashes: Set<number>;
  firstConflictMs: number;
  lastConflictMs: number;
  claimsOneTime: number;
  claimsFallback: number;
  claimsPoisoned: number;
  stored: number;
  returned: number;
  dropped: number;
  /** Accepted sends by this device's user, where the log names the device. */
  sends: number;
  /** Forged or suspicious records that name it. */
  untrusted: number;

  /** Accepted and not handed out since: on the server, as far as the log shows. */
  readonly held: IdRanges;
  /** Handed out since the homeserver's last start, and not offered anew. */
  readonly claimed: IdRanges;
  /** Handed out before that; null: none. */
  claimedBefore: IdRanges | null;
  /** Number of the homeserver's start that `claimed` is since. */
  startEpoch: number;
  /** Highest counter that was accepted; −1: none. */
  highWater: number;
  lastAcceptedMs: number;
  /** Lowest and highest id of the last accepted upload; −1: none. */
  lastAcceptedLow: number;
  lastAcceptedHigh: number;
  /** The last upload of device keys was answered in full: the client knows that it succeeded. */
  hasPublishedIdentity: boolean;
  /** Log time of the last login; NaN: none was seen. */
  loginMs: number;
  /** All that it ever published was seen: the log begins before its login. */
  isWhole: boolean;
  /** Log time of its deletion; NaN: it exists. */
  deletedMs: number;
  /** Bit i: DEVICE_FLAGS[i]. */
  flags: number;
  /** Log time since when keys were handed out that had been handed out before a database restore; NaN: none. */
  restoredMs: number;
  /** Keys handed out a second time; null: none. */
  exhaustion: { readonly firstMs: number; lastMs: number; readonly lines: EvidenceLines } | null;
  divergence: Divergence | null;
}

/** A place in the order of devices. */
export interface Link {
  device: DeviceTally | null;
  previous: Link;
  next: Link;
}

export const NO_IDS: ReadonlySet<never> = new Set<never>();

export function createDevice(userId: string, deviceId: string, link: Link): DeviceTally {
  const device: DeviceTally = {
    userId,
    deviceId,
    link,
    heard: 0,
    keyUploads: { accepted: 0, conflict: 0, rejected: 0, client_gave_up: 0, failed: 0 },
    conflictCount: 0,
    // Most devices never have one: they share an empty set.
    conflictKeyIds: NO_IDS as unknown as Set<string>,
    newKeyHashes: NO_IDS as unknown as Set<number>,
    firstConflictMs: Number.NaN,
    lastConflictMs: Number.NaN,
    claimsOneTime: 0,
    claimsFallback: 0,
    claimsPoisoned: 0,
    stored: 0,
    returned: 0,
    dropped: 0,
    sends: 0,
    untrusted: 0,
    held: new IdRanges(),
    claimed: new IdRanges(),
    claimedBefore: null,
    startEpoch: 0,
    highWater: -1,
    lastAcceptedMs: Number.NaN,
    lastAcceptedLow: -1,
    lastAcceptedHigh: -1,
    hasPublishedIdentity: false,
    loginMs: Number.NaN,
    isWhole: false,
    deletedMs: Number.NaN,
    flags: 0,
    restoredMs: Number.NaN,
    exhaustion: null,
    divergence: null,
  };
  link.device = device;
  return device;
}

export function hasFlag({ flags }: DeviceTally, flag: DeviceFlag): boolean {
  return (flags & (1 << DEVICE_FLAGS.indexOf(flag))) !== 0;
}

export function setFlag(device: DeviceTally, flag: DeviceFlag): void {
  device.flags |= 1 << DEVICE_FLAGS.indexOf(flag);
}

export function clearFlag(device: DeviceTally, flag: DeviceFlag): void {
  device.flags &= ~(1 << DEVICE_FLAGS.indexOf(flag));
}

export function flagsOf(device: DeviceTally): readonly DeviceFlag[] {
  return DEVICE_FLAGS.filter((flag) => hasFlag(device, flag));
}
