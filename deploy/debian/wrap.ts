/** Text → lines of at most 79 characters, as Debian's files want them; a word that is longer stands alone. */
const WIDTH = 79;

export function wrap(text: string, { first, next }: { readonly first: string; readonly next: string }): string {
  const lines: string[] = [];
  let line = first;
  for (const word of text.trim().split(/\s+/)) {
    const isEmpty = line === first || line === next;
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = next + word;
    } else line += isEmpty ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}
