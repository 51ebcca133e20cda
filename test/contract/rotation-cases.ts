/**
 * What a log file may go through, as data: each case writes numbered lines, and every follower has to deliver each of them once and in order.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { LogWriter } from '../testbench/log-writer.ts';

export interface Stage {
  readonly path: string;
  readonly writer: LogWriter;
  /** Writes the next numbered lines. */
  lines(count: number): void;
  /** Writes the next numbered line to the file as it was before the last rotation. */
  late(): void;
  /** Until nothing new comes. */
  quiet(): Promise<void>;
  /** The follower dies; `meanwhile` happens; another one goes on. */
  restart(meanwhile: () => void): Promise<void>;
}

export interface Case {
  readonly name: string;
  readonly play: (stage: Stage) => Promise<void> | void;
  /** What tail-file 1.4.16 does instead; undefined: it passes. */
  readonly tailFile?: string;
}

/** As logrotate does it: the packed file keeps the time of the last write. */
function pack(path: string): void {
  const { atime, mtime } = fs.statSync(path);
  fs.writeFileSync(`${path}.gz`, gzipSync(fs.readFileSync(path)));
  fs.utimesSync(`${path}.gz`, atime, mtime);
  fs.rmSync(path);
}

export const CASES: readonly Case[] = [
  {
    name: 'lines come, and more lines',
    play: async ({ lines, quiet }) => {
      lines(3);
      await quiet();
      lines(2);
    },
  },
  {
    name: 'a line comes in pieces, cut inside a character',
    tailFile: 'damages the character',
    play: async ({ writer, quiet }) => {
      for (const byte of Buffer.from('#1 zoë €\n')) {
        writer.write(Uint8Array.of(byte));
        if (byte > 0x7f) await quiet();
      }
    },
  },
  {
    name: 'the file is renamed and made anew',
    play: async ({ lines, quiet, writer }) => {
      lines(3);
      await quiet();
      lines(2);
      writer.rotateNumbered();
      lines(3);
    },
  },
  {
    name: 'the server writes on in the renamed file before the new one has lines',
    play: async ({ lines, quiet, writer }) => {
      lines(3);
      await quiet();
      writer.shiftNumbered();
      lines(2);
      await quiet();
      writer.reopen();
      lines(3);
    },
  },
  {
    name: 'a late line comes to the renamed file when the new one has lines already',
    play: async ({ lines, late, quiet, writer }) => {
      lines(3);
      await quiet();
      writer.rotateNumbered();
      late();
      lines(3);
    },
  },
  {
    name: 'the file is renamed three times at once',
    tailFile: 'loses the generations in between',
    play: async ({ lines, quiet, writer }) => {
      lines(3);
      await quiet();
      for (let count = 0; count < 3; count++) {
        writer.rotateNumbered();
        lines(2);
      }
    },
  },
  {
    name: 'the file is renamed twice at once, and the generation in between packed',
    tailFile: 'loses the generation in between',
    play: async ({ path, lines, quiet, writer }) => {
      lines(3);
      await quiet();
      writer.rotateNumbered();
      lines(2);
      writer.rotateNumbered();
      pack(`${path}.1`);
      lines(2);
    },
  },
  {
    name: 'the file is deleted and made anew',
    play: async ({ lines, quiet, writer }) => {
      lines(3);
      await quiet();
      writer.deleteAndCreate();
      lines(3);
    },
  },
  {
    name: 'the file is deleted, and made anew later and larger',
    play: async ({ path, lines, quiet, writer }) => {
      lines(3);
      await quiet();
      fs.rmSync(path);
      await quiet();
      writer.reopen();
      lines(20);
    },
  },
  {
    name: 'the file is emptied, and written to later',
    play: async ({ lines, quiet, writer }) => {
      lines(5);
      await quiet();
      writer.truncate();
      await quiet();
      lines(3);
    },
  },
  {
    name: 'the file is emptied and grows past its old size at once',
    tailFile: 'takes it for growth: loses as much as was read, damages a line',
    play: async ({ lines, quiet, writer }) => {
      lines(3);
      await quiet();
      writer.truncate();
      lines(20);
    },
  },
  {
    name: 'the file is copied and emptied with unread lines in it',
    tailFile: 'loses the unread lines, though they are in the copy',
    play: async ({ lines, quiet, writer }) => {
      lines(5);
      await quiet();
      lines(5);
      writer.copyTruncate();
      lines(3);
    },
  },
  {
    name: 'the path is a symbolic link that is turned to another file',
    play: async ({ path, lines, quiet, writer }) => {
      lines(2);
      fs.renameSync(path, join(path, '..', 'june'));
      fs.symlinkSync(join(path, '..', 'june'), path);
      await quiet();
      lines(2);
      fs.rmSync(path);
      fs.writeFileSync(join(path, '..', 'july'), '');
      fs.symlinkSync(join(path, '..', 'july'), path);
      writer.reopen();
      lines(3);
    },
  },
  {
    name: 'the follower dies and goes on',
    play: async ({ lines, quiet, restart }) => {
      lines(5);
      await quiet();
      await restart(() => lines(5));
      lines(5);
    },
  },
  {
    name: 'the follower dies, and the file is renamed meanwhile',
    play: async ({ lines, quiet, restart, writer }) => {
      lines(5);
      await quiet();
      await restart(() => {
        lines(3);
        writer.rotateNumbered();
        lines(3);
      });
      lines(2);
    },
  },
  {
    name: 'the follower dies, the file is renamed twice meanwhile, and the older generation packed',
    play: async ({ path, lines, quiet, restart, writer }) => {
      lines(5);
      await quiet();
      await restart(() => {
        lines(3);
        writer.rotateNumbered();
        lines(3);
        writer.rotateNumbered();
        pack(`${path}.2`);
        lines(3);
      });
      lines(2);
    },
  },
  {
    name: 'the follower dies in the middle of a line',
    play: async ({ writer, lines, quiet, restart }) => {
      lines(2);
      writer.write('#3 half');
      await quiet();
      await restart(() => writer.write(' and half\n'));
    },
  },
];
