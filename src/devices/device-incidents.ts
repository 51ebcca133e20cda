/**
 * Faults of devices' keys as incidents. In: a device's tally, or the homeserver's starts and storms, and the log time. Out: incidents as they stand
 * now; the same state always gives the same ones. Ids are made of the device and the first sign, so they last.
 */

import type { Incident } from '../incident.ts';
import { sayTime } from '../lines/utc-time.ts';
import type { Cause } from './cause.ts';
import type { DeviceTally } from './device.ts';
import { hasFlag } from './device.ts';
import { causeOf, stateOf } from './device-view.ts';
import { type Divergence, isOver, overSince, stormOf } from './divergence.ts';
import { allEvidence } from './evidence-lines.ts';
import { EXHAUSTION_STEPS, hotLoopSteps, remediationOf, SERVER_ROLLBACK_STEPS } from './remediation.ts';
import type { Restore } from './server-starts.ts';
import { CLUSTER_WINDOW_MS, type StormCluster } from './storm-cluster.ts';

/** Every kind of incident that this stage makes. */
type DeviceIncidentKind =
  /** Refused again and again: a storm, or one that fell quiet unhealed. */
  | 'otk_storm'
  /** Refused a few times: diverged, no storm (yet). */
  | 'otk_divergence'
  /** So many refusals a second that the server is at risk. */
  | 'otk_hot_loop'
  /** Keys handed out whose private half is gone. */
  | 'poisoned_claims'
  /** A new identity under an old device id, without a refusal. */
  | 'silent_identity_change'
  /** The fallback key was handed out: no one-time key was left. */
  | 'key_exhaustion'
  /** The homeserver runs on an older database. */
  | 'server_rollback'
  /** Several devices fell into storms within minutes. */
  | 'storm_cluster';

/** An incident of this stage. */
type DeviceIncident = Incident & { readonly kind: DeviceIncidentKind };

/** What a device's incidents have in common. */
type Subject = Pick<Incident, 'ke' | 'userId' | 'deviceId'>;

/** A key that was handed out again is a sign of exhaustion for so long. Chosen: a day without another means that it's over. */
const EXHAUSTION_OPEN_MS = 24 * 60 * 60_000;
/** Named in one sentence. */
const MAX_NAMES = 5;

export function deviceIncidents(device: DeviceTally, nowMs: number): DeviceIncident[] {
  const { exhaustion } = device;
  const isExhausted = exhaustion !== null && hasFlag(device, 'exhausted');
  return [...divergenceIncidents(device, nowMs), ...(isExhausted ? [exhaustionIncident(device, exhaustion, nowMs)] : [])];
}

/** Those of its divergence alone: another one may follow, with incidents of its own. */
export function divergenceIncidents(device: DeviceTally, nowMs: number): DeviceIncident[] {
  const incidents: DeviceIncident[] = [];
  const { divergence } = device;
  const cause = causeOf(device);
  if (divergence !== null && cause !== null) {
    incidents.push(divergenceIncident(device, divergence, cause, nowMs));
    if (divergence.poisoned !== null) incidents.push(poisonedIncident(device, divergence, cause, nowMs));
    if (divergence.critical !== null) incidents.push(hotLoopIncident(device, divergence, nowMs));
  }
  return incidents;
}

function divergenceIncident(device: DeviceTally, divergence: Divergence, cause: Cause, nowMs: number): DeviceIncident {
  const subject = subjectOf(device);
  const { firstMs, run, causeEvidence } = divergence;
  const end = overSince(divergence, device, nowMs);
  const isOpen = Number.isNaN(end);
  const kind = stormOf(divergence) !== null ? 'otk_storm' : run === null ? 'silent_identity_change' : 'otk_divergence';
  const name = `${device.userId} ${device.deviceId}`;
  const told =
    kind === 'silent_identity_change'
      ? `${name} has a new identity under its old device id since ${sayTime(firstMs)}, without a refusal: contacts who knew the old one can't reach it`
      : `${name} was refused ${sayTimes(causeEvidence.refusals)} since ${sayTime(firstMs)}${describeState(device, nowMs)}`;
  return {
    id: idOf(kind === 'silent_identity_change' ? 'identity' : 'otk', device, firstMs),
    ...subject,
    kind,
    // The refusal itself is a line; why, is derived from several.
    level: cause.level,
    firstMs,
    lastMs: isOpen ? divergence.lastMs : end,
    isOpen,
    summary: `${told}. Cause: ${sayCause(cause)}.`,
    evidence: allEvidence(divergence.lines),
    remediation: remediationOf(cause.name, device.userId, device.deviceId),
  };
}

function describeState(device: DeviceTally, nowMs: number): string {
  switch (stateOf(device, nowMs)) {
    case 'storm':
      return ' and goes on being refused';
    case 'dormant':
      return ' and fell quiet without being healed (its client is closed)';
    case 'isolated':
      return ', and has not uploaded a key since';
    case 'closed':
      return ', until it was deleted';
    case 'healthy':
      return ', until an upload was accepted';
  }
}

function sayCause({ name, why }: Cause): string {
  return `${name.replaceAll('_', ' ')} (${why})`;
}

function poisonedIncident(device: DeviceTally, divergence: Divergence, cause: Cause, nowMs: number): DeviceIncident {
  const { userId, deviceId } = device;
  const { poisoned } = divergence;
  const { count = 0, firstMs = Number.NaN, lastMs = Number.NaN, claimers = [], lines } = poisoned ?? {};
  const isForEver = cause.name === 'identity_reset' || cause.name === 'volatile_store';
  const who = claimers.length === 0 || claimers[0] === '' ? 'somebody' : listNames(claimers.map((name) => name || 'somebody'));
  const until = isForEver
    ? 'until the device logs in anew (those who met it only since then: until it writes to them)'
    : 'until the device itself writes to them; a call key that was lost is not sent again before the next join or leave';
  return {
    id: idOf('poisoned', device, firstMs),
    ...subjectOf(device),
    kind: 'poisoned_claims',
    level: cause.level === 'observed' || cause.name === 'concurrent_writers' ? 'suspected' : cause.level,
    firstMs,
    lastMs,
    isOpen: !isOver(divergence, device, nowMs),
    summary: `${count} of the keys of ${userId} ${deviceId} were handed out after their private half was gone: it can't read what ${who} encrypts with them, so it hears no call of theirs, ${until}.`,
    evidence: lines === undefined ? [] : allEvidence(lines),
    remediation: remediationOf(cause.name, userId, deviceId),
  };
}

function hotLoopIncident(device: DeviceTally, divergence: Divergence, nowMs: number): DeviceIncident {
  const { userId, deviceId } = device;
  const { critical, run } = divergence;
  const peak = Math.max(run?.peakPerMinute ?? 0, divergence.earlierStorm?.peakPerMinute ?? 0);
  const state = stateOf(device, nowMs);
  return {
    id: idOf('hot', device, critical?.firstMs ?? Number.NaN),
    ...subjectOf(device),
    kind: 'otk_hot_loop',
    level: 'observed',
    firstMs: critical?.firstMs ?? Number.NaN,
    lastMs: divergence.lastMs,
    isOpen: state === 'storm',
    summary: `${userId} ${deviceId} tries without a pause: up to ${peak} refused uploads a minute. That loads the homeserver for everybody.`,
    evidence: critical === null ? [] : allEvidence(critical.lines),
    remediation: hotLoopSteps(userId, deviceId),
  };
}

function exhaustionIncident(device: DeviceTally, exhaustion: NonNullable<DeviceTally['exhaustion']>, nowMs: number): DeviceIncident {
  const { userId, deviceId, claimsFallback, lastAcceptedMs, deletedMs } = device;
  const { firstMs, lastMs, lines } = exhaustion;
  const isRefilled = lastAcceptedMs > lastMs;
  const isOpen = !isRefilled && Number.isNaN(deletedMs) && !(nowMs - lastMs > EXHAUSTION_OPEN_MS);
  const end = isRefilled ? `, until it uploaded new ones at ${sayTime(lastAcceptedMs)}` : '';
  return {
    id: idOf('exhausted', device, firstMs),
    ...subjectOf(device),
    kind: 'key_exhaustion',
    level: 'derived',
    firstMs,
    lastMs,
    isOpen,
    summary: `${userId} ${deviceId} had no one-time keys left since ${sayTime(firstMs)}: a key was handed out again ${sayTimes(claimsFallback)}, which only the fallback key is${end}.`,
    evidence: allEvidence(lines),
    remediation: EXHAUSTION_STEPS,
  };
}

/** Faults that are no single device's. */
export function serverIncidents(restore: Restore | null, { clusters }: StormCluster, nowMs: number): DeviceIncident[] {
  const incidents: DeviceIncident[] = [];
  if (restore !== null) incidents.push(restoreIncident(restore));
  for (const { firstMs, lastMs, devices } of clusters)
    incidents.push({
      id: `storm_cluster/${firstMs}`,
      ke: 'KE-1',
      userId: null,
      deviceId: null,
      kind: 'storm_cluster',
      level: 'suspected',
      firstMs,
      lastMs,
      isOpen: nowMs - lastMs <= CLUSTER_WINDOW_MS,
      summary: `${devices.length} devices fell into storms within minutes of ${sayTime(firstMs)}: ${listNames(devices.map(({ userId, deviceId }) => `${userId} ${deviceId}`))}. That points at a client release or a restored database, not at one browser.`,
      evidence: [],
      remediation: [
        'Look for what they have in common (a client release, a deployment, a restored database) before healing them one by one; each has an incident of its own.',
      ],
    });
  return incidents;
}

function restoreIncident({ timeMs, lastMs, level, lines, devices }: Restore): DeviceIncident {
  const whom =
    devices.size === 0 ? 'none of it was handed out again yet' : `${devices.size} devices are concerned: ${listNames([...devices])}`;
  const sign =
    level === 'observed'
      ? 'clients know more than the database does'
      : 'keys of several devices were handed out again that should have been gone';
  return {
    id: `server_rollback/${timeMs}`,
    ke: 'KE-1',
    userId: null,
    deviceId: null,
    kind: 'server_rollback',
    level,
    firstMs: timeMs,
    lastMs,
    isOpen: true,
    summary: `The homeserver runs on an older database since its start at ${sayTime(timeMs)} (${sign}): it hands out one-time keys that were used before, and who gets one can't be read; ${whom}.`,
    evidence: allEvidence(lines),
    remediation: SERVER_ROLLBACK_STEPS,
  };
}

function subjectOf({ userId, deviceId }: DeviceTally): Subject {
  return { ke: 'KE-1', userId, deviceId };
}

/** `otk/@alice:hs/JLAFKJWSCS/1782820800000` */
function idOf(what: string, { userId, deviceId }: DeviceTally, firstMs: number): string {
  return `${what}/${userId}/${deviceId}/${Number.isNaN(firstMs) ? '' : firstMs}`;
}

function sayTimes(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function listNames(names: readonly string[]): string {
  const rest = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
