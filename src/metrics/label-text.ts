/**
 * Any text → a text that may stand as a label value.
 *
 * In: text from a log, so from anyone. Out: well-formed Unicode of bounded length without NUL. Everything else stays as it is:
 * quotes, backslashes and newlines are escaped where labels are printed. One invalid UTF-8 byte in one value fails a whole scrape
 * (reference/observability.md 1.3), hence this is the only way into a label.
 */

/**
 * Longest label value, in UTF-16 code units. Synapse takes device ids of up to 512 characters (reference/synapse-log-lines.md) and
 * user ids of up to 255 bytes. Longer texts are cut, so two of them may share a series; their sum stays right.
 */
export const MAX_LABEL_LENGTH = 512;

/** Ends a label value inside a key made of several. It can't occur in one: toLabelText takes it out. */
export const KEY_SEPARATOR = '\0';

/** Example: `a\ud800b` → `a\ufffdb`. A character at the bound is kept whole or left out. */
export function toLabelText(text: string): string {
  const cut = text.length > MAX_LABEL_LENGTH ? cutAtCharacter(text) : text;
  const wellFormed = cut.isWellFormed() ? cut : cut.toWellFormed();
  return wellFormed.includes(KEY_SEPARATOR) ? wellFormed.replaceAll(KEY_SEPARATOR, '\ufffd') : wellFormed;
}

function cutAtCharacter(text: string): string {
  const codePoint = text.codePointAt(MAX_LABEL_LENGTH - 1) ?? 0;
  return text.slice(0, codePoint > 0xffff ? MAX_LABEL_LENGTH - 1 : MAX_LABEL_LENGTH);
}
