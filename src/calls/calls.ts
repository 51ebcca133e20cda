/**
 * Calls: delayed events and whose fault their timeouts are, who is in which call, to-device messages on their way, redactions. In: facts in log-time
 * order, the homeserver's record. Out: sums by contract.md; episodes of faults; what verdicts ask.
 *
 * Everything is bounded (each table names its bound and counts what it forgets), runs on log time, and survives a restart as rows.
 */
import type { DelayedEventRequest, Fact, StateEventSent, ToDeviceMessages, ToDeviceSend, ToDeviceStage } from '../facts/fact.ts';
import type { Homeserver } from '../homeserver/homeserver.ts';
import type { KeptRows } from '../kept-rows.ts';
import { CallBook } from './call-book.ts';
import { actingUser, isMemberType, parseMember } from './call-member.ts';
import { Chronicle } from './chronicle.ts';
import { ClientDirectory } from './client-directory.ts';
import { profileOf } from './client-profile.ts';
import { type Attribution, ClientTimeouts, type DecidedTimeout } from './client-timeouts.ts';
import type { DelayedEvent } from './delayed-event.ts';
import { DelayedEventBook } from './delayed-event-book.ts';
import { noteCancelled, noteDrop, noteRateLimit, noteSilence, noteTimeout } from './delayed-event-faults.ts';
import { DeviceSends } from './device-sends.ts';
import { type DropCause, type PendingDrop, PendingDrops } from './drop-causes.ts';
import { EpisodeBook } from './episode-book.ts';
import { describeRequest } from './fact-evidence.ts';
import { KeptTables } from './kept-tables.ts';
import { noteDelivery, noteUnknownDevices, Troubles } from './key-troubles.ts';
import { RedactionRecord } from './redaction-record.ts';
import { ToDeviceRecord } from './to-device-record.ts';

/** What happens here and becomes a metric at once. */
export interface CallListener {
  /** A to-device message was stored `waitMs` before it was handed out. */
  onDelivered(waitMs: number, requestId: string, timeMs: number): void;
  onDeviceMessage(userId: string, deviceId: string, stage: ToDeviceStage, timeMs: number, isInCall: boolean): void;
  /** A request about a delayed event that is this device's for sure. */
  onDeviceRequest(userId: string, deviceId: string, durationMs: number, timeMs: number): void;
}

export interface CallTotals {
  nowMs: number;
  readonly clientTimeouts: Record<Attribution, number>;
  drops: number;
  dropsUnsure: number;
  /** Managing requests of any kind: without one, nothing can be said of missing restarts. */
  managed: number;
  /** Log time of the first and last record that only the debug logger writes; NaN for none. */
  firstDebugMs: number;
  lastDebugMs: number;
}

/** How often schedules without restarts are looked for, in log time. */
const SILENCE_CHECK_MS = 10_000;

export class Calls implements KeptRows {
  readonly stage = 'calls';
  readonly delayedEvents = new DelayedEventBook();
  readonly timeouts = new ClientTimeouts();
  readonly drops = new PendingDrops();
  readonly chronicle = new Chronicle();
  readonly episodes = new EpisodeBook();
  readonly book = new CallBook();
  readonly toDevice = new ToDeviceRecord();
  readonly sends = new DeviceSends();
  readonly clients = new ClientDirectory();
  readonly troubles = new Troubles();
  readonly redactions = new RedactionRecord();
  totals: CallTotals = {
    nowMs: Number.NaN,
    clientTimeouts: { homeserver_slow: 0, homeserver_healthy: 0, unknown: 0 },
    drops: 0,
    dropsUnsure: 0,
    managed: 0,
    firstDebugMs: Number.NaN,
    lastDebugMs: Number.NaN,
  };
  readonly #homeserver: Homeserver;
  readonly #listener: CallListener;
  readonly #tables = new KeptTables(this);
  /** No timeout and no drop can be decided at an earlier log time; −∞ where that isn't known. */
  #nothingDueBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(homeserver: Homeserver, listener: CallListener) {
    this.#homeserver = homeserver;
    this.#listener = listener;
  }

  apply(fact: Fact): void {
    this.#advance(fact.timeMs);
    switch (fact.kind) {
      case 'delayed_event_request':
        return this.#applyDelayedEvent(fact);
      case 'state_event_sent':
        return this.#applyStateEvent(fact);
      case 'to_device_send':
        return this.#applySend(fact);
      case 'to_device_messages':
        return this.#applyMessages(fact);
      case 'key_upload':
        if (fact.userId !== null && fact.deviceId !== null && fact.access !== null)
          this.clients.learn(fact.userId, fact.access.clientHash, fact.deviceId);
        return;
      case 'redaction':
        return this.redactions.apply(fact);
    }
  }

  /** The input is over: what waits for its minute is decided by what is known. */
  end(): void {
    this.#decide(Number.POSITIVE_INFINITY);
  }

  changedRows(): Iterable<readonly [key: string, text: string | null]> {
    return this.#tables.changedRows();
  }

  markCommitted(): void {
    this.#tables.markCommitted();
  }

  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    this.#nothingDueBeforeMs = Number.NEGATIVE_INFINITY;
    return this.#tables.restoreRows(rows);
  }

  #advance(timeMs: number): void {
    const { totals } = this;
    if (Number.isNaN(timeMs) || timeMs <= totals.nowMs) return;
    const isCheckDue = Math.floor(timeMs / SILENCE_CHECK_MS) !== Math.floor(totals.nowMs / SILENCE_CHECK_MS);
    totals.nowMs = timeMs;
    this.#decide(timeMs);
    if (isCheckDue) noteSilence(this, this.#homeserver, timeMs);
  }

  #decide(nowMs: number): void {
    // Asked with each fact; nearly always nothing is due.
    if (nowMs < this.#nothingDueBeforeMs) return;
    const localTimeoutOf = (event: number | null) => profileOf(this.#eventOf(event)?.schedule?.delayMs ?? null).localTimeoutMs;
    for (const timeout of this.timeouts.due(nowMs, this.#homeserver, localTimeoutOf)) this.#enterTimeout(timeout);
    for (const [drop, cause] of this.drops.due(nowMs, this.#homeserver, (event) => this.#eventOf(event) ?? null))
      this.#enterDrop(drop, cause);
    this.#nothingDueBeforeMs = Math.min(this.timeouts.dueMs, this.drops.dueMs);
  }

  #eventOf(sequence: number | null): DelayedEvent | undefined {
    return sequence === null ? undefined : this.delayedEvents.get(sequence);
  }

  #enterTimeout(timeout: DecidedTimeout): void {
    const event = this.#eventOf(timeout.event);
    this.totals.clientTimeouts[timeout.attribution]++;
    this.chronicle.add(timeout.timeMs, timeout.attribution);
    if (event !== undefined && timeout.attribution === 'homeserver_slow') {
      event.slowTimeouts++;
      this.delayedEvents.keep(event);
    }
    noteTimeout(this.episodes, timeout, event ?? null);
  }

  #enterDrop(drop: PendingDrop, cause: DropCause): void {
    const event = this.delayedEvents.get(drop.event);
    if (event === undefined) return;
    this.chronicle.add(drop.timeMs, event.end === 'unsure' ? 'drop_unsure' : `dropped_by_${cause}`);
    noteDrop(this.episodes, event, drop, cause);
  }

  #applyDelayedEvent(fact: DelayedEventRequest): void {
    const event = fact.action === 'schedule' ? this.#applySchedule(fact) : this.#applyManaged(fact);
    if (fact.outcome === 'client_gave_up') {
      this.timeouts.add(fact, event?.sequence ?? null, describeRequest(fact));
      this.#nothingDueBeforeMs = Number.NEGATIVE_INFINITY;
    }
    if (fact.outcome === 'rate_limited') {
      this.chronicle.add(fact.timeMs, 'rate_limited');
      noteRateLimit(this.episodes, fact, event);
    }
    const { userId = null, deviceId = null } = event !== null && event.oneOf === null ? (event.schedule ?? {}) : {};
    if (userId !== null && deviceId !== null) this.#listener.onDeviceRequest(userId, deviceId, fact.durationMs, fact.timeMs);
  }

  #applySchedule(fact: DelayedEventRequest): DelayedEvent | null {
    const event = this.delayedEvents.schedule(fact);
    const { schedule } = event ?? {};
    if (event === null || !schedule?.isMembership || schedule.userId === null) return event;
    const { roomId, userId, deviceId, delayMs, provenance } = schedule;
    const place = { roomId, userId, deviceId, clientHash: fact.clientHash, provenance };
    this.book.note(place, fact.timeMs, delayMs);
    if (deviceId !== null) this.clients.learn(userId, fact.clientHash, deviceId);
    return event;
  }

  #applyManaged(fact: DelayedEventRequest): DelayedEvent | null {
    this.totals.managed++;
    const { event, hasEnded } = this.delayedEvents.manage(fact, this.#homeserver.version);
    if (event === null) return null;
    if (hasEnded) this.#noteEnd(event, fact);
    noteCancelled(this.episodes, fact, event);
    const { schedule } = event;
    if (schedule === null || !schedule.isMembership || schedule.userId === null || event.oneOf !== null) return event;
    const place = { roomId: schedule.roomId, userId: schedule.userId, deviceId: schedule.deviceId };
    if (event.endedBy !== null || event.end !== null) this.book.leave(place, fact.timeMs);
    else if (fact.status >= 200 && fact.status <= 299) this.book.confirm(place, fact.timeMs);
    return event;
  }

  #noteEnd(event: DelayedEvent, fact: DelayedEventRequest): void {
    if (event.end !== 'dropped' && event.end !== 'unsure') return;
    if (event.end === 'dropped') this.totals.drops++;
    else this.totals.dropsUnsure++;
    this.drops.add(event.sequence, fact, describeRequest(fact));
    this.#nothingDueBeforeMs = Number.NEGATIVE_INFINITY;
  }

  #applyStateEvent(fact: StateEventSent): void {
    this.delayedEvents.replace(fact);
    const member = isMemberType(fact.eventType) && fact.isOk ? parseMember(fact.stateKey, fact.userId) : null;
    if (member === null) return;
    const { roomId, clientHash, provenance, timeMs } = fact;
    this.book.note({ roomId, ...member, clientHash, provenance }, timeMs, Number.NaN);
    if (member.deviceId !== null) this.clients.learn(member.userId, clientHash, member.deviceId);
  }

  #applySend({ sender, isOk, isMediaKey, clientHash, timeMs }: ToDeviceSend): void {
    if (sender === null || !isOk) return;
    const userId = actingUser(sender);
    const deviceId = this.clients.find(userId, clientHash);
    if (deviceId !== null) this.sends.add(userId, deviceId);
    if (isMediaKey) this.book.noteKeySend(userId, clientHash, timeMs);
  }

  #applyMessages(fact: ToDeviceMessages): void {
    const { totals } = this;
    if (Number.isNaN(totals.firstDebugMs)) totals.firstDebugMs = fact.timeMs;
    if (!(totals.lastDebugMs >= fact.timeMs)) totals.lastDebugMs = fact.timeMs;
    // At INFO a /sync doesn't say whose device it is: then what was stored under the message's id does.
    const isNamed = fact.stage === 'returned' && fact.messages.some(({ deviceId }) => deviceId !== null);
    for (const delivery of this.toDevice.apply(fact)) {
      const { message, returnedMs } = delivery;
      this.#listener.onDelivered(returnedMs - message.storedMs, fact.provenance.requestId, returnedMs);
      noteDelivery(this, delivery);
      if (!isNamed) this.#countMessage(message.userId, message.deviceId, 'returned', returnedMs);
    }
    for (const { userId, deviceId } of fact.messages)
      if (userId !== null && deviceId !== null) this.#countMessage(userId, deviceId, fact.stage, fact.timeMs);
    if (fact.stage === 'dropped' && fact.isMediaKey) noteUnknownDevices(this, fact);
  }

  #countMessage(userId: string, deviceId: string, stage: ToDeviceStage, timeMs: number): void {
    this.#listener.onDeviceMessage(userId, deviceId, stage, timeMs, this.book.wasInCall(userId, deviceId, timeMs));
  }
}
