/** One string for each name: whatever the memo holds, a name is what stands there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyText, shareBytes, shareText } from '../../../src/lines/shared-text.ts';
import { decodeText } from '../../../src/records/text-decoder.ts';

describe('names in bytes', () => {
  it('tells the bytes of a letter in Latin-1 from the same letter in UTF-8, wherever it keeps them', () => {
    // One of some thousand pairs falls on one place of the memo, whatever its hash.
    for (let i = 0; i < 60_000; i++) {
      const [utf8, latin1] = [Buffer.from(`@${i}é`), Buffer.from(`@${i}é`, 'latin1')];
      shareBytes(utf8, 0, utf8.length);
      if (shareBytes(latin1, 0, latin1.length) !== `@${i}\ufffd`) throw new Error(`"@${i}é" in Latin-1 was taken for UTF-8`);
    }
  });

  it('gives for any bytes, in any order, what decoding gives', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 70, size: 'max' }),
      fc.string({ maxLength: 20 }).map((text) => Buffer.from(text)),
      // Texts that fall on one slot of any such memo sooner or later, and differ little.
      fc.nat({ max: 5000 }).map((n) => Buffer.from(`@user${n}:hs`)),
      fc.constantFrom('é', 'Ã©', '\ufffd', '\u00ff', 'a', 'A').map((text) => Buffer.from(text, text === '\u00ff' ? 'latin1' : 'utf8')),
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 60, size: 'max' }), (texts) => {
        for (const each of [...texts, ...texts]) expect(shareBytes(each, 0, each.length)).toBe(decodeText(each, 0, each.length));
      }),
      { numRuns: 300 },
    );
  });
});

describe('names in texts', () => {
  it('are what slicing gives, whatever was asked before in bytes or texts', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 70, size: 'max', unit: 'binary' }),
      fc.constantFrom('\ud800', 'a\ud800', '\udc00a', '\ufffd', 'é', 'Ã©', '\ufeffa'),
      fc.nat({ max: 5000 }).map((n) => `@user${n}:hs`),
    );
    const steps = fc.array(fc.record({ before: text, name: text, after: text, isInBytes: fc.boolean() }), { maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(steps, (names) => {
        for (const { before, name, after, isInBytes } of [...names, ...names]) {
          const bytes = Buffer.from(name);
          if (isInBytes) expect(shareBytes(bytes, 0, bytes.length)).toBe(decodeText(bytes, 0, bytes.length));
          else expect(shareText(before + name + after, before.length, before.length + name.length)).toBe(name);
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [0, 0],
    [2, 2],
    [3, 1],
  ])('of no characters, [%i, %i), are empty', (start, end) => {
    expect([shareText('abc', start, end), shareBytes(Buffer.from('abc'), start, end)]).toEqual(['', '']);
  });

  it('are copied whole, however long', () => {
    for (const length of [63, 64, 65, 300]) expect(shareText(`<${'x'.repeat(length)}>`, 1, length + 1)).toBe('x'.repeat(length));
    expect([copyText('a\ud800'), copyText('é\0')]).toEqual(['a\ud800', 'é\0']);
  });
});
