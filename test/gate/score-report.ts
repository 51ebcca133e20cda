// Reads what the scorer printed with -v, and counts captures: complete, short, or short in a way that is known.

import type { Counts } from './summary.ts';

export interface KnownShortfall {
  readonly capture: string;
  readonly variant: string;
  /** Stands in the report, so that a known shortfall stays visible. */
  readonly why: string;
}

export interface ScoreJudgement {
  readonly counts: Counts;
  /** Lines for a person, each with its newline. */
  readonly report: string;
}

export function judgeScore(printed: string, known: readonly KnownShortfall[]): ScoreJudgement {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  let report = '';
  for (const { capture, variant, isShort, text } of captures(printed)) {
    // No answer at all is never a known shortfall.
    const isAnswered = !/^ +analyze --json: /m.test(text);
    const shortfall = known.find((entry) => isAnswered && entry.capture === capture && entry.variant === variant);
    if (!isShort) {
      passed++;
      if (shortfall !== undefined) report += `NOTE  ${capture} [${variant}] is complete now: take it out of the known shortfalls\n`;
    } else if (shortfall !== undefined) {
      skipped++;
      report += `KNOWN ${text}\n        why: ${shortfall.why}\n`;
    } else {
      failed++;
      report += `${text}\n`;
    }
  }
  const total = totalOf(printed);
  // A scorer that died half-way, or found no capture, has proven nothing.
  if (total === null || total === 0 || total !== passed + failed + skipped) {
    failed++;
    report += `Cannot trust the score: its last lines name ${total ?? 'no'} captures, ${passed + failed + skipped - 1} were read\n`;
  }
  return { counts: { passed, failed, skipped }, report };
}

interface Capture {
  readonly capture: string;
  readonly variant: string;
  readonly isShort: boolean;
  /** Its line, and the lines about what falls short. */
  readonly text: string;
}

function captures(printed: string): Capture[] {
  // SHORT forged-lines [text] 20/24
  //         refusals @a:b|DEVICE: expected 0, got 8
  // ok    healthy-call [json] 31/31
  const blocks = printed.matchAll(/^(SHORT|ok +) ?(\S+) \[(\S+)\] \d+\/\d+(?:\n +.*)*/gm);
  return [...blocks].map((match) => ({ text: match[0], isShort: match[1] === 'SHORT', capture: match[2] ?? '', variant: match[3] ?? '' }));
}

/** From `70 captures and variants, score 99.9 %`; null where that line is missing. */
function totalOf(printed: string): number | null {
  const match = /^(\d+) captures and variants, score /m.exec(printed);
  return match === null ? null : Number(match[1]);
}
