/**
 * One configured source whose bytes come by themselves (journal, standard input): the input and the stream of records, and what the status page, the
 * metrics and the log are told of it. What followed-source.ts is for files.
 *
 * A mark (the journal's cursor) is where reading stands only when the stream is done with all bytes before it; what it holds back is read again after
 * a restart, as the last bytes of a file are.
 */
import type { WatchEvent } from '../../src/events.ts';
import { RECORD_IDLE_MS } from '../../src/lines/chunk-consumer.ts';
import type { MetricStore } from '../../src/metrics/metric-store.ts';
import type { Pipeline } from '../../src/pipeline.ts';
import type { SourceStream } from '../../src/source-stream.ts';
import type { Clock, Timer } from '../clock.ts';
import type { SourceConfig, StartPosition } from '../config/config.ts';
import type { SourceView } from '../http/status-view.ts';
import { ChunkFeeder } from './chunk-feeder.ts';
import type { LiveInput } from './live-input.ts';
import type { LogSource } from './log-source.ts';

export interface StreamedSourceOptions {
  readonly config: SourceConfig;
  readonly input: LiveInput;
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly announce: (event: WatchEvent) => void;
  /** There is no more, for good. */
  readonly onEnd?: () => void;
}

/** How often it is noted that the loop gets here, in milliseconds: there is nothing to look at. */
const LOOK_MS = 1000;

/** Changes with the meaning of a field. */
const POSITION_FORM = 1;

/** Bytes handed to the stream, and the mark behind them. */
interface Mark {
  readonly endBytes: number;
  readonly mark: string | undefined;
}

export class StreamedSource implements LogSource {
  readonly name: string;
  readonly stream: SourceStream;
  readonly #options: StreamedSourceOptions;
  readonly #metrics: MetricStore;
  readonly #feeder: ChunkFeeder;
  /** Those that the stream isn't done with, oldest first. */
  #marks: Mark[] = [];
  #doneMark: string | undefined;
  #fedBytes = 0;
  #hasCaughtUp = false;
  #isOver = false;
  #isStopped = false;
  #problem: string | null = null;
  #problemSinceMs = 0;
  #lastLookMs: number;
  #looking: Timer | undefined;
  #settling: Timer | undefined;

  constructor(options: StreamedSourceOptions) {
    const { config, pipeline, clock } = options;
    this.name = config.name;
    this.#options = options;
    this.#metrics = pipeline.metrics;
    this.stream = pipeline.addSource({
      name: config.name,
      timeZone: config.timezone,
      ...(config.format === 'json' ? { format: { kind: 'json', prefix: 'none' } as const } : {}),
    });
    this.#feeder = new ChunkFeeder(this.stream);
    this.#lastLookMs = clock.monotonicMs();
  }

  get hasCaughtUp(): boolean {
    return this.#hasCaughtUp;
  }

  get problem(): string | null {
    return this.#problem;
  }

  get lastLookMs(): number {
    return this.#lastLookMs;
  }

  start(from: StartPosition, kept?: string): void {
    const { input, announce } = this.#options;
    this.#doneMark = kept === undefined ? undefined : parsePosition(kept, input.title);
    announce({ kind: 'source_opened', source: this.name, path: input.title, position: 0 });
    this.#look();
    input.start(from, this.#doneMark, {
      take: (bytes, mark) => this.#take(bytes, mark),
      problem: (text) => this.#noteProblem(text),
      recovered: () => this.#noteRecovery(),
      gap: (reason) => this.#noteGap(reason),
      caughtUp: () => this.#noteCaughtUp(),
      ended: () => this.#end(),
    });
  }

  position(): string | undefined {
    return this.#doneMark === undefined
      ? undefined
      : JSON.stringify({ form: POSITION_FORM, input: this.#options.input.title, mark: this.#doneMark });
  }

  stop(): void {
    this.#isStopped = true;
    this.#looking?.cancel();
    this.#settling?.cancel();
    this.#options.input.stop();
  }

  describeProgress(): string {
    return `${this.name}, ${this.stream.counts.bytes.toLocaleString('en')} bytes so far`;
  }

  /** How much more there is, only the journal knows. */
  refreshMetrics(): void {}

  view(): SourceView {
    const { lines, bytes, records, accessLines, lastTimeMs } = this.stream.counts;
    return {
      name: this.name,
      path: this.#options.input.title,
      format: this.stream.format?.kind ?? 'unknown',
      lines,
      bytes,
      records,
      accessLines,
      unrecognised: [...this.stream.unrecognised.values()].reduce((sum, count) => sum + count, 0),
      unreadBytes: 0,
      lastRecordMs: Number.isNaN(lastTimeMs) ? null : lastTimeMs,
      state: this.#problem ?? (this.#isOver ? 'ended' : this.#hasCaughtUp ? 'following' : 'catching up'),
    };
  }

  #take(bytes: Uint8Array, mark: string | undefined): void {
    this.#fedBytes += bytes.length;
    this.#marks.push({ endBytes: this.#fedBytes, mark });
    this.#feeder.push(bytes);
    this.#noteDone();
    this.#settling?.cancel();
    this.#settling = this.#options.clock.setTimer(RECORD_IDLE_MS, () => {
      this.#feeder.settle();
      this.#noteDone();
    });
  }

  /** The newest mark with all its bytes done. */
  #noteDone(): void {
    const doneBytes = this.#fedBytes - this.#feeder.heldBytes;
    const firstHeld = this.#marks.findIndex(({ endBytes }) => endBytes > doneBytes);
    const done = this.#marks.splice(0, firstHeld < 0 ? this.#marks.length : firstHeld);
    this.#doneMark = done.at(-1)?.mark ?? this.#doneMark;
  }

  #look(): void {
    if (this.#isStopped) return;
    const { clock } = this.#options;
    this.#lastLookMs = clock.monotonicMs();
    this.#looking = clock.setTimer(LOOK_MS, () => this.#look());
  }

  #end(): void {
    this.#settling?.cancel();
    this.#feeder.finish();
    this.#isOver = true;
    this.#options.announce({ kind: 'source_ended', source: this.name });
    this.#options.onEnd?.();
  }

  #noteProblem(text: string): void {
    if (this.#problem === null) this.#problemSinceMs = this.#options.clock.monotonicMs();
    this.#problem = text;
    this.#options.announce({
      kind: 'source_unreadable',
      source: this.name,
      path: this.#options.input.title,
      code: text.slice(text.indexOf(': ') + 2),
    });
  }

  #noteRecovery(): void {
    this.#problem = null;
    const unreadableMs = Math.round(this.#options.clock.monotonicMs() - this.#problemSinceMs);
    this.#options.announce({ kind: 'source_recovered', source: this.name, path: this.#options.input.title, unreadableMs });
  }

  #noteGap(reason: string): void {
    this.#metrics.counter('lotus_e2ee_watch_gaps_total', this.name).add(1);
    this.#options.announce({ kind: 'gap_found', source: this.name, path: this.#options.input.title, reason, lostBytes: null });
  }

  #noteCaughtUp(): void {
    if (this.#hasCaughtUp) return;
    this.#hasCaughtUp = true;
    this.#options.announce({ kind: 'caught_up', readBytes: this.stream.counts.bytes, durationMs: 0 });
  }
}

/** The mark in a kept position; undefined: it's none of ours, or of another input (the configuration has changed). */
function parsePosition(text: string, title: string): string | undefined {
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    const { form, input, mark } = value ?? {};
    return form === POSITION_FORM && input === title && typeof mark === 'string' ? mark : undefined;
  } catch {
    return undefined;
  }
}
