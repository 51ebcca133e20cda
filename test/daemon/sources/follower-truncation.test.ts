/** Following a file that is emptied in place, with and without a copy. Real files; clock, wake and turns are the test's. */
import fs from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { useFollowedLog } from '../../testbench/followed-log.ts';

const log = useFollowedLog();
const { createWriter, follow } = log;

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
    fs.utimesSync(log.path, 1, 1);
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
    expect(bench.gaps[0]).toMatchObject({ fromByte: 2 * STAMP.length + 11, isExact: false, recoveredFrom: `${log.path}.1` });
  });

  it('after a copy that was packed at once is read on in the copy', async () => {
    const writer = createWriter(`${STAMP}one\n`);
    const bench = follow();
    writer.write(`${STAMP}unread\n`);
    writer.copyTruncate();
    fs.writeFileSync(`${log.path}.1.gz`, gzipSync(fs.readFileSync(`${log.path}.1`)));
    fs.rmSync(`${log.path}.1`);
    writer.write('new\n');
    await bench.restLong();
    expect(bench.lines).toEqual([`${STAMP}one`, `${STAMP}unread`, 'new']);
    expect(bench.gaps).toEqual([
      { reason: 'truncated', fromByte: STAMP.length + 4, lostBytes: 0, isExact: false, recoveredFrom: `${log.path}.1.gz` },
    ]);
    expect(bench.events).toEqual(['caught up', 'gap truncated', 'rotated truncate']);
  });

  it('with a packed generation of something else beside it loses nothing that is held', async () => {
    const writer = createWriter(`${STAMP}one\n${STAMP}hal`);
    const bench = follow();
    writer.writeSibling('homeserver.log.1.gz', '');
    fs.writeFileSync(`${log.path}.1.gz`, gzipSync('something else\n'));
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
    bench.fileSystem.fail('open', 'EACCES', (name) => name === `${log.path}.1`);
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
