/** The watchdog is fed by looks that were completed, not by time that passes. */
import { expect, it } from 'vitest';
import { startWatchdog } from '../../../daemon/systemd/watchdog.ts';
import { ManualClock } from '../../testbench/manual-clock.ts';

function watch(longestPauseMs = 1000) {
  const clock = new ManualClock();
  const looks = [0, 0];
  let pings = 0;
  const watchdog = startWatchdog({
    clock,
    periodMs: 60_000,
    lastLooksMs: () => looks,
    longestPauseMs,
    onAlive: () => {
      pings++;
    },
  });
  /** Time passes, in seconds; the sources numbered look once a second. */
  const pass = (seconds: number, ...looking: readonly number[]): void => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000);
      for (const index of looking) looks[index] = clock.monotonicMs();
    }
  };
  return { clock, watchdog, pass, pings: () => pings };
}

it('is fed three times a period while all sources look', () => {
  const { pass, pings } = watch();
  pass(60, 0, 1);
  expect(pings()).toBe(3);
});

it('is fed no more when one source has stopped looking', () => {
  const { pass, pings } = watch();
  pass(60, 0, 1);
  pass(120, 0);
  expect(pings()).toBe(4);
});

it('waits for looks that are far apart because they were set so', () => {
  const { pass, pings } = watch(60_000);
  pass(50, 0);
  expect(pings()).toBe(2);
});

it('is not fed after the stop', () => {
  const { clock, watchdog, pass, pings } = watch();
  watchdog.stop();
  pass(60, 0, 1);
  expect([pings(), clock.timerCount]).toEqual([0, 0]);
});
