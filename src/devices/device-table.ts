/**
 * What is known of each device, and how its keys stand. In: facts, in log-time order. Out: one tally a device, found by user id and device id; what other
 * stages may ask of it (`KeyHealth`); incidents; rows for the state database.
 *
 * Bounded: above MAX_DEVICES the device that was heard of least recently is forgotten, and counted: healthy ones first, then those whose divergence is
 * over, then the least recent of all. What a tally remembers of key ids is bounded too, and so are poisoned claims and finished incidents.
 */
import type { TimeWindow } from '../certainty.ts';
import type {
  DevicesDeleted,
  Fact,
  KeysClaimed,
  KeyUpload,
  ServerEvent,
  ToDeviceMessages,
  UntrustedRecord,
  UploadOutcome,
} from '../facts/fact.ts';
import type { Incident, IncidentSource } from '../incident.ts';
import type { KeptRows } from '../kept-rows.ts';
import { hashText } from '../lines/private-hash.ts';
import { copyText } from '../lines/shared-text.ts';
import { BoundedList } from './bounded-list.ts';
import { decideCause } from './cause.ts';
import { DeviceTally, type DeviceTraffic, setFlag } from './device.ts';
import { deviceIncidents, divergenceIncidents, serverIncidents } from './device-incidents.ts';
import { DeviceIndex } from './device-index.ts';
import { DeviceOrder } from './device-order.ts';
import { DeviceRows } from './device-rows.ts';
import { stateOf } from './device-view.ts';
import {
  beginDivergence,
  type Divergence,
  isOrphan,
  isOver,
  MAX_CLAIMERS,
  noteAcceptedUpload,
  noteRefused,
  noteStored,
  orphanAll,
  settleOrphans,
  stormOf,
} from './divergence.ts';
import { addEvidence, createEvidenceLines } from './evidence-lines.ts';
import { bookClaim, bookMaybeStored, bookStored, enterStart, rebookRestored } from './key-book.ts';
import type { DeviceStateName, KeyHealth, PoisonedClaim } from './key-health.ts';
import { keyNumber } from './key-id.ts';
import { endedBy, HOT_PER_MINUTE, isStorm } from './refusal-run.ts';
import { ServerStarts } from './server-starts.ts';
import { StormCluster } from './storm-cluster.ts';

export type { DeviceTally };

/** Devices kept (a large homeserver: 100,000 active ones). */
const MAX_DEVICES = 100_000;
/** Distinct key ids, and texts of new keys, that are kept of one device's conflicts. A storm repeats a few; more than this is an attack. */
export const MAX_CONFLICT_IDS = 1000;
/** Keys handed out as orphans that are remembered one by one. Chosen: a storm hands out at most its stock of 50 to 100. */
export const MAX_POISONED_CLAIMS = 10_000;
/** Incidents of divergences that are over. */
export const MAX_FINISHED_INCIDENTS = 10_000;

/** Uploads whose device no line names, by outcome. */
export type Unattributed = { conflicts: number } & Record<Exclude<UploadOutcome, 'accepted' | 'conflict'>, number>;

export class DeviceTable implements KeyHealth, IncidentSource, KeptRows {
  readonly stage = 'devices';
  readonly #index = new DeviceIndex();
  readonly #order = new DeviceOrder();
  readonly #maxDevices: number;
  readonly #rows: DeviceRows;
  readonly unattributed: Unattributed = { conflicts: 0, rejected: 0, client_gave_up: 0, failed: 0 };
  /** When refusals that name no device were seen. */
  readonly unattributedTimes = { firstMs: Number.NaN, lastMs: Number.NaN };
  evicted = 0;
  /** Keys handed out, of all devices ever seen. These never step back: a claim that turns out to be a restored database's stays where it was counted. */
  readonly claims = { oneTime: 0, fallback: 0, poisoned: 0 };
  readonly starts = new ServerStarts();
  readonly storms = new StormCluster();
  /** Newest log time. */
  nowMs = Number.NaN;
  /** Oldest first. */
  readonly poisoned = new BoundedList<PoisonedClaim>(MAX_POISONED_CLAIMS);
  /** Incidents whose divergence is over and was followed by another, or whose device is forgotten. Oldest first. */
  readonly finished = new BoundedList<Incident>(MAX_FINISHED_INCIDENTS);
  /** Devices that ever were in trouble: the only ones that incidents and gauges look at. */
  readonly troubled = new Set<DeviceTally>();
  #heard = 0;

  constructor(maxDevices: number = MAX_DEVICES) {
    this.#maxDevices = maxDevices;
    this.#rows = new DeviceRows(this);
  }

  get size(): number {
    return this.#order.size;
  }

  /** All devices, by user id and device id. */
  list(): DeviceTally[] {
    return [...this.#index.all()].sort((a, b) => compare(a.userId, b.userId) || compare(a.deviceId, b.deviceId));
  }

  find(userId: string, deviceId: string): DeviceTally | undefined {
    return this.#index.find(userId, deviceId);
  }

  apply(fact: Fact): void {
    this.advance(fact.timeMs);
    switch (fact.kind) {
      case 'key_upload':
        return this.#applyUpload(fact);
      case 'keys_claimed':
        return this.#applyClaims(fact);
      case 'to_device_messages':
        return this.#applyMessages(fact);
      case 'logged_in': {
        const device = this.#touch(fact.userId, fact.deviceId);
        device.isWhole ||= Number.isNaN(device.loginMs) && device.highWater < 0 && device.claimed.isEmpty && device.conflictCount === 0;
        device.loginMs = fact.timeMs;
        return;
      }
      case 'devices_deleted':
        return this.#applyDeletion(fact);
      case 'server_event':
        return this.#applyServerEvent(fact);
      case 'untrusted_record':
        return this.#applyUntrusted(fact);
    }
  }

  /** Log time has come this far. */
  advance(nowMs: number): void {
    if (!(nowMs <= this.nowMs) && !Number.isNaN(nowMs)) this.nowMs = nowMs;
  }

  stateOf(userId: string, deviceId: string): DeviceStateName {
    const device = this.find(userId, deviceId);
    return device === undefined ? 'healthy' : stateOf(device, this.nowMs);
  }

  divergedSinceMs(userId: string, deviceId: string): number | null {
    const device = this.find(userId, deviceId);
    return device === undefined ? null : this.#divergedSinceMs(device);
  }

  #divergedSinceMs(device: DeviceTally): number | null {
    const { divergence } = device;
    return divergence === null || isOver(divergence, device, this.nowMs) ? null : divergence.firstMs;
  }

  /** Counts a message for a device that was heard of. Whether its keys are in trouble. */
  countMessage(userId: string, deviceId: string, what: keyof DeviceTraffic): boolean {
    const device = this.find(userId, deviceId);
    if (device === undefined) return false;
    device.traffic ??= { stored: 0, returned: 0, dropped: 0 };
    device.traffic[what]++;
    this.#rows.touch(device);
    return this.#divergedSinceMs(device) !== null;
  }

  poisonedClaims({ fromMs, toMs }: TimeWindow): readonly PoisonedClaim[] {
    return this.poisoned.entries.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs);
  }

  devicesOf(userId: string): readonly string[] {
    return Array.from(this.#index.of(userId), ({ deviceId }) => deviceId);
  }

  /** Devices by state, as things stand now. */
  countStates(): Readonly<Record<DeviceStateName, number>> {
    const counts = { healthy: 0, isolated: 0, storm: 0, dormant: 0, closed: 0 };
    for (const device of this.troubled) counts[stateOf(device, this.nowMs)]++;
    counts.healthy += this.size - this.troubled.size - this.#deletedHealthy;
    counts.closed += this.#deletedHealthy;
    return counts;
  }
  /** Devices that were deleted and never in trouble. */
  #deletedHealthy = 0;

  incidents(nowMs: number): readonly Incident[] {
    this.advance(nowMs);
    const live = [...this.troubled].flatMap((device) => deviceIncidents(device, this.nowMs));
    return [...this.finished.entries, ...live, ...serverIncidents(this.starts.restore, this.storms, this.nowMs)];
  }

  changedRows(): Iterable<readonly [key: string, text: string | null]> {
    return this.#rows.changed();
  }

  markCommitted(): void {
    this.#rows.markCommitted();
  }

  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    const problems = this.#rows.restore(rows, (userId, deviceId) => this.#touch(userId, deviceId));
    for (const device of this.list().sort((a, b) => a.heard - b.heard)) {
      this.#heard = Math.max(this.#heard, device.heard);
      if (isTroubled(device)) {
        this.troubled.add(device);
        this.#order.moveToEnd(device, true);
      } else if (!Number.isNaN(device.deletedMs)) this.#deletedHealthy++;
    }
    this.#rows.markCommitted();
    return problems;
  }

  #applyUpload(upload: KeyUpload): void {
    const { userId, deviceId, outcome, refusals, offeredKeyIds, timeMs, access } = upload;
    if (userId === null || deviceId === null) return this.#countUnattributed(upload);
    const device = this.#touch(userId, deviceId);
    this.#revive(device);
    if (outcome !== null) device.keyUploads[outcome]++;
    if (refusals.length > 0) return this.#applyRefusal(device, upload);
    if (offeredKeyIds.length === 0) return;
    const ids = offeredKeyIds.map(keyNumber);
    // The client had left, or no access line came: the server may have stored them all the same; 200 says that it has.
    if (outcome === 'accepted' || (outcome === 'client_gave_up' && access?.status === 200)) {
      this.#noteIdentity(device, upload, ids);
      bookStored(device, ids, timeMs);
      if (device.divergence !== null) noteAcceptedUpload(device.divergence, ids, timeMs);
    } else if (outcome === null || outcome === 'client_gave_up') {
      bookMaybeStored(device, ids);
      if (device.divergence !== null) noteStored(device.divergence, ids);
    }
  }

  #countUnattributed({ refusals, outcome, timeMs }: KeyUpload): void {
    this.unattributed.conflicts += refusals.length;
    if (outcome !== null && outcome !== 'accepted' && outcome !== 'conflict') this.unattributed[outcome]++;
    if (refusals.length === 0) return;
    if (!(this.unattributedTimes.firstMs <= timeMs)) this.unattributedTimes.firstMs = timeMs;
    this.unattributedTimes.lastMs = timeMs;
  }

  #applyRefusal(device: DeviceTally, upload: KeyUpload): void {
    const { timeMs } = upload;
    for (const { keyId, newKey } of upload.refusals) {
      device.conflictCount++;
      addBounded(device.conflictKeyIds, keyId, MAX_CONFLICT_IDS);
      if (newKey !== null) addBounded(device.newKeyHashes, hashText(newKey), MAX_CONFLICT_IDS);
    }
    if (!(device.firstConflictMs <= timeMs)) device.firstConflictMs = timeMs;
    if (!(device.lastConflictMs >= timeMs)) device.lastConflictMs = timeMs;
    const divergence = this.#openDivergence(device, timeMs);
    const before = stormOf(divergence);
    noteRefused(divergence, device, upload, hashText);
    const { run } = divergence;
    if (run === null) return;
    if (run.peakPerMinute > HOT_PER_MINUTE) setFlag(device, 'hot_loop');
    if (run.isCritical) setFlag(device, 'critical');
    if (isStorm(run) && before !== run) this.storms.note(device.userId, device.deviceId, run.firstMs, timeMs);
  }

  /** New device keys that were accepted, though the device had published others and didn't log in since (e2ee-evidence 5.1). */
  #noteIdentity(device: DeviceTally, upload: KeyUpload, ids: readonly number[]): void {
    if (!upload.hasDeviceKeys) return;
    const { outcome, timeMs } = upload;
    // A key that the server still holds under one of these ids would have been refused, or be the same one: then it's a repeat whose answer was lost.
    const isOther = device.highWater >= 0 && ids.some((id) => id <= device.highWater) && !ids.some((id) => device.held.has(id));
    const isLoggedIn = device.loginMs > device.lastAcceptedMs;
    if (device.hasPublishedIdentity && isOther && !isLoggedIn) {
      const divergence = this.#openDivergence(device, timeMs);
      divergence.causeEvidence.isSilent = true;
      divergence.lastMs = timeMs;
      orphanAll(divergence);
      addEvidence(divergence.lines, upload);
      setFlag(device, 'silent_identity_change');
    }
    device.hasPublishedIdentity = outcome === 'accepted';
  }

  #applyClaims(fact: KeysClaimed): void {
    for (const { keyId, userId, deviceId } of fact.claims) {
      const device = this.#touch(userId, deviceId);
      const id = keyNumber(keyId);
      const hadOthers = !device.held.isEmpty && !device.held.has(id);
      const kind = bookClaim(device, id);
      const isFallback = kind === 'fallback' || (kind === 'again_after_start' && this.starts.restore === null);
      this.claims[isFallback ? 'fallback' : 'oneTime']++;
      if (device.divergence !== null && isOrphan(device.divergence, id)) this.#notePoisoned(device, device.divergence, keyId, fact);
      if (kind === 'again_after_start') this.#noteAgain(device, fact, hadOthers);
      if (isFallback) noteExhausted(device, fact);
      if (isTroubled(device)) this.#markTroubled(device);
    }
  }

  /** Until a restore explains it, the fallback key does: an id that was handed out before. */
  #noteAgain(device: DeviceTally, { timeMs }: KeysClaimed, hadOthers: boolean): void {
    const { starts } = this;
    if (starts.restore !== null) {
      starts.restore.lastMs = timeMs;
      return this.#markRestored(device);
    }
    rebookRestored(device, -1);
    setFlag(device, 'exhausted');
    for (const [other, count] of starts.noteAgain(device, timeMs, hadOthers)) this.#rebook(other, count);
  }

  #rebook(device: DeviceTally, count: number): void {
    rebookRestored(device, count);
    this.#markRestored(device);
    this.#rows.touch(device);
  }

  #markRestored(device: DeviceTally): void {
    const { restore } = this.starts;
    if (restore === null) return;
    device.restoredMs = restore.timeMs;
    // What the book says is of a database that is gone.
    device.isWhole = false;
    device.held.clear();
    this.#markTroubled(device);
    if (restore.devices.size < MAX_CONFLICT_IDS) restore.devices.add(`${device.userId} ${device.deviceId}`);
  }

  #notePoisoned(device: DeviceTally, divergence: Divergence, keyId: string, fact: KeysClaimed): void {
    const { timeMs, claimer, provenance } = fact;
    const cause = decideCause(divergence.causeEvidence);
    device.claimsPoisoned++;
    this.claims.poisoned++;
    divergence.poisoned ??= { count: 0, firstMs: timeMs, lastMs: timeMs, claimers: [], lines: createEvidenceLines() };
    divergence.poisoned.count++;
    divergence.poisoned.lastMs = timeMs;
    const name = claimer ?? '';
    const { claimers } = divergence.poisoned;
    if (claimers.length < MAX_CLAIMERS && !claimers.includes(name)) claimers.push(name);
    addEvidence(divergence.poisoned.lines, fact);
    const level = cause.level === 'suspected' || cause.name === 'concurrent_writers' ? 'suspected' : 'derived';
    const { userId, deviceId } = device;
    this.poisoned.push({
      timeMs,
      userId,
      deviceId,
      keyId: copyText(keyId),
      claimer: claimer === null ? null : name,
      cause: cause.name,
      level,
      provenance,
    });
  }

  #applyMessages({ messages }: ToDeviceMessages): void {
    for (const { userId, deviceId } of messages) if (userId !== null && deviceId !== null) this.#touch(userId, deviceId);
  }

  /** A device that nothing else was heard of isn't one to remember. */
  #applyDeletion(fact: DevicesDeleted): void {
    for (const deviceId of fact.deviceIds) {
      const known = this.find(fact.userId, deviceId);
      if (known === undefined || !Number.isNaN(known.deletedMs)) continue;
      const device = this.#touch(fact.userId, deviceId);
      const run = device.divergence?.run ?? null;
      if (run !== null && endedBy(run, fact.timeMs) !== 'accepted') run.deletedMs = fact.timeMs;
      if (device.divergence !== null) addEvidence(device.divergence.lines, fact);
      device.deletedMs = fact.timeMs;
      device.held.clear();
      device.isWhole = false;
      if (!isTroubled(device)) this.#deletedHealthy++;
    }
  }

  #applyServerEvent(event: ServerEvent): void {
    if (event.event === 'started') this.starts.noteStart(event);
    else if (event.event === 'token_from_future') {
      for (const [device, count] of this.starts.noteTokenAhead(event)) this.#rebook(device, count);
    }
  }

  #applyUntrusted({ userId, deviceId }: UntrustedRecord): void {
    // A forged record doesn't make a device: it's counted only for one that is known already.
    const device = userId === null || deviceId === null ? undefined : this.find(userId, deviceId);
    if (device === undefined) return;
    device.untrusted++;
    this.#rows.touch(device);
  }

  /** It shows signs of life after it was deleted: the same id, logged in anew. */
  #revive(device: DeviceTally): void {
    if (Number.isNaN(device.deletedMs)) return;
    if (isTroubled(device)) this.#finish(device);
    else this.#deletedHealthy--;
    device.divergence = null;
    device.deletedMs = Number.NaN;
    device.hasPublishedIdentity = false;
  }

  /** The divergence that goes on, or a new one where the last is over. */
  #openDivergence(device: DeviceTally, timeMs: number): Divergence {
    const { divergence } = device;
    if (divergence !== null && !isOver(divergence, device, timeMs)) return divergence;
    if (divergence !== null) this.#finish(device);
    device.divergence = beginDivergence(device, timeMs);
    this.#markTroubled(device);
    return device.divergence;
  }

  /** Its incidents are as they'll stay. */
  #finish(device: DeviceTally): void {
    if (device.divergence === null) return;
    settleOrphans(device.divergence);
    this.#keepFinished(divergenceIncidents(device, this.nowMs));
  }

  #keepFinished(incidents: readonly Incident[]): void {
    for (const incident of incidents) this.finished.push({ ...incident, isOpen: false });
  }

  #markTroubled(device: DeviceTally): void {
    if (this.troubled.has(device)) return;
    if (!Number.isNaN(device.deletedMs)) this.#deletedHealthy--;
    this.troubled.add(device);
    this.#order.moveToEnd(device, true);
  }

  #touch(userId: string, deviceId: string): DeviceTally {
    const device = this.find(userId, deviceId) ?? this.#add(this.#index.knownUserId(userId) ?? userId, deviceId);
    this.#order.moveToEnd(device, this.troubled.has(device));
    device.heard = ++this.#heard;
    enterStart(device, this.starts.epoch);
    this.#rows.touch(device);
    return device;
  }

  #add(userId: string, deviceId: string): DeviceTally {
    if (this.size >= this.#maxDevices) this.#evict();
    const device = new DeviceTally(userId, deviceId);
    this.#index.add(device);
    this.#order.add(device);
    return device;
  }

  #evict(): void {
    const device = this.#order.chooseToForget((candidate) => stateOf(candidate, this.nowMs));
    if (device === null) return;
    if (this.troubled.delete(device)) this.#keepFinished(deviceIncidents(device, this.nowMs));
    else if (!Number.isNaN(device.deletedMs)) this.#deletedHealthy--;
    this.#order.remove(device);
    this.#index.remove(device);
    this.#rows.forget(device);
    this.evicted++;
  }
}

function isTroubled({ divergence, flags, restoredMs }: DeviceTally): boolean {
  return divergence !== null || flags !== 0 || !Number.isNaN(restoredMs);
}

/** The first times that a key was handed out again, and the last. */
function noteExhausted(device: DeviceTally, fact: KeysClaimed): void {
  device.exhaustion ??= { firstMs: fact.timeMs, lastMs: fact.timeMs, lines: createEvidenceLines() };
  device.exhaustion.lastMs = fact.timeMs;
  addEvidence(device.exhaustion.lines, fact);
}

function addBounded<T extends string | number>(set: Set<T>, value: T, bound: number): void {
  if (set.size < bound && !set.has(value)) set.add(typeof value === 'string' ? (copyText(value) as T) : value);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
