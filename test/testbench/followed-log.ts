/** A log file in a folder of its own, whoever writes it and whoever follows it, for one test after the other. */
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished } from 'vitest';
import { FollowBench } from './follow-bench.ts';
import { LogWriter } from './log-writer.ts';
import type { RecordingOptions } from './recording-consumer.ts';
import { createTempFolder } from './temp-folder.ts';

export interface FollowedLog {
  readonly folder: string;
  /** There is no file yet. */
  readonly path: string;
  createWriter(text?: string): LogWriter;
  /** Every test ends with no descriptor, timer or watch left over. */
  follow(options?: RecordingOptions, from?: 'beginning' | 'end'): FollowBench;
  /** Not started; stopped at the end. */
  createBench(): FollowBench;
}

/** Makes the folder anew before each test of the file. */
export function useFollowedLog(): FollowedLog {
  let folder = '';
  beforeEach(() => {
    folder = join(createTempFolder(), 'logs');
    fs.mkdirSync(folder);
  });
  const log: FollowedLog = {
    get folder() {
      return folder;
    },
    get path() {
      return join(folder, 'homeserver.log');
    },
    createWriter: (text = '') => {
      const writer = new LogWriter(log.path);
      onTestFinished(() => writer.close());
      writer.write(text);
      return writer;
    },
    follow: (options, from = 'beginning') => {
      const bench = new FollowBench(log.path, options).start(from);
      onTestFinished(() => {
        bench.follower.stop();
        expect(bench.fileSystem.openCount).toBe(0);
        expect(bench.clock.timerCount).toBe(0);
        expect(bench.wake.watchedCount).toBe(0);
      });
      return bench;
    },
    createBench: () => {
      const bench = new FollowBench(log.path);
      onTestFinished(() => bench.follower.stop());
      return bench;
    },
  };
  return log;
}
