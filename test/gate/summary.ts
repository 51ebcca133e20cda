// The one line by which a person, a script and CI read a run: "12 passed, 0 failed, 1 skipped", alone on the last line of output.

/** What a run came to; a whole number of tests, gates or checks each, 0 or more. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** E.g. `12 passed, 0 failed, 1 skipped`, without a newline. */
export function summaryLine(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/** The counts of the last line of `output` that isn't blank, or null where that line isn't a summary. */
export function parseSummaryLine(output: string): Counts | null {
  const lastLine = output.trimEnd().split('\n').at(-1) ?? '';
  // 12 passed, 0 failed, 1 skipped
  const match = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(lastLine);
  return match === null ? null : { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) };
}

export function addCounts(left: Counts, right: Counts): Counts {
  return { passed: left.passed + right.passed, failed: left.failed + right.failed, skipped: left.skipped + right.skipped };
}
