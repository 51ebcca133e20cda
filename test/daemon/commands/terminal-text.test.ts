import { describe, expect, it } from 'vitest';
import { cutToWidth, displayWidth, makeVisible, padToWidth, showText, wrapText } from '../../../daemon/commands/terminal-text.ts';

describe('makeVisible', () => {
  it.each([
    ['an escape sequence', '\x1b[31mred\x1b[0m', String.raw`\x1b[31mred\x1b[0m`],
    ['an eight-bit control', 'a\x9b31mb', String.raw`a\x9b31mb`],
    ['ends of lines', 'a\nb\r\tc\u2028d', String.raw`a\nb\r\tc\u2028d`],
    ['bidi controls', '\u202eevil\u2066\u200f\u061c', String.raw`\u202eevil\u2066\u200f\u061c`],
    ['what nobody sees', 'a\u200bb\ufeffc\u3164d\u00ade', String.raw`a\u200bb\ufeffc\u3164d\xade`],
    ['characters beyond the first plane', 'a\u{e0041}b', String.raw`a\u{e0041}b`],
    ['spaces that look like the plain one', 'a\u00a0b\u3000c', String.raw`a\xa0b\u3000c`],
    ['a half character', 'a\ud800b', String.raw`a\ud800b`],
    ['a combining character with nothing to stand on', '\u0301a', String.raw`\u0301a`],
    ['the upper floors of a tower', `e${'\u0301'.repeat(6)}`, `e${'\u0301'.repeat(4)}\\u0301\\u0301`],
  ])('shows %s', (_name, text, expected) => {
    expect(makeVisible(text)).toBe(expected);
  });

  it.each(['@alice:example.org', 'Zoë é', '日本語', 'שלום', '👍', '\ufffd', String.raw`C:\x1b`])('leaves %s', (text) => {
    expect(makeVisible(text)).toBe(text);
  });
});

describe('displayWidth', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['Zoë', 3],
    ['Zoe\u0308', 3],
    ['日本', 4],
    ['ｱ', 1],
    ['Ａ', 2],
    ['한국', 4],
    ['👍', 2],
    ['…', 1],
    ['𝒜', 1],
  ])('%j takes %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('cutToWidth', () => {
  it.each([
    ['fits', 'abcd', 4, 'abcd'],
    ['is cut with a mark', 'abcde', 4, 'abc…'],
    ['keeps wide characters whole', '日本語', 4, '日…'],
    ['fits to the column', '日本', 4, '日本'],
    ['has room for the mark alone', 'ab', 1, '…'],
  ])('%s', (_name, text, width, expected) => {
    expect(cutToWidth(text, width)).toBe(expected);
  });
});

describe('showText', () => {
  it('says that more stood behind', () => {
    expect(showText('a'.repeat(1_000_000), 5)).toBe('aaaa…');
    expect(showText(`a${'\u0301'.repeat(1_000_000)}`, 5)).toMatch(/…$/);
  });

  it('cuts no character in two', () => {
    for (let width = 1; width < 12; width++) expect(showText('𝒜'.repeat(50), width)).toBe(`${'𝒜'.repeat(width - 1)}…`);
  });

  it('never takes more room, whatever it is given', () => {
    const pieces = ['a', '\x1b[2J', '日', '\u202e', 'e\u0301\u0301', '👍', '\ud83d', '\u{e0041}', ' '];
    for (let seed = 0; seed < 2000; seed++) {
      const text = Array.from({ length: seed % 23 }, (_, index) => pieces[(seed * 7 + index * (seed % 5) + index) % pieces.length]).join(
        '',
      );
      const width = 1 + (seed % 17);
      const shown = showText(text, width);
      expect(displayWidth(shown)).toBeLessThanOrEqual(width);
      expect(shown).not.toMatch(/\p{Cc}|\p{Cf}|\p{Cs}/u);
    }
  });
});

it('padToWidth counts columns, not characters', () => {
  expect(padToWidth('日', 4)).toBe('日  ');
  expect(padToWidth('12', 4, 'right')).toBe('  12');
  expect(padToWidth('abcde', 4)).toBe('abcde');
});

describe('wrapText', () => {
  it.each([
    ['breaks at spaces', 'the quick brown fox', 9, ['the quick', 'brown fox']],
    ['breaks a word that is too long', 'a abcdefghij b', 4, ['a', 'abcd', 'efgh', 'ij b']],
    ['breaks between wide characters', '日本語', 4, ['日本', '語']],
    ['leaves nothing as one line', '', 4, ['']],
  ])('%s', (_name, text, width, expected) => {
    expect(wrapText(text, width)).toEqual(expected);
  });
});
