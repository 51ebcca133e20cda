/**
 * An incident: one fault of one device (or one pair, one membership, the homeserver), from its first sign to its end. Stages right of
 * "facts" make them; contract.md ("incidents") is their printed form.
 */
import type { Level } from './certainty.ts';

/** The known faults that the operator's runbook numbers. */
export type KnownFault = 'KE-1' | 'KE-2' | 'KE-3' | 'KE-4';

/** One line that an incident rests on. */
export interface Evidence {
  /** Name of the source: `homeserver.log`. */
  readonly source: string;
  /** Line number in its generation, from 1; null where it isn't known (after a restart in mid-file). */
  readonly line: number | null;
  /** Byte position of the line in its generation. */
  readonly position: number;
  /** Log time, epoch ms. */
  readonly timeMs: number;
  /** The line's message, cut to MAX_EVIDENCE_TEXT; capabilities in it are hashed. */
  readonly text: string;
}

/** Longest text of one piece of evidence, in UTF-16 units. Chosen: a refusal with both keys fits. */
export const MAX_EVIDENCE_TEXT = 1000;

/** Pieces of evidence that one incident keeps: the first ones and the last ones. Chosen: enough to see how it began and how it stands. */
export const MAX_EVIDENCE_LINES = 20;

export interface Incident {
  /** Made of what it is about and when it began, so that a replay gives it the same one: `otk_storm/@alice:hs/ABCDEF/1782820800000`. */
  readonly id: string;
  readonly ke: KnownFault;
  /** `otk_storm`, `call_keys_lost`, … a closed set of each stage. */
  readonly kind: string;
  readonly userId: string | null;
  readonly deviceId: string | null;
  readonly level: Level;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly isOpen: boolean;
  /** One sentence for a person: who, what, since when, why. */
  readonly summary: string;
  readonly evidence: readonly Evidence[];
  /** What heals it, best first; each a sentence, a command where there is one for this very device. */
  readonly remediation: readonly string[];
}

/** A stage that has incidents. */
export interface IncidentSource {
  /** As things stand at `nowMs` (newest log time; NaN where the log has none), open and closed, in any order. */
  incidents(nowMs: number): Iterable<Incident>;
}
