/** Counts for people. */
import { expect, it } from 'vitest';
import { countText } from '../../daemon/count-text.ts';

it.each([0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 12_345_678, Number.MAX_SAFE_INTEGER])(
  'a count of %i is written as in English',
  (count) => {
    expect(countText(count)).toBe(count.toLocaleString('en'));
  },
);
