/**
 * The only reader of time in the daemon, and the only setter of timers.
 *
 * Whoever needs either takes a Clock as a parameter, so that tests turn it by hand (test/testbench/manual-clock.ts). Log time has nothing
 * to do with it: that comes from the records.
 */

/** A timer that is set; cancelling one that has run, or twice, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as the daemon sees it. */
export interface Clock {
  /** Milliseconds since 1970 UTC. Jumps when somebody sets the machine's clock: for stamps, never for durations. */
  nowMs(): number;
  /** Milliseconds since some moment; only grows. For durations. */
  monotonicMs(): number;
  /** Runs `run` once, `afterMs` (≥ 0) from now or later. A set timer doesn't keep the process alive. */
  setTimer(afterMs: number, run: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (afterMs, run) => {
    const timeout = setTimeout(run, afterMs);
    timeout.unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};
