/**
 * Text from anywhere → text that may be shown on a terminal, and how much room it takes.
 *
 * In: text from a log, so from anyone (user ids, event types, file names). Out: one line of printable characters, of bounded width. Nothing
 * in it moves the cursor, changes a colour, reorders what stands beside it or is invisible: such characters are shown as `\x1b`, `\u202e`.
 * Plain backslashes stay as they are, so two texts may look alike; `--json` has them exact.
 */

/**
 * What a terminal doesn't show as a character of its own: controls, format characters (bidi too), lone surrogates, odd spaces, line ends,
 * ignorables; and combining characters with nothing to stand on, or in a tower over the lines above (scripts need three or four).
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]|(?! )\p{Zs}|^\p{M}|(?<=\p{M}{4})\p{M}/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Printable ASCII, as nearly all texts are: each character takes one column. */
const PLAIN = /^[ -~]*$/;
/** Drawn over the character before: no column of their own. */
const COMBINING = /^[\p{Mn}\p{Me}]$/u;
/** Two columns: East Asian Wide and Fullwidth (Unicode's EastAsianWidth.txt, its blocks), and characters that are emoji by default. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18dff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u;

const ELLIPSIS = '…';
/** Characters kept for each column: combining ones take no room, and a tower of them mustn't either. */
const CHARACTERS_PER_COLUMN = 2;

/** Columns that a text takes which `makeVisible` has been through. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

function widthOf(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Example: `a<ESC>[31m` → `a\x1b[31m`; a right-to-left override → `\u202e`. */
export function makeVisible(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll(INVISIBLE, (character) => NAMED[character] ?? escapeCodePoint(character.codePointAt(0) ?? 0));
}

function escapeCodePoint(codePoint: number): string {
  const hex = codePoint.toString(16);
  if (codePoint < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return codePoint < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

/** Any text, visible, in at most `maxWidth` (from 1 up) columns; what is cut ends in `…`. Takes as long as `maxWidth`, not as the text, says. */
export function showText(text: string, maxWidth: number): string {
  const head = text.slice(0, maxWidth * CHARACTERS_PER_COLUMN + 1);
  return cutToWidth(makeVisible(head), maxWidth, head.length < text.length);
}

/** A visible text in at most `maxWidth` columns; `isCut`: more stood behind it, so it ends in `…` even if it fits. */
export function cutToWidth(text: string, maxWidth: number, isCut = false): string {
  if (!isCut && displayWidth(text) <= maxWidth && text.length <= maxWidth * CHARACTERS_PER_COLUMN) return text;
  let kept = '';
  let width = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width > maxWidth - 1 || kept.length >= maxWidth * CHARACTERS_PER_COLUMN) break;
    kept += character;
  }
  return `${kept}${ELLIPSIS}`;
}

/** A visible text with spaces to `width`; longer ones stay as they are. */
export function padToWidth(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const room = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + room : room + text;
}

/** A visible text in lines of at most `width` columns, broken at spaces; a word that is longer is broken anywhere. '' gives one empty line. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((part) => breakWord(part, width))) {
    if (line === '') line = word;
    else if (displayWidth(line) + 1 + displayWidth(word) <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function breakWord(word: string, width: number): string[] {
  if (displayWidth(word) <= width) return [word];
  const pieces: string[] = [];
  let piece = '';
  let pieceWidth = 0;
  for (const character of word) {
    const characterWidth = widthOf(character);
    if (pieceWidth + characterWidth > width && piece !== '') {
      pieces.push(piece);
      piece = '';
      pieceWidth = 0;
    }
    piece += character;
    pieceWidth += characterWidth;
  }
  return [...pieces, piece];
}
