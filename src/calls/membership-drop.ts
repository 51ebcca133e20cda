/**
 * What the first 404 on a delayed event means. In: the event, the time of the 404, the homeserver's version. Out: whether the server ended
 * the membership because no restart came in time (contract.md, `drops`).
 */
import type { DelayedEvent, DelayedEventEnd } from './delayed-event.ts';

/**
 * Synapse once cancelled a delayed event when its *own* user set the same state; from some version between these two on, it doesn't
 * (lab-findings ops 2: 1.120.2 does, 1.149.1 doesn't).
 */
const OWN_STATE_CANCELS = [1, 120];
const OWN_STATE_IS_FINE = [1, 149];

export function decideEnd(event: DelayedEvent, notFoundMs: number, version: string): DelayedEventEnd {
  // Of several, another one may be what was replaced.
  if (event.replacedBy === 'other') return event.oneOf === null ? 'replaced' : 'unsure';
  if (event.replacedBy === 'own') {
    const known = parseVersion(version);
    if (known !== null && compareVersions(known, OWN_STATE_CANCELS) <= 0) return 'replaced';
    if (known === null || compareVersions(known, OWN_STATE_IS_FINE) < 0) return 'unsure';
  }
  if (event.schedule === null || Number.isNaN(event.schedule.delayMs)) return 'unsure';
  const shortest = longestSilenceMs(event, notFoundMs, event.oneOf?.latestMs ?? event.schedule.timeMs);
  const longest = longestSilenceMs(event, notFoundMs, event.oneOf?.earliestMs ?? event.schedule.timeMs);
  if (Number.isNaN(longest)) return 'unsure';
  if (shortest >= (event.oneOf?.longestDelayMs ?? event.schedule.delayMs)) return 'dropped';
  return longest >= (event.oneOf?.shortestDelayMs ?? event.schedule.delayMs) ? 'unsure' : 'unexplained';
}

/**
 * The longest time that the server can have been without a restart. Two ways to see it: from the *start* of the last one (or from the schedule) to
 * the 404, because a restart takes effect somewhere between its start and its end; and from end to end of two that follow each other, because
 * restarts that waited behind a lock come back as 200 when the timer has fired already (both seen in lab captures).
 */
export function longestSilenceMs(
  { restarts, lastRestartStartMs, longestGapMs }: DelayedEvent,
  notFoundMs: number,
  scheduledMs: number,
): number {
  return Math.max(notFoundMs - (restarts > 0 ? lastRestartStartMs : scheduledMs), longestGapMs);
}

/** `1.155.0`, `1.157.0rc1`, `1.155.0 (b=develop,…)` → [1, 155, 0]. */
function parseVersion(text: string): number[] | null {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0);
}
