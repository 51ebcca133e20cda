/**
 * Commits what the daemon knows: every COMMIT_MS (while much changes, sooner, so that no commit takes long) when something changed, at a rotation, before a scrape is answered, at the stop.
 *
 * In: stages that keep rows, sources that have a position. Out: transactions of the state database; events and metrics of how that goes. Invariants: positions and
 * rows of one commit belong together (nothing is read while it's written, and what can't wait has it written to its end before); what couldn't be written stays
 * changed, and is tried again; a database file that is gone from its path is noticed at the next look, and all of it written anew. A commit is written in parts of PART_MS, with the event loop free in between: scrapes don't wait for it.
 */
import type { WatchEvent } from '../../src/events.ts';
import type { KeptRows } from '../../src/kept-rows.ts';
import type { Counter, Gauge, MetricStore } from '../../src/metrics/metric-store.ts';
import type { Clock, Timer } from '../clock.ts';
import type { StateView } from '../http/status-view.ts';
import type { Turns } from '../sources/turns.ts';
import { StateCommit } from './state-commit.ts';
import { rewriteStateDatabase, type StateDatabase } from './state-database.ts';

/** A source whose place is kept: how far it's read, in a form of its own. */
export interface PositionedSource {
  /** Unique and lasting. */
  readonly name: string;
  /** What a later start needs to go on here, as JSON; it belongs to what the stages know now. Undefined: nothing yet. */
  position(): string | undefined;
}

export interface StateKeeperOptions {
  readonly database: StateDatabase;
  readonly kept: readonly KeptRows[];
  readonly sources: readonly PositionedSource[];
  readonly metrics: MetricStore;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly announce: (event: WatchEvent) => void;
}

/** Most time between a change and its commit, in milliseconds (design.md 5). */
export const COMMIT_MS = 5000;

/** Least time between two commits, in milliseconds: so it begins, for a start may have gigabytes to catch up on. */
export const SHORTEST_COMMIT_MS = 250;

/**
 * A commit that takes longer, in milliseconds, has the next one come after half the time; one of less than half of it, after twice the time. Nothing is read
 * meanwhile, and the log that a checkpoint moves stays small.
 */
const LONG_COMMIT_MS = 100;

/** A part of a commit ends with the row that is written after this long, in milliseconds. The goal is that nothing blocks the event loop for more than 20 ms. */
const PART_MS = 5;

type Positions = readonly (readonly [source: string, position: string])[];

export class StateKeeper {
  readonly #options: StateKeeperOptions;
  #database: StateDatabase;
  readonly #committedPositions: Map<string, string>;
  readonly #timestamp: Gauge;
  readonly #duration: Gauge;
  readonly #bytes: Gauge;
  readonly #failures: Counter;
  #intervalMs = SHORTEST_COMMIT_MS;
  #timer: Timer | undefined;
  #soon: Timer | undefined;
  #isCheckpointUnderWay = false;
  #isStopped = false;
  #committedMs: number | null;
  #problem: string | null = null;
  #failedSinceMs = 0;

  constructor(options: StateKeeperOptions) {
    this.#options = options;
    const { database, metrics } = options;
    this.#database = database;
    this.#committedPositions = new Map(database.positions());
    this.#committedMs = database.committedMs ?? null;
    this.#timestamp = metrics.gauge('lotus_e2ee_watch_state_commit_timestamp_seconds');
    this.#duration = metrics.gauge('lotus_e2ee_watch_state_commit_duration_seconds');
    this.#bytes = metrics.gauge('lotus_e2ee_watch_state_bytes');
    this.#failures = metrics.counter('lotus_e2ee_watch_state_commit_failures_total');
    this.#noteSuccess(this.#committedMs);
  }

  get view(): StateView {
    return { path: this.#database.path, committedMs: this.#committedMs, problem: this.#problem };
  }

  /** Commits by itself from now on. */
  start(): void {
    const { clock } = this.#options;
    this.#timer = clock.setTimer(this.#intervalMs, () => {
      this.#begin((_isWritten, tookMs) => {
        if (tookMs > LONG_COMMIT_MS) this.#intervalMs = Math.max(SHORTEST_COMMIT_MS, this.#intervalMs / 2);
        else if (tookMs < LONG_COMMIT_MS / 2) this.#intervalMs = Math.min(COMMIT_MS, this.#intervalMs * 2);
        if (!this.#isStopped) this.start();
      });
    });
  }

  /** Something happened after which a start could not find its way back as well as now: a generation was left. */
  commitSoon(): void {
    this.#soon ??= this.#options.clock.setTimer(0, () => {
      this.#soon = undefined;
      this.#begin();
    });
  }

  /** Writes what changed, in parts, with the event loop free in between; false: it could not be written. What is known now is in it, whatever is under way. */
  commitInParts(): Promise<boolean> {
    return new Promise((resolve) => this.#begin(resolve));
  }

  /** Writes what changed, now. Never throws for what the disk or the database say; false: it could not be written. */
  commit(): boolean {
    const { turns } = this.#options;
    // One that is under way may be older than what the caller knows.
    turns.finish();
    let isDone = false;
    this.#begin((isWritten) => {
      isDone = isWritten;
    });
    turns.finish();
    return isDone;
  }

  /** The last commit; the database is free then. */
  stop(): void {
    this.#soon?.cancel();
    this.commit();
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#database.close();
  }

  #begin(onEnd: (isWritten: boolean, tookMs: number) => void = () => {}): void {
    const { kept, clock, turns } = this.#options;
    if (this.#isStopped) return onEnd(false, 0);
    if (turns.isHeld) {
      clock.setTimer(0, () => this.#begin(onEnd));
      return;
    }
    if (!this.#ensureFile()) return onEnd(false, 0);
    let startedMs = Number.NaN;
    let positions: Positions = [];
    let commit: StateCommit | undefined;
    turns.whole(() => {
      if (commit === undefined) {
        // Not before: until now something may have been read.
        startedMs = clock.monotonicMs();
        positions = this.#changedPositions();
        commit = new StateCommit({ database: this.#database, kept, positions, nowMs: () => clock.nowMs() });
      }
      const untilMs = clock.monotonicMs() + PART_MS;
      let isWritten = true;
      try {
        if (!commit.advance(() => clock.monotonicMs() >= untilMs)) return false;
        if (commit.hasChanges) this.#noteCommit(positions, startedMs);
      } catch (error) {
        isWritten = false;
        this.#noteFailure(error);
      }
      onEnd(isWritten, clock.monotonicMs() - startedMs);
      return true;
    });
  }

  /** Somebody may have deleted the database, or put another one there. False: it couldn't be written anew. */
  #ensureFile(): boolean {
    if (this.#database.isAtItsPath) return true;
    const { metrics, clock, announce } = this.#options;
    try {
      const { database, setAside } = rewriteStateDatabase(this.#database, clock.nowMs());
      this.#database = database;
      metrics.counter('lotus_e2ee_watch_state_rewrites_total').add(1);
      announce({ kind: 'state_rewritten', path: database.path, setAside: setAside ?? null });
      return true;
    } catch (error) {
      this.#noteFailure(error);
      return false;
    }
  }

  #noteCommit(positions: Positions, startedMs: number): void {
    const { clock } = this.#options;
    for (const [source, position] of positions) this.#committedPositions.set(source, position);
    this.#noteSuccess(clock.nowMs());
    this.#duration.set((clock.monotonicMs() - startedMs) / 1000);
    if (this.#database.isCheckpointDue) this.#checkpointSoon();
  }

  /** First what takes longest, in another thread. A checkpoint that fails (a full disk) is tried again after the next commit; the log has it all. */
  #checkpointSoon(): void {
    if (this.#isCheckpointUnderWay) return;
    this.#isCheckpointUnderWay = true;
    const { turns } = this.#options;
    const checkpoint = (): void => {
      this.#isCheckpointUnderWay = false;
      if (!this.#isStopped) this.#database.checkpoint();
    };
    const request = (): void => turns.request(checkpoint);
    this.#database.syncLog().then(request, request);
  }

  #changedPositions(): Positions {
    return this.#options.sources.flatMap((source) => {
      const position = source.position();
      const isChanged = position !== undefined && position !== this.#committedPositions.get(source.name);
      return isChanged ? [[source.name, position] as const] : [];
    });
  }

  #noteSuccess(committedMs: number | null): void {
    const { clock, announce } = this.#options;
    this.#committedMs = committedMs;
    if (committedMs !== null) this.#timestamp.set(committedMs / 1000);
    this.#bytes.set(this.#database.sizeBytes);
    if (this.#problem === null) return;
    this.#problem = null;
    announce({ kind: 'commit_recovered', path: this.#database.path, failedMs: Math.round(clock.monotonicMs() - this.#failedSinceMs) });
  }

  #noteFailure(error: unknown): void {
    const { clock, announce } = this.#options;
    if (this.#problem === null) this.#failedSinceMs = clock.monotonicMs();
    const message = error instanceof Error ? error.message : String(error);
    this.#problem = message;
    this.#failures.add(1);
    announce({ kind: 'commit_failed', path: this.#database.path, code: message, message });
  }
}
