/**
 * A process that writes numbered lines and rotates the file, as fast as it's told. For follower.system.test.ts.
 *
 * In: arguments `PATH MODE SECONDS LINES_PER_SECOND LINES_PER_WRITE ROTATION_PERIOD_MS` (period 0: no rotation). Out: the message { writtenCount } at the end.
 * A line is `#<number> <time in ns> …`.
 */
import fs from 'node:fs';
import { LogWriter } from './log-writer.ts';

export type RotationMode = 'rename' | 'rename, gap' | 'delete' | 'delete, gap' | 'copytruncate' | 'none';

const PADDING = 'x'.repeat(320);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function rotate(writer: LogWriter, mode: RotationMode, writeLine: (write: (text: string) => void) => void): Promise<void> {
  if (mode === 'rename') writer.rotateNumbered(6);
  if (mode === 'copytruncate') writer.copyTruncate('', 6);
  if (mode === 'delete') writer.deleteAndCreate();
  if (mode === 'rename, gap') {
    writer.shiftNumbered(6);
    // The server isn't told yet: a late line, and no file for a moment.
    writeLine((text) => writer.write(text));
    await pause(8);
    writer.reopen();
  }
  if (mode === 'delete, gap') {
    fs.rmSync(writer.path);
    await pause(30);
    writer.reopen();
  }
}

async function run(path: string, mode: RotationMode, [seconds, rate, perWrite, periodMs]: readonly number[]): Promise<void> {
  const writer = new LogWriter(path);
  let number = 0;
  const writeLine = (write: (text: string) => void): void => write(`#${number++} ${process.hrtime.bigint()} ${PADDING}\n`);
  const startMs = performance.now();
  let rotatedMs = startMs;
  for (let nowMs = startMs; nowMs - startMs < (seconds ?? 0) * 1000; nowMs = performance.now()) {
    const owed = ((nowMs - startMs) / 1000) * (rate ?? 0);
    while (number + (perWrite ?? 1) <= owed) {
      let text = '';
      for (let line = 0; line < (perWrite ?? 1); line++) {
        writeLine((one) => {
          text += one;
        });
      }
      writer.write(text);
    }
    if (mode !== 'none' && nowMs - rotatedMs >= (periodMs ?? 0)) {
      rotatedMs = nowMs;
      await rotate(writer, mode, writeLine);
    }
    await pause(2);
  }
  process.send?.({ writtenCount: number });
}

const [, , path, mode, ...numbers] = process.argv;
if (path !== undefined && process.send !== undefined) await run(path, mode as RotationMode, numbers.map(Number));
