// Scores `analyze --json` against the corpus of real captures, and decides which shortfalls are known.
//
// The captures and the scorer aren't part of this repository: they lie beside it, in ../shared. Usage:
//   node test/gate/score.ts PART [words for the scorer, e.g. --gz, or --cmd "…" to score another reader]
// PART is counts, truth or all. Ends with a summary line: a capture (in one variant) counts as one, a known shortfall as skipped.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { judgeScore, type KnownShortfall } from './score-report.ts';
import { summaryLine } from './summary.ts';

/** Each with the reason; an entry goes when its capture no longer falls short. */
const KNOWN_SHORTFALLS: readonly KnownShortfall[] = [];

const scorer = join(import.meta.dirname, '..', '..', '..', 'shared', 'tools', 'score.mjs');
const [part = 'all', ...words] = process.argv.slice(2);

if (existsSync(scorer)) {
  // -v names the captures that are complete too: they are counted.
  const run = spawnSync(process.execPath, [scorer, '--part', part, '-v', ...words], { encoding: 'utf8', maxBuffer: 1 << 28 });
  process.stdout.write(run.stderr);
  const { counts, report } = judgeScore(run.stdout, KNOWN_SHORTFALLS);
  process.stdout.write(`${report}${summaryLine(counts)}\n`);
  process.exitCode = counts.failed > 0 ? 1 : 0;
} else {
  process.stdout.write(
    `Cannot score: there is no scorer beside this repository (shared/tools/score.mjs)\n${summaryLine({ passed: 0, failed: 1, skipped: 0 })}\n`,
  );
  process.exitCode = 1;
}
