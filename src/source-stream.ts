/**
 * One log file (all its generations) on its way through: records, rules, joins. In: bytes, as a ChunkConsumer. Out: joined requests.
 *
 * Knows what the stages must not know of each other: which records the rules want, that an access line closes a join, that a start banner
 * begins a new sequence of request numbers, that a doubled record is none.
 */
import { EVIDENCE_KINDS, KINDS_THAT_WRITE, KINDS_WITH_CAPTURES, KINDS_WITH_CLIENT } from './facts/emitted-kinds.ts';
import type { Fact } from './facts/fact.ts';
import { LatencySlices, type LatencySlicesDump } from './homeserver/latency-slices.ts';
import type { ChunkConsumer } from './lines/chunk-consumer.ts';
import { shareBytes } from './lines/shared-text.ts';
import type { Counter, Histogram, MetricStore } from './metrics/metric-store.ts';
import { RecordGate } from './record-gate.ts';
import type { AccessLine } from './records/access-line.ts';
import { LineEnvelope } from './records/line-envelope.ts';
import type { LogFormat } from './records/log-format.ts';
import type { Level } from './records/log-statement.ts';
import type { Interest, LogRecord, RecordHandler } from './records/record-handler.ts';
import { type PhysicalCounts, RecordReader, type RecordReaderDump } from './records/record-reader.ts';
import { decodeText } from './records/text-decoder.ts';
import { ZoneClock, type ZoneClockDump } from './records/timestamp.ts';
import { DoubledRecords, type DoubledRecordsDump } from './requests/doubled-records.ts';
import type { JoinedRequest, JoinOutcome, RecordMatch, RequestAccess } from './requests/joined-request.ts';
import { isOddNumber } from './requests/number-watch.ts';
import type { UntrustedReason } from './requests/record-trust.ts';
import { type JoinBounds, type JoinKey, joinKey, type OpenJoin, RequestJoiner, type RequestJoinerDump } from './requests/request-joiner.ts';
import { RequestNumbers, type RequestNumbersDump } from './requests/request-numbers.ts';
import type { CompiledRule, RuleMatch, RuleSet } from './rules/rule-set.ts';
import type { Captures } from './rules/template.ts';

export interface SourceStreamOptions {
  readonly name: string;
  readonly timeZone: string;
  readonly format?: LogFormat;
  readonly rules: RuleSet;
  readonly metrics: MetricStore;
  readonly joinBounds: JoinBounds;
  readonly onRequest: (request: JoinedRequest) => void;
  /** What the log states outside of any request: how fast requests were, holes in its stamps. */
  readonly onFact: (fact: Fact) => void;
  /** The source has come to this log time; `isIdle`: there is nothing more to read at the moment. */
  readonly onProgress: (clockMs: number, isIdle: boolean) => void;
  /** A rule that has a counter has matched. */
  readonly onCount: (rule: CompiledRule, captures: Captures) => void;
  readonly onUnrecognised: (reason: string, sample: string) => void;
  readonly onFormat: (format: LogFormat) => void;
}

/** Where a stream stands between two calls of its reader, as plain data; its open joins are given one by one. */
export interface SourceStreamDump {
  readonly reader: RecordReaderDump;
  /** Missing in states of the first versions. */
  readonly envelopeBytes?: number;
  readonly clock: ZoneClockDump;
  readonly numbers: RequestNumbersDump;
  readonly doubled: DoubledRecordsDump;
  readonly joiner: RequestJoinerDump;
  readonly gate: ReturnType<RecordGate<RuleInterest>['dump']>;
  readonly slices: LatencySlicesDump;
  /** null: no log time seen yet. */
  readonly clockMs: number | null;
  readonly isBannerOpen: boolean;
  readonly numberedLines: number;
  readonly unrecognised: readonly (readonly [reason: string, count: number])[];
}

/** Reasons for unknown lines that are told apart; further ones count as `other`. */
export const MAX_UNRECOGNISED_REASONS = 50;
/** A rule whose message begins with this many fixed characters, and that still doesn't match, has met a shape it doesn't know. */
const TELLING_PREFIX = 10;
/**
 * Ids that are no numbers are taken for those of `request_id_header`, which any text may be, until this many access lines in a row had
 * numbers. Chosen: one odd line must not make the ids of background processes wait for an access line that never comes.
 */
const HEADER_ID_MEMORY = 64;
const ACCESS_LOGGER = 'synapse.access.';

/** What is wanted of a log statement's records: the rules that could match them. */
interface RuleInterest extends Interest {
  readonly rules: readonly CompiledRule[];
}

export class SourceStream implements ChunkConsumer, RecordHandler<RuleInterest> {
  readonly name: string;
  /** Unknown lines by reason. */
  readonly unrecognised = new Map<string, number>();
  /** The first of them since the start, up to 200 characters of it; '' for none. */
  firstUnknown = '';
  readonly #clock: ZoneClock;
  readonly #reader: RecordReader<RuleInterest>;
  /** In front of the reader: takes off what a container engine put around the lines. */
  readonly #envelope: LineEnvelope;
  readonly #options: SourceStreamOptions;
  readonly #numbers = new RequestNumbers();
  readonly #doubled = new DoubledRecords();
  readonly #joiner: RequestJoiner;
  readonly #latency: Histogram;
  readonly #slices: LatencySlices;
  readonly #joins: Readonly<Record<'closed' | 'expired' | 'evicted', Counter>>;
  readonly #gate: RecordGate<RuleInterest>;
  #rules: RuleSet;
  #clockMs = Number.NEGATIVE_INFINITY;
  /** The last record was a start line; a version line behind it makes the banner whole. */
  #isBannerOpen = false;
  /** Access lines with a number since the last one without; as many as no line yet. */
  #numberedLines = HEADER_ID_MEMORY;
  #revision = 0;

  constructor(options: SourceStreamOptions) {
    const { metrics, name } = options;
    this.name = name;
    this.#options = options;
    this.#rules = options.rules;
    this.#clock = new ZoneClock(options.timeZone);
    this.#reader = new RecordReader(this, this.#clock, options.format ?? null);
    this.#envelope = new LineEnvelope(this.#reader);
    this.#joiner = new RequestJoiner(options.joinBounds, (join, outcome) => this.#giveUp(join, outcome));
    this.#gate = new RecordGate({
      numbers: this.#numbers,
      release: (record) => this.#takeRecord(record),
      releaseAccessLine: (bytes, line, position) => this.#takeAccessLine(bytes, line, position),
      distrust: (record, reason, seenMs) => this.#distrust(record, reason, seenMs),
      interestIn: (logger, level) => this.interestIn(logger, level),
    });
    metrics.declareSource(name);
    this.#latency = metrics.histogram('lotus_e2ee_homeserver_request_duration_seconds');
    this.#slices = new LatencySlices(name, options.onFact);
    this.#joins = {
      closed: metrics.counter('lotus_e2ee_watch_joins_total', 'closed'),
      expired: metrics.counter('lotus_e2ee_watch_joins_total', 'expired'),
      evicted: metrics.counter('lotus_e2ee_watch_joins_total', 'evicted'),
    };
  }

  get counts(): Readonly<PhysicalCounts> {
    const { counts } = this.#reader;
    const { envelopeBytes } = this.#envelope;
    return envelopeBytes === 0 ? counts : { ...counts, bytes: counts.bytes + envelopeBytes };
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

  /** Newest log time of a request or a matched record; −∞ before the first. Never goes back. */
  get clockMs(): number {
    return this.#clockMs;
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
    const doneBytes = this.#envelope.read(bytes, length);
    this.#options.onProgress(this.#clockMs, false);
    return doneBytes;
  }

  settle(bytes: Uint8Array, length: number): number {
    this.#revision++;
    const doneBytes = this.#envelope.settle(bytes, length);
    this.#options.onProgress(this.#clockMs, true);
    return doneBytes;
  }

  finish(bytes: Uint8Array, length: number): void {
    this.#revision++;
    this.#envelope.finish(bytes, length);
    this.#options.onProgress(this.#clockMs, false);
  }

  /** There is nothing to read (yet): no file, or nothing behind the position. */
  noteIdle(): void {
    this.#options.onProgress(this.#clockMs, true);
  }

  /** Records wait for a verdict, so all that follow must be seen. */
  get watchesAll(): boolean {
    return this.#gate.isWatching;
  }

  openJoinEntries(): Iterable<readonly [JoinKey, OpenJoin]> {
    return this.#joiner.openJoins();
  }

  dump(): SourceStreamDump {
    return {
      reader: this.#reader.dump(),
      envelopeBytes: this.#envelope.envelopeBytes,
      clock: this.#clock.dump(),
      numbers: this.#numbers.dump(),
      doubled: this.#doubled.dump(),
      joiner: this.#joiner.dump(),
      gate: this.#gate.dump(),
      slices: this.#slices.dump(),
      clockMs: Number.isFinite(this.#clockMs) ? this.#clockMs : null,
      isBannerOpen: this.#isBannerOpen,
      numberedLines: this.#numberedLines,
      unrecognised: [...this.unrecognised],
    };
  }

  /** Before anything is read. Where in its file the stream stands is said by `begin`. */
  restore(dump: SourceStreamDump, joins: Iterable<readonly [JoinKey, OpenJoin]>): void {
    this.#reader.restore(dump.reader);
    this.#envelope.envelopeBytes = dump.envelopeBytes ?? 0;
    this.#clock.restore(dump.clock);
    this.#numbers.restore(dump.numbers);
    this.#doubled.restore(dump.doubled);
    this.#joiner.restore(dump.joiner, joins);
    this.#gate.restore(dump.gate);
    this.#slices.restore(dump.slices);
    this.#clockMs = dump.clockMs ?? Number.NEGATIVE_INFINITY;
    this.#isBannerOpen = dump.isBannerOpen;
    this.#numberedLines = dump.numberedLines;
    this.unrecognised.clear();
    for (const [reason, count] of dump.unrecognised) this.unrecognised.set(reason, count);
  }

  end(): void {
    this.#gate.end();
    this.#joiner.end();
    this.#slices.end();
  }

  replaceRules(rules: RuleSet): void {
    this.#rules = rules;
    this.#reader.forgetInterests();
  }

  interestIn(logger: string, level: Level): RuleInterest {
    const rules = this.#rules.forStatement(logger, level);
    return { isAccess: logger.startsWith(ACCESS_LOGGER), isDebug: level === 'DEBUG', prefixes: rules.map(({ prefix }) => prefix), rules };
  }

  /** Most lines end here: counted, and of no request that a rule wants. What the others need is done elsewhere, so that this stays small. */
  onAccessLine(bytes: Uint8Array, line: AccessLine, readPosition: number): void {
    const position = this.#envelope.originOf(readPosition);
    const { requestNumber } = line;
    if (requestNumber >= 0) {
      this.#numbers.observe(requestNumber);
      if (isOddNumber(this.#numbers, requestNumber) && this.#isText && !this.#doubled.isDoubledAccessLine(line))
        return this.#gate.question(bytes, line, this.#headOf(position));
    }
    this.#takeAccessLine(bytes, line, position);
  }

  /** One that isn't forged, as far as can be known. */
  #takeAccessLine(bytes: Uint8Array, line: AccessLine, position: number): void {
    const { requestNumber } = line;
    this.#noteIds(requestNumber);
    if (requestNumber >= 0) {
      if (this.#numbers.hasClosed(requestNumber) && this.#doubled.isDoubledAccessLine(line)) return;
      this.#numbers.close(requestNumber);
      this.#doubled.rememberAccessLine(line);
    }
    if (line.timeMs > this.#clockMs) this.#clockMs = line.timeMs;
    const rule = this.#rules.routes.match(bytes, line.methodStart, line.uriStart);
    const emit = rule === null ? undefined : rule.definition.emit;
    const isWaiting = emit === 'no_latency';
    if (!isWaiting) {
      this.#latency.observe(line.procMs / 1000);
      if (rule === null || !writesEvents(rule)) this.#slices.add(line.timeMs, line.procMs, line.sendMs, position);
    }
    const isWanted = emit !== undefined && !isWaiting && emit !== 'writes_events';
    if (this.#rules.counterRoutes.length > 0) this.#countRoutes(bytes, line);
    const join = requestNumber >= 0 && !this.#joiner.mayHold(requestNumber) ? null : this.#takeJoin(bytes, line);
    if (isWanted || join !== null) this.#handOver(bytes, line, position, rule, join);
  }

  /** Rules with a counter, on routes of their own. */
  #countRoutes(bytes: Uint8Array, { methodStart, uriStart }: AccessLine): void {
    for (const { rule, matcher } of this.#rules.counterRoutes)
      if (matcher.match(bytes, methodStart, uriStart) !== null)
        this.#options.onCount(rule, { ...matcher.captures(bytes, decodeText), ...rule.definition.set });
  }

  #takeJoin(bytes: Uint8Array, { requestNumber, requestStart, requestEnd }: AccessLine): OpenJoin | null {
    const key = requestNumber >= 0 ? joinKey(this.#numbers.epoch, requestNumber) : decodeText(bytes, requestStart, requestEnd);
    const join = this.#joiner.take(key);
    if (join !== null) this.#joins.closed.value++;
    return join;
  }

  #handOver(bytes: Uint8Array, line: AccessLine, position: number, rule: CompiledRule | null, join: OpenJoin | null): void {
    this.#options.onRequest({
      source: this.name,
      incarnation: join === null ? this.#numbers.incarnation : join.incarnation,
      requestId: join === null ? decodeText(bytes, line.requestStart, line.requestEnd) : join.requestId,
      outcome: 'closed',
      access: this.#copyAccess(bytes, line, position, rule),
      matches: join === null ? NO_MATCHES : join.matches,
    });
  }

  onRecord(read: LogRecord<RuleInterest>): void {
    // Now, not when it's used: it may be held for a while.
    const position = this.#envelope.originOf(read.position);
    const record = position === read.position ? read : { ...read, position };
    if (this.#gate.isWatching) this.#gate.hold(record);
    else this.#takeRecord(record);
  }

  #takeRecord(record: LogRecord<RuleInterest>): void {
    const {
      interest: { rules },
      message,
      isCut,
      timeMs,
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
      if (emitted === null && rule.definition.emit !== undefined) emitted = createMatch(match, record);
    }
    if (emitted !== null) this.#join(emitted, request, requestNumber);
    else if (!isKnown) this.#noteMiss(record, rules);
    if (this.#isText) this.#gate.watchBehind(record, emitted?.rule.definition.emit);
  }

  get #isText(): boolean {
    return this.#reader.format?.kind === 'text';
  }

  /** What the gate keeps of an access line besides its text. */
  #headOf(position: number) {
    const interest = this.interestIn(ACCESS_LOGGER, 'INFO');
    return { interest, logger: ACCESS_LOGGER, level: 'INFO' as const, position, line: this.#reader.lineNumber };
  }

  /** Counted, and shown; it states nothing. Whom it names, the rules find as in any other record. */
  #distrust({ interest, message, isCut, position, request }: LogRecord<RuleInterest>, reason: UntrustedReason, timeMs: number): void {
    let userId: string | null = null;
    let deviceId: string | null = null;
    for (const rule of interest.rules) {
      const captures = rule.match(message, isCut)?.captures ?? {};
      if (typeof captures['user_id'] === 'string') userId = captures['user_id'];
      if (typeof captures['device_id'] === 'string') deviceId = captures['device_id'];
    }
    const provenance = { source: this.name, positions: [position], requestId: request, incarnation: this.#numbers.incarnation, ruleId: '' };
    this.#options.onFact({ kind: 'untrusted_record', timeMs, provenance, reason, userId, deviceId });
  }

  #join(match: RecordMatch, request: string, requestNumber: number): void {
    if (match.timeMs > this.#clockMs) this.#clockMs = match.timeMs;
    this.#followBanner(match, request);
    const key = this.#keyOf(request, requestNumber);
    const { incarnation } = this.#numbers;
    if (key !== null) this.#joiner.add(key, request, incarnation, match);
    else this.#options.onRequest({ source: this.name, incarnation, requestId: '', outcome: 'closed', access: null, matches: [match] });
  }

  onUnrecognised(reason: string, sample: string): void {
    if (this.unrecognised.size === 0) this.firstUnknown = sample;
    const key = this.unrecognised.has(reason) || this.unrecognised.size < MAX_UNRECOGNISED_REASONS ? reason : 'other';
    this.unrecognised.set(key, (this.unrecognised.get(key) ?? 0) + 1);
    this.#options.metrics.counter('lotus_e2ee_watch_unrecognised_total', this.name, key).value++;
    this.#options.onUnrecognised(key, sample);
  }

  onFormat(format: LogFormat): void {
    this.#options.onFormat(format);
  }

  onHole(fromMs: number, toMs: number, position: number): void {
    const { incarnation } = this.#numbers;
    const positions = [this.#envelope.originOf(position)];
    const provenance = { source: this.name, positions, requestId: '', incarnation, ruleId: 'log.hole' };
    this.#options.onFact({ kind: 'log_hole', timeMs: toMs, fromMs, provenance });
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

  #noteIds(requestNumber: number): void {
    if (requestNumber < 0) this.#numberedLines = 0;
    else if (this.#numberedLines < HEADER_ID_MEMORY) this.#numberedLines++;
  }

  /** What joins a record to its request; null for a record outside of any. */
  #keyOf(request: string, requestNumber: number): JoinKey | null {
    if (requestNumber < 0) {
      const isHeaderId = this.#numberedLines < HEADER_ID_MEMORY && request !== '' && request !== 'sentinel' && request !== 'main';
      return isHeaderId ? request : null;
    }
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
    const hasClient = hasKind(rule, KINDS_WITH_CLIENT);
    const addressHash = hasClient ? line.hashAddress(bytes) : 0;
    const requester = shareBytes(bytes, line.findRequester(bytes), line.headEnd);
    return {
      timeMs: line.timeMs,
      position,
      procMs: line.procMs,
      sendMs: line.sendMs,
      sizeBytes: line.sizeBytes,
      status: line.status,
      isClientGone: line.isClientGone,
      clientHash: hasClient ? line.hashClient(bytes, addressHash) : 0,
      addressHash,
      // One that waited at the gate is read from a copy: its number is over.
      line: line === this.#reader.accessLine ? this.#reader.lineNumber : null,
      requester: requester === 'None' ? null : requester,
      route:
        rule === null
          ? null
          : { rule, captures: hasKind(rule, KINDS_WITH_CAPTURES) ? this.#rules.routes.captures(bytes, shareBytes) : NO_CAPTURES },
    };
  }
}

function createMatch({ rule, captures, items }: RuleMatch, { timeMs, position, line, message }: LogRecord): RecordMatch {
  const match = { rule, captures, items, timeMs, position };
  return EVIDENCE_KINDS.has(rule.definition.emit ?? '') ? { ...match, line, text: message } : match;
}

const NO_MATCHES: readonly RecordMatch[] = [];
const NO_CAPTURES: Readonly<Record<string, string>> = {};

/** Whether the fact that is made of the request is of one of these kinds. */
function hasKind(rule: CompiledRule | null, kinds: ReadonlySet<string>): boolean {
  const emit = rule?.definition.emit;
  return emit !== undefined && kinds.has(emit);
}

/** Sending a delayed event at once writes it, too; its other actions only touch a timer. */
function writesEvents(rule: CompiledRule): boolean {
  return (
    hasKind(rule, KINDS_THAT_WRITE) || (rule.definition.emit === 'delayed_event_request' && rule.definition.set?.['action'] === 'send')
  );
}
