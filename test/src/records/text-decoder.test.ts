/** Bytes to text: UTF-8 with U+FFFD, and a memo that is never wrong. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../../src/records/text-decoder.ts';

describe('text of bytes', () => {
  it('is what was encoded, whatever stands around it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array({ maxLength: 5 }),
        fc.uint8Array({ maxLength: 5 }),
        (text, before, behind) => {
          const bytes = Buffer.concat([before, Buffer.from(text), behind]);
          expect(decodeText(bytes, before.length, bytes.length - behind.length)).toBe(text);
        },
      ),
    );
  });

  it('is well-formed for any bytes: what is no UTF-8 becomes U+FFFD', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40, size: 'max' }), (bytes) => {
        const text = decodeText(bytes, 0, bytes.length);
        expect(text.isWellFormed()).toBe(true);
        expect(text).toBe(Buffer.from(bytes).toString('utf8'));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a byte order mark stays', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
    ['a lone surrogate', [0xed, 0xa0, 0x80], '\ufffd\ufffd\ufffd'],
    ['Latin-1', [0x7a, 0x6f, 0xeb], 'zo\ufffd'],
    ['an end in mid-character', [0x61, 0xf0, 0x9f, 0x98], 'a\ufffd'],
    ['NUL', [0x61, 0x00, 0x62], 'a\0b'],
  ])('%s', (_, bytes, text) => {
    expect(decodeText(Uint8Array.from(bytes), 0, bytes.length)).toBe(text);
  });

  it.each([
    [0, 0],
    [2, 2],
    [3, 1],
  ])('of no bytes, [%i, %i), is empty', (start, end) => {
    expect(decodeText(Buffer.from('abc'), start, end)).toBe('');
  });
});
