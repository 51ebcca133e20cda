/** Turns of the event loop. */
import { describe, expect, it } from 'vitest';
import { behindTurns, createTurns, inTurns } from '../../../daemon/sources/turns.ts';
import type { ChunkConsumer } from '../../../src/lines/chunk-consumer.ts';
import { ManualTurns } from '../../testbench/manual-wake.ts';

/** Resolves when the event loop has gone round once. */
const round = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('createTurns', () => {
  it('runs one step a round, in the order asked for, and one that asks again behind the others', async () => {
    const turns = createTurns();
    const ran: string[] = [];
    turns.request(() => {
      ran.push('a');
      turns.request(() => ran.push('a again'));
    });
    turns.request(() => ran.push('b'));
    expect(ran).toEqual([]);
    const seen: string[][] = [];
    for (let count = 0; count < 4; count++) {
      await round();
      seen.push([...ran]);
    }
    expect(seen.at(-1)).toEqual(['a', 'b', 'a again']);
    for (let count = 1; count < seen.length; count++) expect(seen[count]!.length - seen[count - 1]!.length).toBeLessThanOrEqual(1);
  });

  it('takes up again after it has run dry', async () => {
    const turns = createTurns();
    const ran: number[] = [];
    for (let count = 0; count < 3; count++) {
      turns.request(() => ran.push(count));
      await round();
    }
    expect(ran).toEqual([0, 1, 2]);
  });

  it('runs the parts of a whole one a round, and no step before it has ended', async () => {
    const turns = createTurns();
    const ran: string[] = [];
    turns.request(() => ran.push('step'));
    let count = 0;
    turns.whole(() => {
      ran.push('part');
      return ++count === 3;
    });
    expect(turns.isHeld).toBe(true);
    turns.request(() => ran.push('later step'));
    const seen: number[] = [];
    for (let i = 0; i < 6; i++) {
      await round();
      seen.push(ran.length);
    }
    expect(ran).toEqual(['part', 'part', 'part', 'step', 'later step']);
    for (let i = 1; i < seen.length; i++) expect(seen[i]! - seen[i - 1]!).toBeLessThanOrEqual(1);
    expect(turns.isHeld).toBe(false);
  });

  it('runs what is left of a whole at once where somebody cannot wait, and refuses a second one', async () => {
    const turns = createTurns();
    let count = 0;
    const part = () => ++count === 3;
    turns.finish();
    turns.whole(part);
    expect(() => turns.whole(part)).toThrow(RangeError);
    await round();
    turns.finish();
    expect([count, turns.isHeld]).toEqual([3, false]);
    await round();
    await round();
    expect(count).toBe(3);
  });
});

describe('what is inside', () => {
  it('is waited for by a whole, while steps wait for that; and waits for one that has begun', async () => {
    const turns = createTurns();
    const ran: string[] = [];
    await turns.enter();
    turns.whole(() => ran.push('part') === 2);
    turns.request(() => ran.push('step'));
    for (let i = 0; i < 3; i++) await round();
    expect([ran, turns.isHeld]).toEqual([[], true]);
    const entering = turns.enter().then(() => ran.push('inside'));
    turns.leave();
    await entering;
    expect(ran.slice(0, 3)).toEqual(['part', 'part', 'inside']);
    turns.leave();
    for (let i = 0; i < 3; i++) await round();
    expect(ran).toEqual(['part', 'part', 'inside', 'step']);
  });

  it('may change what a whole has not looked at, and finishes one that was begun for somebody in a hurry', async () => {
    const turns = createTurns();
    let parts = 0;
    await turns.enter();
    turns.whole(() => ++parts === 3);
    turns.finishBegun();
    expect(parts).toBe(0);
    turns.finish();
    expect([parts, turns.isHeld]).toEqual([3, false]);
    turns.leave();
  });

  it('is each chunk of what is read in turns, until the next is asked for', async () => {
    const turns = createTurns();
    const told: string[] = [];
    const chunks = async function* () {
      yield new Uint8Array(1);
      yield new Uint8Array(2);
    };
    for await (const chunk of inTurns(chunks(), turns)) {
      turns.whole(() => told.push('whole') > 0);
      await round();
      await round();
      told.push(`chunk ${chunk.length}`);
    }
    await round();
    expect(told).toEqual(['chunk 1', 'whole', 'chunk 2', 'whole']);
  });

  it('has left when nobody wants more', async () => {
    const turns = createTurns();
    const chunks = async function* () {
      for (;;) yield new Uint8Array(1);
    };
    for await (const _chunk of inTurns(chunks(), turns)) break;
    let isDone = false;
    turns.whole(() => {
      isDone = true;
      return true;
    });
    await round();
    await round();
    expect(isDone).toBe(true);
  });
});

describe('a consumer behind turns', () => {
  it.each([
    ['read', (consumer: ChunkConsumer) => consumer.read(new Uint8Array(1), 1)],
    ['settle', (consumer: ChunkConsumer) => consumer.settle(new Uint8Array(1), 1)],
    ['finish', (consumer: ChunkConsumer) => consumer.finish(new Uint8Array(1), 1)],
    ['begin', (consumer: ChunkConsumer) => consumer.begin(1)],
  ])('(%s) is called when the whole has ended', (name, call) => {
    const turns = new ManualTurns();
    const told: string[] = [];
    const tell =
      <T>(what: string, value: T) =>
      () => {
        told.push(what);
        return value;
      };
    let parts = 0;
    turns.whole(() => {
      told.push('part');
      return ++parts === 2;
    });
    turns.runOne();
    const consumer = {
      begin: tell('begin', undefined),
      read: tell('read', 1),
      settle: tell('settle', 1),
      finish: tell('finish', undefined),
    };
    call(behindTurns(consumer, turns));
    expect(told).toEqual(['part', 'part', name]);
  });
});
