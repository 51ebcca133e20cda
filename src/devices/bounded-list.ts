/**
 * A list of the newest entries: above its bound the oldest is dropped, and counted. Entries have lasting numbers: the first one that stands is
 * number `dropped`.
 */
export class BoundedList<T> {
  readonly #bound: number;
  /** Oldest first. */
  readonly entries: T[] = [];
  dropped = 0;

  constructor(bound: number) {
    this.#bound = bound;
  }

  push(entry: T): void {
    this.entries.push(entry);
    if (this.entries.length <= this.#bound) return;
    this.entries.shift();
    this.dropped++;
  }

  /** @param end number behind the last entry */
  restore(entries: readonly T[], end: number): void {
    this.entries.splice(0, this.entries.length, ...entries);
    this.dropped = end - entries.length;
  }
}
