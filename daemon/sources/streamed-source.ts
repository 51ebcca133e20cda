/**
 * One configured source whose bytes come by themselves (journal, standard input): the input and the stream of records, and what the status page, the
 * metrics and the log are told of it. What followed-source.ts is for files.
 *
 * A mark (the journal's cursor) is where reading stands only when the stream is done with all bytes before it; what it holds back is read again after
 * a restart, as the last bytes of a file are. Of an entry that it's done with in part, that part is left out then.
 */
import type { WatchEvent } from '../../src/events.ts';
import { RECORD_IDLE_MS } from '../../src/lines/chunk-consumer.ts';
import type { MetricStore } from '../../src/metrics/metric-store.ts';
import type { Pipeline } from '../../src/pipeline.ts';
import type { SourceStream } from '../../src/source-stream.ts';
import type { Clock, Timer } from '../clock.ts';
import type { SourceConfig } from '../config/config.ts';
import { countText } from '../count-text.ts';
import type { SourceView } from '../http/status-view.ts';
import { ChunkFeeder } from './chunk-feeder.ts';
import type { LiveInput } from './live-input.ts';
import type { FirstPosition, LogSource } from './log-source.ts';
import { behindTurns, type Turns } from './turns.ts';

export interface StreamedSourceOptions {
  readonly config: SourceConfig;
  readonly input: LiveInput;
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly announce: (event: WatchEvent) => void;
  /** There is no more, for good. */
  readonly onEnd?: () => void;
}

/** How often it is noted that the loop gets here, in milliseconds: there is nothing to look at. */
const LOOK_MS = 1000;

/** Changes with the meaning of a field. */
const POSITION_FORM = 1;

/** The mark behind the source's bytes up to `endBytes`, counted over all runs. */
interface Mark {
  readonly endBytes: number;
  readonly mark: string | undefined;
}

interface KeptPosition {
  readonly mark: string;
  readonly endBytes: number;
  /** At least `endBytes`: what of the entries behind the mark is done with. */
  readonly doneBytes: number;
}

export class StreamedSource implements LogSource {
  readonly name: string;
  readonly stream: SourceStream;
  readonly #options: StreamedSourceOptions;
  readonly #metrics: MetricStore;
  readonly #feeder: ChunkFeeder;
  /** Those that the stream isn't done with, oldest first. */
  #marks: Mark[] = [];
  #done: Mark = { endBytes: 0, mark: undefined };
  #fedBytes = 0;
  /** So many bytes that come now were done with in an earlier run. */
  #skipBytes = 0;
  #hasCaughtUp = false;
  #isOver = false;
  #isStopped = false;
  #problem: string | null = null;
  #problemSinceMs = 0;
  #lastLookMs: number;
  #looking: Timer | undefined;
  #settling: Timer | undefined;

  constructor(options: StreamedSourceOptions) {
    const { config, pipeline, clock, turns } = options;
    this.name = config.name;
    this.#options = options;
    this.#metrics = pipeline.metrics;
    this.stream = pipeline.addSource({
      name: config.name,
      timeZone: config.timezone,
      ...(config.format === 'json' ? { format: { kind: 'json', prefix: 'none' } as const } : {}),
    });
    this.#feeder = new ChunkFeeder(behindTurns(this.stream, turns));
    this.#lastLookMs = clock.monotonicMs();
  }

  get hasCaughtUp(): boolean {
    return this.#hasCaughtUp;
  }

  /** An input that can't be read has not caught up. */
  get hasReachedEnd(): boolean {
    return this.#hasCaughtUp;
  }

  get problem(): string | null {
    return this.#problem;
  }

  get problemSinceMs(): number {
    return this.#problemSinceMs;
  }

  get lastLookMs(): number {
    return this.#lastLookMs;
  }

  start(from: FirstPosition, kept: string | undefined): void {
    const { input, announce } = this.#options;
    const position = kept === undefined ? undefined : parsePosition(kept, input.title);
    if (position !== undefined) this.#resume(position);
    announce({ kind: 'source_opened', source: this.name, path: input.title, position: this.#fedBytes });
    this.#look();
    input.start(from === 'end' ? 'end' : 'beginning', position?.mark, {
      take: (bytes, mark) => this.#take(bytes, mark),
      problem: (text) => this.#noteProblem(text),
      recovered: () => this.#noteRecovery(),
      gap: (reason) => this.#noteGap(reason),
      caughtUp: () => this.#noteCaughtUp(),
      ended: () => this.#end(),
    });
  }

  position(): string | undefined {
    const { mark, endBytes } = this.#done;
    if (mark === undefined) return undefined;
    return JSON.stringify({ form: POSITION_FORM, input: this.#options.input.title, mark, endBytes, doneBytes: this.#doneBytes });
  }

  stop(): void {
    this.#isStopped = true;
    this.#looking?.cancel();
    this.#settling?.cancel();
    this.#options.input.stop();
  }

  describeProgress(): string {
    return `${this.name}, ${countText(this.stream.counts.bytes)} bytes so far`;
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

  get #doneBytes(): number {
    return this.#fedBytes - this.#feeder.heldBytes;
  }

  #resume({ mark, endBytes, doneBytes }: KeptPosition): void {
    this.#done = { mark, endBytes };
    this.#fedBytes = doneBytes;
    this.#skipBytes = doneBytes - endBytes;
    this.stream.begin(doneBytes);
  }

  #take(bytes: Uint8Array, mark: string | undefined): void {
    const skipBytes = Math.min(this.#skipBytes, bytes.length);
    this.#skipBytes -= skipBytes;
    this.#fedBytes += bytes.length - skipBytes;
    this.#marks.push({ endBytes: this.#fedBytes, mark });
    this.#feeder.push(bytes.subarray(skipBytes));
    this.#noteDone();
    this.#settling?.cancel();
    this.#settling = this.#options.clock.setTimer(RECORD_IDLE_MS, () => {
      this.#feeder.settle();
      this.#noteDone();
    });
  }

  /** The newest mark with all its bytes done. */
  #noteDone(): void {
    const doneBytes = this.#doneBytes;
    const firstHeld = this.#marks.findIndex(({ endBytes }) => endBytes > doneBytes);
    this.#done = this.#marks.splice(0, firstHeld < 0 ? this.#marks.length : firstHeld).at(-1) ?? this.#done;
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
    this.#options.turns.finishBegun();
    this.#metrics.counter('lotus_e2ee_watch_gaps_total', this.name).add(1);
    this.#options.announce({ kind: 'gap_found', source: this.name, path: this.#options.input.title, reason, lostBytes: null });
  }

  #noteCaughtUp(): void {
    if (this.#hasCaughtUp) return;
    this.#hasCaughtUp = true;
    this.#options.announce({ kind: 'caught_up', readBytes: this.stream.counts.bytes, durationMs: 0 });
  }
}

/** Undefined: it's none of ours, or of another input (the configuration has changed). */
function parsePosition(text: string, title: string): KeptPosition | undefined {
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    const { form, input, mark, endBytes, doneBytes } = value ?? {};
    const isOurs = form === POSITION_FORM && input === title;
    if (!isOurs || typeof mark !== 'string' || typeof endBytes !== 'number' || typeof doneBytes !== 'number') return undefined;
    return endBytes >= 0 && doneBytes >= endBytes ? { mark, endBytes, doneBytes } : undefined;
  } catch {
    return undefined;
  }
}
