/**
 * Progress of a long read, on standard error, on a terminal only. In: the files and their sizes; then bytes read. Out: a bar; messages are
 * written above it. The only importer of cli-progress, and only when there is a bar to draw.
 */
import { statSync } from 'node:fs';
import type { LogSource } from '../../src/tail/generations.ts';
import type { ReadProgress } from '../sources/whole-input.ts';
import type { Terminal } from './terminal.ts';

export interface Progress {
  /** What a reader of this file reports to. */
  reporter(file: string): ReadProgress;
  /** A message, above the bar. */
  say(text: string): void;
  end(): void;
}

/** Less than this is read before a bar could be seen. */
const SMALLEST_SHOWN_BYTES = 32 * 1024 * 1024;

export async function createProgress(sources: readonly LogSource[], terminal: Terminal, isWanted: boolean): Promise<Progress> {
  const totalBytes = sources.flatMap(({ generations }) => generations).reduce((sum, path) => sum + sizeOf(path), 0);
  const silent: Progress = { reporter: () => () => undefined, say: (text) => terminal.err(`${text}\n`), end: () => undefined };
  if (!isWanted || !terminal.isErrTerminal || totalBytes < SMALLEST_SHOWN_BYTES) return silent;
  const { SingleBar, Presets } = await import('cli-progress');
  const bar = new SingleBar(
    {
      format: '{bar} {percentage} % | {mib} of {totalMib} MiB | {eta_formatted} left',
      hideCursor: true,
      clearOnComplete: true,
      stream: process.stderr,
    },
    Presets.shades_grey,
  );
  const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(0);
  let read = 0;
  bar.start(totalBytes, 0, { mib: '0', totalMib: mib(totalBytes) });
  return {
    reporter: () => {
      let before = 0;
      return (bytesRead) => {
        read += bytesRead - before;
        before = bytesRead;
        bar.update(read, { mib: mib(read) });
      };
    },
    say: (text) => terminal.err(`\r\x1b[K${text}\n`),
    end: () => bar.stop(),
  };
}

/** 0 for standard input and for what can't be looked at. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
