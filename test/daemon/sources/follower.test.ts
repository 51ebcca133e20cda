/** Following one file that grows, falls quiet or is far behind. Real files; clock, wake and turns are the test's. */
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FEED_BUFFER_BYTES } from '../../../daemon/sources/chunk-feeder.ts';
import { type ChunkConsumer, MAX_LINE_BYTES, RECORD_IDLE_MS } from '../../../src/lines/chunk-consumer.ts';
import { FollowBench } from '../../testbench/follow-bench.ts';
import { useFollowedLog } from '../../testbench/followed-log.ts';
import { ManualTurns } from '../../testbench/manual-wake.ts';

const log = useFollowedLog();
const { createWriter, follow, createBench } = log;

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
    expect(bench.follower.state).toMatchObject({ path: log.path, positionBytes: 6, heldBytes: 2, sizeBytes: 6, unreadBytes: 0 });
    expect(bench.follower.state).toMatchObject({ isCaughtUp: true, generationCount: 1 });
    const { ino, dev } = fs.statSync(log.path);
    expect(bench.follower.position()?.generation?.identity).toMatchObject({ ino, dev, prefix: { lengthBytes: 6 } });
    writer.write(`o\n${'x'.repeat(2000)}\n`);
    bench.look();
    expect(bench.follower.position()?.generation?.identity.prefix.lengthBytes).toBe(1024);
  });

  it('can be started once only', () => {
    createWriter();
    const bench = follow();
    expect(() => bench.follower.start('end')).toThrow(
      `Cannot start following "${log.path}": it was started before, expected a new follower`,
    );
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

describe('catching up', () => {
  const LINE = `${'x'.repeat(99)}\n`;

  it('reads a mebibyte a turn', () => {
    createWriter(LINE.repeat(50_000));
    const bench = createBench();
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
    const bench = createBench();
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
    const bench = createBench();
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
    const other = join(log.folder, 'worker1.log');
    fs.writeFileSync(other, 'one\n');
    const turns = new ManualTurns();
    const [large, small] = [new FollowBench(log.path, {}, turns), new FollowBench(other, {}, turns)];
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
