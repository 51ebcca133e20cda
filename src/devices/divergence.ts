/**
 * A divergence: from the first sign that a device's keys and the server's differ, to the proof that they agree again, or its deletion. In:
 * refused, accepted uploads and claims of the device, in log-time order. Out: the run of refusals, what speaks for which cause, and which ids
 * on the server are orphans: keys whose private half the device doesn't have any more (reference/e2ee-evidence.md 3.4).
 *
 * Orphans, by what was refused:
 *   with device keys: the account is new, so all that the server holds is the old one's, the fallback key included; only what is accepted
 *     from then on is its own;
 *   without: the account went back to the lowest refused id, so what the server holds from there on is lost, and so is the refused id.
 */
import type { KeyUpload } from '../facts/fact.ts';
import { type CauseEvidence, createCauseEvidence, decideCause, noteValue } from './cause.ts';
import type { DeviceTally } from './device.ts';
import { addEvidence, createEvidenceLines, type EvidenceLines } from './evidence-lines.ts';
import { IdRanges } from './id-ranges.ts';
import { isCounter, keyNumber } from './key-id.ts';
import { beginRun, endedBy, endOf, goesOnAt, isStorm, noteAccepted, noteRefusal, type RefusalRun } from './refusal-run.ts';

/** `orphansFrom` where there are none, and where all that isn't fresh is one. */
const NO_ORPHANS = Number.POSITIVE_INFINITY;
const ALL_ORPHANS = Number.NEGATIVE_INFINITY;

/** An upload that was accepted between refusals: two writers, if its ids are others and the same key is refused again. */
interface AcceptedBetween {
  readonly refusedId: number;
  readonly refusedValue: number;
}

/** Keys handed out that were orphans. */
export interface PoisonedSummary {
  count: number;
  firstMs: number;
  lastMs: number;
  /** Who claimed, at most MAX_CLAIMERS; '' where no line tells. */
  readonly claimers: string[];
  readonly lines: EvidenceLines;
}

/** Claimers named of one divergence. */
export const MAX_CLAIMERS = 50;

export interface Divergence {
  readonly firstMs: number;
  /** Last sign of it. */
  lastMs: number;
  /** The current run of refusals, or the last one; null: none was refused (a silent identity change). */
  run: RefusalRun | null;
  /** An earlier run that was a storm. */
  earlierStorm: RefusalRun | null;
  readonly causeEvidence: CauseEvidence;
  lastRefusedId: number;
  lastRefusedValue: number;
  acceptedBetween: AcceptedBetween | null;
  orphansFrom: number;
  /** Accepted since then: not orphans. */
  readonly fresh: IdRanges;
  /** Refused ids themselves. */
  readonly orphans: IdRanges;
  readonly lines: EvidenceLines;
  poisoned: PoisonedSummary | null;
  /** Cause and flags at the beginning of a critical hot loop; null: there was none. */
  critical: { readonly firstMs: number; readonly lines: EvidenceLines } | null;
}

export function beginDivergence(device: DeviceTally, timeMs: number): Divergence {
  return {
    firstMs: timeMs,
    lastMs: timeMs,
    run: null,
    earlierStorm: null,
    causeEvidence: createCauseEvidence(isKnown(device), device.highWater),
    lastRefusedId: Number.NaN,
    lastRefusedValue: Number.NaN,
    acceptedBetween: null,
    orphansFrom: NO_ORPHANS,
    fresh: new IdRanges(),
    orphans: new IdRanges(),
    lines: createEvidenceLines(),
    poisoned: null,
    critical: null,
  };
}

/** An accepted upload healed it, or the device is deleted. A divergence that only fell quiet goes on. */
export function isOver(divergence: Divergence, device: DeviceTally, nowMs: number): boolean {
  if (!Number.isNaN(device.deletedMs)) return true;
  const { run } = divergence;
  return run !== null && endedBy(run, nowMs) === 'accepted';
}

/** Log time at which it was over; NaN: it isn't. */
export function overSince(divergence: Divergence, device: DeviceTally, nowMs: number): number {
  if (!isOver(divergence, device, nowMs)) return Number.NaN;
  return Number.isNaN(device.deletedMs) ? (divergence.run?.acceptedMs ?? Number.NaN) : device.deletedMs;
}

/** The latest storm; null: none. */
export function stormOf({ run, earlierStorm }: Divergence): RefusalRun | null {
  return run !== null && isStorm(run) ? run : earlierStorm;
}

/** @param hash of a new key's text */
export function noteRefused(divergence: Divergence, device: DeviceTally, upload: KeyUpload, hash: (text: string) => number): void {
  const { timeMs, refusals, offeredKeyIds, hasDeviceKeys } = upload;
  const { causeEvidence } = divergence;
  if (!Number.isNaN(timeMs)) divergence.lastMs = timeMs;
  continueRun(divergence, timeMs);
  const offered = offeredKeyIds.map(keyNumber);
  const lowest = offered.length > 0 && offered.every(isCounter) ? Math.min(...offered) : Number.NaN;
  causeEvidence.refusals++;
  if (offered.length > 0) causeEvidence.withOffer++;
  if (hasDeviceKeys) causeEvidence.withDeviceKeys++;
  if (!(lowest >= causeEvidence.lowest)) causeEvidence.lowest = lowest;
  for (const { keyId, newKey } of refusals) {
    const id = keyNumber(keyId);
    const value = newKey === null ? Number.NaN : hash(newKey);
    noteRefusedId(divergence, device, id, value, timeMs);
    if (hasDeviceKeys) continue;
    divergence.orphans.add(id);
    // What the same device published since is another account's, too, if one of those keys is refused now.
    if (divergence.fresh.has(id)) divergence.fresh.deleteFrom(Number.isNaN(lowest) ? id : Math.min(lowest, id));
    if (isCounter(id)) divergence.orphansFrom = Math.min(divergence.orphansFrom, Number.isNaN(lowest) ? id : lowest);
  }
  if (hasDeviceKeys) orphanAll(divergence);
  addEvidence(divergence.lines, upload);
  if (divergence.run?.isCritical === true) {
    divergence.critical ??= { firstMs: divergence.run.firstMs, lines: createEvidenceLines() };
    addEvidence(divergence.critical.lines, upload);
  }
}

/** The server holds nothing of the account's any more. */
export function orphanAll(divergence: Divergence): void {
  divergence.orphansFrom = ALL_ORPHANS;
  divergence.fresh.clear();
  divergence.orphans.clear();
}

export function noteAcceptedUpload(divergence: Divergence, ids: readonly number[], timeMs: number): void {
  const { run, lastRefusedId, lastRefusedValue } = divergence;
  if (run !== null) noteAccepted(run, timeMs);
  if (!Number.isNaN(lastRefusedId) && !ids.includes(lastRefusedId))
    divergence.acceptedBetween = { refusedId: lastRefusedId, refusedValue: lastRefusedValue };
  noteStored(divergence, ids);
}

/** The server has these now, or may have them: they are the device's own. */
export function noteStored(divergence: Divergence, ids: readonly number[]): void {
  for (const id of ids) {
    divergence.orphans.delete(id);
    if (divergence.orphansFrom !== NO_ORPHANS) divergence.fresh.add(id);
  }
}

/** Whether the private half of this id is gone. */
export function isOrphan({ orphansFrom, fresh, orphans }: Divergence, id: number): boolean {
  if (orphans.has(id)) return true;
  if (orphansFrom === NO_ORPHANS || fresh.has(id)) return false;
  return orphansFrom === ALL_ORPHANS || (isCounter(id) && id >= orphansFrom);
}

/** Keeps orphans known where the end of the divergence leaves them on the server; a second writer's keys are the survivor's. */
export function settleOrphans(divergence: Divergence): void {
  if (decideCause(divergence.causeEvidence).name !== 'concurrent_writers') return;
  divergence.orphansFrom = NO_ORPHANS;
  divergence.orphans.clear();
  divergence.fresh.clear();
}

function continueRun(divergence: Divergence, timeMs: number): void {
  const { run } = divergence;
  if (run !== null && goesOnAt(run, timeMs)) return noteRefusal(run, timeMs);
  if (run !== null && isStorm(run)) divergence.earlierStorm = run;
  divergence.run = beginRun(timeMs);
}

function noteRefusedId(divergence: Divergence, device: DeviceTally, id: number, value: number, timeMs: number): void {
  const { causeEvidence, acceptedBetween } = divergence;
  const isSameKey = acceptedBetween?.refusedId === id && Object.is(acceptedBetween.refusedValue, value);
  if (isSameKey) causeEvidence.isInterleaved = true;
  divergence.acceptedBetween = null;
  const isFirstOfId = !causeEvidence.values.some(([of]) => of === id);
  const { lastAcceptedMs, lastAcceptedLow, lastAcceptedHigh } = device;
  if (isFirstOfId && id >= lastAcceptedLow && id <= lastAcceptedHigh) {
    const gapMs = timeMs - lastAcceptedMs;
    if (!(gapMs >= causeEvidence.acceptedToRefusedMs)) causeEvidence.acceptedToRefusedMs = gapMs;
  }
  if (!Number.isNaN(value)) noteValue(causeEvidence, id, value);
  divergence.lastRefusedId = id;
  divergence.lastRefusedValue = value;
}

function isKnown({ highWater, claimsOneTime, claimsFallback, loginMs, held }: DeviceTally): boolean {
  return highWater >= 0 || claimsOneTime + claimsFallback > 0 || !Number.isNaN(loginMs) || !held.isEmpty;
}

/** When the latest storm ended, and by what; NaN and null: it goes on, or only fell quiet. */
export function stormEnd(
  storm: RefusalRun,
  nowMs: number,
): { readonly closedMs: number; readonly closedBy: 'accepted' | 'deleted' | null } {
  const by = endedBy(storm, nowMs);
  return by === 'accepted' || by === 'deleted' ? { closedMs: endOf(storm, nowMs), closedBy: by } : { closedMs: Number.NaN, closedBy: null };
}
