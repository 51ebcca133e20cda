/**
 * The contract of following: every case against our follower, and against tail-file as the reference, whose failures are named. A failure that is gone is told too.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { LogWriter } from '../testbench/log-writer.ts';
import { CASES, type Case } from './rotation-cases.ts';
import { type StartTailer, startOurs, startTailFile, type Tailer, untilQuiet } from './tailers.ts';

/** Plays a case; gives the lines that were written, in the order of writing, and those that were delivered. */
async function play(
  { play: playCase }: Case,
  start: StartTailer,
  onTestFinished: (end: () => Promise<void>) => void,
): Promise<{ written: string[]; delivered: readonly string[] }> {
  // Not createTempFolder: it is cleaned up when any test that runs at the same time is over.
  const folder = fs.mkdtempSync(join(tmpdir(), 'lotus-'));
  const path = join(folder, 'homeserver.log');
  const writer = new LogWriter(path);
  let tailer: Tailer = await start(path);
  onTestFinished(async () => {
    await tailer.stop();
    writer.close();
    fs.rmSync(folder, { recursive: true });
  });
  let text = '';
  const write = writer.write.bind(writer);
  writer.write = (piece) => {
    text += typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1');
    write(piece);
  };
  let number = 0;
  const next = (): string => `#${++number} ${'2026-06-30 12:00:00,123 - synapse.access.http.8008'}\n`;
  const stage = {
    path,
    writer,
    lines: (count: number) => {
      for (let i = 0; i < count; i++) writer.write(next());
    },
    late: () => {
      const line = next();
      text += line;
      writer.writeLate(line);
    },
    quiet: () => untilQuiet(tailer),
    restart: async (meanwhile: () => void) => {
      await tailer.stop();
      meanwhile();
      tailer = await tailer.restart();
    },
  };
  await playCase(stage);
  await untilQuiet(tailer);
  const written = (text.includes('\u00c3') ? Buffer.from(text, 'latin1').toString() : text).trimEnd().split('\n');
  return { written, delivered: tailer.lines };
}

describe('our follower delivers every line once, in order:', () => {
  it.concurrent.for(CASES.map((one) => [one.name, one] as const))('%s', async ([, one], { expect, onTestFinished }) => {
    const { written, delivered } = await play(one, startOurs, onTestFinished);
    expect(delivered).toEqual(written);
  });
});

describe('tail-file 1.4.16, the reference:', () => {
  // One after the other: it closes descriptors twice, and so other tests' files.
  it.for(CASES.map((one) => [`${one.name}: ${one.tailFile ?? 'passes'}`, one] as const))(
    '%s',
    async ([, one], { expect, onTestFinished }) => {
      const { written, delivered } = await play(one, startTailFile, onTestFinished);
      const missing = written.filter((line) => !delivered.includes(line)).length;
      const extra = delivered.length - (written.length - missing);
      console.log(`${one.name}: of ${written.length} lines ${missing} missing, ${extra} doubled or damaged`);
      if (one.tailFile === undefined) expect(delivered).toEqual(written);
      else expect(delivered).not.toEqual(written);
    },
  );
});
