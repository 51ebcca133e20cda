import { expect, it } from 'vitest';
import { readRow, writeRow } from '../../src/kept-rows.ts';

it.each([
  ['odd numbers', { a: Number.NaN, b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], c: 1 }],
  ['names that every object has', { deviceId: 'constructor', userId: '__proto__', timeMs: Number.NaN, text: 'toString' }],
  ['plain data', { keyIds: ['signed_curve25519:AAAAAAAAAA0'], count: 0, cause: null }],
])('a row carries %s there and back', (_, value) => {
  expect(readRow(writeRow(value))).toEqual(value);
});

it('a row that is no JSON is an error', () => {
  expect(() => readRow('{')).toThrow(SyntaxError);
});
