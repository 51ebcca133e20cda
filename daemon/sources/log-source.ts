/**
 * What the daemon knows of a source, whatever it is: a file and its generations, the systemd journal, standard input.
 *
 * A source reads by itself once it's started, feeds its stream, and tells what happens through the events it was made with.
 */
import type { MetricStore } from '../../src/metrics/metric-store.ts';
import type { SourceView } from '../http/status-view.ts';
import type { PositionedSource } from '../state/state-keeper.ts';

/** `oldest`: with the older generations, where there are such. */
export type FirstPosition = 'beginning' | 'end' | 'oldest';

export interface LogSource extends PositionedSource {
  /** All that was there at the start has been read; what is missing or can't be read has nothing to read. */
  readonly hasCaughtUp: boolean;
  /** Since the start it was there, could be read, and was read to its end. */
  readonly hasReachedEnd: boolean;
  /** Why it can't be read now; null: it can. */
  readonly problem: string | null;
  /** Since when it can't, by the clock's monotonicMs; means nothing while it can. */
  readonly problemSinceMs: number;
  /** When it last got on: a completed look at whether there is something new; by the clock's monotonicMs. */
  readonly lastLookMs: number;
  /** `kept`: what `position` gave at the last commit of an earlier run; without it, at the very first start, from where `from` says. */
  start(from: FirstPosition, kept: string | undefined): void;
  stop(): void;
  /** `homeserver.log at 12,345,678 of 40,000,000 bytes` */
  describeProgress(): string;
  refreshMetrics(metrics: MetricStore): void;
  view(): SourceView;
}
