/**
 * Keeps repeated messages from flooding: the first of a key passes, the others within the interval are counted, and the count comes out
 * with the next one that passes, or by itself when the interval is over. In come keys, items and times; out comes what to write.
 *
 * Bounded: at most `maxKeys` keys are remembered; at the bound the oldest goes, and its count comes out with the next `expire`, so that
 * no suppressed item is ever left unsaid.
 */

export interface RepeatLimits {
  /** One item of a key passes in this time. */
  readonly intervalMs: number;
  readonly maxKeys: number;
}

/** An item to write now, and how many of its key were kept back before it since the last one written. */
export interface Admitted<T> {
  readonly item: T;
  readonly suppressed: number;
}

interface Window<T> {
  readonly openedMs: number;
  /** The newest of those kept back. */
  readonly last: T | undefined;
  readonly suppressed: number;
}

/** One limiter for all messages of one log. Times are milliseconds of a clock that only grows. */
export class RepeatLimiter<T> {
  readonly #limits: RepeatLimits;
  // In order of opening: the first is the oldest.
  readonly #windows = new Map<string, Window<T>>();
  #overdue: Admitted<T>[] = [];

  constructor(limits: RepeatLimits) {
    if (!(limits.intervalMs > 0) || !(limits.maxKeys >= 1)) throw new RangeError('RepeatLimiter: intervalMs and maxKeys must be above 0');
    this.#limits = limits;
  }

  /** The item if it may be written now, undefined if it is kept back and counted. */
  admit(key: string, item: T, nowMs: number): Admitted<T> | undefined {
    const window = this.#windows.get(key);
    if (window !== undefined && nowMs - window.openedMs < this.#limits.intervalMs) {
      this.#windows.set(key, { openedMs: window.openedMs, last: item, suppressed: window.suppressed + 1 });
      return undefined;
    }
    this.#windows.delete(key); // set below, at the end of the order
    this.#makeRoom();
    this.#windows.set(key, { openedMs: nowMs, last: undefined, suppressed: 0 });
    return { item, suppressed: window?.suppressed ?? 0 };
  }

  /** What was kept back in intervals that are over: the newest item of each key and how many came before it. Call it now and then. */
  expire(nowMs: number): readonly Admitted<T>[] {
    const due = this.#overdue;
    this.#overdue = [];
    for (const [key, window] of this.#windows) {
      if (nowMs - window.openedMs < this.#limits.intervalMs) break;
      this.#windows.delete(key);
      due.push(...unsaid(window));
      // What was said just now opens a new interval, else a steady stream would be written twice an interval.
      if (window.suppressed > 0) this.#windows.set(key, { openedMs: nowMs, last: undefined, suppressed: 0 });
    }
    return due;
  }

  #makeRoom(): void {
    for (const [key, window] of this.#windows) {
      if (this.#windows.size < this.#limits.maxKeys) return;
      this.#windows.delete(key);
      this.#overdue.push(...unsaid(window));
    }
  }
}

function unsaid<T>({ last, suppressed }: Window<T>): readonly Admitted<T>[] {
  return last === undefined ? [] : [{ item: last, suppressed: suppressed - 1 }];
}
