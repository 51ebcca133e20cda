/**
 * The lines that a fault rests on, as many as are kept: the first ones and the last ones. In: facts with their lines. Out: `Evidence`, with texts cut
 * and of their own (a part of a longer text would keep the whole of it in memory).
 */
import type { Fact } from '../facts/fact.ts';
import { type Evidence, MAX_EVIDENCE_LINES, MAX_EVIDENCE_TEXT } from '../incident.ts';
import { copyText } from '../lines/shared-text.ts';

export interface EvidenceLines {
  readonly first: Evidence[];
  readonly last: Evidence[];
}

const HALF = MAX_EVIDENCE_LINES / 2;

export function createEvidenceLines(): EvidenceLines {
  return { first: [], last: [] };
}

/** @param isTelling only the lines for which it is true; all, where it's missing */
export function addEvidence(lines: EvidenceLines, fact: Fact, isTelling: (text: string) => boolean = () => true): void {
  for (const { line, position, timeMs, text } of fact.lines ?? []) {
    if (!isTelling(text)) continue;
    const evidence = { source: fact.provenance.source, line, position, timeMs, text: copyText(text.slice(0, MAX_EVIDENCE_TEXT)) };
    if (lines.first.length < HALF) lines.first.push(evidence);
    else {
      if (lines.last.length >= HALF) lines.last.shift();
      lines.last.push(evidence);
    }
  }
}

export function allEvidence({ first, last }: EvidenceLines): readonly Evidence[] {
  return [...first, ...last];
}
