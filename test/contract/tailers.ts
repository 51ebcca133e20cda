/**
 * Two followers behind one small port: ours, and `tail-file`, which the contract is also run against as a reference. Both with the real clock and the real kernel.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import TailFile from 'tail-file';
import { systemClock } from '../../daemon/clock.ts';
import { Follower } from '../../daemon/sources/follower.ts';
import { createTurns } from '../../daemon/sources/turns.ts';
import { createWake } from '../../daemon/sources/wake.ts';
import { RecordingConsumer } from '../testbench/recording-consumer.ts';

export interface Tailer {
  readonly lines: readonly string[];
  /** Lets go of the file, as a process that is killed does; what was delivered so far is safe. */
  stop(): Promise<void>;
  /** Another process goes on behind the last line that this one delivered. */
  restart(): Promise<Tailer>;
}

export type StartTailer = (path: string) => Promise<Tailer>;

/** Chosen: twice the slowest poll; everything that is going to happen has happened. */
const QUIET_MS = 500;
const MOST_MS = 10_000;

/** Resolves when no new line has come for QUIET_MS. */
export async function untilQuiet(tailer: Tailer): Promise<void> {
  const untilMs = performance.now() + MOST_MS;
  for (let count = -1; count !== tailer.lines.length && performance.now() < untilMs; ) {
    count = tailer.lines.length;
    await sleep(QUIET_MS);
  }
}

export const startOurs: StartTailer = async (path) => follow(path, 'beginning', []);

async function follow(path: string, from: Parameters<Follower['start']>[0], before: readonly string[]): Promise<Tailer> {
  const consumer = new RecordingConsumer();
  const nothing = (): void => {};
  const observer = { began: nothing, rotated: nothing, gap: nothing, problem: nothing, recovered: nothing, caughtUp: nothing };
  const follower = new Follower(path, consumer, observer, {
    clock: systemClock,
    wake: createWake({ clock: systemClock }),
    turns: createTurns(),
  });
  follower.start(from);
  let position = follower.position();
  const stop = (): void => {
    position = follower.position() ?? position;
    follower.stop();
  };
  return {
    get lines() {
      return [...before, ...consumer.lines];
    },
    stop: async () => stop(),
    restart: async () => {
      stop();
      return follow(path, position ?? 'beginning', [...before, ...consumer.lines]);
    },
  };
}

export const startTailFile: StartTailer = async (path) => {
  const lines: string[] = [];
  const tail = createTail(path, lines);
  await tail.startP();
  return reference(path, tail, lines);
};

function createTail(path: string, lines: string[]): TailFile {
  const tail = new TailFile(path);
  tail.on('line', (line: string) => lines.push(line));
  // It never throws, it emits; a fault shows in the lines.
  tail.on('error', () => {});
  return tail;
}

function reference(path: string, tail: TailFile, lines: string[]): Tailer {
  return {
    lines,
    stop: () => tail.stop(),
    // Its own way to go on: the line is searched for by its number.
    restart: async () => {
      await tail.stop();
      const last = Number(/^#(\d+)/.exec(lines.at(-1) ?? '')?.[1] ?? 0);
      const next = createTail(path, lines);
      await next.findStart(/^#(\d+)/, (found) => last + 1 - Number(found)).catch(() => {});
      return reference(path, next, lines);
    },
  };
}
