/**
 * Which rows of a stage changed since they were last committed (kept-rows.ts). In: keys, as they change or go. Out: each changed key with its text,
 * until it's marked as committed. A row that goes before it was ever committed leaves nothing behind, so what is held is bounded by the rows that
 * exist, even where nothing is ever committed (`analyze`).
 */
export class ChangedKeys {
  readonly #changed = new Set<string>();
  /** Keys that the database has. */
  readonly #stored = new Set<string>();
  readonly #gone = new Set<string>();

  mark(key: string): void {
    this.#changed.add(key);
  }

  /** The row is gone. */
  remove(key: string): void {
    if (this.#stored.has(key)) this.#changed.add(key);
    else this.#changed.delete(key);
  }

  /** The database has this row: it was restored. */
  noteStored(key: string): void {
    this.#stored.add(key);
  }

  /** @param textOf the row's text; null where it is gone */
  *rows(textOf: (key: string) => string | null): Iterable<readonly [key: string, text: string | null]> {
    this.#gone.clear();
    for (const key of this.#changed) {
      const text = textOf(key);
      if (text === null) this.#gone.add(key);
      yield [key, text];
    }
  }

  markCommitted(): void {
    for (const key of this.#changed) this.#stored.add(key);
    for (const key of this.#gone) this.#stored.delete(key);
    this.#changed.clear();
  }
}
