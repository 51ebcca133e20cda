/**
 * Plays a capture into a file, at its own pace or faster. In: the capture, a file, a speed. Out: whole records, appended when they are due:
 * those that are due together by one write, as Synapse flushes them. Ends early, without an error, when the signal says so.
 */
import { appendFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Capture } from './capture.ts';

export interface PlayOptions {
  readonly capture: Capture;
  readonly path: string;
  /** Log time passes this many times as fast as the clock; above 0. */
  readonly speed: number;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly signal: AbortSignal;
  /** After each write, and at least every LONGEST_WAIT_MS: log time since the first record. */
  readonly onProgress: (afterMs: number) => void;
}

/** Whoever watches hears something this often, in milliseconds. */
const LONGEST_WAIT_MS = 100;

/** Throws what writing throws (ENOSPC). */
export async function playCapture({ capture, path, speed, clock, signal, onProgress }: PlayOptions): Promise<void> {
  const { bytes, records, durationMs } = capture;
  const startMs = clock.monotonicMs();
  let next = 0;
  let writtenBytes = 0;
  while (!signal.aborted) {
    const playedMs = (clock.monotonicMs() - startMs) * speed;
    let endByte = writtenBytes;
    for (let record = records[next]; record !== undefined && record.afterMs <= playedMs; record = records[++next]) endByte = record.endByte;
    if (endByte > writtenBytes) appendFileSync(path, bytes.subarray(writtenBytes, endByte));
    writtenBytes = endByte;
    onProgress(Math.min(playedMs, durationMs));
    const due = records[next];
    if (due === undefined) return;
    await wait(clock, Math.min(LONGEST_WAIT_MS, (due.afterMs - playedMs) / speed), signal);
  }
}

/** Resolves after `durationMs`, or when the signal says so. Doesn't keep the process alive. */
export function wait(clock: Pick<Clock, 'setTimer'>, durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimer(Math.max(0, durationMs), done);
    signal.addEventListener('abort', done, { once: true });
  });
}
