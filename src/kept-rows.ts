/**
 * What a stage keeps over a restart, as rows: the one interface between the stages right of "facts" and the state database. The database
 * writes only rows that changed, in one transaction with the file positions; a stage never sees it.
 *
 * A row is a key and a text (JSON; a form of the stage's own, which it may read in older versions too). Invariant: a stage that was given
 * back all rows of a commit, and then the facts behind the committed positions, stands where it would have stood without the restart.
 */
export interface KeptRows {
  /** Name of the stage, unique and lasting: `devices`. Rows of a stage that exists no more stay in the database untouched. */
  readonly stage: string;

  /**
   * Rows that changed since the last `markCommitted`: the new text, or null for a row that is gone. Called often with few changes, so it
   * must cost no more than these; the same rows come again until they are marked. Nothing is applied while they are gone through, but other things
   * may be done in between: where there can be many, a row's text is best made when it's asked for.
   */
  changedRows(): Iterable<readonly [key: string, text: string | null]>;

  /** All that the last `changedRows` gave is safely on disk. Nothing was applied in between. */
  markCommitted(): void;

  /** At start, before any fact: all rows of the stage, in any order. A row it can't read is left out; the texts of what was wrong are returned. */
  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[];
}

/** Numbers that JSON doesn't have, as texts that no log text is (it has no NUL at its start where a row keeps it). */
const ODD_NUMBERS: Readonly<Record<string, number>> = {
  '\0NaN': Number.NaN,
  '\0+': Number.POSITIVE_INFINITY,
  '\0-': Number.NEGATIVE_INFINITY,
};

/**
 * A row's text: plain data as JSON, with NaN and the infinities kept. A look first whether there are any: JSON with a replacer takes five times as long, and a
 * commit writes thousands of rows.
 */
export function writeRow(value: unknown): string {
  return hasOddNumber(value) ? JSON.stringify(value, markOddNumber) : JSON.stringify(value);
}

/** The data of a row's text. Throws SyntaxError where it isn't JSON. */
export function readRow(text: string): unknown {
  return text.includes('\\u0000') ? JSON.parse(text, unmarkOddNumber) : JSON.parse(text);
}

function hasOddNumber(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasOddNumber);
  for (const key in value) if (hasOddNumber((value as Readonly<Record<string, unknown>>)[key])) return true;
  return false;
}

function markOddNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  return Number.isNaN(value) ? '\0NaN' : value > 0 ? '\0+' : '\0-';
}

function unmarkOddNumber(_key: string, value: unknown): unknown {
  return typeof value === 'string' && Object.hasOwn(ODD_NUMBERS, value) ? ODD_NUMBERS[value] : value;
}
