/**
 * A clock that stands still until a test moves it. In: how far. Out: timers, run in the order in which they are due, each at its own time.
 */
import type { Clock, Timer } from '../../daemon/clock.ts';

interface SetTimer {
  readonly dueMs: number;
  readonly run: () => void;
}

export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<SetTimer>();

  nowMs(): number {
    return Date.UTC(2026, 5, 30, 12) + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(afterMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#nowMs + afterMs, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Timers that are set and haven't run. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms`, running what falls due on the way, also what is set meanwhile. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#nextUntil(untilMs); next !== undefined; next = this.#nextUntil(untilMs)) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = untilMs;
  }

  /** Time passes without a timer running: as in a long computation. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  #nextUntil(untilMs: number): SetTimer | undefined {
    const due = [...this.#timers].filter(({ dueMs }) => dueMs <= untilMs);
    return due.sort((a, b) => a.dueMs - b.dueMs)[0];
  }
}
