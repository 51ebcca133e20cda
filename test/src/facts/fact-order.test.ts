/** Facts in the order of log time, whatever order sources are read in; and the same over a restart. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../../src/facts/fact.ts';
import { FactOrder, LAG_MS, MAX_WAITING } from '../../../src/facts/fact-order.ts';

const T0 = 1_782_820_800_000;
const fact = (timeMs: number, name = ''): Fact => ({
  kind: 'logged_in',
  timeMs: T0 + timeMs,
  provenance: { source: '', positions: [0], requestId: '', incarnation: 0, ruleId: '' },
  userId: '',
  deviceId: name,
});

function collect(...sources: readonly string[]) {
  const names: string[] = [];
  const order = new FactOrder((each) => names.push(each.kind === 'logged_in' ? each.deviceId : ''));
  for (const source of sources) order.addSource(source);
  return { order, names };
}

describe('facts of one source', () => {
  it('wait for the lag, and go on in the order of their times', () => {
    const { order, names } = collect('a');
    order.add('a', fact(200, 'second'), T0 + 300);
    order.add('a', fact(100, 'first'), T0 + 310);
    order.advance('a', T0 + 100 + LAG_MS);
    expect(names).toEqual([]);
    order.advance('a', T0 + 100 + LAG_MS + 1);
    expect(names).toEqual(['first']);
    order.end();
    expect(names).toEqual(['first', 'second']);
  });

  it('of a request that took longer than the lag are put that far before its close', () => {
    const { order, names } = collect('a');
    order.add('a', fact(5000, 'short'), T0 + 5000);
    order.add('a', fact(0, 'long'), T0 + LAG_MS + 4000);
    order.add('a', fact(3000, 'before'), T0 + LAG_MS + 4000);
    order.end();
    expect(names).toEqual(['long', 'before', 'short']);
  });

  it('without a log time go on at once', () => {
    const { order, names } = collect('a');
    order.add('a', fact(Number.NaN, 'timeless'), Number.NaN);
    expect(names).toEqual(['timeless']);
  });

  it('go on before their time where too many wait, and are counted', () => {
    const { order, names } = collect('a');
    for (let i = 0; i <= MAX_WAITING; i++) order.add('a', fact(0, String(i)), T0);
    expect([names.length, names[0], order.waiting, order.overflowed]).toEqual([1, '0', MAX_WAITING, 1]);
  });
});

describe('facts of several sources', () => {
  it('wait for the one that is furthest behind', () => {
    const { order, names } = collect('a', 'b');
    order.add('a', fact(0, 'a'), T0);
    order.advance('a', T0 + 100 * LAG_MS);
    expect(names).toEqual([]);
    order.add('b', fact(-5, 'b'), T0 - 5);
    order.advance('b', T0 + LAG_MS + 1);
    expect(names).toEqual(['b', 'a']);
  });

  it('don’t wait for one that has nothing to read, but for what it may still have in its buffer', () => {
    const { order, names } = collect('a', 'b');
    order.setIdle('b', true);
    order.add('a', fact(0, 'a'), T0);
    order.advance('a', T0 + 2 * LAG_MS);
    expect(names).toEqual([]);
    order.advance('a', T0 + 2 * LAG_MS + 1);
    expect(names).toEqual(['a']);
  });
});

/** One source's facts, as they come: when each was, and when its request closed; some time passes between. */
const stream = fc.array(fc.record({ passedMs: fc.nat({ max: 4000 }), agoMs: fc.nat({ max: 3 * LAG_MS }) }), { maxLength: 25, size: 'max' });

interface Arrival {
  readonly source: string;
  readonly name: string;
  readonly timeMs: number;
  readonly clockMs: number;
}

function arrivals(source: string, steps: readonly { passedMs: number; agoMs: number }[]): Arrival[] {
  let clockMs = 0;
  return steps.map(({ passedMs, agoMs }, i) => {
    clockMs += passedMs;
    return { source, name: `${source}${i}`, timeMs: clockMs - agoMs, clockMs };
  });
}

/** In turn, by `picks`; what comes out. `restartAt`: dumped and restored before that arrival. */
function play(streams: readonly Arrival[][], picks: readonly number[], restartAt = -1): string[] {
  const names: string[] = [];
  const create = (): FactOrder => {
    const created = new FactOrder((each) => names.push(each.kind === 'logged_in' ? each.deviceId : ''));
    for (const source of ['a', 'b']) created.addSource(source);
    return created;
  };
  let order = create();
  const kept = new Map<string, string>();
  const rest = streams.map((each) => [...each]);
  for (let step = 0; rest.some(({ length }) => length > 0); step++) {
    // What changed is kept every third step, as a commit does.
    if (step % 3 === 0 || step === restartAt) {
      for (const [key, text] of order.changedRows())
        if (text === null) kept.delete(key);
        else kept.set(key, text);
      order.markCommitted();
    }
    if (step === restartAt) {
      order = create();
      expect(order.restoreRows(kept)).toEqual([]);
    }
    const open = rest.filter(({ length }) => length > 0);
    const next = open[(picks[step % picks.length] ?? 0) % open.length]?.shift() as Arrival;
    order.add(next.source, fact(next.timeMs, next.name), T0 + next.clockMs);
  }
  order.end();
  return names;
}

describe('any facts', () => {
  it('come out in one order, whoever is read first and wherever a restart falls', () => {
    fc.assert(
      fc.property(
        stream,
        stream,
        fc.array(fc.nat({ max: 1 }), { minLength: 1, maxLength: 20 }),
        fc.nat({ max: 50 }),
        (a, b, picks, restartAt) => {
          const streams = [arrivals('a', a), arrivals('b', b)];
          const expected = streams
            .flat()
            .map((each, i) => ({ ...each, i, atMs: Math.max(each.timeMs, each.clockMs - LAG_MS) }))
            .sort((x, y) => x.atMs - y.atMs || (x.source < y.source ? -1 : x.source > y.source ? 1 : x.i - y.i))
            .map(({ name }) => name);
          expect(play(streams, picks)).toEqual(expected);
          expect(play(streams, picks, restartAt)).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });
});
