/** Following one file through its rotations. Real files; clock, wake and turns are the test's. */
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FollowBench } from '../../testbench/follow-bench.ts';
import { useFollowedLog } from '../../testbench/followed-log.ts';
import { LogWriter } from '../../testbench/log-writer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

const log = useFollowedLog();
const { createWriter, follow } = log;

describe('rotation', () => {
  /** Every row rotates a file that holds `one`, and ends with `one … last` written in order. */
  it.each<[string, (writer: LogWriter, bench: FollowBench) => void, string[], string[]]>([
    ['by rename to a date', (writer) => writer.rotateDated('2026-06-30'), [], ['rotated rename']],
    ['by rename to a number', (writer) => writer.rotateNumbered(), [], ['rotated rename']],
    [
      'by rename, with unread bytes in the old file',
      (writer) => {
        writer.write('unread\n');
        writer.rotateNumbered();
      },
      ['unread'],
      ['rotated rename'],
    ],
    [
      'by rename, with a late write to the old file',
      (writer) => {
        writer.rotateNumbered();
        writer.writeLate('late\n');
      },
      ['late'],
      ['rotated rename'],
    ],
    [
      'by rename, with a late write to the old file after the new one was seen',
      (writer, bench) => {
        writer.rotateNumbered();
        bench.look();
        writer.writeLate('late\n');
        bench.look();
      },
      ['late'],
      ['rotated rename'],
    ],
    [
      'by rename, with a look while there is no file',
      (writer, bench) => {
        writer.shiftNumbered();
        bench.look();
        writer.write('between\n');
        bench.look();
        writer.reopen();
      },
      ['between'],
      ['rotated rename'],
    ],
    [
      'twice between two looks',
      (writer) => {
        writer.rotateNumbered();
        writer.write('second\n');
        writer.rotateNumbered();
      },
      ['second'],
      ['rotated rename', 'rotated rename'],
    ],
    [
      'four times between two looks, one generation empty',
      (writer) => {
        for (const text of ['second\n', '', 'third\nfourth\n', 'fifth\n']) {
          writer.rotateNumbered();
          writer.write(text);
        }
        writer.rotateNumbered();
      },
      ['second', 'third', 'fourth', 'fifth'],
      ['rotated rename', 'rotated rename', 'rotated rename', 'rotated rename'],
    ],
    [
      'twice between two looks, by dates',
      (writer) => {
        writer.rotateDated('2026-06-30');
        writer.write('second\n');
        writer.rotateDated('2026-07-01');
      },
      ['second'],
      ['rotated rename', 'rotated rename'],
    ],
    [
      'twice between two looks, with older generations and strangers in the folder',
      (writer) => {
        for (const name of ['homeserver.log.7', 'homeserver.log.2026-01-01', 'other.log.1', 'homeserver.log.bak'])
          writer.writeSibling(name, 'STRANGE\n');
        writer.rotateNumbered();
        writer.write('second\n');
        writer.rotateNumbered();
      },
      ['second'],
      ['rotated rename', 'rotated rename'],
    ],
    ['by delete and create', (writer) => writer.deleteAndCreate(), [], ['rotated delete']],
    [
      'by delete and create, with unread bytes in the old file',
      (writer) => {
        writer.write('unread\n');
        writer.deleteAndCreate();
      },
      ['unread'],
      ['rotated delete'],
    ],
    [
      'by delete and create again and again, a look at each but not a rest',
      (writer, bench) => {
        for (const text of ['second\n', 'third\n', 'fourth\n']) {
          writer.deleteAndCreate();
          bench.look();
          writer.write(text);
        }
      },
      ['second', 'third', 'fourth'],
      ['rotated delete', 'rotated delete', 'rotated delete'],
    ],
    [
      'by rename, then by delete and create before the new file was read',
      (writer, bench) => {
        writer.rotateNumbered();
        bench.look();
        writer.write('second\n');
        writer.deleteAndCreate();
      },
      ['second'],
      ['rotated rename', 'rotated delete'],
    ],
    [
      'by a rename of the whole folder',
      (writer) => {
        writer.write('unread\n');
        writer.replaceFolder();
      },
      ['unread'],
      ['rotated rename'],
    ],
  ])('%s', (_, rotate, between, events) => {
    const writer = createWriter();
    const bench = follow();
    writer.write('one\n');
    bench.look();
    rotate(writer, bench);
    writer.write('last\n');
    bench.rest();
    expect(bench.lines).toEqual(['one', ...between, 'last']);
    expect(bench.events).toEqual(['caught up', ...events]);
    expect(bench.consumer.finishCount).toBe(events.length);
  });

  it('keeps older generations, made before the followed one, unread', () => {
    for (const name of ['homeserver.log.1', 'homeserver.log.2026-06-29']) fs.writeFileSync(join(log.folder, name), 'OLD\n');
    const writer = createWriter('one\n');
    const bench = follow();
    writer.rotateNumbered();
    writer.write('two\n');
    bench.rest();
    expect(bench.lines).toEqual(['one', 'two']);
  });

  it('ends the last line of a generation that has no newline', () => {
    const writer = createWriter('one\nhalf');
    const bench = follow();
    writer.rotateNumbered();
    writer.write('two\n');
    bench.rest();
    expect(bench.consumer.generations.map(({ lines }) => lines)).toEqual([['one', 'half'], ['two']]);
  });

  it('stays with the old file as long as the new one is empty', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    writer.shiftNumbered();
    writer.createEmpty();
    for (const text of ['still\n', 'here\n']) {
      bench.rest();
      writer.write(text);
    }
    bench.rest();
    expect(bench.lines).toEqual(['one', 'still', 'here']);
    expect(bench.events).toEqual(['caught up']);
    writer.reopen();
    writer.write('new\n');
    bench.rest();
    expect(bench.lines.at(-1)).toBe('new');
    expect(bench.events).toEqual(['caught up', 'rotated rename']);
  });

  it('goes over at once when the old file has been quiet', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    bench.rest();
    writer.rotateNumbered();
    writer.write('two\n');
    bench.look();
    expect(bench.lines).toEqual(['one', 'two']);
  });

  it('announces what comes too late as a gap, with its exact size', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    bench.rest();
    writer.rotateNumbered();
    writer.write('two\n');
    bench.look();
    writer.writeLate('too late\n');
    bench.clock.advance(5000);
    bench.look();
    expect(bench.gaps).toEqual([{ reason: 'late_write', fromByte: 4, lostBytes: 9, isExact: true, recoveredFrom: undefined }]);
    expect(bench.lines).toEqual(['one', 'two']);
  });

  it('holds no more than a few old files open, however fast they come', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    for (let count = 0; count < 20; count++) {
      bench.rest();
      writer.rotateNumbered();
      writer.write(`${count}\n`);
      bench.look();
      expect(bench.fileSystem.openCount).toBeLessThanOrEqual(5);
    }
    bench.rest();
    expect(bench.lines).toHaveLength(21);
    expect(bench.gaps).toEqual([]);
  });

  it('loses and doubles nothing when inodes are used again', ({ skip }) => {
    const writer = createWriter('0\n');
    const bench = follow();
    const inodes = new Set<number>();
    let count = 0;
    // Without an inode that comes again this shows nothing; how soon one does depends on what else runs on this disk.
    while (inodes.size === count && count < 1000) {
      writer.deleteAndCreate();
      writer.write(`${++count}\n`);
      inodes.add(fs.statSync(log.path).ino);
      bench.rest();
    }
    if (inodes.size === count) skip(`no inode came again in ${count} files on this file system`);
    expect(bench.lines).toEqual(Array.from({ length: count + 1 }, (_, number) => `${number}`));
  });

  it('follows a symbolic link to another target, and the old target is read first', () => {
    const target = (name: string) => join(log.folder, name);
    fs.writeFileSync(target('june'), 'one\n');
    fs.symlinkSync(target('june'), log.path);
    const bench = follow();
    fs.appendFileSync(target('june'), 'two\n');
    fs.writeFileSync(target('july'), 'three\n');
    fs.rmSync(log.path);
    fs.symlinkSync(target('july'), log.path);
    bench.rest();
    expect(bench.lines).toEqual(['one', 'two', 'three']);
    expect(bench.events).toEqual(['caught up', 'rotated relink']);
  });

  it('finds generations where a symbolic link leads to', () => {
    const elsewhere = createTempFolder();
    const writer = new LogWriter(join(elsewhere, 'synapse.log'));
    onTestFinished(() => writer.close());
    writer.write('one\n');
    fs.symlinkSync(writer.path, log.path);
    const bench = follow();
    for (const text of ['two\n', 'three\n']) {
      writer.rotateNumbered();
      writer.write(text);
    }
    bench.rest();
    expect(bench.lines).toEqual(['one', 'two', 'three']);
  });

  it('goes on where it was in a file that was replaced by a copy of itself', () => {
    const text = `${'2026-06-30 12:00:00,123 - synapse'.repeat(2)}\n`;
    createWriter(text);
    const bench = follow();
    fs.writeFileSync(`${log.path}.tmp`, `${text}two\n`);
    fs.renameSync(`${log.path}.tmp`, log.path);
    bench.rest();
    expect(bench.lines).toEqual([text.trim(), 'two']);
    expect(bench.consumer.finishCount).toBe(0);
  });

  it('reads a file from its beginning that was replaced by another one', () => {
    createWriter('2026-06-30 12:00:00,123 - synapse.one\n');
    const bench = follow();
    fs.writeFileSync(`${log.path}.tmp`, '2026-06-30 12:00:00,123 - synapse.two and more\n');
    fs.renameSync(`${log.path}.tmp`, log.path);
    bench.rest();
    expect(bench.lines).toEqual(['2026-06-30 12:00:00,123 - synapse.one', '2026-06-30 12:00:00,123 - synapse.two and more']);
  });

  it('reads a file in full that begins like the rotated one', () => {
    const text = `${'2026-06-30 12:00:00,123 - synapse'.repeat(2)}\n`;
    const writer = createWriter(text);
    const bench = follow();
    writer.rotateNumbered();
    writer.write(`${text}two\n`);
    bench.rest();
    expect(bench.lines).toEqual([text.trim(), text.trim(), 'two']);
  });
});
