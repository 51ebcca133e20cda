/**
 * Durations as operators write them: '250ms', '5s', '10m', '1h'. In comes text, out go whole milliseconds, and back.
 *
 * One number and one unit, no sign, no fraction: each duration has one reading, and format(parse(x)) names the same span.
 */

// '250ms' → ['250ms', '250', 'ms']. Nine digits at most: 999999999h is 3.6e15 ms, still an exact integer (below 2^53).
const DURATION = /^(\d{1,9})(ms|s|m|h)$/;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The same as DURATION for editors (JSON Schema). */
export const DURATION_PATTERN = DURATION.source;

/** '250ms' → 250, '1h' → 3600000; undefined for anything else, also '1.5s', '5 s' and a bare '5' (which unit?). */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  const unitMs = UNIT_MS[match?.[2] ?? ''];
  return match === null || unitMs === undefined ? undefined : Number(match[1]) * unitMs;
}

/** 250 → '250ms', 600000 → '10m', 0 → '0ms': the largest unit that says it exactly. Takes whole milliseconds, 0 or more. */
export function formatDuration(durationMs: number): string {
  const [unit, unitMs] = Object.entries(UNIT_MS).findLast(([, ms]) => durationMs > 0 && durationMs % ms === 0) ?? ['ms', 1];
  return `${durationMs / unitMs}${unit}`;
}
