/**
 * A follower in a process of its own and a writer in another, with the real clock, inotify and disk. In: how fast lines come, and how they're rotated. Out: what the
 * follower got, and what it cost.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Measured, WakeName } from './follow-probe.ts';
import type { RotationMode } from './rotating-writer.ts';
import { createTempFolder } from './temp-folder.ts';

const PROBE = new URL('./follow-probe.ts', import.meta.url);
const WRITER = new URL('./rotating-writer.ts', import.meta.url);

/** After the last write, so that every reader has had its last look. */
const REST_MS = 1500;

export interface Load {
  readonly mode: RotationMode;
  readonly seconds: number;
  readonly linesPerSecond: number;
  readonly linesPerWrite: number;
  readonly rotationPeriodMs: number;
}

export interface Folders {
  readonly writer: string;
  readonly follower: string;
}

function sameFolder(): Folders {
  const folder = createTempFolder();
  return { writer: folder, follower: folder };
}

function start(script: URL, args: readonly string[]): ChildProcess {
  const child = fork(script, args, { execArgv: [] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** `folders`: the log's, as the writer and as the follower see it. */
export async function measure(wake: WakeName, load: Load, folders: Folders = sameFolder()): Promise<Measured> {
  const path = join(folders.writer, 'homeserver.log');
  const { mode, seconds, linesPerSecond, linesPerWrite, rotationPeriodMs } = load;
  if (!fs.existsSync(path)) fs.writeFileSync(path, '');
  const probe = start(PROBE, [join(folders.follower, 'homeserver.log'), wake]);
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

export const figuresOf = ({ cpuPercent, rssMiB, latencyP50Ms, latencyP99Ms, events }: Measured): string =>
  `CPU ${cpuPercent.toFixed(2)} %, RSS ${rssMiB.toFixed(0)} MiB, p50 ${latencyP50Ms.toFixed(1)} ms, p99 ${latencyP99Ms.toFixed(1)} ms, ${JSON.stringify(events)}`;
