/**
 * What the daemon knows of a source, whatever it is: a file and its generations, the systemd journal, standard input.
 *
 * A source reads by itself once it's started, feeds its stream, and tells what happens through the events it was made with.
 */
import type { MetricStore } from '../../src/metrics/metric-store.ts';
import type { StartPosition } from '../config/config.ts';
import type { SourceView } from '../http/status-view.ts';

export interface LogSource {
  readonly name: string;
  /** All that was there at the start has been read; what is missing or can't be read has nothing to read. */
  readonly hasCaughtUp: boolean;
  /** Why it can't be read now; null: it can. */
  readonly problem: string | null;
  /** When it last got on: a completed look at whether there is something new; by the clock's monotonicMs. */
  readonly lastLookMs: number;
  /** The older generations, where there are such and they are wanted; before `start`. */
  backfill?(): Promise<void>;
  /** `kept`: what `position` gave at the last commit of an earlier run. */
  start(from: StartPosition, kept?: string): void;
  /** Where reading stands, for the next start; undefined: it can't go on there, or there is nothing yet. */
  position(): string | undefined;
  stop(): void;
  /** `homeserver.log at 12,345,678 of 40,000,000 bytes` */
  describeProgress(): string;
  refreshMetrics(metrics: MetricStore): void;
  view(): SourceView;
}
