/**
 * A bounded table whose entries are kept as rows (kept-rows.ts). In: entries by key. Out: entries; rows that changed; after a restart the same
 * table, with the same order of use, so that the same entry is forgotten next.
 *
 * Above the bound the entry that was put least recently is forgotten and counted (a put counts as use from half of the bound on). Entries are plain data and may be changed in place; `put` tells
 * that they were.
 */
import { toRow } from './row-text.ts';

/** What the table holds of one key. Whoever keeps an entry may `use` it without looking it up. */
export interface BoundedEntry<V, K extends string | number = string> {
  readonly key: K;
  order: number;
  value: V;
  /** The database has a row of it. */
  isStored: boolean;
  /** It's among the changed ones. */
  isChanged: boolean;
}

/** Entries that changed and are gone are cleared away when there are so many of them, and as many again as the table holds. */
const MIN_DEAD = 64;

/** Keys are texts, or numbers: those are found several times as fast. */
export class BoundedRows<V, K extends string | number = string> {
  /** In order of use. */
  readonly #entries = new Map<K, BoundedEntry<V, K>>();
  /** Since the last commit. Holds dead ones too: entries that were taken out since. */
  #changed: BoundedEntry<V, K>[] = [];
  /** Rows of the database that have no entry any more. One that was never stored leaves nothing behind, so this is bounded, too. */
  readonly #gone = new Set<K>();
  readonly #max: number;
  readonly #onEvict: (value: V, key: K) => void;
  readonly #readKey: (text: string) => K;
  readonly prefix: string;
  #nextOrder = 0;
  #nextSequence = 0;
  #areNumbersChanged = false;
  /** Forgotten at the bound, ever. */
  evicted = 0;

  /**
   * @param prefix of the rows' keys, without "/"; unique in its stage.
   * @param readKey a row's key from its text: `Number` where keys are numbers
   * @throws RangeError for a bound below 1
   */
  constructor(
    prefix: string,
    max: number,
    onEvict: (value: V, key: K) => void = () => undefined,
    readKey: (text: string) => K = (text) => text as K,
  ) {
    if (!(max >= 1)) throw new RangeError(`Cannot bound "${prefix}": ${max}, expected 1 or more`);
    this.prefix = prefix;
    this.#max = max;
    this.#onEvict = onEvict;
    this.#readKey = readKey;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** In order of use, the one that is forgotten next first. */
  *values(): Iterable<V> {
    for (const { value } of this.#entries.values()) yield value;
  }

  /** The one that is forgotten next. */
  first(): V | undefined {
    return this.#entries.values().next().value?.value;
  }

  entries(): Iterable<BoundedEntry<V, K>> {
    return this.#entries.values();
  }

  /** Adds an entry, or says that it was used or changed. */
  put(key: K, value: V): BoundedEntry<V, K> {
    const known = this.#entries.get(key);
    if (known === undefined) {
      if (this.#entries.size >= this.#max) this.#evict();
      const entry = { key, order: this.#nextOrder++, value, isStored: this.#gone.delete(key), isChanged: false };
      this.#entries.set(key, entry);
      this.#noteChange(entry);
      return entry;
    }
    known.value = value;
    this.use(known);
    return known;
  }

  /** An entry of this table was used, or changed in place. */
  use(entry: BoundedEntry<V, K>): void {
    // Order matters only where the table is filling up; below that, moving entries about would cost most of the time (and memory) of a log.
    if (this.#entries.size * 2 > this.#max) {
      this.#entries.delete(entry.key);
      this.#entries.set(entry.key, entry);
      entry.order = this.#nextOrder++;
    }
    if (!entry.isChanged) this.#noteChange(entry);
  }

  /** An entry was changed in place, which doesn't count as use. */
  markChanged(key: K): void {
    const entry = this.#entries.get(key);
    if (entry?.isChanged === false) this.#noteChange(entry);
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
  }

  /** A number that no entry had before. */
  takeSequence(): number {
    this.#areNumbersChanged = true;
    return this.#nextSequence++;
  }

  *changedRows(): Iterable<readonly [key: string, text: string | null]> {
    for (const key of this.#gone) yield [`${this.prefix}/${key}`, null];
    if (this.#areNumbersChanged) yield [`${this.prefix}/${META}`, toRow([this.evicted, this.#nextSequence])];
    for (const { key, order, value, isChanged } of this.#changed) if (isChanged) yield [`${this.prefix}/${key}`, toRow([order, value])];
  }

  markCommitted(): void {
    for (const entry of this.#changed) {
      if (entry.isChanged) entry.isStored = true;
      entry.isChanged = false;
    }
    this.#changed = [];
    this.#areNumbersChanged = false;
    this.#gone.clear();
  }

  /**
   * One row, without its prefix; call `settleRestored` behind the last one. False where it can't be read.
   *
   * @param isValue whether a plain object is an entry
   */
  restore(text: string, row: unknown, isValue: (value: unknown) => value is V): boolean {
    if (!Array.isArray(row) || row.length !== 2) return false;
    const [first, second] = row as readonly unknown[];
    if (typeof first !== 'number') return false;
    if (text === META) {
      if (typeof second !== 'number') return false;
      this.evicted = first;
      this.#nextSequence = second;
      return true;
    }
    const key = this.#readKey(text);
    if (!isValue(second) || Number.isNaN(key)) return false;
    this.#entries.set(key, { key, order: first, value: second, isStored: true, isChanged: false });
    return true;
  }

  settleRestored(): void {
    const entries = [...this.#entries.values()].sort((a, b) => a.order - b.order);
    this.#entries.clear();
    for (const entry of entries) this.#entries.set(entry.key, entry);
    this.#nextOrder = (entries.at(-1)?.order ?? -1) + 1;
  }

  #noteChange(entry: BoundedEntry<V, K>): void {
    entry.isChanged = true;
    // `analyze` never commits: without this, all that ever came would stay.
    if (this.#changed.length > 2 * this.#entries.size + MIN_DEAD) this.#changed = this.#changed.filter(({ isChanged }) => isChanged);
    this.#changed.push(entry);
  }

  #evict(): void {
    const [first] = this.#entries.values();
    if (first === undefined) return;
    this.#remove(first);
    this.#areNumbersChanged = true;
    this.evicted++;
    this.#onEvict(first.value, first.key);
  }

  #remove(entry: BoundedEntry<V, K>): void {
    this.#entries.delete(entry.key);
    entry.isChanged = false;
    if (entry.isStored) this.#gone.add(entry.key);
  }
}

/** Key of the row that holds the table's own numbers. No entry has it. */
const META = '#';
