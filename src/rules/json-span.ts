/**
 * Where a JSON value ends. Text and a start in, the offset behind the value out; nothing is built.
 *
 * Needed because the old key of a refusal is JSON followed by more text, and a string in it may hold that text
 * (`"; new key: "`), so it can't be found by a search (synapse-log-lines, 4.1). One pass; null where no whole value stands.
 */

const DEPTH_LIMIT = 64;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export function findJsonEnd(text: string, at: number): number | null {
  const first = text[at];
  if (first === '"') return findStringEnd(text, at);
  if (first === '{' || first === '[') return findBracketEnd(text, at);
  const scalar = /(?:true|false|null|-?[0-9][0-9.eE+-]{0,30})/y;
  scalar.lastIndex = at;
  return scalar.test(text) ? scalar.lastIndex : null;
}

function findStringEnd(text: string, at: number): number | null {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i + 1;
  }
  return null;
}

function findBracketEnd(text: string, at: number): number | null {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const end = findStringEnd(text, i);
      if (end === null) return null;
      i = end - 1;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > DEPTH_LIMIT) return null;
    } else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) return i + 1;
  }
  return null;
}
