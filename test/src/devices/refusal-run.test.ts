/** When refusals are a storm, and when it's over: at the bounds of design.md 7. */
import { describe, expect, it } from 'vitest';
import {
  beginRun,
  CRITICAL_REFUSALS,
  DORMANT_AFTER_MS,
  endedBy,
  endOf,
  goesOnAt,
  HEALED_AFTER_MS,
  HOT_PER_MINUTE,
  isStorm,
  noteAccepted,
  noteRefusal,
  STORM_REFUSALS,
  STORM_SPAN_MS,
} from '../../../src/devices/refusal-run.ts';

const T0 = 1_782_820_800_000;

function runOf(times: readonly number[]) {
  const run = beginRun(T0 + (times[0] ?? 0));
  for (const time of times.slice(1)) noteRefusal(run, T0 + time);
  return run;
}

describe('a storm', () => {
  it.each([
    ['three refusals over exactly the span', [0, 1, STORM_SPAN_MS], true],
    ['three refusals just below the span', [0, 1, STORM_SPAN_MS - 1], false],
    ['two refusals, however far apart', [0, STORM_SPAN_MS * 5], false],
    ['three within a page load', [0, 100, 200], false],
    ['61 within a minute', Array.from({ length: HOT_PER_MINUTE + 1 }, (_, i) => i * 900), true],
    ['60 within a minute', Array.from({ length: HOT_PER_MINUTE }, (_, i) => i * 900), false],
    ['61 in an instant', Array.from({ length: HOT_PER_MINUTE + 1 }, () => 0), true],
  ])('%s', (_, times, expected) => {
    expect(isStorm(runOf(times))).toBe(expected);
  });

  it('begins with its first refusal, and is detected at the one that makes it one', () => {
    const run = runOf([0, 30_000, 61_000, 90_000]);
    expect([run.firstMs - T0, run.detectedMs - T0, STORM_REFUSALS]).toEqual([0, 61_000, 3]);
  });

  it('has its highest rate over any minute, also once it slows down', () => {
    const run = runOf([...Array.from({ length: 40 }, (_, i) => i * 1000), 600_000, 660_000]);
    expect(run.peakPerMinute).toBe(40);
  });

  it('is critical at 100 refusals in ten seconds, not at 99, nor at 100 in eleven', () => {
    const critical = (count: number, spanMs: number) => runOf(Array.from({ length: count }, (_, i) => (i * spanMs) / count)).isCritical;
    expect([critical(CRITICAL_REFUSALS, 9999), critical(CRITICAL_REFUSALS - 1, 9999), critical(CRITICAL_REFUSALS, 12_000)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('a run', () => {
  const run = () => runOf([0, 30_000, 70_000]);

  it('goes on for 15 minutes without a refusal, and no longer', () => {
    const last = run().lastMs;
    expect([goesOnAt(run(), last + DORMANT_AFTER_MS), goesOnAt(run(), last + DORMANT_AFTER_MS + 1)]).toEqual([true, false]);
    expect([endedBy(run(), last + DORMANT_AFTER_MS + 1), endOf(run(), last + DORMANT_AFTER_MS + 1)]).toEqual(['quiet', last]);
  });

  it('is ended by an accepted upload, if nothing is refused within 5 minutes', () => {
    const ended = run();
    noteAccepted(ended, T0 + 80_000);
    expect(endedBy(ended, T0 + 80_000 + HEALED_AFTER_MS)).toBeNull();
    expect(endedBy(ended, T0 + 80_000 + HEALED_AFTER_MS + 1)).toBe('accepted');
    expect(endOf(ended, T0 + 80_000 + HEALED_AFTER_MS + 1)).toBe(T0 + 80_000);
  });

  it('goes on over an accepted upload where another refusal follows in time', () => {
    const interrupted = run();
    noteAccepted(interrupted, T0 + 80_000);
    expect(goesOnAt(interrupted, T0 + 80_000 + HEALED_AFTER_MS)).toBe(true);
    noteRefusal(interrupted, T0 + 100_000);
    expect(endedBy(interrupted, T0 + 100_000 + HEALED_AFTER_MS + 1)).toBeNull();
  });

  it('is ended by the first accepted upload behind the last refusal', () => {
    const ended = run();
    noteAccepted(ended, T0 + 80_000);
    noteAccepted(ended, T0 + 90_000);
    expect(endOf(ended, T0 + 2 * HEALED_AFTER_MS)).toBe(T0 + 80_000);
  });

  it('without log times counts, and says nothing of rates', () => {
    const timeless = beginRun(Number.NaN);
    for (let i = 0; i < 1000; i++) noteRefusal(timeless, Number.NaN);
    expect([timeless.count, isStorm(timeless), endedBy(timeless, Number.NaN)]).toEqual([1001, false, null]);
  });
});
