/**
 * The way through, from bytes to counts. This file is the table of contents:
 *
 *     bytes → RecordReader → records ─→ rules ─→ RequestJoiner → joined requests → buildFacts → facts → DeviceTable, TrafficTally
 *                          └ access lines ─────┘                                             └→ FactCounters → MetricStore
 *
 * One `Pipeline` a homeserver; one `SourceStream` for each of its files (each worker's log is a source of its own: its request numbers
 * are its process's). Everything runs on log time; nothing here reads a clock, a file or a socket.
 */
import { DeviceTable } from './devices/device-table.ts';
import { FactCounters } from './fact-counters.ts';
import { buildFacts } from './facts/build-facts.ts';
import type { Fact } from './facts/fact.ts';
import { TrafficTally } from './homeserver/traffic-tally.ts';
import type { KeptRows } from './kept-rows.ts';
import type { MetricStore } from './metrics/metric-store.ts';
import type { LogFormat } from './records/log-format.ts';
import type { JoinedRequest } from './requests/joined-request.ts';
import { DEFAULT_JOIN_BOUNDS, type JoinBounds } from './requests/request-joiner.ts';
import type { RuleSet } from './rules/rule-set.ts';
import { SourceStream } from './source-stream.ts';
import { StreamRows } from './stream-rows.ts';
import { WholeRow } from './whole-row.ts';

export interface PipelineOptions {
  readonly rules: RuleSet;
  readonly metrics: MetricStore;
  readonly joinBounds?: JoinBounds;
  readonly maxDevices?: number;
  /** Told of each fact, after it was counted. */
  readonly onFact?: (fact: Fact) => void;
  readonly onUnrecognised?: (source: string, reason: string, sample: string) => void;
  readonly onFormat?: (source: string, format: LogFormat) => void;
}

export interface SourceOptions {
  /** Label and name in facts: `homeserver.log`. */
  readonly name: string;
  /** IANA name of the log's zone. */
  readonly timeZone: string;
  /** Taken instead of finding it out. */
  readonly format?: LogFormat;
}

export class Pipeline {
  readonly devices: DeviceTable;
  readonly traffic = new TrafficTally();
  readonly metrics: MetricStore;
  readonly sources: SourceStream[] = [];
  readonly #options: PipelineOptions;
  readonly #counters: FactCounters;
  #rules: RuleSet;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#rules = options.rules;
    this.metrics = options.metrics;
    this.devices = new DeviceTable(options.maxDevices);
    this.#counters = new FactCounters(options.metrics);
    this.#declareCounters(options.rules);
  }

  /**
   * All that is kept over a restart, in the order in which it's restored: after all sources were added, before anything is read. Metrics come
   * last: restoring them takes back what the others may have counted.
   */
  keptRows(): readonly KeptRows[] {
    const ruleOf = (id: string) => this.#rules.rules.find((rule) => rule.id === id);
    return [new StreamRows(this.sources, ruleOf), this.devices, new WholeRow('traffic', this.traffic), this.metrics.keptRows()];
  }

  get rules(): RuleSet {
    return this.#rules;
  }

  addSource(options: SourceOptions): SourceStream {
    const { onUnrecognised, onFormat, joinBounds = DEFAULT_JOIN_BOUNDS } = this.#options;
    const source = new SourceStream({
      ...options,
      rules: this.#rules,
      metrics: this.metrics,
      joinBounds,
      onRequest: (request) => this.#take(request),
      onCount: (rule, captures) => this.#counters.count(rule, captures),
      onUnrecognised: (reason, sample) => onUnrecognised?.(options.name, reason, sample),
      onFormat: (format) => onFormat?.(options.name, format),
    });
    this.sources.push(source);
    return source;
  }

  /** New rules for records from now on; joins that are open keep what the old ones matched. */
  replaceRules(rules: RuleSet): void {
    this.#rules = rules;
    this.#declareCounters(rules);
    for (const source of this.sources) source.replaceRules(rules);
  }

  /** The input is over: open joins are handed over as they are. */
  end(): void {
    for (const source of this.sources) source.end();
  }

  /** Brings values that are only worked out at a scrape up to date. */
  refreshMetrics(): void {
    for (const source of this.sources) source.refreshMetrics();
    this.metrics.counter('lotus_e2ee_key_claims_total', 'one_time').value = this.devices.claims.oneTime;
    this.metrics.counter('lotus_e2ee_key_claims_total', 'fallback').value = this.devices.claims.fallback;
    this.metrics.gauge('lotus_e2ee_watch_joins_open').set(this.sources.reduce((sum, { openJoins }) => sum + openJoins, 0));
    this.metrics.gauge('lotus_e2ee_watch_rules_loaded').set(this.#rules.rules.length);
  }

  /** Counters of an operator's rules; clashes were found by whoever compiled the rules. */
  #declareCounters(rules: RuleSet): void {
    for (const { definition } of rules.rules) if (definition.counter !== undefined) this.metrics.declareRuleCounter(definition.counter);
  }

  #take(request: JoinedRequest): void {
    for (const fact of buildFacts(request)) {
      this.devices.apply(fact);
      this.traffic.apply(fact);
      this.#counters.apply(fact);
      this.#options.onFact?.(fact);
    }
  }
}
