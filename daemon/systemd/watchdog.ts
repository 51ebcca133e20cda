/**
 * Feeds systemd's watchdog from the work itself: it is told that we live only while every source has completed a look a short time ago.
 *
 * A bare timer would prove that timers run. A source that can't be read is looked at all the same: that is a state (and a metric), no reason
 * to be killed.
 */
import type { Clock, Timer } from '../clock.ts';

export interface WatchdogOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  /** As systemd has it (WATCHDOG_USEC), in milliseconds. */
  readonly periodMs: number;
  /** When each source completed its last look, by the clock's monotonicMs. */
  readonly lastLooksMs: () => readonly number[];
  /** How long a source is left alone between two looks at most, in milliseconds. */
  readonly longestPauseMs: number;
  readonly onAlive: () => void;
}

/** systemd recommends half; a third leaves room for one that comes late (sd_watchdog_enabled(3)). */
const PINGS_PER_PERIOD = 3;

/** Begins with a ping after a third of the period. */
export function startWatchdog({ clock, periodMs, lastLooksMs, longestPauseMs, onAlive }: WatchdogOptions): { stop(): void } {
  const pauseMs = periodMs / PINGS_PER_PERIOD;
  // One missed look is no fault; what is older than that would be.
  const mostMs = longestPauseMs + pauseMs;
  let timer: Timer;
  const check = (): void => {
    const nowMs = clock.monotonicMs();
    if (lastLooksMs().every((lookMs) => nowMs - lookMs <= mostMs)) onAlive();
    timer = clock.setTimer(pauseMs, check);
  };
  timer = clock.setTimer(pauseMs, check);
  return { stop: () => timer.cancel() };
}
