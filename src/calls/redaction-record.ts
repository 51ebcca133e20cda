/**
 * Redactions that the log shows, by event: an event without content that a client can't read was redacted more often than not (KE-3). In: facts.
 * Out: whether an event was redacted, as far back as the record reaches. Bounded: above MAX_REDACTIONS the oldest is forgotten.
 */
import type { Redaction } from '../facts/fact.ts';
import { hashText } from '../lines/private-hash.ts';
import { BoundedRows } from './bounded-rows.ts';

/** Plain data: one row. Event ids are told apart, not kept. */
export interface SeenRedaction {
  readonly timeMs: number;
  readonly source: string;
  readonly position: number;
}

/** Chosen: a moderator's clean-up of a large room, several times; some 150 bytes each. */
const MAX_REDACTIONS = 50_000;

export class RedactionRecord {
  /** By hash of the event id; nothing is put twice, so the oldest is forgotten first. */
  readonly rows: BoundedRows<SeenRedaction, number>;

  constructor(maxRedactions: number = MAX_REDACTIONS) {
    this.rows = new BoundedRows('redaction', maxRedactions, () => undefined, Number);
  }

  /** The first redaction of an event counts; a refused one isn't any. */
  apply({ eventId, isOk, timeMs, provenance }: Redaction): void {
    const key = hashText(eventId);
    if (!isOk || this.rows.has(key)) return;
    this.rows.put(key, { timeMs, source: provenance.source, position: provenance.positions.at(-1) ?? 0 });
  }

  find(eventId: string): SeenRedaction | null {
    return this.rows.get(hashText(eventId)) ?? null;
  }

  countIn(fromMs: number, toMs: number): number {
    let count = 0;
    for (const { timeMs } of this.rows.values()) if (timeMs >= fromMs && timeMs <= toMs) count++;
    return count;
  }
}
