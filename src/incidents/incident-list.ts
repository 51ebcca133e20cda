/**
 * The list of incidents. In: the stages that have some. Out: all of them, in the order in which they began, without those that ended too long ago.
 *
 * Bounded: at most MAX_INCIDENTS; open ones stay before closed ones, newer before older.
 */
import type { Incident, IncidentSource } from '../incident.ts';

/** Chosen: 1,000 open ones, and a month of closed ones. */
export const MAX_INCIDENTS = 10_000;
/** A closed incident is kept for this long of log time, in ms (design.md 5). */
export const INCIDENT_AGE_MS = 30 * 24 * 60 * 60_000;

export class IncidentList {
  readonly #sources: readonly IncidentSource[];

  constructor(sources: readonly IncidentSource[]) {
    this.#sources = sources;
  }

  /** @param nowMs newest log time */
  list(nowMs: number): readonly Incident[] {
    const all = this.#sources.flatMap((source) => [...source.incidents(nowMs)]);
    const kept = all.filter(({ isOpen, lastMs }) => isOpen || !(nowMs - lastMs > INCIDENT_AGE_MS));
    if (kept.length > MAX_INCIDENTS) {
      kept.sort((a, b) => Number(b.isOpen) - Number(a.isOpen) || b.lastMs - a.lastMs);
      kept.length = MAX_INCIDENTS;
    }
    return kept.sort((a, b) => a.firstMs - b.firstMs || (a.id < b.id ? -1 : 1));
  }
}
