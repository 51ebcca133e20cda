/** JSON in pieces is the JSON. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonPieces } from '../../../daemon/commands/json-pieces.ts';

it('is what JSON.stringify gives, for any object', () => {
  const field = fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue()), fc.constant(undefined), fc.constant([undefined, 1]));
  fc.assert(
    fc.property(fc.dictionary(fc.string(), field), (value) => {
      expect([...jsonPieces(value)].join('')).toBe(JSON.stringify(value));
    }),
  );
});

it('comes in pieces of some 64 KiB where a list is long', () => {
  const value = { before: 1, list: Array.from({ length: 5000 }, (_, i) => ({ i, text: 'x'.repeat(100) })), behind: [2] };
  const pieces = [...jsonPieces(value)];
  expect(pieces.join('')).toBe(JSON.stringify(value));
  expect(pieces.length).toBeGreaterThan(5);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(66_000);
});
