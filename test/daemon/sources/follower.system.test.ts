/**
 * The follower in a process of its own, with the real clock, inotify and disk, beside a writer that doesn't wait for it: what the other tests can't show. It
 * checks the goals of performance.md 9 for the follower alone, and prints the figures that daemon/sources/wake.ts cites.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Measured, WakeName } from '../../testbench/follow-probe.ts';
import type { RotationMode } from '../../testbench/rotating-writer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

const PROBE = new URL('../../testbench/follow-probe.ts', import.meta.url);
const WRITER = new URL('../../testbench/rotating-writer.ts', import.meta.url);

/** After the last write, so that every reader has had its last look. */
const REST_MS = 1500;

interface Load {
  readonly mode: RotationMode;
  readonly seconds: number;
  readonly linesPerSecond: number;
  readonly linesPerWrite: number;
  readonly rotationPeriodMs: number;
}

function start(script: URL, args: readonly string[]): ChildProcess {
  const child = fork(script, args, { execArgv: [] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function measure(wake: WakeName, load: Load): Promise<Measured> {
  const path = join(createTempFolder(), 'homeserver.log');
  const { mode, seconds, linesPerSecond, linesPerWrite, rotationPeriodMs } = load;
  fs.writeFileSync(path, '');
  const probe = start(PROBE, [path, wake]);
  await once(probe, 'message');
  // What the start costs is no part of what is measured.
  await sleep(1000);
  probe.send('begin');
  let written: unknown = { writtenCount: 0 };
  if (linesPerSecond === 0) await sleep(seconds * 1000);
  else {
    const writer = start(WRITER, [path, mode, ...[seconds, linesPerSecond, linesPerWrite, rotationPeriodMs].map(String)]);
    [written] = await once(writer, 'message');
    await sleep(REST_MS);
  }
  probe.send(written as object);
  const [measured] = (await once(probe, 'message')) as [Measured];
  return measured;
}

const figuresOf = ({ cpuPercent, rssMiB, latencyP50Ms, latencyP99Ms, events }: Measured): string =>
  `CPU ${cpuPercent.toFixed(2)} %, RSS ${rssMiB.toFixed(0)} MiB, p50 ${latencyP50Ms.toFixed(1)} ms, p99 ${latencyP99Ms.toFixed(1)} ms, ${JSON.stringify(events)}`;

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
