/**
 * Facts to counters: the only place where a fact becomes a number that Prometheus sees. In: facts (and, for an operator's own rules, what
 * they matched). Out: increments in the MetricStore.
 */
import type { DelayedEventRequest, Fact, KeyUpload, ToDeviceMessages } from './facts/fact.ts';
import type { Counter, MetricStore } from './metrics/metric-store.ts';
import type { JoinedRequest } from './requests/joined-request.ts';

export class FactCounters {
  readonly #store: MetricStore;
  readonly #conflicts: Counter;

  constructor(store: MetricStore) {
    this.#store = store;
    this.#conflicts = store.counter('lotus_e2ee_otk_conflicts_total');
  }

  apply(fact: Fact): void {
    const store = this.#store;
    switch (fact.kind) {
      case 'key_upload':
        return this.#applyUpload(fact);
      case 'keys_claimed':
        store.counter('lotus_e2ee_key_claims_total', 'one_time').add(fact.claims.length);
        return;
      case 'to_device_send':
        store.counter('lotus_e2ee_to_device_sends_total', fact.eventType, fact.isOk ? 'ok' : 'failed').add(1);
        return;
      case 'to_device_messages':
        return this.#applyMessages(fact);
      case 'delayed_event_request':
        return this.#applyDelayedEvent(fact);
    }
  }

  #applyUpload({ refusals, outcome, userId, deviceId, timeMs }: KeyUpload): void {
    this.#conflicts.add(refusals.length);
    if (refusals.length > 0 && userId !== null && deviceId !== null)
      this.#store.deviceCounter('lotus_e2ee_device_otk_conflicts_total', userId, deviceId, timeMs).add(refusals.length);
    if (outcome !== null) this.#store.counter('lotus_e2ee_key_uploads_total', outcome).add(1);
  }

  #applyMessages({ stage, messages }: ToDeviceMessages): void {
    this.#store.counter('lotus_e2ee_to_device_messages_total', stage).add(messages.length);
  }

  #applyDelayedEvent({ action, outcome, durationMs, provenance }: DelayedEventRequest): void {
    this.#store.histogram('lotus_e2ee_delayed_event_request_duration_seconds', action, outcome).observe(durationMs / 1000, provenance.requestId);
    // Whose fault a timeout is takes the homeserver's record of that minute; without it the honest answer is "unknown".
    if (outcome === 'client_gave_up') this.#store.counter('lotus_e2ee_delayed_event_client_timeouts_total', 'unknown').add(1);
  }

  /** Operator's own rules: one count a match. */
  countMatches(_request: JoinedRequest): void {}
}
