/** Facts of requests as evidence: their lines in words, with no capability in them (delay ids and addresses aren't in the facts). */
import type { DelayedEventRequest, Provenance } from '../facts/fact.ts';
import { type Evidence, MAX_EVIDENCE_TEXT } from '../incident.ts';

export function evidenceOf({ source, positions, line = null }: Provenance, timeMs: number, text: string): Evidence {
  return { source, line, position: positions.at(-1) ?? 0, timeMs, text: text.slice(0, MAX_EVIDENCE_TEXT) };
}

/** `restart of a delayed event: 200!, 3.112 s`; `schedule of a delayed event by @alice:hs: 200, 0.012 s`. */
export function describeRequest({ action, status, isClientGone, durationMs, userId }: DelayedEventRequest): string {
  const what = action === 'unknown' ? 'managing (old form)' : action;
  return `${what} of a delayed event${userId === null ? '' : ` by ${userId}`}: ${status}${isClientGone ? '!' : ''}, ${(durationMs / 1000).toFixed(3)} s`;
}
