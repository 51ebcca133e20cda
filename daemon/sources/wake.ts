/**
 * Says when to look at followed files.
 *
 * In: paths, each with a look to call. Out: calls of it: every QUIET_POLL_MS while nothing happens, every BUSY_POLL_MS for BUSY_MS after something did, and
 * at once when the operating system hints at a change of a quiet file. The timer is the truth: a hint that never comes costs one period (NFS, FUSE and
 * overlays give none, systemd.md 5), one that comes for nothing a look.
 *
 * Why fs.watch, on the file, and only while it's quiet. Measured by test/daemon/sources/follower.system.test.ts: the follower alone, 2,000 lines/s in writes of ten,
 * 10 s each, Node 24, 2 cores; percent of one core, and from a line's write to the consumer:
 *
 *   | wake (all but ours: a look every 250 ms besides) | CPU           | p50    | p99    |
 *   | chokidar 6 on the file, the folder; 50 ms gap    | 3.8 %, 4.0 %  | 20 ms  | 50 ms  |
 *   | fs.watch on the file, the folder; 50 ms gap      | 2.3 %, 2.1 %  | 20 ms  | 49 ms  |
 *   | ours                                             | 1.3 %         | 22 ms  | 50 ms  |
 *   | timer alone, 250 ms                              | 0.6 %         | 125 ms | 248 ms |
 *
 * Handing events to JavaScript is what costs, so there are none while they would only tell what the next look finds anyway. chokidar stats for each event
 * on top of that and misses the goal of 3 % alone; it stays the hint for rule files, which change once a month.
 */
import fs from 'node:fs';
import type { Clock, Timer } from '../clock.ts';

/** A path that is looked at; stopping twice does nothing. */
export interface Watching {
  stop(): void;
}

/** `look` returns whether it found something new. It isn't called before `watch` returns, nor after `stop`. */
export interface Wake {
  watch(path: string, look: () => boolean): Watching;
}

/** Calls `onHint` when the file at `path` may have changed, until it's closed. Throws when the system has no watch to give (ENOENT, ENOSPC, EMFILE). */
export type HintSource = (path: string, onHint: () => void) => { close(): void };

export interface WakeSurroundings {
  readonly clock: Clock;
  /** False: the timer alone, for file systems without hints. Default true. */
  readonly hints?: boolean;
  /** Period for a quiet file, in milliseconds. Default QUIET_POLL_MS. */
  readonly quietPollMs?: number;
  readonly hintSource?: HintSource;
}

/** Period for a quiet file, in milliseconds; with no hints it bounds how late a line is seen (goal: p99 < 350 ms). Idle it costs 0.14 % of a core (performance.md 7.3). */
export const QUIET_POLL_MS = 250;

/** Period for a file that is written to, in milliseconds (goal: p99 < 100 ms). */
export const BUSY_POLL_MS = 50;

/** A file counts as written to for this long after something new, in milliseconds. Chosen: a busy server flushes several times a second, a quiet one every 5 s. */
export const BUSY_MS = 1000;

/** The system is asked again for a watch after this long, in milliseconds: the file isn't there, or its limits are used up. */
export const HINT_RETRY_MS = 1000;

/** Watches of the operating system (inotify). Follows symbolic links, and stays with the file when it's renamed. */
const systemHints: HintSource = (path, onHint) => {
  const watcher = fs.watch(path, { persistent: false }, onHint);
  watcher.on('error', () => watcher.close());
  return watcher;
};

interface Watched {
  readonly path: string;
  readonly look: () => boolean;
  dueMs: number;
  busyUntilMs: number;
  hintsFromMs: number;
  hint: { close(): void } | undefined;
}

/** A wake for all followers of the process: one timer, however many they are. */
export function createWake({ clock, hints = true, hintSource = systemHints, quietPollMs = QUIET_POLL_MS }: WakeSurroundings): Wake {
  return new TimedWake(clock, hints ? hintSource : undefined, quietPollMs);
}

class TimedWake implements Wake {
  readonly #clock: Clock;
  readonly #hintSource: HintSource | undefined;
  readonly #quietPollMs: number;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, hintSource: HintSource | undefined, quietPollMs: number) {
    this.#clock = clock;
    this.#hintSource = hintSource;
    this.#quietPollMs = quietPollMs;
  }

  watch(path: string, look: () => boolean): Watching {
    const nowMs = this.#clock.monotonicMs();
    const watched: Watched = { path, look, dueMs: nowMs + BUSY_POLL_MS, busyUntilMs: 0, hintsFromMs: nowMs, hint: undefined };
    this.#watched.add(watched);
    this.#setTimer(nowMs);
    return { stop: () => this.#forget(watched) };
  }

  #forget(watched: Watched): void {
    this.#disarm(watched);
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    this.#timer?.cancel();
    this.#timerDueMs = Number.POSITIVE_INFINITY;
  }

  #tick(): void {
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    // Half a period early is due too, so that files looked at a moment apart come to share a tick.
    for (const watched of this.#watched) if (watched.dueMs <= nowMs + BUSY_POLL_MS / 2) this.#lookAt(watched, nowMs);
    this.#setTimer(nowMs);
  }

  #lookAt(watched: Watched, nowMs: number): void {
    if (watched.look()) watched.busyUntilMs = nowMs + BUSY_MS;
    if (this.#hintSource === undefined) watched.busyUntilMs = 0;
    // What was written between the look and the watch gave no hint.
    else if (nowMs >= watched.busyUntilMs && this.#arm(watched, nowMs) && watched.look()) watched.busyUntilMs = nowMs + BUSY_MS;
    const isBusy = nowMs < watched.busyUntilMs;
    if (isBusy) this.#disarm(watched);
    watched.dueMs = nowMs + (isBusy ? Math.min(BUSY_POLL_MS, this.#quietPollMs) : this.#quietPollMs);
  }

  /** Returns whether a watch was set. */
  #arm(watched: Watched, nowMs: number): boolean {
    if (this.#hintSource === undefined || watched.hint !== undefined || nowMs < watched.hintsFromMs || !this.#watched.has(watched))
      return false;
    try {
      watched.hint = this.#hintSource(watched.path, () => this.#hinted(watched));
      return true;
    } catch {
      watched.hintsFromMs = nowMs + HINT_RETRY_MS;
      return false;
    }
  }

  #disarm(watched: Watched): void {
    watched.hint?.close();
    watched.hint = undefined;
  }

  /** Busy even if there's nothing to read: after a rename the new file comes in a moment. */
  #hinted(watched: Watched): void {
    if (watched.hint === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    this.#disarm(watched);
    watched.busyUntilMs = nowMs + BUSY_MS;
    this.#lookAt(watched, nowMs);
    this.#setTimer(nowMs);
  }

  #setTimer(nowMs: number): void {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const watched of this.#watched) dueMs = Math.min(dueMs, watched.dueMs);
    if (dueMs >= this.#timerDueMs || dueMs === Number.POSITIVE_INFINITY) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - nowMs), () => this.#tick());
  }
}
