/**
 * A bounded table whose entries are kept as rows (kept-rows.ts). In: entries by key. Out: entries; rows that changed; after a restart the same
 * table, with the same order of use, so that the same entry is forgotten next.
 *
 * Above the bound the entry that was put least recently is forgotten and counted (a put counts as use from half of the bound on). Entries are plain data and may be changed in place; `put` tells
 * that they were.
 */
import { toRow } from './row-text.ts';

interface Entry<V> {
  order: number;
  value: V;
  /** The database has a row of it. */
  isStored: boolean;
}

export class BoundedRows<V> {
  /** In order of use. */
  readonly #entries = new Map<string, Entry<V>>();
  readonly #changed = new Set<string>();
  /** Rows of the database that have no entry any more. One that was never stored leaves nothing behind, so this is bounded, too. */
  readonly #gone = new Set<string>();
  readonly #max: number;
  readonly #onEvict: (value: V, key: string) => void;
  readonly prefix: string;
  #nextOrder = 0;
  #nextSequence = 0;
  /** Forgotten at the bound, ever. */
  evicted = 0;

  /** @param prefix of the rows' keys, without "/"; unique in its stage. @throws RangeError for a bound below 1 */
  constructor(prefix: string, max: number, onEvict: (value: V, key: string) => void = () => undefined) {
    if (!(max >= 1)) throw new RangeError(`Cannot bound "${prefix}": ${max}, expected 1 or more`);
    this.prefix = prefix;
    this.#max = max;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** In order of use, the one that is forgotten next first. */
  *values(): Iterable<V> {
    for (const { value } of this.#entries.values()) yield value;
  }

  *entries(): Iterable<readonly [key: string, value: V]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  /** Adds an entry, or says that it was used or changed. */
  put(key: string, value: V): void {
    const known = this.#entries.get(key);
    if (known === undefined) {
      if (this.#entries.size >= this.#max) this.#evict();
      this.#entries.set(key, { order: this.#nextOrder++, value, isStored: this.#gone.delete(key) });
    } else {
      known.value = value;
      // Order matters only where the table is filling up; below that, moving entries about would cost most of the time (and memory) of a log.
      if (this.#entries.size * 2 > this.#max) {
        this.#entries.delete(key);
        this.#entries.set(key, known);
        known.order = this.#nextOrder++;
      }
    }
    this.#changed.add(key);
  }

  /** An entry was changed in place, which doesn't count as use. */
  markChanged(key: string): void {
    this.#changed.add(key);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(key, entry);
  }

  /** A number that no entry had before. */
  takeSequence(): number {
    this.#changed.add(META);
    return this.#nextSequence++;
  }

  *changedRows(): Iterable<readonly [key: string, text: string | null]> {
    for (const key of this.#gone) yield [`${this.prefix}/${key}`, null];
    for (const key of this.#changed)
      yield [`${this.prefix}/${key}`, key === META ? toRow([this.evicted, this.#nextSequence]) : this.#textOf(key)];
  }

  markCommitted(): void {
    for (const key of this.#changed) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) entry.isStored = true;
    }
    this.#changed.clear();
    this.#gone.clear();
  }

  /**
   * One row, without its prefix; call `settleRestored` behind the last one. False where it can't be read.
   *
   * @param isValue whether a plain object is an entry
   */
  restore(key: string, row: unknown, isValue: (value: unknown) => value is V): boolean {
    if (!Array.isArray(row) || row.length !== 2) return false;
    const [first, second] = row as readonly unknown[];
    if (typeof first !== 'number') return false;
    if (key === META) {
      if (typeof second !== 'number') return false;
      this.evicted = first;
      this.#nextSequence = second;
      return true;
    }
    if (!isValue(second)) return false;
    this.#entries.set(key, { order: first, value: second, isStored: true });
    return true;
  }

  settleRestored(): void {
    const entries = [...this.#entries].sort(([, a], [, b]) => a.order - b.order);
    this.#entries.clear();
    for (const [key, entry] of entries) this.#entries.set(key, entry);
    this.#nextOrder = (entries.at(-1)?.[1].order ?? -1) + 1;
  }

  #textOf(key: string): string | null {
    const entry = this.#entries.get(key);
    return entry === undefined ? null : toRow([entry.order, entry.value]);
  }

  #evict(): void {
    const [first] = this.#entries;
    if (first === undefined) return;
    const [key, entry] = first;
    this.#remove(key, entry);
    this.#changed.add(META);
    this.evicted++;
    this.#onEvict(entry.value, key);
  }

  #remove(key: string, { isStored }: Entry<V>): void {
    this.#entries.delete(key);
    this.#changed.delete(key);
    if (isStored) this.#gone.add(key);
  }
}

/** Key of the row that holds the table's own numbers. No entry has it. */
const META = '#';
