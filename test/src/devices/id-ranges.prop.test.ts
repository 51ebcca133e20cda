/** A set of ids as ranges is a set. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdRanges, MAX_RANGES } from '../../../src/devices/id-ranges.ts';

const number = fc.integer({ min: -20, max: 60 });
type Step = { readonly op: 'add' | 'delete' | 'deleteFrom'; readonly id: number };
const step: fc.Arbitrary<Step> = fc.record({ op: fc.constantFrom('add', 'add', 'add', 'delete', 'deleteFrom'), id: number });

describe('ranges', () => {
  it('hold what a set holds, after any steps', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.array(number, { maxLength: 10 }), (steps, more) => {
        const ranges = new IdRanges();
        const set = new Set<number>();
        for (const { op, id } of steps) {
          if (op === 'add') {
            ranges.add(id);
            set.add(id);
          } else if (op === 'delete') expect(ranges.delete(id)).toBe(set.delete(id));
          else {
            ranges.deleteFrom(id);
            for (const each of set) if (each >= id) set.delete(each);
          }
        }
        const other = new IdRanges();
        for (const id of more) other.add(id);
        const both = IdRanges.from(ranges.bounds());
        both.addAll(other);
        const inOneGo = IdRanges.from(ranges.bounds());
        inOneGo.addAscending([...new Set(more)].sort((a, b) => a - b));
        expect(inOneGo.bounds()).toEqual(both.bounds());
        for (let id = -25; id <= 65; id++) {
          expect(ranges.has(id)).toBe(set.has(id));
          expect(both.has(id)).toBe(set.has(id) || more.includes(id));
        }
        expect([ranges.size, ranges.isEmpty]).toEqual([set.size, set.size === 0]);
        const bounds = ranges.bounds();
        // Ascending, neither touching nor overlapping.
        for (let i = 0; i + 2 < bounds.length; i += 2) expect(bounds[i + 2]! - bounds[i + 1]!).toBeGreaterThan(1);
      }),
      { numRuns: 300 },
    );
  });

  it('forget the lowest above their bound, and say so', () => {
    const ranges = new IdRanges();
    for (let i = 0; i < MAX_RANGES; i++) ranges.add(2 * i);
    expect([ranges.size, ranges.isTruncated]).toEqual([MAX_RANGES, false]);
    ranges.add(2 * MAX_RANGES);
    expect([ranges.size, ranges.has(0), ranges.has(2), ranges.isTruncated]).toEqual([MAX_RANGES, false, true, true]);
  });
});
