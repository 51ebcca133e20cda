/**
 * A process that follows one file with real clock, wake and file system, and tells its parent what it cost. For follower.system.test.ts.
 *
 * In: arguments `PATH WAKE`; the message `begin` starts the measurement, `end` ends it. Out: one Measured. Lines are `#<number> <time in ns> …`: they
 * tell whether any is missing or came twice, and how long each took to get here.
 */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { watch as watchWithChokidar } from 'chokidar';
import { systemClock } from '../../daemon/clock.ts';
import { Follower } from '../../daemon/sources/follower.ts';
import { createTurns } from '../../daemon/sources/turns.ts';
import { createWake, QUIET_POLL_MS, type Wake } from '../../daemon/sources/wake.ts';

export type WakeName = 'ours' | 'timer' | 'fs.watch file' | 'fs.watch folder' | 'chokidar file' | 'chokidar folder';

export interface Measured {
  /** Share of one core, in percent. */
  readonly cpuPercent: number;
  readonly rssMiB: number;
  readonly lineCount: number;
  readonly missingCount: number;
  readonly doubledCount: number;
  readonly disorderedCount: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly events: Readonly<Record<string, number>>;
}

/** Shortest time between two looks that hints cause, in the designs that we compare with. */
const HINT_GAP_MS = 50;

/** Looks at once, then no more often than every HINT_GAP_MS. */
function withGap(look: () => boolean): () => void {
  let last = 0;
  let timeout: NodeJS.Timeout | undefined;
  const run = (): void => {
    timeout = undefined;
    last = performance.now();
    look();
  };
  return () => {
    if (timeout !== undefined) return;
    const restMs = last + HINT_GAP_MS - performance.now();
    if (restMs <= 0) run();
    else timeout = setTimeout(run, restMs);
  };
}

/** A hint at every change, and our timer besides: how others do it. */
function alwaysHinted(hint: (path: string, onHint: () => void) => void): Wake {
  const timer = createWake({ clock: systemClock, hints: false });
  return {
    watch: (path, look) => {
      hint(path, withGap(look));
      return timer.watch(path, look);
    },
  };
}

const WAKES: Readonly<Record<WakeName, () => Wake>> = {
  ours: () => createWake({ clock: systemClock }),
  timer: () => createWake({ clock: systemClock, hints: false, quietPollMs: QUIET_POLL_MS }),
  'fs.watch file': () => alwaysHinted((path, onHint) => fs.watch(path, onHint)),
  'fs.watch folder': () => alwaysHinted((path, onHint) => fs.watch(dirname(path), onHint)),
  'chokidar file': () => alwaysHinted((path, onHint) => watchWithChokidar(path, { ignoreInitial: true, atomic: false }).on('all', onHint)),
  'chokidar folder': () =>
    alwaysHinted((path, onHint) => watchWithChokidar(dirname(path), { depth: 0, ignoreInitial: true, atomic: false }).on('all', onHint)),
};

/** Reads the numbers and times; no string is made but for those. */
class NumberedLines {
  readonly #seen = new Set<number>();
  readonly latenciesMs: number[] = [];
  lineCount = 0;
  doubledCount = 0;
  disorderedCount = 0;
  #last = -1;

  read(bytes: Buffer, length: number): number {
    const nowNs = process.hrtime.bigint();
    let start = 0;
    for (let end = bytes.indexOf(10, start); end >= 0 && end < length; end = bytes.indexOf(10, start)) {
      if (bytes[start] === 0x23) this.#note(bytes.toString('latin1', start + 1, Math.min(end, start + 40)).split(' '), nowNs);
      this.lineCount++;
      start = end + 1;
    }
    return start;
  }

  #note([number, timeNs]: readonly string[], nowNs: bigint): void {
    const value = Number(number);
    if (this.#seen.has(value)) this.doubledCount++;
    if (value < this.#last) this.disorderedCount++;
    this.#seen.add(value);
    this.#last = value;
    this.latenciesMs.push(Number(nowNs - BigInt(timeNs ?? 0)) / 1e6);
  }

  missingOf(count: number): number {
    let missing = 0;
    for (let number = 0; number < count; number++) if (!this.#seen.has(number)) missing++;
    return missing;
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function run(path: string, wakeName: WakeName): void {
  const lines = new NumberedLines();
  const events: Record<string, number> = {};
  const count = (name: string): void => {
    events[name] = (events[name] ?? 0) + 1;
  };
  const consumer = {
    read: lines.read.bind(lines) as (bytes: Uint8Array, length: number) => number,
    begin: () => {},
    settle: () => 0,
    finish: () => {},
  };
  const observer = {
    began: () => {},
    rotated: (kind: string) => count(`rotated ${kind}`),
    gap: ({ reason }: { reason: string }) => count(`gap ${reason}`),
    problem: count,
    recovered: () => count('recovered'),
    caughtUp: () => process.send?.('ready'),
  };
  const wake = (WAKES[wakeName] ?? WAKES.ours)();
  new Follower(path, consumer, observer, { clock: systemClock, wake, turns: createTurns() }).start('beginning');
  let cpuBefore = process.cpuUsage();
  let startedMs = performance.now();
  process.on('message', (message: 'begin' | { readonly writtenCount: number }) => {
    if (message === 'begin') {
      cpuBefore = process.cpuUsage();
      startedMs = performance.now();
      lines.latenciesMs.length = 0;
      return;
    }
    const cpu = process.cpuUsage(cpuBefore);
    const sorted = lines.latenciesMs.toSorted((a, b) => a - b);
    const measured: Measured = {
      cpuPercent: (cpu.user + cpu.system) / 10 / (performance.now() - startedMs),
      rssMiB: process.memoryUsage.rss() / 1_048_576,
      lineCount: lines.lineCount,
      missingCount: lines.missingOf(message.writtenCount),
      doubledCount: lines.doubledCount,
      disorderedCount: lines.disorderedCount,
      latencyP50Ms: percentile(sorted, 0.5),
      latencyP99Ms: percentile(sorted, 0.99),
      events,
    };
    process.send?.(measured, () => process.exit(0));
  });
}

const [, , path, wakeName] = process.argv;
if (path !== undefined && process.send !== undefined) run(path, wakeName as WakeName);
