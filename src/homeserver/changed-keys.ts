/**
 * Which rows of a stage changed since they were last committed (kept-rows.ts). In: keys, as they change. Out: each changed key with its text,
 * until it's marked as committed.
 */
export class ChangedKeys {
  readonly #keys = new Set<string>();

  mark(key: string): void {
    this.#keys.add(key);
  }

  /** @param textOf the row's text; null where it is gone */
  *rows(textOf: (key: string) => string | null): Iterable<readonly [key: string, text: string | null]> {
    for (const key of this.#keys) yield [key, textOf(key)];
  }

  markCommitted(): void {
    this.#keys.clear();
  }
}
