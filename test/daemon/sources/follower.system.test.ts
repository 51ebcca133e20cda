/**
 * The follower in a process of its own, with the real clock, inotify and disk, beside a writer that doesn't wait for it: what the other tests can't show. It
 * checks the goals of performance.md 9 for the follower alone, and prints the figures that daemon/sources/wake.ts cites.
 */
import { describe, expect, it } from 'vitest';
import type { WakeName } from '../../testbench/follow-probe.ts';
import { figuresOf, type Load, measure } from '../../testbench/measured-follower.ts';
import type { RotationMode } from '../../testbench/rotating-writer.ts';

describe('rotation every 200 ms, 2,000 lines/s', () => {
  it.each<[RotationMode, WakeName]>([
    ['rename', 'ours'],
    ['rename, gap', 'ours'],
    ['delete', 'ours'],
    ['delete, gap', 'ours'],
    ['rename', 'timer'],
    ['rename, gap', 'timer'],
  ])('%s, %s: no line is lost, doubled or out of order', async (mode, wake) => {
    const measured = await measure(wake, { mode, seconds: 6, linesPerSecond: 2000, linesPerWrite: 10, rotationPeriodMs: 200 });
    console.log(`${mode}, ${wake}: ${figuresOf(measured)}`);
    expect(measured).toMatchObject({ missingCount: 0, doubledCount: 0, disorderedCount: 0 });
    expect(measured.events[`rotated ${mode.startsWith('rename') ? 'rename' : 'delete'}`]).toBeGreaterThan(10);
  });

  it('rename, 20,000 lines/s: the same', async () => {
    const measured = await measure('ours', {
      mode: 'rename',
      seconds: 6,
      linesPerSecond: 20_000,
      linesPerWrite: 10,
      rotationPeriodMs: 200,
    });
    console.log(`20,000 lines/s: ${figuresOf(measured)}`);
    expect(measured).toMatchObject({ missingCount: 0, doubledCount: 0, disorderedCount: 0 });
  });

  it('at 20,000 lines/s, by deletion every 200 ms, loses and doubles nothing', async () => {
    const measured = await measure('ours', {
      mode: 'delete',
      seconds: 6,
      linesPerSecond: 20_000,
      linesPerWrite: 10,
      rotationPeriodMs: 200,
    });
    console.log(`20,000 lines/s, deleted: ${figuresOf(measured)}`);
    expect(measured).toMatchObject({ missingCount: 0, doubledCount: 0, disorderedCount: 0 });
  });

  it('copytruncate every 3 s: what is lost comes with a gap', async () => {
    const measured = await measure('ours', {
      mode: 'copytruncate',
      seconds: 12,
      linesPerSecond: 2000,
      linesPerWrite: 10,
      rotationPeriodMs: 3000,
    });
    console.log(
      `copytruncate every 3 s: ${measured.missingCount} of ${measured.lineCount + measured.missingCount} lost, ${figuresOf(measured)}`,
    );
    expect(measured).toMatchObject({ doubledCount: 0, disorderedCount: 0 });
    expect(measured.events['gap truncated']).toBeGreaterThanOrEqual(2);
  });

  it.each<WakeName>(['ours', 'timer'])('copytruncate, %s: nothing is doubled, and what is lost comes with a gap', async (wake) => {
    const measured = await measure(wake, {
      mode: 'copytruncate',
      seconds: 6,
      linesPerSecond: 2000,
      linesPerWrite: 10,
      rotationPeriodMs: 200,
    });
    console.log(
      `copytruncate, ${wake}: ${measured.missingCount} of ${measured.lineCount + measured.missingCount} lost, ${figuresOf(measured)}`,
    );
    expect(measured).toMatchObject({ doubledCount: 0, disorderedCount: 0 });
    expect(measured.events['gap truncated']).toBeGreaterThan(5);
  });
});

describe('cost', () => {
  const LOAD: Load = { mode: 'none', seconds: 10, linesPerSecond: 2000, linesPerWrite: 10, rotationPeriodMs: 0 };

  it.each<WakeName>(['fs.watch file', 'fs.watch folder', 'chokidar file', 'chokidar folder'])(
    'at 2,000 lines/s of %s, to compare with',
    async (wake) => {
      const measured = await measure(wake, LOAD);
      console.log(`2,000 lines/s, ${wake}: ${figuresOf(measured)}`);
      expect(measured.missingCount).toBe(0);
    },
  );

  // Figures are printed, not asserted: the machine is noisy. Goals are compared by `npm run bench:live`.
  it.each<WakeName>(['ours', 'timer'])('at 2,000 lines/s of %s: no line is lost or doubled', async (wake) => {
    const measured = await measure(wake, LOAD);
    console.log(`2,000 lines/s, ${wake}: ${figuresOf(measured)}`);
    expect(measured).toMatchObject({ missingCount: 0, doubledCount: 0, disorderedCount: 0 });
  });

  it('of a line alone, now and then: none is lost', async () => {
    const measured = await measure('ours', { ...LOAD, linesPerSecond: 0.6, linesPerWrite: 1, seconds: 10 });
    console.log(`one line in 1.7 s: ${figuresOf(measured)}`);
    expect(measured).toMatchObject({ missingCount: 0, doubledCount: 0 });
    expect(measured.lineCount).toBeGreaterThan(0);
  });
});
