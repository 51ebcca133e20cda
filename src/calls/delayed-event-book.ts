/**
 * The lives of delayed events. In: schedules, requests that manage them, state events, log time. Out: which event a request is about, whose it
 * is, and how it ended.
 *
 * A schedule's line names user, device and delay, but not the delay id; managing requests have the id, but (Synapse 1.143 to 1.155) no user.
 * They are joined by address and user agent: an id that is new is that of the oldest schedule of this client that no id was seen for. Where
 * others of it would have fitted too (several people behind one address with one user agent), the event belongs to "one of" them.
 *
 * Bounded: above MAX_DELAYED_EVENTS the event that was heard of least recently is forgotten and counted.
 */
import type { DelayedEventRequest, StateEventSent } from '../facts/fact.ts';
import { hashText } from '../lines/private-hash.ts';
import { BoundedRows } from './bounded-rows.ts';
import { actingUser, isMemberType, parseMember } from './call-member.ts';
import { profileOf } from './client-profile.ts';
import type { DelayedEvent, OneOf, Schedule } from './delayed-event.ts';
import { decideEnd } from './membership-drop.ts';

/** Chosen: a participant has one at a time; ten large conferences after each other, or an attacker's. Some 500 bytes each. */
const MAX_DELAYED_EVENTS = 20_000;
/** Stamps of two records of one client can be this much off their true order: they are written at the end of a request. */
const ORDER_SLACK_MS = 250;
/**
 * A schedule that no id was seen for takes none any more so long behind the end of its delay. Chosen: a laptop that slept asks about its old event when
 * it wakes; after hours, another schedule of that client is likelier.
 */
const UNMANAGED_MS = 3_600_000;
/** A restart this near to the client's local timeout behind a quick one means that the answer didn't reach it (js-sdk retries at once). */
const EARLY_SLACK_MS = 400;
/** A request that was answered this quickly was no reason for the client to give up. */
const QUICK_MS = 500;

/** What a managing request did to its event. */
export interface Managed {
  readonly event: DelayedEvent | null;
  /** It was the first 404 on its id. */
  readonly hasEnded: boolean;
}

export class DelayedEventBook {
  /** By sequence. */
  readonly rows: BoundedRows<DelayedEvent, number>;
  readonly #byId = new Map<number, DelayedEvent>();
  /** Schedules that no id was seen for, by client, oldest first. */
  readonly #free = new Map<number, DelayedEvent[]>();
  readonly #byPlace = new Map<number, Set<DelayedEvent>>();
  /** Events by client that are of one of several: an id may have taken another one's schedule. */
  readonly #doubtful = new Map<number, number>();

  constructor(maxEvents: number = MAX_DELAYED_EVENTS) {
    this.rows = new BoundedRows('event', maxEvents, (event) => this.#forget(event), Number);
  }

  /** undefined where it was forgotten. */
  get(sequence: number): DelayedEvent | undefined {
    return this.rows.get(sequence);
  }

  /** Schedules that no id was seen for. */
  *unmanaged(): Iterable<DelayedEvent> {
    for (const events of this.#free.values()) yield* events;
  }

  schedule(fact: DelayedEventRequest): DelayedEvent | null {
    if (fact.schedule === null || fact.status < 200 || fact.status > 299) return null;
    const { roomId, eventType, stateKey, delayMs } = fact.schedule;
    const member = isMemberType(eventType) ? parseMember(stateKey, fact.userId) : null;
    const schedule: Schedule = {
      userId: member?.userId ?? (fact.userId === null ? null : actingUser(fact.userId)),
      deviceId: member?.deviceId ?? null,
      roomId,
      isMembership: isMemberType(eventType),
      delayMs,
      timeMs: fact.timeMs,
      isAnswered: !fact.isClientGone,
      provenance: fact.provenance,
    };
    const event = createEvent(this.rows.takeSequence(), fact, schedule, stateKey === null ? null : placeOf(roomId, eventType, stateKey));
    this.#add(event);
    return event;
  }

  /** @param version of the homeserver */
  manage(fact: DelayedEventRequest, version: string): Managed {
    const { delayIdHash, status, isUnknownPath } = fact;
    if (delayIdHash === null || isUnknownPath) return { event: this.#byId.get(delayIdHash ?? Number.NaN) ?? null, hasEnded: false };
    const event = this.#byId.get(delayIdHash) ?? this.#adopt(fact, version);
    if (event === null) return { event: null, hasEnded: false };
    this.#touch(event, fact.timeMs);
    if (status >= 200 && status <= 299) applySuccess(event, fact);
    if (fact.isClientGone || status === 499) event.gaveUp++;
    if (status === 429) event.rateLimited++;
    if (fact.action === 'cancel') noteCancel(event, fact.timeMs);
    const hasEnded = status === 404 && event.end === null && event.endedBy === null;
    if (hasEnded) {
      event.end = decideEnd(event, fact.timeMs, version);
      event.endMs = fact.timeMs;
    }
    return { event, hasEnded };
  }

  /** A state event that takes effect at once: it may replace delayed ones of the same key. */
  replace({ roomId, eventType, stateKey, isOk, userId, timeMs }: StateEventSent): void {
    if (stateKey === null || !isOk || userId === null) return;
    for (const event of this.#byPlace.get(placeOf(roomId, eventType, stateKey)) ?? []) {
      if (event.end !== null || event.endedBy !== null || event.replacedBy === 'other' || !((event.schedule?.timeMs ?? 0) <= timeMs))
        continue;
      event.replacedBy = event.schedule?.userId === actingUser(userId) ? 'own' : 'other';
      this.rows.markChanged(event.sequence);
    }
  }

  /** Something of it was changed from outside, which is no sign of life. */
  keep(event: DelayedEvent): void {
    if (this.get(event.sequence) === event) this.rows.markChanged(event.sequence);
  }

  /** Behind the last restored row. */
  settleRestored(): void {
    this.rows.settleRestored();
    for (const event of [...this.rows.values()].sort((a, b) => a.sequence - b.sequence)) this.#index(event);
  }

  /**
   * The event of an id that is new; null where it can't be any that we know of, so that made-up ids leave no trace. Where ids of this client took
   * schedules that may have been this one's, it's an event of its own, whose schedule isn't known.
   */
  #adopt(fact: DelayedEventRequest, version: string): DelayedEvent | null {
    const { fitting, shadows } = this.#fitting(fact);
    const [first] = fitting;
    const isSuccess = fact.status >= 200 && fact.status <= 299;
    // A 404 at first sight is that of a schedule only if something can have ended it by then.
    const canBe = fact.status !== 404 || fitting.some((event) => decideEnd(event, fact.timeMs, version) !== 'unexplained');
    if (first === undefined || !canBe) {
      const isKnown = isSuccess || (fact.status === 404 && this.#doubtful.has(fact.clientHash));
      if (!isKnown || fact.delayIdHash === null) return null;
      const stranger = createEvent(this.rows.takeSequence(), fact, null, null);
      stranger.idHash = fact.delayIdHash;
      this.#add(stranger);
      return stranger;
    }
    // What is left over of them is as uncertain as what was taken.
    const oneOf = fitting.length + shadows.length > 1 ? createOneOf([...fitting, ...shadows]) : null;
    for (const event of fitting) {
      if (oneOf !== null && event.oneOf === null) this.#countDoubt(event.clientHash, 1);
      event.oneOf = oneOf ?? event.oneOf;
      if (event !== first) this.rows.markChanged(event.sequence);
    }
    first.idHash = fact.delayIdHash;
    this.#unfree(first);
    if (fact.delayIdHash !== null) this.#byId.set(fact.delayIdHash, first);
    return first;
  }

  /**
   * Schedules that the id may be of: the latest of each device and place (a client that schedules again has given up the one before), answered,
   * and complete before this request began. `shadows`: earlier ones that may have been left over in place of another's.
   */
  #fitting({ clientHash, userId, timeMs, durationMs }: DelayedEventRequest): {
    readonly fitting: DelayedEvent[];
    readonly shadows: DelayedEvent[];
  } {
    const beganMs = timeMs - durationMs + ORDER_SLACK_MS;
    const latest = new Map<string, DelayedEvent>();
    const shadows: DelayedEvent[] = [];
    for (const event of this.#free.get(clientHash) ?? []) {
      const { schedule } = event;
      if (schedule === null || !schedule.isAnswered || schedule.timeMs > beganMs) continue;
      if (beganMs - schedule.timeMs > schedule.delayMs + UNMANAGED_MS) continue;
      if (userId !== null && schedule.userId !== null && schedule.userId !== actingUser(userId)) continue;
      const key = `${event.place ?? event.sequence} ${schedule.userId} ${schedule.deviceId}`;
      const before = latest.get(key);
      if (before !== undefined && before.oneOf !== null) shadows.push(before);
      latest.set(key, event);
    }
    return { fitting: [...latest.values()], shadows };
  }

  #add(event: DelayedEvent): void {
    this.rows.put(event.sequence, event);
    this.#index(event);
  }

  #index(event: DelayedEvent): void {
    if (event.idHash !== null) this.#byId.set(event.idHash, event);
    else addTo(this.#free, event.clientHash, event);
    if (event.oneOf !== null) this.#countDoubt(event.clientHash, 1);
    if (event.place === null) return;
    const events = this.#byPlace.get(event.place) ?? new Set();
    events.add(event);
    this.#byPlace.set(event.place, events);
  }

  #touch(event: DelayedEvent, timeMs: number): void {
    event.lastSeenMs = timeMs;
    this.rows.put(event.sequence, event);
  }

  #unfree(event: DelayedEvent): void {
    const events = this.#free.get(event.clientHash) ?? [];
    const index = events.indexOf(event);
    if (index >= 0) events.splice(index, 1);
    if (events.length === 0) this.#free.delete(event.clientHash);
  }

  #countDoubt(clientHash: number, by: number): void {
    const count = (this.#doubtful.get(clientHash) ?? 0) + by;
    if (count > 0) this.#doubtful.set(clientHash, count);
    else this.#doubtful.delete(clientHash);
  }

  #forget(event: DelayedEvent): void {
    this.#unfree(event);
    if (event.oneOf !== null) this.#countDoubt(event.clientHash, -1);
    if (event.idHash !== null) this.#byId.delete(event.idHash);
    const events = event.place === null ? undefined : this.#byPlace.get(event.place);
    events?.delete(event);
    if (event.place !== null && events?.size === 0) this.#byPlace.delete(event.place);
  }
}

function createEvent(sequence: number, fact: DelayedEventRequest, schedule: Schedule | null, place: number | null): DelayedEvent {
  return {
    sequence,
    idHash: null,
    clientHash: fact.clientHash,
    schedule,
    place,
    oneOf: null,
    lastSeenMs: fact.timeMs,
    restarts: 0,
    lastRestartStartMs: Number.NaN,
    lastRestartMs: Number.NaN,
    longestGapMs: 0,
    earlyRestarts: 0,
    gaveUp: 0,
    rateLimited: 0,
    slowTimeouts: 0,
    isSilent: false,
    cancels: 0,
    firstCancelMs: Number.NaN,
    endedBy: null,
    replacedBy: null,
    end: null,
    endMs: Number.NaN,
  };
}

/** A 2xx, with or without `!`: the server did it, whether or not the client heard of it. */
function applySuccess(event: DelayedEvent, { action, timeMs, durationMs, isClientGone }: DelayedEventRequest): void {
  if (action === 'cancel' || action === 'send') {
    event.endedBy ??= action;
    return;
  }
  const startMs = timeMs - durationMs;
  const scheduledMs = event.oneOf === null ? (event.schedule?.timeMs ?? Number.NaN) : Number.NaN;
  const beforeMs = event.restarts > 0 ? event.lastRestartMs : scheduledMs;
  if (timeMs - beforeMs > event.longestGapMs) event.longestGapMs = timeMs - beforeMs;
  const { localTimeoutMs } = profileOf(event.schedule?.delayMs ?? null);
  const isEarly = event.restarts > 0 && Math.abs(startMs - event.lastRestartStartMs - localTimeoutMs) <= EARLY_SLACK_MS;
  if (isEarly && durationMs < QUICK_MS && !isClientGone) event.earlyRestarts++;
  event.restarts++;
  event.lastRestartStartMs = startMs;
  event.lastRestartMs = timeMs;
}

function createOneOf(events: readonly DelayedEvent[]): OneOf {
  const times = events.flatMap(({ schedule, oneOf }) => [schedule?.timeMs ?? [], oneOf?.earliestMs ?? [], oneOf?.latestMs ?? []].flat());
  const delays = events.flatMap(({ schedule, oneOf }) =>
    [schedule?.delayMs ?? [], oneOf?.shortestDelayMs ?? [], oneOf?.longestDelayMs ?? []].flat(),
  );
  return {
    count: events.length,
    earliestMs: Math.min(...times),
    latestMs: Math.max(...times),
    shortestDelayMs: Math.min(...delays),
    longestDelayMs: Math.max(...delays),
  };
}

function noteCancel(event: DelayedEvent, timeMs: number): void {
  if (event.cancels === 0) event.firstCancelMs = timeMs;
  event.cancels++;
}

/** Rooms and keys are told apart, not kept. */
function placeOf(roomId: string, eventType: string, stateKey: string): number {
  return hashText(`${roomId}\0${eventType}\0${stateKey}`);
}

function addTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
