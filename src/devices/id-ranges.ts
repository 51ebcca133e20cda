/**
 * A set of key numbers as ranges: `[0, 49, 53, 53]` is 0 … 49 and 53. Ids come as counters, so a device's whole history is a few pairs.
 *
 * Invariants: pairs ascend and neither touch nor overlap. Bounded by MAX_RANGES: above it the lowest range is forgotten (an old, or an opaque
 * id), and `isTruncated` says so.
 */

/** Chosen: keys handed out in the order of their characters leave some 25 holes in a batch of 50; a device has at most 100 in stock. */
export const MAX_RANGES = 200;

export class IdRanges {
  /** First and last of each range. */
  #bounds: number[] = [];
  isTruncated = false;

  static from(bounds: readonly number[]): IdRanges {
    const ranges = new IdRanges();
    ranges.#bounds = [...bounds];
    return ranges;
  }

  get isEmpty(): boolean {
    return this.#bounds.length === 0;
  }

  /** How many ids are in it. */
  get size(): number {
    let size = 0;
    for (let i = 0; i < this.#bounds.length; i += 2) size += this.#at(i + 1) - this.#at(i) + 1;
    return size;
  }

  /** As plain data: what `from` takes. */
  bounds(): readonly number[] {
    return this.#bounds;
  }

  has(id: number): boolean {
    const i = this.#find(id);
    return i < this.#bounds.length && this.#at(i) <= id;
  }

  add(id: number): void {
    if (!this.has(id)) this.#addRange(id, id);
  }

  addAll(other: IdRanges): void {
    const bounds = other.bounds();
    for (let i = 0; i < bounds.length; i += 2) this.#addRange(bounds[i] as number, bounds[i + 1] as number);
    this.isTruncated ||= other.isTruncated;
  }

  #addRange(from: number, to: number): void {
    const bounds = this.#bounds;
    // All ranges that overlap it or touch it become one with it.
    const i = this.#find(from - 1);
    let first = from;
    let last = to;
    let end = i;
    for (; end < bounds.length && this.#at(end) <= to + 1; end += 2) {
      first = Math.min(first, this.#at(end));
      last = Math.max(last, this.#at(end + 1));
    }
    if (end - i === 2) {
      bounds[i] = first;
      bounds[i + 1] = last;
      return;
    }
    this.#makeRoom(i, end, 2);
    this.#bounds[i] = first;
    this.#bounds[i + 1] = last;
    if (this.#bounds.length > 2 * MAX_RANGES) {
      this.#makeRoom(0, 2, 0);
      this.isTruncated = true;
    }
  }

  /**
   * Puts `count` zeros in place of `[at, end)`. As splice, but the new list takes no more memory than it needs: there are two of them for each
   * device.
   */
  #makeRoom(at: number, end: number, count: number): void {
    const bounds = this.#bounds;
    const next = new Array<number>(bounds.length - (end - at) + count);
    for (let i = 0; i < at; i++) next[i] = bounds[i] as number;
    for (let i = 0; i < count; i++) next[at + i] = 0;
    for (let i = end; i < bounds.length; i++) next[at + count + i - end] = bounds[i] as number;
    this.#bounds = next;
  }

  /** Whether it was in. */
  delete(id: number): boolean {
    const bounds = this.#bounds;
    const i = this.#find(id);
    if (i >= bounds.length || this.#at(i) > id) return false;
    const isFirst = this.#at(i) === id;
    const isLast = this.#at(i + 1) === id;
    if (isFirst && isLast) this.#makeRoom(i, i + 2, 0);
    else if (isFirst) bounds[i] = id + 1;
    else if (isLast) bounds[i + 1] = id - 1;
    else {
      this.#makeRoom(i + 1, i + 1, 2);
      this.#bounds[i + 1] = id - 1;
      this.#bounds[i + 2] = id + 1;
    }
    return true;
  }

  /** As `add` for each, in one go: most lists of ids are one or two runs. @param ascending without doubles */
  addAscending(ascending: readonly number[]): void {
    for (let i = 0; i < ascending.length; ) {
      const from = ascending[i] as number;
      let to = from;
      for (i++; i < ascending.length && ascending[i] === to + 1; i++) to++;
      this.#addRange(from, to);
    }
  }

  /** Takes out `from` and everything above it. */
  deleteFrom(from: number): void {
    const i = this.#find(from);
    if (i >= this.#bounds.length) return;
    if (this.#at(i) < from) {
      this.#bounds[i + 1] = from - 1;
      this.#bounds.length = i + 2;
    } else this.#bounds.length = i;
  }

  clear(): void {
    this.#bounds = [];
  }

  /** How many ids are `from` or above. */
  countFrom(from: number): number {
    let size = 0;
    for (let i = this.#find(from); i < this.#bounds.length; i += 2) size += this.#at(i + 1) - Math.max(from, this.#at(i)) + 1;
    return size;
  }

  #at(index: number): number {
    return this.#bounds[index] as number;
  }

  /** Index of the first range that ends at `id` or above. */
  #find(id: number): number {
    let low = 0;
    let high = this.#bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#at(2 * middle + 1) < id) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}
