/**
 * One log file (all its generations) on its way through: records, rules, joins. In: bytes, as a ChunkConsumer. Out: joined requests.
 *
 * Knows what the stages must not know of each other: which records the rules want, that an access line closes a join, that a start banner
 * begins a new sequence of request numbers, that a doubled record is none.
 */
import { KINDS_WITH_CAPTURES } from './facts/emitted-kinds.ts';
import type { ChunkConsumer } from './lines/chunk-consumer.ts';
import type { Counter, Histogram, MetricStore } from './metrics/metric-store.ts';
import type { AccessLine } from './records/access-line.ts';
import { DockerEnvelope } from './records/docker-envelope.ts';
import type { LogFormat } from './records/log-format.ts';
import type { Level } from './records/log-statement.ts';
import {
  type Interest,
  type LogRecord,
  type PhysicalCounts,
  type RecordHandler,
  RecordReader,
  type RecordReaderDump,
} from './records/record-reader.ts';
import { decodeText, TextMemo } from './records/text-decoder.ts';
import { ZoneClock, type ZoneClockDump } from './records/timestamp.ts';
import { DoubledRecords, type DoubledRecordsDump } from './requests/doubled-records.ts';
import type { JoinedRequest, JoinOutcome, RecordMatch, RequestAccess } from './requests/joined-request.ts';
import { type JoinBounds, type JoinKey, joinKey, type OpenJoin, RequestJoiner, type RequestJoinerDump } from './requests/request-joiner.ts';
import { RequestNumbers, type RequestNumbersDump } from './requests/request-numbers.ts';
import type { CompiledRule, RuleSet } from './rules/rule-set.ts';
import type { Captures } from './rules/template.ts';

export interface SourceStreamOptions {
  readonly name: string;
  readonly timeZone: string;
  readonly format?: LogFormat;
  readonly rules: RuleSet;
  readonly metrics: MetricStore;
  readonly joinBounds: JoinBounds;
  readonly onRequest: (request: JoinedRequest) => void;
  /** A rule that has a counter has matched. */
  readonly onCount: (rule: CompiledRule, captures: Captures) => void;
  readonly onUnrecognised: (reason: string, sample: string) => void;
  readonly onFormat: (format: LogFormat) => void;
}

/** Where a stream stands between two calls of its reader, as plain data; its open joins are given one by one. */
export interface SourceStreamDump {
  readonly reader: RecordReaderDump;
  readonly clock: ZoneClockDump;
  readonly numbers: RequestNumbersDump;
  readonly doubled: DoubledRecordsDump;
  readonly joiner: RequestJoinerDump;
  readonly isBannerOpen: boolean;
  readonly hasHeaderIds: boolean;
  readonly unrecognised: readonly (readonly [reason: string, count: number])[];
}

/** Reasons for unknown lines that are told apart; further ones count as `other`. */
export const MAX_UNRECOGNISED_REASONS = 50;
/** A rule whose message begins with this many fixed characters, and that still doesn't match, has met a shape it doesn't know. */
const TELLING_PREFIX = 10;
const ACCESS_LOGGER = 'synapse.access.';

/** What is wanted of a log statement's records: the rules that could match them. */
interface RuleInterest extends Interest {
  readonly rules: readonly CompiledRule[];
}

export class SourceStream implements ChunkConsumer, RecordHandler<RuleInterest> {
  readonly name: string;
  /** Unknown lines by reason. */
  readonly unrecognised = new Map<string, number>();
  readonly #clock: ZoneClock;
  readonly #reader: RecordReader<RuleInterest>;
  /** In front of the reader: takes off what a container engine put around the lines. */
  readonly #envelope: DockerEnvelope;
  readonly #options: SourceStreamOptions;
  readonly #numbers = new RequestNumbers();
  readonly #doubled = new DoubledRecords();
  readonly #joiner: RequestJoiner;
  readonly #texts = new TextMemo();
  readonly #latency: Histogram;
  readonly #joins: Readonly<Record<'closed' | 'expired' | 'evicted', Counter>>;
  readonly #decodeText = (bytes: Uint8Array, start: number, end: number): string => this.#texts.decode(bytes, start, end);
  #rules: RuleSet;
  /** The last record was a start line; a version line behind it makes the banner whole. */
  #isBannerOpen = false;
  #revision = 0;
  /** Requests of this source have ids of `request_id_header` instead of numbers. */
  #hasHeaderIds = false;

  constructor(options: SourceStreamOptions) {
    const { metrics, name } = options;
    this.name = name;
    this.#options = options;
    this.#rules = options.rules;
    this.#clock = new ZoneClock(options.timeZone);
    this.#reader = new RecordReader(this, this.#clock, options.format ?? null);
    this.#envelope = new DockerEnvelope(this.#reader);
    this.#joiner = new RequestJoiner(options.joinBounds, (join, outcome) => this.#giveUp(join, outcome));
    metrics.declareSource(name);
    this.#latency = metrics.histogram('lotus_e2ee_homeserver_request_duration_seconds');
    this.#joins = {
      closed: metrics.counter('lotus_e2ee_watch_joins_total', 'closed'),
      expired: metrics.counter('lotus_e2ee_watch_joins_total', 'expired'),
      evicted: metrics.counter('lotus_e2ee_watch_joins_total', 'evicted'),
    };
  }

  get counts(): Readonly<PhysicalCounts> {
    return this.#reader.counts;
  }

  get format(): LogFormat | null {
    return this.#reader.format;
  }

  /** Processes seen in the log: 1 and more; 0 where no record was. */
  get incarnations(): number {
    return this.counts.records === 0 ? 0 : this.#numbers.incarnation + 1;
  }

  get openJoins(): number {
    return this.#joiner.openCount;
  }

  /** Counts the calls that may have changed anything: the same number means the same state. */
  get revision(): number {
    return this.#revision;
  }

  begin(positionBytes: number): void {
    this.#envelope.begin(positionBytes);
  }

  read(bytes: Uint8Array, length: number): number {
    this.#revision++;
    return this.#envelope.read(bytes, length);
  }

  settle(bytes: Uint8Array, length: number): number {
    this.#revision++;
    return this.#envelope.settle(bytes, length);
  }

  finish(bytes: Uint8Array, length: number): void {
    this.#revision++;
    this.#envelope.finish(bytes, length);
  }

  openJoinEntries(): Iterable<readonly [JoinKey, OpenJoin]> {
    return this.#joiner.openJoins();
  }

  dump(): SourceStreamDump {
    return {
      reader: this.#reader.dump(),
      clock: this.#clock.dump(),
      numbers: this.#numbers.dump(),
      doubled: this.#doubled.dump(),
      joiner: this.#joiner.dump(),
      isBannerOpen: this.#isBannerOpen,
      hasHeaderIds: this.#hasHeaderIds,
      unrecognised: [...this.unrecognised],
    };
  }

  /** Before anything is read. Where in its file the stream stands is said by `begin`. */
  restore(dump: SourceStreamDump, joins: Iterable<readonly [JoinKey, OpenJoin]>): void {
    this.#reader.restore(dump.reader);
    this.#clock.restore(dump.clock);
    this.#numbers.restore(dump.numbers);
    this.#doubled.restore(dump.doubled);
    this.#joiner.restore(dump.joiner, joins);
    this.#isBannerOpen = dump.isBannerOpen;
    this.#hasHeaderIds = dump.hasHeaderIds;
    this.unrecognised.clear();
    for (const [reason, count] of dump.unrecognised) this.unrecognised.set(reason, count);
  }

  end(): void {
    this.#joiner.end();
  }

  replaceRules(rules: RuleSet): void {
    this.#rules = rules;
    this.#reader.forgetInterests();
  }

  interestIn(logger: string, level: Level): RuleInterest {
    const rules = this.#rules.forStatement(logger, level);
    return { isAccess: logger.startsWith(ACCESS_LOGGER), isDebug: level === 'DEBUG', prefixes: rules.map(({ prefix }) => prefix), rules };
  }

  onAccessLine(bytes: Uint8Array, line: AccessLine, position: number): void {
    const { requestNumber } = line;
    if (requestNumber >= 0) {
      if (this.#numbers.hasClosed(requestNumber) && this.#doubled.isDoubledAccessLine(line)) return;
      this.#numbers.close(requestNumber);
      this.#doubled.rememberAccessLine(line);
    } else this.#hasHeaderIds = true;
    const rule = this.#rules.routes.match(bytes, line.methodStart, line.uriStart);
    if (rule === null || rule.definition.emit !== 'no_latency') this.#latency.observe(line.procMs / 1000);
    for (const { rule: counting, matcher } of this.#rules.counterRoutes)
      if (matcher.match(bytes, line.methodStart, line.uriStart) !== null)
        this.#options.onCount(counting, { ...matcher.captures(bytes, decodeText), ...counting.definition.set });
    const key = requestNumber >= 0 ? joinKey(this.#numbers.epoch, requestNumber) : decodeText(bytes, line.requestStart, line.requestEnd);
    const join = this.#joiner.take(key);
    if (join !== null) this.#joins.closed.value++;
    if (join === null && (rule === null || rule.definition.emit === 'no_latency')) return;
    this.#options.onRequest({
      source: this.name,
      incarnation: join?.incarnation ?? this.#numbers.incarnation,
      requestId: join?.requestId ?? decodeText(bytes, line.requestStart, line.requestEnd),
      outcome: 'closed',
      access: this.#copyAccess(bytes, line, this.#envelope.originOf(position), rule),
      matches: join?.matches ?? [],
    });
  }

  onRecord(record: LogRecord<RuleInterest>): void {
    const {
      interest: { rules },
      message,
      isCut,
      timeMs,
      position,
      requestNumber,
      request,
    } = record;
    let isKnown = false;
    let emitted: RecordMatch | null = null;
    for (const rule of rules) {
      const match = rule.match(message, isCut);
      if (match === null) continue;
      if (!isKnown && this.#doubled.isDoubledMatch(requestNumber, timeMs, message)) return;
      isKnown = true;
      if (rule.definition.counter !== undefined) this.#options.onCount(rule, match.captures);
      if (emitted === null && rule.definition.emit !== undefined)
        emitted = { rule, captures: match.captures, items: match.items, timeMs, position: this.#envelope.originOf(position) };
    }
    if (emitted !== null) this.#join(emitted, request, requestNumber);
    else if (!isKnown) this.#noteMiss(record, rules);
  }

  #join(match: RecordMatch, request: string, requestNumber: number): void {
    this.#followBanner(match, request);
    const key = this.#keyOf(request, requestNumber);
    const { incarnation } = this.#numbers;
    if (key !== null) this.#joiner.add(key, request, incarnation, match);
    else this.#options.onRequest({ source: this.name, incarnation, requestId: '', outcome: 'closed', access: null, matches: [match] });
  }

  onUnrecognised(reason: string, sample: string): void {
    const key = this.unrecognised.has(reason) || this.unrecognised.size < MAX_UNRECOGNISED_REASONS ? reason : 'other';
    this.unrecognised.set(key, (this.unrecognised.get(key) ?? 0) + 1);
    this.#options.metrics.counter('lotus_e2ee_watch_unrecognised_total', this.name, key).value++;
    this.#options.onUnrecognised(key, sample);
  }

  onFormat(format: LogFormat): void {
    this.#options.onFormat(format);
  }

  /** Counts that the reader keeps for itself become metrics at a scrape. */
  refreshMetrics(): void {
    const { metrics } = this.#options;
    const { lines, bytes, records, accessLines, cutLines, lastTimeMs } = this.counts;
    metrics.counter('lotus_e2ee_watch_log_lines_total', this.name).value = lines;
    metrics.counter('lotus_e2ee_watch_log_bytes_total', this.name).value = bytes;
    metrics.counter('lotus_e2ee_watch_log_records_total', this.name).value = records;
    metrics.counter('lotus_e2ee_watch_access_lines_total', this.name).value = accessLines;
    metrics.counter('lotus_e2ee_watch_cut_lines_total', this.name).value = cutLines;
    if (!Number.isNaN(lastTimeMs)) metrics.gauge('lotus_e2ee_watch_last_record_timestamp_seconds', this.name).set(lastTimeMs / 1000);
  }

  /** What joins a record to its request; null for a record outside of any. */
  #keyOf(request: string, requestNumber: number): JoinKey | null {
    if (requestNumber < 0) return this.#hasHeaderIds && request !== '' && request !== 'sentinel' && request !== 'main' ? request : null;
    this.#numbers.observe(requestNumber);
    return joinKey(this.#numbers.epoch, requestNumber);
  }

  /** A start line with the version line right behind it, both of request `main`: the process is a new one. */
  #followBanner({ captures }: RecordMatch, request: string): void {
    const event = request === 'main' ? captures['event'] : null;
    if (event === 'version' && this.#isBannerOpen) this.#numbers.expectRestart();
    this.#isBannerOpen = event === 'started';
  }

  /** A message that a rule's first words announce, in a form that the rule doesn't know: Synapse has changed it. */
  #noteMiss({ message, logger }: LogRecord, rules: readonly CompiledRule[]): void {
    const isAnnounced = rules.some(({ prefix }) => prefix.length >= TELLING_PREFIX && message.startsWith(prefix));
    if (isAnnounced) this.onUnrecognised(`message ${logger}`, message.slice(0, 200));
  }

  #giveUp({ requestId, incarnation, matches }: OpenJoin, outcome: JoinOutcome): void {
    if (outcome === 'expired' || outcome === 'evicted') this.#joins[outcome].value++;
    this.#options.onRequest({ source: this.name, incarnation, requestId, outcome, access: null, matches });
  }

  #copyAccess(bytes: Uint8Array, line: AccessLine, position: number, rule: CompiledRule | null): RequestAccess {
    const requester = this.#texts.decode(bytes, line.findRequester(bytes), line.headEnd);
    return {
      timeMs: line.timeMs,
      position,
      procMs: line.procMs,
      sendMs: line.sendMs,
      sizeBytes: line.sizeBytes,
      status: line.status,
      isClientGone: line.isClientGone,
      requester: requester === 'None' ? null : requester,
      route:
        rule === null ? null : { rule, captures: isCapturing(rule) ? this.#rules.routes.captures(bytes, this.#decodeText) : NO_CAPTURES },
    };
  }
}

const NO_CAPTURES: Readonly<Record<string, string>> = {};

/** Whether the fact that is made of the request needs what the route's holes took. */
function isCapturing({ definition: { emit } }: CompiledRule): boolean {
  return emit !== undefined && KINDS_WITH_CAPTURES.has(emit);
}
