/**
 * One configured source while it is followed: the follower (bytes) and the stream (meaning) of one file, and what the status page, the metrics
 * and the log are told of it.
 */
import type { WatchEvent } from '../../src/events.ts';
import type { MetricStore } from '../../src/metrics/metric-store.ts';
import type { Pipeline } from '../../src/pipeline.ts';
import type { LogFormat } from '../../src/records/log-format.ts';
import type { SourceStream } from '../../src/source-stream.ts';
import type { Gap, RotationKind } from '../../src/tail/rotation.ts';
import { formatPosition, parsePosition } from '../../src/tail/source-position.ts';
import type { SourceConfig } from '../config/config.ts';
import { countText } from '../count-text.ts';
import type { SourceView } from '../http/status-view.ts';
import { Follower, type FollowerSurroundings } from './follower.ts';
import type { LogSource } from './log-source.ts';
import { behindTurns } from './turns.ts';

/** A format that is set in the configuration; its layout is still found out for text. */
const FORMATS: Readonly<Record<string, LogFormat>> = { json: { kind: 'json', prefix: 'none' } };

export interface FollowedSourceOptions {
  readonly config: SourceConfig;
  readonly pipeline: Pipeline;
  readonly surroundings: FollowerSurroundings;
  readonly announce: (event: WatchEvent) => void;
  /** Where reading stands is worth keeping now: a generation was begun. */
  readonly onBegan: () => void;
}

export class FollowedSource implements LogSource {
  readonly name: string;
  readonly stream: SourceStream;
  readonly #config: SourceConfig;
  readonly #follower: Follower;
  readonly #announce: (event: WatchEvent) => void;
  readonly #metrics: MetricStore;
  readonly #clock: FollowerSurroundings['clock'];
  #hasCaughtUp = false;
  #problem: string | null = null;
  #problemSinceMs = 0;
  readonly #createdMs: number;

  constructor({ config, pipeline, surroundings, announce, onBegan }: FollowedSourceOptions) {
    const format = FORMATS[config.format];
    this.name = config.name;
    this.#config = config;
    this.#announce = announce;
    this.#metrics = pipeline.metrics;
    this.#clock = surroundings.clock;
    this.#createdMs = this.#clock.monotonicMs();
    this.stream = pipeline.addSource({ name: config.name, timeZone: config.timezone, ...(format === undefined ? {} : { format }) });
    const observer = {
      began: onBegan,
      rotated: (kind: RotationKind) => this.#noteRotation(kind),
      gap: (gap: Gap) => {
        // One of a packed generation comes without a turn.
        surroundings.turns.finishBegun();
        this.#noteGap(gap);
      },
      problem: (text: string) => this.#noteProblem(text),
      recovered: () => this.#noteRecovery(),
      caughtUp: () => this.#noteCaughtUp(),
    };
    this.#follower = new Follower(config.path, behindTurns(this.stream, surroundings.turns), observer, surroundings);
  }

  /** All that was there at the start has been read; a file that is missing has nothing to read. */
  get hasCaughtUp(): boolean {
    return this.#hasCaughtUp;
  }

  get hasReachedEnd(): boolean {
    return this.#follower.state.hasReachedEnd;
  }

  /** When it last completed a look, by the clock's monotonicMs. */
  get lastLookMs(): number {
    return Math.max(this.#createdMs, this.#follower.state.lastLookMs);
  }

  /** Why it can't be read now; null: it can. */
  get problem(): string | null {
    return this.#problem;
  }

  get problemSinceMs(): number {
    return this.#problemSinceMs;
  }

  /** Goes on where `kept` says; without it, at the very first start, where `from` says. */
  start(from: 'beginning' | 'end' | 'oldest', kept: string | undefined): void {
    const position = kept === undefined ? undefined : parsePosition(kept);
    const { path } = this.#config;
    this.#announce({ kind: 'source_opened', source: this.name, path, position: position?.generation?.doneBytes ?? 0 });
    this.#follower.start(position ?? from);
  }

  position(): string | undefined {
    const position = this.#follower.position();
    return position === undefined ? undefined : formatPosition(position);
  }

  stop(): void {
    this.#follower.stop();
  }

  /** `homeserver.log at 12,345,678 of 40,000,000 bytes` */
  describeProgress(): string {
    const { positionBytes, unreadBytes } = this.#follower.state;
    return `${this.name} at ${countText(positionBytes)} of ${countText(positionBytes + unreadBytes)} bytes`;
  }

  refreshMetrics(metrics: MetricStore): void {
    metrics.gauge('lotus_e2ee_watch_unread_bytes', this.name).set(this.#follower.state.unreadBytes);
  }

  view(): SourceView {
    const { lines, bytes, records, accessLines, lastTimeMs } = this.stream.counts;
    return {
      name: this.name,
      path: this.#config.path,
      format: this.stream.format?.kind ?? 'unknown',
      lines,
      bytes,
      records,
      accessLines,
      unrecognised: [...this.stream.unrecognised.values()].reduce((sum, count) => sum + count, 0),
      unreadBytes: this.#follower.state.unreadBytes,
      lastRecordMs: Number.isNaN(lastTimeMs) ? null : lastTimeMs,
      state: this.#problem ?? (this.#hasCaughtUp ? 'following' : 'catching up'),
    };
  }

  #noteRotation(kind: RotationKind): void {
    this.#metrics.counter('lotus_e2ee_watch_rotations_total', this.name, kind).add(1);
    const rotation = kind === 'truncate' ? 'truncated' : kind === 'delete' ? 'deleted' : 'renamed';
    this.#announce({ kind: 'rotation_seen', source: this.name, path: this.#config.path, rotation });
  }

  #noteGap({ reason, lostBytes, isExact }: Gap): void {
    this.#metrics.counter('lotus_e2ee_watch_gaps_total', this.name).add(1);
    this.#metrics.counter('lotus_e2ee_watch_lost_bytes_total', this.name).add(lostBytes);
    this.#announce({ kind: 'gap_found', source: this.name, path: this.#config.path, reason, lostBytes: isExact ? lostBytes : null });
  }

  #noteProblem(text: string): void {
    if (this.#problem === null) this.#problemSinceMs = this.#clock.monotonicMs();
    this.#problem = text;
    const code = /\b(E[A-Z]{3,})\b/.exec(text)?.[1] ?? text.slice(text.indexOf(': ') + 2);
    this.#announce({ kind: 'source_unreadable', source: this.name, path: this.#config.path, code });
  }

  #noteRecovery(): void {
    this.#problem = null;
    const unreadableMs = Math.round(this.#clock.monotonicMs() - this.#problemSinceMs);
    this.#announce({ kind: 'source_recovered', source: this.name, path: this.#config.path, unreadableMs });
  }

  #noteCaughtUp(): void {
    this.#hasCaughtUp = true;
    this.stream.noteIdle();
    this.#announce({ kind: 'caught_up', readBytes: this.stream.counts.bytes, durationMs: 0 });
  }
}
