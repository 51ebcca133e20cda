/**
 * Whether /metrics may be answered, and why not (design.md 5).
 *
 * In: how each source stands. Out: a verdict and its sentence. It keeps this: what an earlier run may have shown isn't followed by less. Commits fail on a full disk,
 * and values are shown all the same; after a kill they are known again only when the log was read as far as that run read it. So a source that an earlier run has
 * read is waited for until it was read to its end, also while it's missing or can't be read: but then not for ever.
 */

/** One source. */
export interface SourceStanding {
  readonly name: string;
  /** An earlier run has left a position in it. */
  readonly isResumed: boolean;
  /** Nothing is left that could be read; what is missing or can't be read has nothing. */
  readonly hasCaughtUp: boolean;
  /** Since the start it was there, could be read, and was read to its end. */
  readonly hasReachedEnd: boolean;
  /** Why it can't be read now, and for how long it couldn't; null: it can. */
  readonly problem: { readonly text: string; readonly lastingMs: number } | null;
  /** `homeserver.log at 12 of 40 bytes` */
  readonly progress: string;
}

export interface Readiness {
  readonly isReady: boolean;
  /** Values are older than those shown before, or may be: /metrics isn't answered. */
  readonly isReplaying: boolean;
  /** Why it isn't ready; '' if it is. */
  readonly reason: string;
}

/**
 * A log that an earlier run has read is waited for this long, in milliseconds, from when it couldn't be read. Chosen: a counter that steps back looks like a restart
 * from 0 to `rate` and `increase` and fires false alerts, while one that isn't there for a minute does nothing: two scrapes at the longest interval that the alerts
 * allow, a fifth of the 5 min of LotusE2EEWatchDown. A log that is gone for good must not keep the other sources' values, and its own alerts, away for longer.
 */
export const RETURN_GRACE_MS = 60_000;

/** No source at all is ready. */
export function decideReadiness(sources: readonly SourceStanding[]): Readiness {
  const replaying = sources.filter(isReplaying);
  if (replaying.length > 0) return { isReady: false, isReplaying: true, reason: describeReplay(replaying) };
  const problems = sources.flatMap(({ problem }) => (problem === null ? [] : [problem.text]));
  const reason = problems.length === sources.length ? problems.join('; ') : '';
  return { isReady: reason === '', isReplaying: false, reason };
}

function isReplaying({ isResumed, hasCaughtUp, hasReachedEnd, problem }: SourceStanding): boolean {
  if (isResumed) return !hasReachedEnd && (problem === null || problem.lastingMs < RETURN_GRACE_MS);
  return !hasCaughtUp && problem === null;
}

/** Those that are read, then those that are waited for. */
function describeReplay(sources: readonly SourceStanding[]): string {
  const read = sources.flatMap(({ problem, progress }) => (problem === null ? [progress] : []));
  const awaited = sources.flatMap(({ name, problem }) => (problem === null ? [] : [`${name} (${problem.text})`]));
  const parts = [
    ...(read.length > 0 ? [`reading what is there: ${read.join(', ')}`] : []),
    ...(awaited.length > 0 ? [`waiting up to ${RETURN_GRACE_MS / 1000} s for what an earlier run has read: ${awaited.join(', ')}`] : []),
  ];
  return parts.join('; ');
}
