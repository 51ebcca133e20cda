/**
 * What the log can't say. In: the sources as they were read. Out: whether nothing that clients asked for is seen, and why, with the lines of
 * `log.yaml` that mend it and how they are taken back. "Healthy" never comes out of silence (design.md 7).
 */
import type { Blindness } from './questions.ts';

/** What is asked of a source. */
export interface SeenSource {
  readonly name: string;
  readonly counts: { readonly records: number; readonly accessLines: number; readonly lines: number };
}

const MEND =
  'mend it in log.yaml with `loggers: {synapse.access: {level: INFO}}` (and `synapse.handlers.e2e_keys`, `synapse.http.server` likewise), then SIGHUP; to take it back, set `level: NOTSET` there: removing the entry alone keeps the level';

/** @param gaps what couldn't be read, each a sentence */
export function findBlindness(sources: readonly SeenSource[], gaps: readonly string[]): Blindness {
  const reasons: string[] = [];
  for (const { name, counts } of sources) {
    if (counts.lines === 0) reasons.push(`no line of ${name} was read`);
    else if (counts.records > 0 && counts.accessLines === 0)
      reasons.push(
        `${name} has no access line: its access logger, or the root logger, is above INFO, or its process serves no requests; ${MEND}`,
      );
  }
  reasons.push(...gaps);
  return { isBlind: sources.every(({ counts }) => counts.accessLines === 0), reasons };
}
