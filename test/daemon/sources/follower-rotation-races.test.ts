/** Rotations in the middle of a look, and generations that were packed before their turn came. Real files; clock, wake and turns are the test's. */
import fs from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { useFollowedLog } from '../../testbench/followed-log.ts';

const log = useFollowedLog();
const { createWriter, follow } = log;

describe('a generation that was packed', () => {
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
    fs.writeFileSync(`${log.path}.1.gz`, pack(gzipSync('two\n')));
    fs.rmSync(`${log.path}.1`);
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
    fs.writeFileSync(`${log.path}.1.gz`, gzipSync(text));
    fs.rmSync(`${log.path}.1`);
    // However the packer sets the time of the packed file.
    fs.utimesSync(`${log.path}.1.gz`, new Date(), new Date(Date.now() + 60_000));
    writer.write('two\n');
    await bench.restLong();
    expect([bench.lines, bench.gaps]).toEqual([[text.trim(), 'two'], []]);
  });

  it.each([
    ['to the nanosecond', 0],
    ['to the second, as some packers do', 0.7],
  ])('reads a generation once that it holds and that was packed meanwhile, its time kept %s', async (_, lostSeconds) => {
    const writer = createWriter();
    const bench = follow();
    const text = (name: string): string => `${name} ${'2026-06-30 12:00:00,123 - synapse'.repeat(2)}\n`;
    writer.write(text('one'));
    bench.look();
    for (const name of ['two', 'three']) {
      writer.rotateNumbered();
      writer.write(text(name));
      // Seen at the path, and held.
      bench.look();
    }
    writer.rotateNumbered();
    writer.write(text('four'));
    for (const [number, time] of [
      [2, 1_000_000_001.7],
      [1, 1_000_000_003.7],
    ] as const) {
      fs.utimesSync(`${log.path}.${number}`, time, time);
      fs.writeFileSync(`${log.path}.${number}.gz`, gzipSync(fs.readFileSync(`${log.path}.${number}`)));
      fs.utimesSync(`${log.path}.${number}.gz`, time - lostSeconds, time - lostSeconds);
    }
    fs.utimesSync(`${log.path}.3`, 1_000_000_000, 1_000_000_000);
    for (const number of [1, 2]) fs.rmSync(`${log.path}.${number}`);
    await bench.restLong();
    expect(bench.lines.map((line) => line.split(' ')[0])).toEqual(['one', 'two', 'three', 'four']);
    expect(bench.gaps).toEqual([]);
    expect(bench.events.filter((event) => event.startsWith('rotated'))).toHaveLength(3);
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
});

describe('a rotation in the middle of a look', () => {
  it('survives a rotation that is taken back between its look and its opening of the new file', () => {
    const writer = createWriter('one\n');
    const bench = follow();
    writer.shiftNumbered();
    writer.createEmpty();
    bench.fileSystem.onCall = (call, name) => {
      if (call !== 'open' || name !== log.path) return;
      bench.fileSystem.onCall = () => {};
      fs.renameSync(`${log.path}.1`, log.path);
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
      if (call !== 'look' || name !== `${log.path}.1`) return;
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
      if (call !== moment || (call === 'open' && name !== `${log.path}.1`)) return;
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
