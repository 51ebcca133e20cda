/** Python literals, against an encoder of Python's own repr (compared with CPython 3.11 on 3,000 texts when it was written). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDictKeys, parsePythonList, parsePythonString, parsePythonStringOrNone } from '../../../src/rules/python-literal.ts';
import { pythonRepr } from '../records/log-lines.ts';

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom("'", '"', '\\', '\n', '\r', '\t', 'n', 'x', '\u0000', '\u007f', '\u00a0', 'é', '😀', '\u2028', '\ud800'),
  }),
);
const list = (texts: readonly (string | null)[]) => `[${texts.map((text) => (text === null ? 'None' : pythonRepr(text))).join(', ')}]`;

describe('a string literal', () => {
  it.each([
    ["'abc'", 'abc'],
    ["''", ''],
    [`"it's"`, "it's"],
    [`'"'`, '"'],
    [`'it\\'s "q"'`, 'it\'s "q"'],
    ["'a\\nb\\rc\\td'", 'a\nb\rc\td'],
    ["'\\\\'", '\\'],
    ["'\\\\n'", '\\n'],
    ["'\\x1b\\x00'", '\u001b\u0000'],
    ["'\\xe9'", 'é'],
    ["'é😀'", 'é😀'],
    ["'\\u2028'", '\u2028'],
    ["'\\ud800'", '\ud800'],
    ["'\\U0001f600'", '😀'],
  ])('%s is %j', (literal, value) => {
    expect(parsePythonString(literal, 0)).toEqual({ value, end: literal.length });
    expect(parsePythonString(`xx${literal}'yy`, 2)).toEqual({ value, end: literal.length + 2 });
  });

  it.each([
    '',
    'abc',
    "'abc",
    "'abc\\'",
    "'\\",
    "'\\q'",
    "'\\x1'",
    "'\\x1g'",
    "'\\u12'",
    "'\\U00110000'",
    "'\\Uffffffff'",
    "'\\x+1'",
    '`a`',
    '"abc\'',
    'None',
  ])('isn’t seen in %j', (text) => {
    expect(parsePythonString(text, 0)).toBeNull();
  });

  it('gives back every text that Python wrote', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (text, before, behind) => {
        const literal = pythonRepr(text);
        expect(parsePythonString(`${before}${literal}${behind}`, before.length)).toEqual({
          value: text,
          end: before.length + literal.length,
        });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('lists', () => {
  it.each([
    ['[]', []],
    ["['a']", ['a']],
    ["['a', None, \"b's\"]", ['a', null, "b's"]],
    ['[None]', [null]],
    ["['a, b', ']']", ['a, b', ']']],
  ])('%s is %j', (literal, value) => {
    expect(parsePythonList(literal, 0)).toEqual({ value, end: literal.length });
    expect(parseDictKeys(`dict_keys(${literal})`, 0)).toEqual({ value, end: literal.length + 11 });
    expect(parseDictKeys(literal, 0)).toEqual({ value, end: literal.length });
  });

  it.each(['', '[', '[ ]', "['a'", "['a',]", "['a','b']", "['a' 'b']", "['a', ]", '[1]', "['a', 1]", '[nope]', "('a')", "['a\\q']"])(
    'aren’t seen in %j',
    (text) => {
      expect(parsePythonList(text, 0)).toBeNull();
      expect(parseDictKeys(`dict_keys(${text})`, 0)).toBeNull();
    },
  );

  it.each(["dict_keys(['a']", 'dict_keys()', "dict_keys(['a'] )", "dict_values(['a'])"])('of keys aren’t seen in %j', (text) => {
    expect(parseDictKeys(text, 0)).toBeNull();
  });

  it('give back every list that Python wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.option(anyText), { maxLength: 8 }), anyText, (texts, behind) => {
        const literal = list(texts);
        expect(parsePythonList(`${literal}${behind}`, 0)).toEqual({ value: texts, end: literal.length });
        expect(parseDictKeys(`dict_keys(${literal})${behind}`, 0)).toEqual({ value: texts, end: literal.length + 11 });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('any text', () => {
  it('gives a literal or nothing, never an exception, and never an end behind the text', () => {
    const text = fc
      .array(
        fc.oneof(
          fc.constantFrom("'", '"', '\\', '[', ']', ', ', 'None', 'dict_keys(', ')', '\\x', '\\u12', 'a'),
          fc.string({ maxLength: 3 }),
        ),
        { maxLength: 20, size: 'max' },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.nat({ max: 30 }), (hostile, at) => {
        for (const parse of [parsePythonString, parsePythonStringOrNone, parsePythonList, parseDictKeys]) {
          const literal = parse(hostile, at);
          if (literal === null) continue;
          expect(literal.end).toBeGreaterThan(at);
          expect(literal.end).toBeLessThanOrEqual(hostile.length);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
