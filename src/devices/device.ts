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

/** To-device messages for one device, as contract.md has them. */
export interface DeviceTraffic {
  stored: number;
  returned: number;
  dropped: number;
}

/** What most devices never have. */
interface Rare {
  conflictCount: number;
  conflictKeyIds: Set<string>;
  newKeyHashes: Set<number>;
  firstConflictMs: number;
  lastConflictMs: number;
  claimsPoisoned: number;
  /** Forged or suspicious records that name it. */
  untrusted: number;
  /** Handed out before the homeserver's last start; null: none. */
  claimedBefore: IdRanges | null;
  /** Log time of its deletion; NaN: it exists. */
  deletedMs: number;
  /** Log time since when keys were handed out that had been handed out before a database restore; NaN: none. */
  restoredMs: number;
  /** Keys handed out a second time; null: none. */
  exhaustion: { readonly firstMs: number; lastMs: number; readonly lines: EvidenceLines } | null;
  divergence: Divergence | null;
}

const NONE: Readonly<Rare> = createRare();

function createRare(): Rare {
  return {
    conflictCount: 0,
    conflictKeyIds: new Set(),
    newKeyHashes: new Set(),
    firstConflictMs: Number.NaN,
    lastConflictMs: Number.NaN,
    claimsPoisoned: 0,
    untrusted: 0,
    claimedBefore: null,
    deletedMs: Number.NaN,
    restoredMs: Number.NaN,
    exhaustion: null,
    divergence: null,
  };
}

/** A place in the order of devices. */
export interface Linked {
  previous: Linked;
  next: Linked;
}

const NOWHERE = {} as Linked;

/** 100,000 of these are kept, so what few have stands apart: some 600 bytes a healthy device, measured. */
export class DeviceTally implements Linked {
  previous: Linked = NOWHERE;
  next: Linked = NOWHERE;
  readonly userId: string;
  readonly deviceId: string;
  /** Grows with each time any device is heard of. */
  heard = 0;
  keyUploads: Record<UploadOutcome, number> = { accepted: 0, conflict: 0, rejected: 0, client_gave_up: 0, failed: 0 };
  claimsOneTime = 0;
  claimsFallback = 0;
  /** Accepted and not handed out since: on the server, as far as the log shows. */
  held = new IdRanges();
  /** Handed out since the homeserver's last start, and not offered anew. */
  claimed = new IdRanges();
  /** Number of the homeserver's start that `claimed` is since. */
  startEpoch = 0;
  /** Highest counter that was accepted; −1: none. */
  highWater = -1;
  lastAcceptedMs = Number.NaN;
  /** Lowest and highest id of the last accepted upload; −1: none. */
  lastAcceptedLow = -1;
  lastAcceptedHigh = -1;
  /** The last upload of device keys was answered in full: the client knows that it succeeded. */
  hasPublishedIdentity = false;
  /** Log time of the last login; NaN: none was seen. */
  loginMs = Number.NaN;
  /** All that it ever published was seen: the log begins before its login. */
  isWhole = false;
  /** Bit i: DEVICE_FLAGS[i]. */
  flags = 0;
  /** null: none yet. */
  traffic: DeviceTraffic | null = null;
  /** null: it has none of it. Others read and write its fields through the accessors. */
  rare: Rare | null = null;

  constructor(userId: string, deviceId: string) {
    this.userId = userId;
    this.deviceId = deviceId;
  }

  get conflictCount(): Rare['conflictCount'] {
    return (this.rare ?? NONE).conflictCount;
  }

  set conflictCount(value: Rare['conflictCount']) {
    if (this.rare !== null || value !== NONE.conflictCount) this.#own().conflictCount = value;
  }

  get conflictKeyIds(): Rare['conflictKeyIds'] {
    return (this.rare ?? NONE).conflictKeyIds;
  }

  set conflictKeyIds(value: Rare['conflictKeyIds']) {
    if (this.rare !== null || value !== NONE.conflictKeyIds) this.#own().conflictKeyIds = value;
  }

  get newKeyHashes(): Rare['newKeyHashes'] {
    return (this.rare ?? NONE).newKeyHashes;
  }

  set newKeyHashes(value: Rare['newKeyHashes']) {
    if (this.rare !== null || value !== NONE.newKeyHashes) this.#own().newKeyHashes = value;
  }

  get firstConflictMs(): Rare['firstConflictMs'] {
    return (this.rare ?? NONE).firstConflictMs;
  }

  set firstConflictMs(value: Rare['firstConflictMs']) {
    if (this.rare !== null || value !== NONE.firstConflictMs) this.#own().firstConflictMs = value;
  }

  get lastConflictMs(): Rare['lastConflictMs'] {
    return (this.rare ?? NONE).lastConflictMs;
  }

  set lastConflictMs(value: Rare['lastConflictMs']) {
    if (this.rare !== null || value !== NONE.lastConflictMs) this.#own().lastConflictMs = value;
  }

  get claimsPoisoned(): Rare['claimsPoisoned'] {
    return (this.rare ?? NONE).claimsPoisoned;
  }

  set claimsPoisoned(value: Rare['claimsPoisoned']) {
    if (this.rare !== null || value !== NONE.claimsPoisoned) this.#own().claimsPoisoned = value;
  }

  get untrusted(): Rare['untrusted'] {
    return (this.rare ?? NONE).untrusted;
  }

  set untrusted(value: Rare['untrusted']) {
    if (this.rare !== null || value !== NONE.untrusted) this.#own().untrusted = value;
  }

  get claimedBefore(): Rare['claimedBefore'] {
    return (this.rare ?? NONE).claimedBefore;
  }

  set claimedBefore(value: Rare['claimedBefore']) {
    if (this.rare !== null || value !== NONE.claimedBefore) this.#own().claimedBefore = value;
  }

  get deletedMs(): Rare['deletedMs'] {
    return (this.rare ?? NONE).deletedMs;
  }

  set deletedMs(value: Rare['deletedMs']) {
    if (this.rare !== null || value !== NONE.deletedMs) this.#own().deletedMs = value;
  }

  get restoredMs(): Rare['restoredMs'] {
    return (this.rare ?? NONE).restoredMs;
  }

  set restoredMs(value: Rare['restoredMs']) {
    if (this.rare !== null || value !== NONE.restoredMs) this.#own().restoredMs = value;
  }

  get exhaustion(): Rare['exhaustion'] {
    return (this.rare ?? NONE).exhaustion;
  }

  set exhaustion(value: Rare['exhaustion']) {
    if (this.rare !== null || value !== NONE.exhaustion) this.#own().exhaustion = value;
  }

  get divergence(): Rare['divergence'] {
    return (this.rare ?? NONE).divergence;
  }

  set divergence(value: Rare['divergence']) {
    if (this.rare !== null || value !== NONE.divergence) this.#own().divergence = value;
  }

  #own(): Rare {
    this.rare ??= createRare();
    return this.rare;
  }
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
