/**
 * How sure something is, and an answer that says so. Every verdict carries both: no level that the data doesn't reach, and "blind" where the
 * log can't say (design.md 7).
 */

/** `observed`: a line states it. `derived`: follows from code (Synapse's, the SDK's) and lines. `suspected`: a heuristic. */
export type Level = 'observed' | 'derived' | 'suspected';

/** One answer to one of the runbook's questions. */
export interface Answer<Name extends string = string> {
  readonly answer: Name | 'unknown' | 'blind';
  readonly level: Level;
  /** One sentence or two, for a person: what it rests on, and what would raise or refute it. No capability (delay id, transaction id) in it. */
  readonly why: string;
}

/** A stretch of log time, both ends included. Epoch ms. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}
