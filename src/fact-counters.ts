/**
 * Facts to counters: the only place where a fact becomes a number that Prometheus sees. In: facts (and, for an operator's own rules, what
 * they matched). Out: increments in the MetricStore.
 */
import type { DelayedEventRequest, Fact, KeyUpload, ToDeviceMessages, ToDeviceSend } from './facts/fact.ts';
import type { Counter, Histogram, MetricStore } from './metrics/metric-store.ts';
import type { CompiledRule } from './rules/rule-set.ts';
import type { Captures } from './rules/template.ts';

export class FactCounters {
  readonly #store: MetricStore;
  readonly #conflicts: Counter;
  /** Series already asked for: asking the store costs several look-ups. Bounded by the labels' closed sets and MAX_REMEMBERED event types. */
  readonly #sends = { ok: new Map<string, Counter>(), failed: new Map<string, Counter>() };
  readonly #uploads = new Map<string, Counter>();
  readonly #messages = new Map<string, Counter>();
  readonly #durations = new Map<string, Histogram>();

  constructor(store: MetricStore) {
    this.#store = store;
    this.#conflicts = store.counter('lotus_e2ee_otk_conflicts_total');
  }

  apply(fact: Fact): void {
    switch (fact.kind) {
      case 'key_upload':
        return this.#applyUpload(fact);
      case 'to_device_send':
        this.#countSend(fact);
        return;
      case 'to_device_messages':
        return this.#applyMessages(fact);
      case 'delayed_event_request':
        return this.#applyDelayedEvent(fact);
      case 'untrusted_record':
        this.#store.counter('lotus_e2ee_untrusted_records_total', fact.reason).value++;
        return;
    }
  }

  #applyUpload({ refusals, outcome, userId, deviceId, timeMs }: KeyUpload): void {
    this.#conflicts.value += refusals.length;
    if (refusals.length > 0 && userId !== null && deviceId !== null)
      this.#store.deviceCounter('lotus_e2ee_device_otk_conflicts_total', userId, deviceId, timeMs).add(refusals.length);
    if (outcome !== null) remember(this.#uploads, outcome, () => this.#store.counter('lotus_e2ee_key_uploads_total', outcome)).value++;
  }

  #countSend({ eventType, isOk }: ToDeviceSend): void {
    const sends = isOk ? this.#sends.ok : this.#sends.failed;
    const known = sends.get(eventType);
    if (known !== undefined) {
      known.value++;
      return;
    }
    const counter = this.#store.counter('lotus_e2ee_to_device_sends_total', eventType, isOk ? 'ok' : 'failed');
    counter.value++;
    if (sends.size < MAX_REMEMBERED) sends.set(eventType, counter);
  }

  #applyMessages({ stage, messages }: ToDeviceMessages): void {
    remember(this.#messages, stage, () => this.#store.counter('lotus_e2ee_to_device_messages_total', stage)).value += messages.length;
  }

  #applyDelayedEvent({ action, outcome, durationMs, provenance, timeMs }: DelayedEventRequest): void {
    const name = 'lotus_e2ee_delayed_event_request_duration_seconds';
    remember(this.#durations, `${action}|${outcome}`, () => this.#store.histogram(name, action, outcome)).observe(
      durationMs / 1000,
      provenance.requestId,
      timeMs,
    );
  }

  /** One match of an operator's rule that has a counter. */
  count({ definition: { counter } }: CompiledRule, captures: Captures): void {
    if (counter === undefined) return;
    this.#store.countRule(
      counter.name,
      Object.keys(counter.labels ?? {}).map((label) => String(captures[label] ?? '')),
    );
  }
}

/** Event types are the clients' choice. */
const MAX_REMEMBERED = 200;

function remember<T>(map: Map<string, T>, key: string, create: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}
