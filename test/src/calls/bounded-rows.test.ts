/** A bounded table that survives a restart as rows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedRows } from '../../../src/calls/bounded-rows.ts';
import { fromRow, toRow } from '../../../src/calls/row-text.ts';

const isNumber = (value: unknown): value is number => typeof value === 'number';

type Step = { readonly put: string } | { readonly delete: string } | { readonly commit: true } | { readonly restart: true };

/** The database: rows by key. */
class Disk {
  readonly rows = new Map<string, string>();

  commit(table: BoundedRows<number>): void {
    for (const [key, text] of table.changedRows()) {
      if (text === null) this.rows.delete(key);
      else this.rows.set(key, text);
    }
    table.markCommitted();
  }

  load(): BoundedRows<number> {
    const table = new BoundedRows<number>('t', 3);
    for (const [key, text] of [...this.rows].reverse()) expect(table.restore(key.slice(2), fromRow(text), isNumber)).toBe(true);
    table.settleRestored();
    return table;
  }
}

describe('a bounded table', () => {
  it('holds no more than its bound, forgets what was put least recently, and counts it', () => {
    const forgotten: string[] = [];
    const table = new BoundedRows<number>('t', 2, (_, key) => forgotten.push(key));
    table.put('a', 1);
    table.put('b', 2);
    table.put('a', 3);
    table.put('c', 4);
    expect([[...table.entries()].map(({ key, value }) => [key, value]), forgotten, table.evicted]).toEqual([
      [
        ['a', 3],
        ['c', 4],
      ],
      ['b'],
      1,
    ]);
  });

  it('needs a bound', () => {
    expect(() => new BoundedRows('t', 0)).toThrow(RangeError);
  });

  it('gives a row again until it is committed, and null for one of the database that is gone', () => {
    const table = new BoundedRows<number>('t', 2);
    table.put('a', 1);
    const rows = [...table.changedRows()];
    expect([rows, [...table.changedRows()]]).toEqual([[['t/a', '[0,1]']], rows]);
    table.markCommitted();
    expect([...table.changedRows()]).toEqual([]);
    table.delete('a');
    expect([...table.changedRows()]).toEqual([['t/a', null]]);
    table.put('a', 2);
    expect([...table.changedRows()]).toEqual([['t/a', '[1,2]']]);
    table.delete('a');
    expect([...table.changedRows()]).toEqual([['t/a', null]]);
  });

  it('leaves nothing behind of rows that were never committed', () => {
    const table = new BoundedRows<number>('t', 2);
    for (let i = 0; i < 100; i++) table.put(`k${i}`, i);
    table.delete('k99');
    expect(new Set([...table.changedRows()].map(([key]) => key))).toEqual(new Set(['t/#', 't/k98']));
  });

  it('reads no row that is none of its own', () => {
    const table = new BoundedRows<number>('t', 2);
    const isRead = [undefined, null, 7, [1], ['x', 1], [1, 'x'], ['#', 1]].map((row) => table.restore('a', row, isNumber));
    expect([isRead, table.restore('#', [1, 'x'], isNumber), table.size]).toEqual([
      [false, false, false, false, false, false, false],
      false,
      0,
    ]);
  });

  it('goes on behind a restart as if there had been none, at the bound too', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 6, arbitrary: key.map((put) => ({ put })) },
      { weight: 2, arbitrary: key.map((name) => ({ delete: name })) },
      fc.constant({ commit: true } as const),
      fc.constant({ restart: true } as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const straight = new BoundedRows<number>('t', 3);
        const disk = new Disk();
        let table = new BoundedRows<number>('t', 3);
        for (const one of steps) {
          for (const each of [straight, table]) {
            if ('put' in one) each.put(one.put, each.takeSequence());
            else if ('delete' in one) each.delete(one.delete);
          }
          if ('commit' in one) disk.commit(table);
          if ('restart' in one) {
            disk.commit(table);
            table = disk.load();
          }
          expect(table.size).toBeLessThanOrEqual(3);
        }
        const contentOf = (one: BoundedRows<number>) => [...one.entries()].map(({ key, order, value }) => [key, order, value]);
        expect([contentOf(table), table.evicted]).toEqual([contentOf(straight), straight.evicted]);
      }),
    );
  });
});

describe('a row', () => {
  it('keeps what JSON has no form for apart', () => {
    const value = { a: Number.NaN, b: null, c: [1, 'x', Number.NaN], d: 'NaN' };
    expect(fromRow(toRow(value))).toEqual(value);
  });

  it('that is none gives undefined', () => {
    expect(fromRow('{')).toBeUndefined();
  });
});
