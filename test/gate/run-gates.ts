// Runs all gates, also behind a red one: whoever has broken three things wants to read of three. Shows the output of a red gate only.

import type { Gate } from './gates.ts';
import type { ScriptOptions, ScriptRun } from './run-script.ts';
import { addCounts, type Counts, parseSummaryLine, summaryLine } from './summary.ts';

/** What the runner needs of the outside: runs one script, and takes text for stdout. */
export interface GateHost {
  run(script: string, options: ScriptOptions): Promise<ScriptRun>;
  write(text: string): void;
}

/** Returns the exit code: 0 where nothing failed, else 1. The last thing written is the summary line over all gates. */
export async function runGates(gates: readonly Gate[], host: GateHost): Promise<0 | 1> {
  let total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const red: string[] = [];
  for (const gate of gates) {
    const counts = await runGate(gate, host);
    total = addCounts(total, counts);
    if (counts.failed > 0) red.push(gate.script);
  }
  if (red.length > 0) host.write(`\nRed: ${red.join(', ')} (each alone: npm run ${red[0]})\n`);
  host.write(`${summaryLine(total)}\n`);
  return total.failed > 0 ? 1 : 0;
}

async function runGate(gate: Gate, host: GateHost): Promise<Counts> {
  if (gate.isSummarised) host.write(`      ${gate.script} …\n`);
  const run = await host.run(gate.script, gate.isSummarised ? { onOutput: (piece) => host.write(piece) } : {});
  const counts = countRun(gate, run);
  const mark = counts.failed > 0 ? 'RED  ' : 'ok   ';
  host.write(`${mark} ${gate.script.padEnd(16)} ${(run.durationMs / 1000).toFixed(1).padStart(6)} s  ${gate.claim}\n`);
  if (counts.failed > 0 && !gate.isSummarised) host.write(`${run.output.trimEnd()}\n\n`);
  return counts;
}

/** A gate counts as one; one with a summary as what that says, and at least as one failure where its exit code isn't 0 or the summary is missing. */
function countRun(gate: Gate, run: ScriptRun): Counts {
  const isGreen = run.exitCode === 0;
  if (!gate.isSummarised) return { passed: isGreen ? 1 : 0, failed: isGreen ? 0 : 1, skipped: 0 };
  const counts = parseSummaryLine(run.stdout);
  if (counts === null) return { passed: 0, failed: 1, skipped: 0 };
  return !isGreen && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}
