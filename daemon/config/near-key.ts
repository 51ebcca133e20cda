/**
 * The known word that a mistyped one probably means. In come a word and the known ones, out goes the nearest, if it is near enough.
 */

/** 'souces' → 'sources', 'Listen' → 'listen', 'port' → undefined (nothing near). At most a third of the letters may differ. */
export function nearKey(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_WORD_LENGTH) return undefined;
  const ranked = known
    .map((key) => ({ key, length: spelling(key).length, distance: editDistance(spelling(word), spelling(key)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.floor(best.length / 3) ? best.key : undefined;
}

// Longer than any key: what an operator pastes by mistake shouldn't cost a quadratic comparison.
const MAX_WORD_LENGTH = 64;

// 'pollInterval', 'poll-interval' and 'Poll_Interval' are one word to a person.
function spelling(word: string): string {
  return word.toLowerCase().replaceAll(/[-_\s]/g, '');
}

// Levenshtein's distance, one row at a time.
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const row = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (previous[j] ?? 0) + (letter === to[j] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[to.length] ?? 0;
}
