// What a gate says about a tree, as data: which file breaks which of its rules. Only what makes the gate red counts, a hint doesn't.

import { runScript, type ScriptRun } from '../gate/run-script.ts';

/** E.g. `{ gate: 'check:lint', rule: 'lint/style/noRestrictedGlobals', file: 'src/lines/x.ts' }`. */
export interface Finding {
  readonly gate: string;
  readonly rule: string;
  readonly file: string;
}

export interface Verdict {
  readonly gate: string;
  readonly exitCode: number | null;
  readonly findings: readonly Finding[];
  readonly output: string;
}

interface Reader {
  readonly gate: string;
  /** Makes the tool print what `read` understands; the configuration stays as it is. */
  readonly format: readonly string[];
  readonly read: (run: ScriptRun) => readonly { readonly rule: string; readonly file: string }[];
}

const READERS: readonly Reader[] = [
  { gate: 'check:types', format: ['--pretty', 'false'], read: readCompiler },
  { gate: 'check:pure', format: ['--pretty', 'false'], read: readCompiler },
  { gate: 'check:lint', format: ['--reporter=json', '--max-diagnostics=none'], read: readBiome },
  { gate: 'check:promises', format: [], read: readCompiler },
  { gate: 'check:direction', format: [], read: readDependencyCruiser },
  { gate: 'check:dead-code', format: ['--reporter', 'json'], read: readKnip },
];

/** Runs every static gate over the tree in `folder`, one after the other. */
export async function judge(folder: string): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const { gate, format, read } of READERS) {
    const run = await runScript(gate, { folder, extraArguments: format });
    const findings = read(run).map(({ rule, file }) => ({ gate, rule, file }));
    verdicts.push({ gate, exitCode: run.exitCode, findings, output: run.output });
  }
  return verdicts;
}

function readCompiler(run: ScriptRun): { rule: string; file: string }[] {
  // src/lines/x.ts(4,8): error TS2882: Cannot find module or type declarations for side-effect import of './nowhere.ts'.
  return [...run.stdout.matchAll(/^(\S+?)\(\d+,\d+\): error (TS\d+|floating-promise):/gm)].map((match) => ({
    file: match[1]!,
    rule: match[2]!,
  }));
}

function readBiome(run: ScriptRun): { rule: string; file: string }[] {
  const report = JSON.parse(run.stdout) as {
    diagnostics: { severity: string; category: string; location: { path: string } }[];
  };
  return report.diagnostics
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ category, location }) => ({ file: location.path, rule: category }));
}

function readDependencyCruiser(run: ScriptRun): { rule: string; file: string }[] {
  //   error core-no-node: src/lines/reads-file.ts → fs
  return [...run.stdout.matchAll(/^ *error (\S+): (\S+)/gm)].map((match) => ({ file: match[2]!, rule: match[1]! }));
}

function readKnip(run: ScriptRun): { rule: string; file: string }[] {
  // {"issues":[{"file":"daemon/spare.ts","exports":[{"name":"spare",…}],"files":[],…}]}
  const { issues } = JSON.parse(run.stdout) as { issues: ({ file: string } & Record<string, unknown>)[] };
  return issues.flatMap(({ file, ...kinds }) =>
    Object.entries(kinds)
      .filter(([, found]) => Array.isArray(found) && found.length > 0)
      .map(([rule]) => ({ file, rule })),
  );
}
