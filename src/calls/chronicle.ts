/**
 * What happened to delayed events when, second by second, so that a question about any window can be answered. In: happenings with their log
 * time. Out: their counts in a window. Bounded: above MAX_ENTRIES the second
 * that was added to least recently is forgotten, and the chronicle says so.
 */
import { BoundedRows } from './bounded-rows.ts';

export const HAPPENINGS = [
  'homeserver_slow',
  'homeserver_healthy',
  'unknown',
  'rate_limited',
  'dropped_by_homeserver',
  'dropped_by_client',
  'dropped_by_rate_limit',
  'drop_unsure',
] as const;

export type Happening = (typeof HAPPENINGS)[number];

/** Seconds × happenings remembered: a fault that goes on all the time for an hour takes 3,600 of each. */
const MAX_ENTRIES = 20_000;

export class Chronicle {
  /** `<second>/<happening>` → count. */
  readonly rows: BoundedRows<number>;

  constructor(maxEntries: number = MAX_ENTRIES) {
    this.rows = new BoundedRows('chronicle', maxEntries);
  }

  /** Without a time (NaN) it has no place in any window. */
  add(timeMs: number, happening: Happening): void {
    if (Number.isNaN(timeMs)) return;
    const key = `${Math.floor(timeMs / 1000)}/${happening}`;
    this.rows.put(key, (this.rows.get(key) ?? 0) + 1);
  }

  count(fromMs: number, toMs: number): Record<Happening, number> {
    const counts = Object.fromEntries(HAPPENINGS.map((happening) => [happening, 0])) as Record<Happening, number>;
    for (const { key, value: count } of this.rows.entries()) {
      const slash = key.indexOf('/');
      const second = Number(key.slice(0, slash));
      if (second >= Math.floor(fromMs / 1000) && second <= Math.floor(toMs / 1000)) counts[key.slice(slash + 1) as Happening] += count;
    }
    return counts;
  }

  /** Something that happened at or behind `fromMs` may be forgotten. */
  hasForgotten(fromMs: number): boolean {
    if (this.rows.evicted === 0) return false;
    let oldest = Number.POSITIVE_INFINITY;
    for (const { key } of this.rows.entries()) oldest = Math.min(oldest, Number.parseInt(key, 10));
    return fromMs < oldest * 1000;
  }
}
