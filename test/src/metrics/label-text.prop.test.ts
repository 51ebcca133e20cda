import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_LABEL_LENGTH, toLabelText } from '../../../src/metrics/label-text.ts';

it.each([
  ['a lone surrogate', 'a\ud800b', 'a\ufffdb'],
  ['NUL', 'a\0b', 'a\ufffdb'],
  ['quotes, backslash, newline and emoji as they are', '"\\\n\r😀', '"\\\n\r😀'],
  ['nothing', '', ''],
])('label text: %s', (_, text, expected) => {
  expect(toLabelText(text)).toBe(expected);
});

it('label text at its bound keeps a character whole or leaves it out', () => {
  const padding = 'x'.repeat(MAX_LABEL_LENGTH - 2);
  expect(toLabelText(`${padding}😀`)).toBe(`${padding}😀`);
  expect(toLabelText(`${padding}x😀`)).toBe(`${padding}x`);
  expect(toLabelText(`${padding}xyz`)).toBe(`${padding}xy`);
});

it('any text becomes a bounded, well-formed label text, and stays it', () => {
  const unit = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 0xffff }) }, fc.constantFrom(0, 0xd83d, 0xde00, 0xfffd));
  const texts = fc.array(unit, { maxLength: 1200, size: 'max' }).map((units) => String.fromCharCode(...units));
  fc.assert(
    fc.property(texts, (text) => {
      const label = toLabelText(text);
      expect(label.isWellFormed()).toBe(true);
      expect(label.length).toBeLessThanOrEqual(MAX_LABEL_LENGTH);
      expect(label).not.toContain('\0');
      expect(toLabelText(label)).toBe(label);
    }),
  );
});
