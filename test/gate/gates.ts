// The gates that a change has to pass, in the order in which they run: cheap and fundamental first. Each is a script of package.json, so that
// one can be run alone (`npm run check:types`) and so that knip sees which tools are used.

/** One gate: the script that runs it, and what a red one means, for the reader of the report. */
export interface Gate {
  readonly script: string;
  readonly claim: string;
  /** Prints a summary line (summary.ts) of its own: its counts are taken over, and its output is shown while it runs. */
  readonly isSummarised: boolean;
}

export const GATES: readonly Gate[] = [
  { script: 'check:types', claim: 'every file has the types it says it has', isSummarised: false },
  { script: 'check:pure', claim: 'src/ compiles without node', isSummarised: false },
  { script: 'check:lint', claim: 'format and lint', isSummarised: false },
  { script: 'check:promises', claim: 'somebody waits for every promise', isSummarised: false },
  { script: 'check:direction', claim: 'imports go one way', isSummarised: false },
  { script: 'check:dead-code', claim: 'no unused file, export or dependency', isSummarised: false },
  { script: 'check:rules', claim: 'every rule passes its own tests', isSummarised: false },
  { script: 'check:generated', claim: 'generated files are up to date', isSummarised: false },
  { script: 'test', claim: 'tests', isSummarised: true },
];
