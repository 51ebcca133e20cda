/**
 * Counts of what clients ask of the homeserver: to-device messages and delayed events. In: facts. Out: the sums that contract.md names.
 */
import type { DelayedEventAction, DelayedEventOutcome, DelayedEventRequest, Fact, ToDeviceSend } from '../facts/fact.ts';

export const DELAYED_EVENT_ACTIONS: readonly DelayedEventAction[] = ['schedule', 'restart', 'cancel', 'send', 'unknown'];
export const DELAYED_EVENT_OUTCOMES: readonly DelayedEventOutcome[] = ['ok', 'client_gave_up', 'rate_limited', 'not_found', 'failed'];

/** Event types told apart; the type stands in the path, so a client can make up any number of them. Further ones are counted as `_other`. */
export const MAX_EVENT_TYPES = 200;

/** All that a TrafficTally counts, as plain data. */
export interface TrafficTallyDump {
  readonly sends: readonly (readonly [eventType: string, count: number])[];
  readonly sendsFailed: number;
  readonly mediaKeySends: number;
  readonly stored: number;
  readonly returned: number;
  readonly dropped: number;
  readonly redactions: number;
  readonly untrusted: number;
  readonly delayedEvents: Readonly<Record<DelayedEventAction, Readonly<Record<DelayedEventOutcome, number>>>>;
}

export class TrafficTally {
  /** Accepted sends by event type. */
  readonly sends = new Map<string, number>();
  sendsFailed = 0;
  mediaKeySends = 0;
  stored = 0;
  returned = 0;
  dropped = 0;
  /** Redactions that the server took (KE-3). */
  redactions = 0;
  /** Records that may be forged; they count here and nowhere else. */
  untrusted = 0;
  readonly delayedEvents: Readonly<Record<DelayedEventAction, Record<DelayedEventOutcome, number>>>;

  constructor() {
    const outcomes = () => Object.fromEntries(DELAYED_EVENT_OUTCOMES.map((outcome) => [outcome, 0])) as Record<DelayedEventOutcome, number>;
    this.delayedEvents = { schedule: outcomes(), restart: outcomes(), cancel: outcomes(), send: outcomes(), unknown: outcomes() };
  }

  /** Delayed-event requests on which the client gave up. */
  get clientTimeouts(): number {
    return DELAYED_EVENT_ACTIONS.reduce((sum, action) => sum + this.delayedEvents[action].client_gave_up, 0);
  }

  dump(): TrafficTallyDump {
    const { sends, sendsFailed, mediaKeySends, stored, returned, dropped, redactions, untrusted, delayedEvents } = this;
    return { sends: [...sends], sendsFailed, mediaKeySends, stored, returned, dropped, redactions, untrusted, delayedEvents };
  }

  restore({ sends, delayedEvents, ...counts }: TrafficTallyDump): void {
    Object.assign(this, counts);
    this.sends.clear();
    for (const [eventType, count] of sends) this.sends.set(eventType, count);
    for (const action of DELAYED_EVENT_ACTIONS) Object.assign(this.delayedEvents[action], delayedEvents[action]);
  }

  apply(fact: Fact): void {
    switch (fact.kind) {
      case 'to_device_send':
        return this.#applySend(fact);
      case 'to_device_messages':
        this[fact.stage] += fact.messages.length;
        return;
      case 'redaction':
        if (fact.isOk) this.redactions++;
        return;
      case 'untrusted_record':
        this.untrusted++;
        return;
      case 'delayed_event_request':
        return this.#applyDelayedEvent(fact);
    }
  }

  #applySend({ eventType, isOk, isMediaKey }: ToDeviceSend): void {
    if (!isOk) {
      this.sendsFailed++;
      return;
    }
    const key = this.sends.has(eventType) || this.sends.size < MAX_EVENT_TYPES ? eventType : '_other';
    this.sends.set(key, (this.sends.get(key) ?? 0) + 1);
    if (isMediaKey) this.mediaKeySends++;
  }

  #applyDelayedEvent({ action, outcome }: DelayedEventRequest): void {
    this.delayedEvents[action][outcome]++;
  }
}
