/** Records of one request come together, bounded in age, number and size; whatever is given up is told, once. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordMatch } from '../../../src/requests/joined-request.ts';
import { type JoinBounds, type JoinKey, joinKey, type OpenJoin, RequestJoiner } from '../../../src/requests/request-joiner.ts';
import type { CompiledRule } from '../../../src/rules/rule-set.ts';

const RULE = { id: 'test' } as CompiledRule;
const recordAt = (timeMs: number, position = 0): RecordMatch => ({ rule: RULE, captures: {}, items: [], timeMs, position });

interface Given {
  readonly id: string;
  readonly outcome: string;
  readonly records: number;
}

function create(bounds: Partial<JoinBounds> = {}) {
  const given: Given[] = [];
  const joiner = new RequestJoiner(
    { maxOpen: 100, maxAgeMs: 60_000, maxRecords: 4, ...bounds },
    ({ requestId, matches }: OpenJoin, outcome) => given.push({ id: requestId, outcome, records: matches.length }),
  );
  const add = (key: JoinKey, timeMs = 0) => joiner.add(key, `id-${key}`, 0, recordAt(timeMs));
  return { joiner, given, add };
}

describe('a join', () => {
  it('gives the records of a request, in order, to its access line, once', () => {
    const { joiner, given, add } = create();
    add(1, 10);
    add(2, 11);
    add(1, 12);
    expect(joiner.openCount).toBe(2);
    expect(joiner.take(1)?.matches.map(({ timeMs }) => timeMs)).toEqual([10, 12]);
    expect(joiner.take(1)).toBeNull();
    expect(joiner.take(3)).toBeNull();
    expect([joiner.openCount, given]).toEqual([1, []]);
  });

  it('is kept apart from others of the same number in another epoch, and from texts', () => {
    const { joiner, add } = create();
    for (const key of [joinKey(0, 7), joinKey(1, 7), '7', 'req-7']) add(key);
    for (const key of [joinKey(1, 7), '7', joinKey(0, 7), 'req-7']) expect(joiner.take(key)?.requestId).toBe(`id-${key}`);
  });

  it('keeps its first records up to the bound, and counts the others', () => {
    const { joiner, add } = create({ maxRecords: 3 });
    for (let i = 0; i < 10; i++) add(1, i);
    expect(joiner.take(1)?.matches.map(({ timeMs }) => timeMs)).toEqual([0, 1, 2]);
    expect(joiner.droppedRecords).toBe(7);
  });

  it('lives at least half as long as its bound says, by log time, and is then given up', () => {
    const { joiner, given, add } = create({ maxAgeMs: 60_000 });
    add(1, 0);
    add(2, 29_999);
    add(3, 30_000);
    expect(given).toEqual([]);
    add(4, 59_999);
    expect(given).toEqual([]);
    add(5, 60_000);
    expect(given).toEqual([
      { id: 'id-1', outcome: 'expired', records: 1 },
      { id: 'id-2', outcome: 'expired', records: 1 },
    ]);
    expect(joiner.take(3)).not.toBeNull();
  });

  it('is given up at the first record behind a long gap, however young it was before', () => {
    const { given, add } = create({ maxAgeMs: 60_000 });
    add(1, 0);
    add(2, 29_000);
    add(3, 90_000);
    expect(given.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(['id-1 expired', 'id-2 expired']);
  });

  it('goes on ageing behind a record that claims to be from far ahead', () => {
    const { given, add } = create({ maxAgeMs: 60_000 });
    add(1, 1_000_000_000_000);
    for (let i = 2; i < 12; i++) add(i, i * 20_000);
    expect(given.map(({ id }) => id)).toContain('id-2');
    expect(given.map(({ id }) => id)).not.toContain('id-11');
  });

  it('of a log without time is bounded by number alone', () => {
    const { joiner, given, add } = create({ maxOpen: 10 });
    for (let i = 0; i < 11; i++) add(i, Number.NaN);
    expect(joiner.openCount).toBeLessThanOrEqual(10);
    expect(given.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(
      ['id-0', 'id-1', 'id-2', 'id-3', 'id-4'].map((id) => `${id} evicted`),
    );
  });

  it('is given up, oldest first, when the input is over', () => {
    const { joiner, given, add } = create({ maxAgeMs: 60_000 });
    for (const [key, timeMs] of [
      [3, 0],
      [1, 1],
      [2, 31_000],
      [9, 31_001],
    ] as const)
      add(key, timeMs);
    joiner.take(1);
    joiner.end();
    expect(given.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(['id-3 ended', 'id-2 ended', 'id-9 ended']);
    expect([joiner.openCount, joiner.take(3)]).toEqual([0, null]);
  });

  it.each([0, 1, -5, Number.NaN])('refuses a bound of %s open joins', (maxOpen) => {
    expect(() => create({ maxOpen })).toThrow(RangeError);
  });
});

describe('any sequence', () => {
  const key = fc.oneof(
    fc.nat({ max: 12 }),
    // Numbers that share a slot of the filter, and epochs.
    fc
      .tuple(fc.nat({ max: 2 }), fc.nat({ max: 3 }), fc.nat({ max: 3 }))
      .map(([epoch, number, laps]) => joinKey(epoch, number + laps * 8192)),
    fc.constantFrom('a', 'b', '0', '8192'),
  );
  const step = fc.oneof(
    {
      arbitrary: fc.record({ kind: fc.constant('add' as const), key, gapMs: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 2000 })) }),
      weight: 3,
    },
    { arbitrary: fc.record({ kind: fc.constant('take' as const), key, gapMs: fc.constant(0) }), weight: 2 },
  );
  const bounds = fc.record({
    maxOpen: fc.integer({ min: 2, max: 12 }),
    maxAgeMs: fc.integer({ min: 2, max: 4000 }),
    maxRecords: fc.integer({ min: 1, max: 4 }),
  });

  it('behaves like a plain map from which the oldest entries fall out, within its bounds', () => {
    fc.assert(
      fc.property(bounds, fc.array(step, { maxLength: 150, size: 'max' }), (limits, steps) => {
        const model = new Map<JoinKey, { order: number; openedMs: number; records: number }>();
        let nowMs = 1_000_000;
        const joiner = new RequestJoiner(limits, ({ matches }, outcome) => {
          const position = matches[0]?.position ?? -1;
          const [key] = [...model].find(([, entry]) => entry.order === position) ?? [];
          const entry = key === undefined ? undefined : model.get(key);
          // Given up is only what was open, the oldest first, with all its records.
          expect(entry?.records).toBe(matches.length);
          expect(entry?.order).toBe(Math.min(...[...model.values()].map(({ order }) => order)));
          if (outcome === 'expired') expect(nowMs - (matches[0]?.timeMs ?? 0)).toBeGreaterThanOrEqual(limits.maxAgeMs / 2);
          if (key !== undefined) model.delete(key);
        });
        let opened = 0;
        for (const { kind, key, gapMs } of steps) {
          nowMs += gapMs;
          if (kind === 'take') {
            const join = joiner.take(key);
            expect(join?.matches.length ?? null).toBe(model.get(key)?.records ?? null);
            model.delete(key);
            continue;
          }
          const position = opened;
          joiner.add(key, String(key), 0, recordAt(nowMs, position));
          const known = model.get(key);
          if (known === undefined) model.set(key, { order: opened++, openedMs: nowMs, records: 1 });
          else known.records = Math.min(limits.maxRecords, known.records + 1);
          expect(joiner.openCount).toBe(model.size);
          // Generations are coarse, but nothing lives twice as long as it may.
          for (const { openedMs } of model.values()) expect(nowMs - openedMs).toBeLessThan(limits.maxAgeMs * 2);
          expect(joiner.openCount).toBeLessThanOrEqual(limits.maxOpen);
        }
        joiner.end();
        expect([joiner.openCount, model.size]).toEqual([0, 0]);
      }),
      { numRuns: 250 },
    );
  });
});
