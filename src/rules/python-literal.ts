/**
 * Python literals as Synapse's log shows them (`%r`): strings, None, and lists of these, also inside `dict_keys(…)`.
 *
 * Text in, value and end out. Every function walks forward once and never backs up, so a hostile line costs time in proportion to its
 * length. Whatever isn't the literal expected gives `null`; nothing throws.
 *
 * Source: Python's `repr()` of str: `'…'`, or `"…"` when the text holds `'` and no `"`; escapes `\\ \' \" \n \r \t \xNN \uNNNN
 * \UNNNNNNNN`; printable non-ASCII stands raw (synapse-log-lines, 4.1).
 */

/** A value and the offset behind it. Strings are decoded; Python's None is `null`. */
export interface Literal<T> {
  readonly value: T;
  readonly end: number;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\', "'": "'", '"': '"', n: '\n', r: '\r', t: '\t' };
const HEX_ESCAPE_LENGTH: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/**
 * A string literal at `at`: `'it\'s'` gives `it's`.
 *
 * @returns null where no string starts, it doesn't end, or an escape is malformed
 */
export function parsePythonString(text: string, at: number): Literal<string> | null {
  const quote = text[at];
  if (quote !== "'" && quote !== '"') return null;
  const close = text.indexOf(quote, at + 1);
  if (close < 0) return null;
  // Only what is between the quotes is searched: a search to the end of the text, for each string of a list, would be quadratic.
  const value = text.slice(at + 1, close);
  return value.includes('\\') ? parseEscapedString(text, at + 1, quote) : { value, end: close + 1 };
}

function parseEscapedString(text: string, start: number, quote: string): Literal<string> | null {
  const parts: string[] = [];
  let from = start;
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (char === quote) {
      parts.push(text.slice(from, i));
      return { value: parts.join(''), end: i + 1 };
    }
    if (char !== '\\') continue;
    parts.push(text.slice(from, i));
    const escaped = parseEscape(text, i + 1);
    if (escaped === null) return null;
    parts.push(escaped.value);
    from = escaped.end;
    i = escaped.end - 1;
  }
  return null;
}

function parseEscape(text: string, at: number): Literal<string> | null {
  const name = text[at] ?? '';
  const simple = SIMPLE_ESCAPES[name];
  if (simple !== undefined) return { value: simple, end: at + 1 };
  const length = HEX_ESCAPE_LENGTH[name];
  if (length === undefined) return null;
  const digits = text.slice(at + 1, at + 1 + length);
  if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits)) return null;
  const code = Number.parseInt(digits, 16);
  if (code > 0x10ffff) return null;
  return { value: String.fromCodePoint(code), end: at + 1 + length };
}

/** A string or `None` at `at`. */
export function parsePythonStringOrNone(text: string, at: number): Literal<string | null> | null {
  if (text.startsWith('None', at)) return { value: null, end: at + 4 };
  return parsePythonString(text, at);
}

/** A list of strings and Nones at `at`: `['a', None]`; `[]` is an empty list. */
export function parsePythonList(text: string, at: number): Literal<(string | null)[]> | null {
  if (text[at] !== '[') return null;
  const value: (string | null)[] = [];
  if (text[at + 1] === ']') return { value, end: at + 2 };
  let i = at + 1;
  // Most records hold no escape at all: then each entry ends at the next quote, and nothing but its text is made of it.
  const isPlain = !text.includes('\\', at);
  for (;;) {
    if (isPlain) {
      const quote = text[i];
      const close = quote === "'" || quote === '"' ? text.indexOf(quote, i + 1) : -1;
      if (close >= 0) {
        value.push(text.slice(i + 1, close));
        if (text[close + 1] === ']') return { value, end: close + 2 };
        if (text[close + 1] !== ',' || text[close + 2] !== ' ') return null;
        i = close + 3;
        continue;
      }
    }
    const entry = parsePythonStringOrNone(text, i);
    if (entry === null) return null;
    value.push(entry.value);
    i = entry.end;
    if (text[i] === ']') return { value, end: i + 1 };
    if (text[i] !== ',' || text[i + 1] !== ' ') return null;
    i += 2;
  }
}

const DICT_KEYS = 'dict_keys(';

/** `dict_keys(['a', 'b'])`, the way Python prints the keys of a dict; a bare list is taken too. */
export function parseDictKeys(text: string, at: number): Literal<(string | null)[]> | null {
  if (!text.startsWith(DICT_KEYS, at)) return parsePythonList(text, at);
  const list = parsePythonList(text, at + DICT_KEYS.length);
  if (list === null || text[list.end] !== ')') return null;
  return { value: list.value, end: list.end + 1 };
}
