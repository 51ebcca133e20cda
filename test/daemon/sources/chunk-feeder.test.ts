/** The buffer between reader and consumer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkFeeder, FEED_BUFFER_BYTES } from '../../../daemon/sources/chunk-feeder.ts';
import { type ChunkConsumer, MAX_HELD_BYTES } from '../../../src/lines/chunk-consumer.ts';
import { RecordingConsumer } from '../../testbench/recording-consumer.ts';

/** Holds back all but `done` bytes of each read. */
function holding(done: (length: number) => number): ChunkConsumer & { lengths: number[] } {
  const lengths: number[] = [];
  return {
    lengths,
    read: (_, length) => {
      lengths.push(length);
      return done(length);
    },
    begin: () => {},
    settle: () => 0,
    finish: (_, length) => lengths.push(length),
  };
}

describe('ChunkFeeder', () => {
  it('presents held bytes again, with the new ones behind them', () => {
    const consumer = new RecordingConsumer();
    const feeder = new ChunkFeeder(consumer);
    feeder.push(Buffer.from('one\ntw'));
    expect([consumer.lines, feeder.heldBytes]).toEqual([['one'], 2]);
    feeder.push(Buffer.from('o\nth'));
    feeder.finish();
    expect(consumer.lines).toEqual(['one', 'two', 'th']);
    expect(feeder.heldBytes).toBe(0);
  });

  it('has room for half a mebibyte while as much is held as may be', () => {
    const feeder = new ChunkFeeder(holding((length) => Math.max(0, length - MAX_HELD_BYTES)));
    feeder.push(new Uint8Array(5 * FEED_BUFFER_BYTES));
    let room = 0;
    feeder.fill((_, __, length) => {
      room = length;
      return 0;
    }, Number.MAX_SAFE_INTEGER);
    expect(room).toBe(512 * 1024);
  });

  it('never asks for more than it was told to, nor for more than there is room', () => {
    const consumer = holding((length) => length);
    const feeder = new ChunkFeeder(consumer);
    const asked: number[] = [];
    const read = (_: Uint8Array, __: number, length: number): number => {
      asked.push(length);
      return length;
    };
    for (const max of [10, FEED_BUFFER_BYTES, FEED_BUFFER_BYTES + 1]) feeder.fill(read, max);
    expect(asked).toEqual([10, FEED_BUFFER_BYTES, FEED_BUFFER_BYTES]);
    expect(consumer.lengths).toEqual(asked);
  });

  it('does not call the consumer when nothing came', () => {
    const consumer = holding((length) => length);
    expect(new ChunkFeeder(consumer).fill(() => 0, 100)).toBe(0);
    expect(consumer.lengths).toEqual([]);
  });

  it('goes on with a consumer that holds a little too much, and stops with one that holds everything', () => {
    const greedy = new ChunkFeeder(holding((length) => Math.max(0, length - MAX_HELD_BYTES - 1)));
    greedy.push(new Uint8Array(3 * FEED_BUFFER_BYTES));
    expect(greedy.heldBytes).toBe(MAX_HELD_BYTES + 1);
    const stuck = new ChunkFeeder(holding(() => 0));
    expect(() => stuck.push(new Uint8Array(FEED_BUFFER_BYTES + 1))).toThrow(
      `Cannot feed on: the consumer holds all ${FEED_BUFFER_BYTES} bytes, at most ${MAX_HELD_BYTES} are allowed`,
    );
  });

  it.each([-1, 11])('refuses a consumer that is done with %d of 10 bytes', (done) => {
    const feeder = new ChunkFeeder(holding(() => done));
    expect(() => feeder.push(new Uint8Array(10))).toThrow(`Cannot feed on: the consumer is done with ${done} of 10 bytes`);
  });

  it('settles what the consumer takes and keeps the rest', () => {
    const consumer = new RecordingConsumer({ holdsLastLine: true });
    const feeder = new ChunkFeeder(consumer);
    feeder.push(Buffer.from('one\ntwo\nthr'));
    expect(consumer.lines).toEqual(['one']);
    feeder.settle();
    expect([consumer.lines, consumer.heldText]).toEqual([['one', 'two'], 'thr']);
  });

  it('property: any chunking of any bytes gives the same bytes, and the same lines', () => {
    const line = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '\n', '\r\n', 'é'.repeat(9), '\0'));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 40 })), fc.boolean(), (lines, cuts, holdsLastLine) => {
        const bytes = Buffer.from(lines.join('\n'));
        const consumer = new RecordingConsumer({ holdsLastLine, keepsBytes: true });
        const feeder = new ChunkFeeder(consumer);
        let start = 0;
        for (const cut of cuts) {
          feeder.push(bytes.subarray(start, start + cut));
          start = Math.min(bytes.length, start + cut);
        }
        feeder.push(bytes.subarray(start));
        feeder.finish();
        expect(consumer.bytes.equals(bytes)).toBe(true);
        const expected = bytes.toString().split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(consumer.lines).toEqual(expected);
      }),
    );
  });
});
