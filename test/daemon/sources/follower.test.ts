/** Following one file through everything that happens to log files. Real files; clock, wake and turns are the test's. */
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { FEED_BUFFER_BYTES } from '../../../daemon/sources/chunk-feeder.ts';
import { type ChunkConsumer, MAX_LINE_BYTES, RECORD_IDLE_MS } from '../../../src/lines/chunk-consumer.ts';
import { FollowBench } from '../../testbench/follow-bench.ts';
import { LogWriter } from '../../testbench/log-writer.ts';
import { ManualTurns } from '../../testbench/manual-wake.ts';
import type { RecordingOptions } from '../../testbench/recording-consumer.ts';
import { createTempFolder } from '../../testbench/temp-folder.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = join(createTempFolder(), 'logs');
  fs.mkdirSync(folder);
  path = join(folder, 'homeserver.log');
});

function createWriter(text = ''): LogWriter {
  const writer = new LogWriter(path);
  onTestFinished(() => writer.close());
  writer.write(text);
  return writer;
}

function follow(options?: RecordingOptions, from: 'beginning' | 'end' = 'beginning'): FollowBench {
  const bench = new FollowBench(path, options).start(from);
  // Every test ends with no descriptor left open.
  onTestFinished(() => {
    bench.follower.stop();
    expect(bench.fileSystem.openCount).toBe(0);
    expect(bench.clock.timerCount).toBe(0);
    expect(bench.wake.watchedCount).toBe(0);
  });
  return bench;
}

describe('a file that only grows', () => {
  it('is read from its beginning, then as it grows', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    expect(bench.lines).toEqual(['one']);
    writer.write('two\nthree\n');
    bench.look();
    expect(bench.lines).toEqual(['one', 'two', 'three']);
    expect(bench.events).toEqual(['caught up']);
  });

  it('is read from its end if that is asked for', () => {
    const writer = createWriter('old\nolder\n');
    const bench = follow({}, 'end');
    writer.write('new\n');
    bench.look();
    expect(bench.lines).toEqual(['new']);
    expect([bench.follower.state.positionBytes, bench.consumer.begins]).toEqual([14, [10]]);
  });

  it('is read from the line that is not ended, if from the end', () => {
    const writer = createWriter('old\nhal');
    const bench = follow({}, 'end');
    writer.write('f\n');
    bench.look();
    expect(bench.lines).toEqual(['half']);
  });

  it.each([
    ['short', 'a line that has no end yet', 0],
    ['longer than is looked back', 'x'.repeat(70_000), 70_000],
  ])('is read from where its only line, %s, begins or is joined, if from the end', (_, text, startByte) => {
    createWriter(text);
    expect(follow({}, 'end').consumer.begins).toEqual(startByte === 0 ? [] : [startByte]);
  });

  it('may be empty, if from the end', () => {
    const writer = createWriter();
    const bench = follow({}, 'end');
    writer.write('one\n');
    bench.look();
    expect(bench.lines).toEqual(['one']);
  });

  it('gives a line only when its newline has come', () => {
    const writer = createWriter('half a l');
    const bench = follow();
    bench.rest();
    expect(bench.lines).toEqual([]);
    writer.write('ine\n');
    bench.look();
    expect(bench.lines).toEqual(['half a line']);
  });

  it('may be written in the middle of a character', () => {
    const writer = createWriter();
    const bench = follow();
    for (const byte of Buffer.from('zoë é €\n')) {
      writer.write(Uint8Array.of(byte));
      bench.look();
    }
    expect(bench.lines).toEqual(['zoë é €']);
  });

  it('tells how far it is', () => {
    const writer = createWriter('one\ntw');
    const bench = follow();
    expect(bench.follower.state).toMatchObject({ path, positionBytes: 6, heldBytes: 2, sizeBytes: 6, unreadBytes: 0 });
    expect(bench.follower.state).toMatchObject({ isCaughtUp: true, generationCount: 1 });
    const { ino, dev } = fs.statSync(path);
    expect(bench.follower.position()?.generation?.identity).toMatchObject({ ino, dev, prefix: { lengthBytes: 6 } });
    writer.write(`o\n${'x'.repeat(2000)}\n`);
    bench.look();
    expect(bench.follower.position()?.generation?.identity.prefix.lengthBytes).toBe(1024);
  });

  it('can be started once only', () => {
    createWriter();
    const bench = follow();
    expect(() => bench.follower.start('end')).toThrow(`Cannot start following "${path}": it was started before, expected a new follower`);
  });

  it('is left alone after stop', () => {
    const writer = createWriter('one\nhal');
    const bench = follow();
    bench.follower.stop();
    writer.write('f\n');
    bench.look();
    expect([bench.lines, bench.consumer.finishCount, bench.consumer.heldText]).toEqual([['one'], 0, 'hal']);
    expect(bench.follower.look()).toBe(false);
  });
});

describe('an idle record', () => {
  it('is settled once, RECORD_IDLE_MS after its last byte', () => {
    const writer = createWriter('one\n');
    const bench = follow({ holdsLastLine: true });
    bench.clock.advance(RECORD_IDLE_MS - 1);
    expect(bench.lines).toEqual([]);
    bench.clock.advance(1);
    expect([bench.lines, bench.consumer.settleCount]).toEqual([['one'], 1]);
    bench.clock.advance(10 * RECORD_IDLE_MS);
    expect(bench.consumer.settleCount).toBe(1);
    writer.write('two\n');
    bench.look();
    bench.clock.advance(RECORD_IDLE_MS);
    expect([bench.lines, bench.consumer.settleCount]).toEqual([['one', 'two'], 2]);
  });

  it('is not settled while bytes come', () => {
    const writer = createWriter('one\n');
    const bench = follow({ holdsLastLine: true });
    for (let count = 0; count < 5; count++) {
      bench.clock.advance(RECORD_IDLE_MS - 10);
      writer.write(`${count}\n`);
      bench.look();
    }
    expect(bench.consumer.settleCount).toBe(0);
    expect(bench.lines).toEqual(['one', '0', '1', '2', '3']);
  });

  it('is looked at before it is settled: its next line may be there already', () => {
    const writer = createWriter('one\n');
    const bench = follow({ holdsLastLine: true });
    writer.write('  continued\n');
    bench.clock.advance(RECORD_IDLE_MS);
    expect([bench.lines, bench.consumer.settleCount]).toEqual([['one'], 0]);
    bench.clock.advance(RECORD_IDLE_MS);
    expect([bench.lines, bench.consumer.settleCount]).toEqual([['one', '  continued'], 1]);
  });

  it('keeps a line without its newline held', () => {
    createWriter('one\nhal');
    const bench = follow({ holdsLastLine: true });
    bench.rest();
    expect([bench.lines, bench.consumer.heldText]).toEqual([['one'], 'hal']);
  });
});

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
    for (const name of ['homeserver.log.1', 'homeserver.log.2026-06-29']) fs.writeFileSync(join(folder, name), 'OLD\n');
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
      inodes.add(fs.statSync(path).ino);
      bench.rest();
    }
    if (inodes.size === count) skip(`no inode came again in ${count} files on this file system`);
    expect(bench.lines).toEqual(Array.from({ length: count + 1 }, (_, number) => `${number}`));
  });

  it('follows a symbolic link to another target, and the old target is read first', () => {
    const target = (name: string) => join(folder, name);
    fs.writeFileSync(target('june'), 'one\n');
    fs.symlinkSync(target('june'), path);
    const bench = follow();
    fs.appendFileSync(target('june'), 'two\n');
    fs.writeFileSync(target('july'), 'three\n');
    fs.rmSync(path);
    fs.symlinkSync(target('july'), path);
    bench.rest();
    expect(bench.lines).toEqual(['one', 'two', 'three']);
    expect(bench.events).toEqual(['caught up', 'rotated relink']);
  });

  it('finds generations where a symbolic link leads to', () => {
    const elsewhere = createTempFolder();
    const writer = new LogWriter(join(elsewhere, 'synapse.log'));
    onTestFinished(() => writer.close());
    writer.write('one\n');
    fs.symlinkSync(writer.path, path);
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
    fs.writeFileSync(`${path}.tmp`, `${text}two\n`);
    fs.renameSync(`${path}.tmp`, path);
    bench.rest();
    expect(bench.lines).toEqual([text.trim(), 'two']);
    expect(bench.consumer.finishCount).toBe(0);
  });

  it('reads a file from its beginning that was replaced by another one', () => {
    createWriter('2026-06-30 12:00:00,123 - synapse.one\n');
    const bench = follow();
    fs.writeFileSync(`${path}.tmp`, '2026-06-30 12:00:00,123 - synapse.two and more\n');
    fs.renameSync(`${path}.tmp`, path);
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

  it.each([
    ['whole', (packed: Buffer) => packed, ['one', 'two', 'three'], []],
    ['of several members', () => Buffer.concat([gzipSync('tw'), gzipSync('o\n')]), ['one', 'two', 'three'], []],
    ['cut', (packed: Buffer) => packed.subarray(0, -12), ['one', 't', 'three'], ['damaged']],
    ['damaged', () => Buffer.from('no gzip at all'), ['one', 'three'], ['damaged']],
  ])('reads a generation that was packed before it could be read: %s', async (_, pack, lines, gaps) => {
    const writer = createWriter('one\n');
    const bench = follow();
    writer.rotateNumbered();
    writer.write('two\n');
    writer.rotateNumbered();
    fs.writeFileSync(`${path}.1.gz`, pack(gzipSync('two\n')));
    fs.rmSync(`${path}.1`);
    // These say nothing: older, and the compressed form of a file that is still there.
    for (const name of ['homeserver.log.3.gz', 'homeserver.log.2.gz']) writer.writeSibling(name, 'OLD');
    writer.write('three\n');
    await bench.restLong();
    expect(bench.lines).toEqual(lines);
    expect(bench.gaps.map(({ reason }) => reason)).toEqual(gaps);
    expect(bench.events.filter((event) => event.startsWith('rotated'))).toEqual(['rotated rename', 'rotated rename']);
  });

  it('does not read a generation again that was packed while it was held', async () => {
    const text = `${'2026-06-30 12:00:00,123 - synapse'.repeat(2)}\n`;
    const writer = createWriter(text);
    const bench = follow();
    writer.rotateNumbered();
    fs.writeFileSync(`${path}.1.gz`, gzipSync(text));
    fs.rmSync(`${path}.1`);
    // However the packer sets the time of the packed file.
    fs.utimesSync(`${path}.1.gz`, new Date(), new Date(Date.now() + 60_000));
    writer.write('two\n');
    await bench.restLong();
    expect([bench.lines, bench.gaps]).toEqual([[text.trim(), 'two'], []]);
  });

  it('takes a compression under way for no gap', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    for (const text of ['two\n', 'three\n']) {
      writer.rotateNumbered();
      writer.write(text);
    }
    for (const name of ['homeserver.log.2.gz', 'homeserver.log.1.gz']) writer.writeSibling(name, 'PART OF IT');
    bench.rest();
    expect([bench.lines, bench.gaps]).toEqual([['one', 'two', 'three'], []]);
  });

  it('survives a rotation that is taken back between its look and its opening of the new file', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    writer.shiftNumbered();
    writer.createEmpty();
    bench.fileSystem.onCall = (call, name) => {
      if (call !== 'open' || name !== path) return;
      bench.fileSystem.onCall = () => {};
      fs.renameSync(`${path}.1`, path);
    };
    bench.look();
    writer.write('two\n');
    bench.rest();
    expect([bench.lines, bench.events, bench.fileSystem.openCount]).toEqual([['one', 'two'], ['caught up'], 1]);
  });

  it('survives a rotation in the middle of its search for generations', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    bench.rest();
    writer.rotateNumbered();
    writer.write('two\n');
    writer.rotateNumbered();
    writer.write('three\n');
    // Names are looked at from the last to the first: .2 is the old file; between .2 and .1 the rotation makes .1 of what would have been missed as .2.
    bench.fileSystem.onCall = (call, name) => {
      if (call !== 'look' || name !== `${path}.1`) return;
      bench.fileSystem.onCall = () => {};
      writer.rotateNumbered();
      writer.write('four\n');
    };
    bench.rest();
    expect(bench.lines).toEqual(['one', 'two', 'three', 'four']);
    expect(bench.gaps).toEqual([]);
  });

  it('waits when the folder looks different each time', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    bench.rest();
    writer.rotateNumbered();
    writer.write('two\n');
    let count = 0;
    bench.fileSystem.onCall = (call) => {
      if (call === 'list') writer.writeSibling(`homeserver.log.${100 + count++}`, 'NOISE\n');
    };
    bench.look();
    expect([bench.lines, count]).toEqual([['one'], 4]);
    bench.fileSystem.onCall = () => {};
    bench.rest();
    expect(bench.lines).toEqual(['one', 'two']);
  });

  it.each(['open', 'list'] as const)('survives a rotation right before its call of %s', (moment) => {
    const writer = createWriter('one\n');
    const bench = follow();
    bench.rest();
    writer.rotateNumbered();
    writer.write('two\n');
    writer.rotateNumbered();
    writer.write('three\n');
    bench.fileSystem.onCall = (call, name) => {
      if (call !== moment || (call === 'open' && name !== `${path}.1`)) return;
      bench.fileSystem.onCall = () => {};
      writer.rotateNumbered();
      writer.write('four\n');
    };
    bench.rest();
    expect(bench.lines).toEqual(['one', 'two', 'three', 'four']);
  });

  it('reads a line that comes while it searches for generations', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    bench.rest();
    writer.rotateNumbered();
    writer.write('two\n');
    bench.fileSystem.onCall = (call) => {
      if (call !== 'list') return;
      bench.fileSystem.onCall = () => {};
      writer.writeLate('late\n');
    };
    bench.rest();
    expect([bench.lines, bench.gaps]).toEqual([['one', 'late', 'two'], []]);
  });
});

describe('truncation', () => {
  const STAMP = '2026-06-30 12:00:00,123 - synapse.access - ';

  it('without a copy is a gap of what was seen and not read', () => {
    const writer = createWriter('one\ntwo\n');
    const bench = follow();
    writer.truncate();
    bench.look();
    writer.write('new\n');
    bench.look();
    expect(bench.lines).toEqual(['one', 'two', 'new']);
    expect(bench.events).toEqual(['caught up', 'gap truncated', 'rotated truncate']);
    expect(bench.gaps).toEqual([{ reason: 'truncated', fromByte: 8, lostBytes: 0, isExact: false, recoveredFrom: undefined }]);
    expect(bench.follower.state).toMatchObject({ positionBytes: 4, generationCount: 2 });
  });

  it('is noticed when the file has grown past the old position again', () => {
    const writer = createWriter('one\ntwo\n');
    const bench = follow();
    writer.truncate();
    writer.write('a longer line than before\n');
    bench.look();
    expect(bench.lines).toEqual(['one', 'two', 'a longer line than before']);
    expect(bench.events).toEqual(['caught up', 'gap truncated', 'rotated truncate']);
  });

  it('is noticed when the file has grown to the old position exactly', () => {
    const writer = createWriter('one\ntwo\n');
    const bench = follow();
    writer.truncate();
    writer.write('new\nnew\n');
    // The kernel's clock ticks every 4 ms; this write must have a stamp of its own.
    fs.utimesSync(path, 1, 1);
    bench.look();
    expect(bench.lines).toEqual(['one', 'two', 'new', 'new']);
    expect(bench.events).toEqual(['caught up', 'gap truncated', 'rotated truncate']);
  });

  it('ends a line that had no newline', () => {
    const writer = createWriter('one\nhalf a');
    const bench = follow();
    writer.truncate();
    writer.write('new\n');
    bench.rest();
    expect(bench.consumer.generations.map(({ lines }) => lines)).toEqual([['one', 'half a'], ['new']]);
  });

  it('after a copy is read on in the copy, and only what came between is lost', () => {
    const writer = createWriter(`${STAMP}one\n`);
    const bench = follow();
    writer.write(`${STAMP}unread\n`);
    writer.copyTruncate(`${STAMP}between\n`);
    writer.write('new\n');
    bench.rest();
    expect(bench.lines).toEqual([`${STAMP}one`, `${STAMP}unread`, 'new']);
    expect(bench.events).toEqual(['caught up', 'gap truncated', 'rotated truncate']);
    expect(bench.gaps[0]).toMatchObject({ fromByte: 2 * STAMP.length + 11, isExact: false, recoveredFrom: `${path}.1` });
  });

  it('after a copy that was packed at once is read on in the copy', async () => {
    const writer = createWriter(`${STAMP}one\n`);
    const bench = follow();
    writer.write(`${STAMP}unread\n`);
    writer.copyTruncate();
    fs.writeFileSync(`${path}.1.gz`, gzipSync(fs.readFileSync(`${path}.1`)));
    fs.rmSync(`${path}.1`);
    writer.write('new\n');
    await bench.restLong();
    expect(bench.lines).toEqual([`${STAMP}one`, `${STAMP}unread`, 'new']);
    expect(bench.gaps).toEqual([
      { reason: 'truncated', fromByte: STAMP.length + 4, lostBytes: 0, isExact: false, recoveredFrom: `${path}.1.gz` },
    ]);
    expect(bench.events).toEqual(['caught up', 'gap truncated', 'rotated truncate']);
  });

  it('with a packed generation of something else beside it loses nothing that is held', async () => {
    const writer = createWriter(`${STAMP}one\n${STAMP}hal`);
    const bench = follow();
    writer.writeSibling('homeserver.log.1.gz', '');
    fs.writeFileSync(`${path}.1.gz`, gzipSync('something else\n'));
    writer.truncate();
    writer.write('new\n');
    await bench.restLong();
    expect(bench.lines).toEqual([`${STAMP}one`, `${STAMP}hal`, 'new']);
    expect(bench.gaps).toMatchObject([{ reason: 'truncated', fromByte: 2 * STAMP.length + 7, lostBytes: 0, recoveredFrom: undefined }]);
  });

  it('several times after copies loses nothing that is in a copy', () => {
    const writer = createWriter(`${STAMP}0\n`);
    const bench = follow();
    for (let count = 1; count <= 5; count++) {
      writer.write(`${STAMP}${count}a\n`);
      writer.copyTruncate();
      writer.write(`${STAMP}${count}b\n`);
      if (count % 2 === 0) bench.rest();
    }
    bench.rest();
    expect(bench.events.filter((event) => event === 'gap truncated')).toHaveLength(5);
    expect(bench.events.filter((event) => event === 'rotated truncate')).toHaveLength(5);
    expect(bench.lines.map((line) => line.slice(STAMP.length))).toEqual([
      '0',
      ...[1, 2, 3, 4, 5].flatMap((count) => [`${count}a`, `${count}b`]),
    ]);
  });

  it('is not taken back by a copy of something else, nor by one that cannot be read', () => {
    const writer = createWriter(`${STAMP}one\n`);
    writer.writeSibling('homeserver.log.2', `${STAMP}two and more\n`);
    writer.writeSibling('homeserver.log.1', `${STAMP}one\nfrom the copy\n`);
    const bench = follow();
    bench.fileSystem.fail('open', 'EACCES', (name) => name === `${path}.1`);
    writer.truncate();
    writer.write('new\n');
    bench.rest();
    expect(bench.lines).toEqual([`${STAMP}one`, 'new']);
    expect(bench.gaps[0]?.recoveredFrom).toBeUndefined();
  });

  it('of a file of which less than a stamp is known is not taken back by a copy', () => {
    const writer = createWriter('x\n');
    writer.writeSibling('homeserver.log.1', 'x\nOLD\n');
    const bench = follow();
    writer.truncate();
    writer.write('new\n');
    bench.rest();
    expect(bench.lines).toEqual(['x', 'new']);
  });
});

describe('a file that is not there, or may not be read', () => {
  const MISSING = 'problem Cannot read "PATH": it does not exist, expected a file';
  const DENIED = 'problem Cannot read "PATH": permission denied, expected read permission on it and search permission on its folders';
  const told = (bench: FollowBench) => bench.events.map((event) => event.replace(path, 'PATH'));

  it('is waited for from the start, and read from its beginning even if the end was asked for', () => {
    const bench = follow({}, 'end');
    for (let hour = 0; hour < 3; hour++) {
      bench.clock.advance(3_600_000);
      bench.look();
    }
    expect(told(bench)).toEqual([MISSING, 'caught up']);
    createWriter('one\n');
    bench.look();
    expect(bench.lines).toEqual(['one']);
    expect(told(bench)).toEqual([MISSING, 'caught up', 'recovered']);
  });

  it('may have a folder that comes later', () => {
    fs.rmdirSync(folder);
    const bench = follow();
    fs.mkdirSync(folder);
    createWriter('one\n');
    bench.look();
    expect([bench.lines, told(bench)]).toEqual([['one'], [MISSING, 'caught up', 'recovered']]);
  });

  it('is no problem for a second while the old one is held, then it is', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    writer.shiftNumbered();
    bench.look();
    bench.clock.advance(999);
    bench.look();
    expect(told(bench)).toEqual(['caught up']);
    bench.clock.advance(1);
    bench.look();
    expect(told(bench)).toEqual(['caught up', MISSING]);
    writer.write('two\n');
    bench.look();
    writer.reopen();
    writer.write('three\n');
    bench.rest();
    expect(bench.lines).toEqual(['one', 'two', 'three']);
    expect(told(bench)).toEqual(['caught up', MISSING, 'recovered', 'rotated rename']);
  });

  it('that is no file is not opened', () => {
    fs.mkdirSync(path);
    const bench = follow();
    bench.look();
    expect(told(bench)).toEqual(['problem Cannot read "PATH": it is a directory, expected a file', 'caught up']);
    fs.rmdirSync(path);
    bench.look();
    createWriter('one\n');
    bench.look();
    expect(bench.lines).toEqual(['one']);
    expect(told(bench).slice(2)).toEqual([MISSING, 'recovered']);
  });

  it('is tried again until permission is given', () => {
    createWriter('one\n');
    const bench = new FollowBench(path);
    onTestFinished(() => bench.follower.stop());
    bench.fileSystem.forbid(path);
    bench.start();
    bench.look();
    bench.look();
    expect(told(bench)).toEqual([DENIED, 'caught up']);
    bench.fileSystem.heal();
    bench.look();
    expect([bench.lines, told(bench)]).toEqual([['one'], [DENIED, 'caught up', 'recovered']]);
  });

  it('is read on when permission is taken while it is open, and that is told', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    fs.chmodSync(path, 0o600);
    bench.fileSystem.forbid(path);
    bench.look();
    writer.write('two\n');
    bench.look();
    expect([bench.lines, told(bench)]).toEqual([
      ['one', 'two'],
      ['caught up', DENIED],
    ]);
    bench.fileSystem.heal();
    bench.look();
    expect(told(bench)).toEqual(['caught up', DENIED, 'recovered']);
  });

  it('keeps the old file while the new one may not be read', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    bench.rest();
    writer.rotateNumbered();
    fs.chmodSync(path, 0o600);
    bench.fileSystem.forbid(path);
    writer.write('two\n');
    writer.writeLate('late\n');
    bench.rest();
    expect([bench.lines, told(bench)]).toEqual([
      ['one', 'late'],
      ['caught up', DENIED],
    ]);
    bench.fileSystem.heal();
    bench.rest();
    expect([bench.lines, bench.gaps]).toEqual([['one', 'late', 'two'], []]);
    expect(told(bench).slice(2)).toEqual(['rotated rename', 'recovered']);
  });
});

describe('a disk that fails', () => {
  it('is tried again, and nothing is lost or doubled', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    writer.write('two\n');
    bench.fileSystem.fail('read', 'EIO');
    bench.look();
    bench.look();
    expect(bench.events).toEqual(['caught up', `problem Cannot read "${path}": EIO: injected, read '${path}'`]);
    bench.fileSystem.heal();
    bench.look();
    expect(bench.lines).toEqual(['one', 'two']);
    expect(bench.events.at(-1)).toBe('recovered');
  });

  it('whose handle has gone bad is opened anew at the same place', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    writer.write('two\n');
    let opened = 0;
    bench.fileSystem.onCall = (call) => {
      if (call === 'open') opened++;
    };
    bench.fileSystem.fail('lookAtOpen', 'ESTALE', () => opened === 0);
    bench.look();
    bench.look();
    expect([bench.lines, opened]).toEqual([['one', 'two'], 1]);
    expect(bench.events.at(-1)).toBe('recovered');
  });

  it('gives up a rotated file that it cannot read, and says what is lost', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    writer.write('lost\n');
    bench.fileSystem.fail('read', 'EIO');
    bench.look();
    writer.rotateNumbered();
    writer.write('new\n');
    bench.look();
    bench.fileSystem.heal();
    bench.rest();
    expect(bench.lines).toEqual(['one', 'new']);
    expect(bench.gaps).toEqual([{ reason: 'unreadable', fromByte: 4, lostBytes: 5, isExact: false, recoveredFrom: undefined }]);
  });
});

describe('catching up', () => {
  const LINE = `${'x'.repeat(99)}\n`;

  it('reads a mebibyte a turn', () => {
    createWriter(LINE.repeat(50_000));
    const bench = new FollowBench(path);
    onTestFinished(() => bench.follower.stop());
    bench.follower.start('beginning');
    const positions: number[] = [];
    while (bench.turns.waitingCount > 0) {
      bench.turns.runOne();
      positions.push(bench.follower.state.positionBytes);
    }
    expect(positions).toEqual([1, 2, 3, 4, 5].map((mebibytes) => Math.min(5_000_000, mebibytes * 1024 * 1024)));
    expect(bench.events).toEqual(['caught up']);
    expect(bench.lines).toHaveLength(50_000);
  });

  it('tells what is unread, also in later generations', () => {
    const writer = createWriter(LINE.repeat(20_000));
    const bench = new FollowBench(path);
    onTestFinished(() => bench.follower.stop());
    bench.follower.start('beginning');
    bench.turns.runOne();
    expect(bench.follower.state).toMatchObject({ unreadBytes: 2_000_000 - 1024 * 1024, isCaughtUp: false });
    writer.rotateNumbered();
    writer.write(LINE);
    bench.turns.runAll();
    expect(bench.follower.state).toMatchObject({ unreadBytes: 100, isCaughtUp: false });
    bench.rest();
    expect(bench.follower.state).toMatchObject({ unreadBytes: 0, isCaughtUp: true });
  });

  it('ends its turn early when the consumer is slow', () => {
    createWriter(LINE.repeat(50_000));
    const bench = new FollowBench(path);
    onTestFinished(() => bench.follower.stop());
    const read: ChunkConsumer['read'] = bench.consumer.read.bind(bench.consumer);
    bench.consumer.read = (bytes, length) => {
      bench.clock.pass(5);
      return read(bytes, length);
    };
    bench.follower.start('beginning');
    bench.turns.runOne();
    expect(bench.follower.state.positionBytes).toBe(2 * 256 * 1024);
  });

  it('reads nothing while turns are held, however it is asked, and goes on after', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    let isDone = false;
    bench.turns.whole(() => isDone);
    writer.write('two\n');
    for (let count = 0; count < 3; count++) bench.follower.look();
    bench.clock.advance(10 * RECORD_IDLE_MS);
    bench.turns.runOne();
    expect([bench.lines, bench.turns.isHeld]).toEqual([['one'], true]);
    isDone = true;
    bench.turns.runAll();
    expect(bench.lines).toEqual(['one', 'two']);
  });

  it('takes turns with other followers', () => {
    createWriter(LINE.repeat(50_000));
    const other = join(folder, 'worker1.log');
    fs.writeFileSync(other, 'one\n');
    const turns = new ManualTurns();
    const [large, small] = [new FollowBench(path, {}, turns), new FollowBench(other, {}, turns)];
    onTestFinished(() => {
      large.follower.stop();
      small.follower.stop();
    });
    large.follower.start('beginning');
    small.follower.start('beginning');
    turns.runOne();
    turns.runOne();
    expect(small.lines).toEqual(['one']);
    expect(large.follower.state.isCaughtUp).toBe(false);
    turns.runAll();
    expect(large.lines).toHaveLength(50_000);
  });

  it('cuts a line of 25 MB with a buffer that never grows', () => {
    const writer = createWriter('before\n');
    const bench = follow();
    for (let count = 0; count < 25; count++) {
      writer.write('x'.repeat(1_000_000));
      bench.look();
    }
    writer.write('\nafter\n');
    bench.look();
    expect(bench.lines.map((line) => line.length)).toEqual([6, MAX_LINE_BYTES, 5]);
    expect(bench.consumer.bufferBytes).toBe(FEED_BUFFER_BYTES);
    expect(bench.consumer.longestBytes).toBeLessThanOrEqual(FEED_BUFFER_BYTES);
  });
});
