/** Where a JSON value ends, against JSON.parse. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonEnd } from '../../../src/rules/json-span.ts';

describe('the end of a JSON value', () => {
  it('is found for every value, whatever stands before and behind it', () => {
    const behind = fc.oneof(
      fc.constantFrom('', '; new key: ', '"; new key: "', '}', ']', '"', '\\'),
      fc.string().filter((text) => !/^[0-9.eE+-]/.test(text)),
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.string(), behind, (value, before, rest) => {
        const json = JSON.stringify(value);
        expect(findJsonEnd(`${before}${json}${rest}`, before.length)).toBe(before.length + json.length);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['"a; new key: b"; new key: x', 15],
    ['{"a":"}"}; new key', 9],
    ['{"a":"\\"}"}x', 11],
    ['[[],[]]]', 7],
    ['true; new', 4],
    ['-1.5e+10;', 8],
  ])('of %s is %i', (text, end) => {
    expect(findJsonEnd(text, 0)).toBe(end);
  });

  it.each(['', 'x', '"', '"abc', '"abc\\"', '{', '{"a":1', '[1,2', '[[]', '{"a":"}', '}', '+1', "'a'"])(
    'isn’t found where no whole value stands: %j',
    (text) => {
      expect(findJsonEnd(text, 0)).toBeNull();
    },
  );

  it('isn’t looked for in nests deeper than anybody builds', () => {
    expect(findJsonEnd(`${'['.repeat(64)}${']'.repeat(64)}`, 0)).toBe(128);
    expect(findJsonEnd(`${'['.repeat(65)}${']'.repeat(65)}`, 0)).toBeNull();
  });

  it('never stands behind the text, and is never an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', '1', 'e', 't', 'true', ' ') }), (text) => {
        const end = findJsonEnd(text, 0);
        if (end !== null) expect(end).toBeGreaterThan(0);
        expect(end ?? 0).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 1000 },
    );
  });
});
