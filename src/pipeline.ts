/**
 * The way through, from bytes to counts. This file is the table of contents:
 *
 *     bytes → RecordReader → records ─→ rules ─→ RequestJoiner → joined requests → buildFacts → facts → FactCounters → MetricStore
 *                          └ access lines ─────┘                                             ├→ TrafficTally
 *                                                           FactOrder (log time) ←───────────┘
 *                                                           └→ DeviceTable, Homeserver → Calls → IncidentList, answers
 *
 * One `Pipeline` a homeserver; one `SourceStream` for each of its files (each worker's log is a source of its own: its request numbers
 * are its process's). Everything runs on log time; nothing here reads a clock, a file or a socket.
 */
import { createCallListener, feedCallMetrics } from './call-metrics.ts';
import { Calls } from './calls/calls.ts';
import type { Answer } from './certainty.ts';
import { feedDeviceMetrics } from './device-metrics.ts';
import { DeviceTable } from './devices/device-table.ts';
import { FactCounters } from './fact-counters.ts';
import { buildFacts } from './facts/build-facts.ts';
import type { Fact } from './facts/fact.ts';
import { FactOrder } from './facts/fact-order.ts';
import { Homeserver } from './homeserver/homeserver.ts';
import { TrafficTally } from './homeserver/traffic-tally.ts';
import type { Incident } from './incident.ts';
import { feedIncidentMetrics } from './incident-metrics.ts';
import { CallIncidents } from './incidents/call-incidents.ts';
import { IncidentList } from './incidents/incident-list.ts';
import type { KeptRows } from './kept-rows.ts';
import type { MetricStore } from './metrics/metric-store.ts';
import type { LogFormat } from './records/log-format.ts';
import type { JoinedRequest } from './requests/joined-request.ts';
import { DEFAULT_JOIN_BOUNDS, type JoinBounds } from './requests/request-joiner.ts';
import type { RuleSet } from './rules/rule-set.ts';
import { SourceStream } from './source-stream.ts';
import { StreamRows } from './stream-rows.ts';
import { findBlindness } from './verdict/blindness.ts';
import { answerDivergence } from './verdict/divergence-answer.ts';
import { answerMediaKeys } from './verdict/media-key-answer.ts';
import { answerMissingAlgorithm } from './verdict/missing-algorithm-answer.ts';
import { type Answerer, answerAll, type Question } from './verdict/questions.ts';
import { answerTimeouts } from './verdict/timeout-answer.ts';
import { answerValidation } from './verdict/validation-answer.ts';
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
  readonly homeserver = new Homeserver();
  readonly calls: Calls;
  readonly metrics: MetricStore;
  readonly sources: SourceStream[] = [];
  /** Stages that need facts in the order of log time. */
  readonly #ordered: FactOrder;
  readonly #incidents: IncidentList;
  readonly #answerers: Readonly<Partial<Record<Question, Answerer>>>;
  readonly #options: PipelineOptions;
  readonly #counters: FactCounters;
  #rules: RuleSet;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#rules = options.rules;
    this.metrics = options.metrics;
    this.devices = new DeviceTable(options.maxDevices);
    this.#counters = new FactCounters(options.metrics);
    this.#ordered = new FactOrder((fact) => this.#applyInOrder(fact));
    this.calls = new Calls(this.homeserver, createCallListener(options.metrics, this.devices));
    this.#incidents = new IncidentList([this.devices, new CallIncidents(this.calls, this.devices)]);
    this.#answerers = {
      Q1: (window, blindness) => answerDivergence(this.devices, window, blindness),
      Q2: (window, blindness) => answerMediaKeys(this.calls, this.devices, window, blindness),
      Q3: (window, blindness) => answerMissingAlgorithm(this.calls, window, blindness),
      Q4: (window, blindness) => answerTimeouts(this.calls, window, blindness),
      '6.4': (window, blindness) => answerValidation(this.calls, this.devices, window, blindness),
    };
    this.#declareCounters(options.rules);
  }

  /**
   * All that is kept over a restart, in the order in which it's restored: after all sources were added, before anything is read. Metrics come
   * last: restoring them takes back what the others may have counted.
   */
  keptRows(): readonly KeptRows[] {
    const ruleOf = (id: string) => this.#rules.rules.find((rule) => rule.id === id);
    return [
      new StreamRows(this.sources, ruleOf),
      this.#ordered,
      this.devices,
      this.homeserver,
      this.calls,
      new WholeRow('traffic', this.traffic),
      this.metrics.keptRows(),
    ];
  }

  get rules(): RuleSet {
    return this.#rules;
  }

  addSource(options: SourceOptions): SourceStream {
    const { onUnrecognised, onFormat, joinBounds = DEFAULT_JOIN_BOUNDS } = this.#options;
    this.#ordered.addSource(options.name);
    const source: SourceStream = new SourceStream({
      ...options,
      rules: this.#rules,
      metrics: this.metrics,
      joinBounds,
      onRequest: (request) => this.#take(request, source),
      onFact: (fact) => this.#apply(fact, source),
      onProgress: (clockMs, isIdle) => {
        this.#ordered.setIdle(options.name, isIdle);
        this.#ordered.advance(options.name, clockMs);
      },
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
    this.#ordered.end();
    this.calls.end();
  }

  /** Nothing comes of this source any more: the others needn't wait for it. */
  endSource(source: SourceStream): void {
    source.end();
    this.#ordered.advance(source.name, Number.POSITIVE_INFINITY);
  }

  /** Newest log time of all sources; NaN where there is none. */
  get nowMs(): number {
    const newest = Math.max(...this.sources.map(({ clockMs }) => clockMs));
    return Number.isFinite(newest) ? newest : Number.NaN;
  }

  /** Incidents of all stages, as things stand. */
  incidents(): readonly Incident[] {
    return this.#incidents.list(this.nowMs);
  }

  /** The runbook's questions, for all that was read. @param gaps what couldn't be read, each a sentence */
  answers(gaps: readonly string[] = []): Readonly<Record<Question, Answer>> {
    const window = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
    this.devices.advance(this.nowMs);
    return answerAll(this.#answerers, window, findBlindness(this.sources, gaps));
  }

  /** Brings values that are only worked out at a scrape up to date. */
  refreshMetrics(): void {
    for (const source of this.sources) source.refreshMetrics();
    this.devices.advance(this.nowMs);
    feedDeviceMetrics(this.devices, this.metrics);
    feedCallMetrics(this.calls, this.metrics);
    feedIncidentMetrics(this.incidents(), this.metrics);
    this.metrics.gauge('lotus_e2ee_watch_joins_open').set(this.sources.reduce((sum, { openJoins }) => sum + openJoins, 0));
    this.metrics.gauge('lotus_e2ee_watch_rules_loaded').set(this.#rules.rules.length);
  }

  /** Counters of an operator's rules; clashes were found by whoever compiled the rules. */
  #declareCounters(rules: RuleSet): void {
    for (const { definition } of rules.rules) if (definition.counter !== undefined) this.metrics.declareRuleCounter(definition.counter);
  }

  #take(request: JoinedRequest, source: SourceStream): void {
    for (const fact of buildFacts(request)) this.#apply(fact, source);
  }

  #apply(fact: Fact, source: SourceStream): void {
    this.traffic.apply(fact);
    this.#counters.apply(fact);
    this.#options.onFact?.(fact);
    this.#ordered.add(source.name, fact, source.clockMs);
  }

  #applyInOrder(fact: Fact): void {
    this.devices.apply(fact);
    this.homeserver.apply(fact);
    this.calls.apply(fact);
  }
}
