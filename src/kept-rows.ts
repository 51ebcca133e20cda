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
   * must cost no more than these; the same rows come again until they are marked.
   */
  changedRows(): Iterable<readonly [key: string, text: string | null]>;

  /** All that the last `changedRows` gave is safely on disk. Nothing was applied in between. */
  markCommitted(): void;

  /** At start, before any fact: all rows of the stage, in any order. A row it can't read is left out; the texts of what was wrong are returned. */
  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[];
}
