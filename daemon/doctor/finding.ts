/** What the doctor says: one sentence each, and what to do about it where something is to be done. */

/** good: as it should be. todo: something to do. note: worth knowing; the exit code doesn't mind. */
export type Verdict = 'good' | 'todo' | 'note';

export interface Finding {
  /** Stable name of the check, for scripts: `log-readable`. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What is: `/var/log/matrix-synapse/homeserver.log is readable for the service`. */
  readonly text: string;
  /** What to do, as sentences and commands; only with `todo`, and with a `note` that offers something. */
  readonly advice?: string;
}

export function good(check: string, text: string): Finding {
  return { check, verdict: 'good', text };
}

export function todo(check: string, text: string, advice: string): Finding {
  return { check, verdict: 'todo', text, advice };
}

export function note(check: string, text: string, advice?: string): Finding {
  return { check, verdict: 'note', text, ...(advice === undefined ? {} : { advice }) };
}
