/** Following a file that isn't there, may not be read, or stands on a failing disk. Real files; clock, wake and turns are the test's. */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FollowBench } from '../../testbench/follow-bench.ts';
import { useFollowedLog } from '../../testbench/followed-log.ts';

const log = useFollowedLog();
const { createWriter, follow, createBench } = log;

describe('a file that is not there, or may not be read', () => {
  const MISSING = 'problem Cannot read "PATH": it does not exist, expected a file';
  const DENIED = 'problem Cannot read "PATH": permission denied, expected read permission on it and search permission on its folders';
  const told = (bench: FollowBench) => bench.events.map((event) => event.replace(log.path, 'PATH'));

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
    fs.rmdirSync(log.folder);
    const bench = follow();
    fs.mkdirSync(log.folder);
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

  it.each<[string, (bench: FollowBench) => void, (bench: FollowBench) => void]>([
    ['missing', () => fs.renameSync(log.path, `${log.path}.away`), () => fs.renameSync(`${log.path}.away`, log.path)],
    ['not readable', (bench) => bench.fileSystem.forbid(log.path), (bench) => bench.fileSystem.heal()],
  ])('has not reached its end while it is %s, though there is nothing to catch up on', (_, take, giveBack) => {
    createWriter('one\n');
    const bench = createBench();
    take(bench);
    bench.start();
    expect(bench.follower.state).toMatchObject({ isCaughtUp: true, hasReachedEnd: false });
    giveBack(bench);
    bench.rest();
    expect(bench.follower.state).toMatchObject({ isCaughtUp: true, hasReachedEnd: true });
    take(bench);
    bench.rest();
    expect(bench.follower.state.hasReachedEnd).toBe(true);
  });

  it('that is no file is not opened', () => {
    fs.mkdirSync(log.path);
    const bench = follow();
    bench.look();
    expect(told(bench)).toEqual(['problem Cannot read "PATH": it is a directory, expected a file', 'caught up']);
    fs.rmdirSync(log.path);
    bench.look();
    createWriter('one\n');
    bench.look();
    expect(bench.lines).toEqual(['one']);
    expect(told(bench).slice(2)).toEqual([MISSING, 'recovered']);
  });

  it('is tried again until permission is given', () => {
    createWriter('one\n');
    const bench = createBench();
    bench.fileSystem.forbid(log.path);
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
    fs.chmodSync(log.path, 0o600);
    bench.fileSystem.forbid(log.path);
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
    fs.chmodSync(log.path, 0o600);
    bench.fileSystem.forbid(log.path);
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
    expect(bench.events).toEqual(['caught up', `problem Cannot read "${log.path}": EIO: injected, read '${log.path}'`]);
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
