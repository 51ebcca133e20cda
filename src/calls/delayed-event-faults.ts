/**
 * Faults of delayed events, as episodes: what becomes of timeouts, drops, refusals, and of two faults of clients that show in the rhythm alone.
 */
import type { Level } from '../certainty.ts';
import type { DelayedEventRequest } from '../facts/fact.ts';
import type { Homeserver } from '../homeserver/homeserver.ts';
import type { DecidedTimeout, TimeoutReason } from './client-timeouts.ts';
import type { DelayedEvent, Schedule } from './delayed-event.ts';
import type { DelayedEventBook } from './delayed-event-book.ts';
import type { DropCause, PendingDrop } from './drop-causes.ts';
import type { EpisodeBook, Happened } from './episode-book.ts';
import { describeRequest, evidenceOf } from './fact-evidence.ts';
import { longestSilenceMs } from './membership-drop.ts';

const TIMEOUT_LEVEL: Readonly<Record<TimeoutReason, Level>> = {
  own_processing: 'observed',
  stall: 'derived',
  slow_minute: 'derived',
  quick_minute: 'derived',
  too_few_requests: 'suspected',
};

/** One that can't be attributed is counted, but accuses nobody. */
export function noteTimeout(episodes: EpisodeBook, timeout: DecidedTimeout, event: DelayedEvent | null): void {
  const { attribution, reason, timeMs, provenance, text, why, clientHash } = timeout;
  if (attribution === 'unknown') return;
  const isSlow = attribution === 'homeserver_slow';
  const owner = isSlow ? NOBODY : ownerOf(event);
  episodes.add({
    kind: isSlow ? 'homeserver_slow' : 'client_gave_up',
    ...(isSlow ? THE_HOMESERVER : subjectOf(owner, clientHash)),
    ...owner,
    timeMs,
    level: TIMEOUT_LEVEL[reason],
    reason: reason.replaceAll('_', ' '),
    note: why,
    evidence: [evidenceOf(provenance, timeMs, text)],
  });
}

export function noteRateLimit(episodes: EpisodeBook, fact: DelayedEventRequest, event: DelayedEvent | null): void {
  const { timeMs, addressHash, provenance } = fact;
  const owner = ownerOf(event);
  episodes.add({
    kind: 'rate_limited',
    // Synapse 1.143 to 1.155 limits addresses, so the address is what is refused, not one of the devices behind it.
    subject: `address ${addressHash}`,
    isPrivate: true,
    ...NOBODY,
    timeMs,
    level: 'observed',
    reason: owner.userId === null ? 'of an unknown device' : `of ${owner.userId}`,
    note: 'the server answers 429 (rc_delayed_event_mgmt)',
    evidence: [evidenceOf(provenance, timeMs, describeRequest(fact))],
  });
}

export function noteDrop(episodes: EpisodeBook, event: DelayedEvent, drop: PendingDrop, cause: DropCause): void {
  const { schedule, endMs, lastRestartMs, restarts } = event;
  const owner = ownerOf(event);
  const silence = Math.round(longestSilenceMs(event, endMs, schedule?.timeMs ?? endMs) / 100) / 10;
  const delay = schedule === null ? '' : `, its delay is ${schedule.delayMs / 1000} s`;
  const text = `404 for a delayed event ${restarts > 0 ? 'whose last restart' : 'that nobody restarted, and whose schedule'} was ${silence} s ago${delay}`;
  const start = schedule === null ? [] : [evidenceOf(schedule.provenance, schedule.timeMs, describeSchedule(schedule))];
  episodes.add({
    kind: 'membership_dropped',
    ...subjectOf(owner, event.clientHash),
    ...owner,
    timeMs: endMs,
    level: event.end === 'dropped' ? 'derived' : 'suspected',
    reason: CAUSE_TEXT[cause],
    note: `${text}${Number.isNaN(lastRestartMs) ? '' : `; ${restarts} restarts before`}`,
    evidence: [...start, evidenceOf(drop.provenance, drop.timeMs, drop.text)],
  });
}

const CAUSE_TEXT: Readonly<Record<DropCause, string>> = {
  homeserver: 'homeserver slow or down',
  client: "client's side",
  rate_limit: 'rate limit',
};

/** A second cancel of an id that was never restarted, at a restart's rhythm: the client's compatibility path calls the wrong action (js-sdk 39.2 to 41.8). */
export function noteCancelled(episodes: EpisodeBook, fact: DelayedEventRequest, event: DelayedEvent): void {
  const isRhythm = fact.timeMs - event.firstCancelMs >= MIN_RHYTHM_MS;
  if (fact.action !== 'cancel' || event.cancels !== 2 || event.restarts > 0 || !isRhythm) return;
  const owner = ownerOf(event);
  episodes.add({
    kind: 'cancel_instead_of_restart',
    ...subjectOf(owner, event.clientHash),
    ...owner,
    timeMs: fact.timeMs,
    level: 'suspected',
    reason: 'cancel at the rhythm of restarts',
    note: `cancelled again after ${((fact.timeMs - event.firstCancelMs) / 1000).toFixed(1)} s, and never restarted`,
    evidence: [evidenceOf(fact.provenance, fact.timeMs, describeRequest(fact))],
  });
}

/** Restarts come every 4 to 5 s; a retry of a failed cancel sooner. */
const MIN_RHYTHM_MS = 2500;
/** So long behind the end of its delay, no restart can have been under way. */
const OVERDUE_MS = 10_000;

/**
 * Memberships that nobody restarted within their delay. Not where the server was down, nor where restarts of unknown events came meanwhile (somebody
 * else may do it for the client: lk-jwt-service), nor where no managing request was ever seen (the worker's log may be one that isn't read).
 */
export function noteSilence(
  calls: { readonly delayedEvents: DelayedEventBook; readonly episodes: EpisodeBook; readonly totals: { readonly managed: number } },
  homeserver: Homeserver,
  nowMs: number,
): void {
  if (calls.totals.managed === 0) return;
  for (const event of calls.delayedEvents.unmanaged()) {
    const { schedule } = event;
    if (schedule === null || event.isSilent || !(nowMs > schedule.timeMs + schedule.delayMs + OVERDUE_MS)) continue;
    event.isSilent = true;
    calls.delayedEvents.keep(event);
    if (!schedule.isMembership || !schedule.isAnswered || event.replacedBy !== null) continue;
    const dueMs = schedule.timeMs + schedule.delayMs;
    if (homeserver.outagesIn(schedule.timeMs, dueMs).length > 0 || hasStranger(calls.delayedEvents, schedule.timeMs, dueMs)) continue;
    const owner = ownerOf(event);
    calls.episodes.add({
      kind: 'never_restarted',
      ...subjectOf(owner, event.clientHash),
      ...owner,
      timeMs: dueMs,
      level: 'suspected',
      reason: 'no restart within the delay',
      note: `no request about it came within its delay of ${schedule.delayMs / 1000} s`,
      evidence: [evidenceOf(schedule.provenance, schedule.timeMs, describeSchedule(schedule))],
    });
  }
}

function hasStranger({ rows }: DelayedEventBook, fromMs: number, toMs: number): boolean {
  for (const { schedule, lastSeenMs } of rows.values()) if (schedule === null && lastSeenMs >= fromMs && lastSeenMs <= toMs) return true;
  return false;
}

interface Owner {
  readonly userId: string | null;
  readonly deviceId: string | null;
}

const NOBODY: Owner = { userId: null, deviceId: null };

/** Nobody where it's only one of several: no device is accused of what another may have done. */
function ownerOf(event: DelayedEvent | null): Owner {
  if (event === null || event.schedule === null || event.oneOf !== null) return NOBODY;
  return { userId: event.schedule.userId, deviceId: event.schedule.deviceId };
}

function subjectOf({ userId, deviceId }: Owner, clientHash: number): Pick<Happened, 'subject' | 'isPrivate'> {
  return userId === null
    ? { subject: `client ${clientHash}`, isPrivate: true }
    : { subject: `${userId} ${deviceId ?? ''}`, isPrivate: false };
}

const THE_HOMESERVER = { subject: '', isPrivate: false } as const;

function describeSchedule({ userId, deviceId, delayMs }: Schedule): string {
  return `schedule of a delayed leave by ${userId ?? 'somebody'}${deviceId === null ? '' : ` (${deviceId})`}, delay ${delayMs / 1000} s`;
}
