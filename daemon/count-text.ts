/**
 * Counts for people. Not by `toLocaleString`: the first call of that makes Node read its language data (8 MiB that stay), which a daemon needs for nothing else
 * while its log is in UTC.
 */

/** A whole number ≥ 0 with commas: `12,345,678`. */
export function countText(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}
