// A vitest reporter that adds the summary line (summary.ts) as the very last line of output, behind vitest's own report.
//
// A suite that can't be loaded, a hook that throws and an error outside of any test count as one failure each: they hide tests that would
// otherwise be missing silently. With LOTUS_NO_SKIP=1 a skipped test is a failure, so that CI can't pass because a tool wasn't installed.

import type { Reporter, TestModule } from 'vitest/node';
import { type Counts, summaryLine } from './summary.ts';

export class SummaryReporter implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };

  onInit(): void {
    // At exit, because vitest and its other reporters go on writing after the last hook of a reporter, and only then is the exit code known:
    // it's also 1 where nothing was counted (no test file found, a bad configuration).
    process.once('exit', (exitCode) => {
      const { passed, failed, skipped } = this.#counts;
      const isUnexplained = exitCode !== 0 && failed === 0;
      process.stdout.write(`${summaryLine({ passed, failed: isUnexplained ? 1 : failed, skipped })}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = countModules(modules);
    const skippedAreFailures = process.env['LOTUS_NO_SKIP'] === '1' && counts.skipped > 0;
    if (skippedAreFailures) {
      for (const name of skippedTests(modules)) process.stdout.write(`SKIPPED, which LOTUS_NO_SKIP forbids: ${name}\n`);
    }
    this.#counts = {
      passed: counts.passed,
      failed: counts.failed + unhandledErrors.length + (skippedAreFailures ? counts.skipped : 0),
      skipped: skippedAreFailures ? 0 : counts.skipped,
    };
    if (this.#counts.failed > 0) process.exitCode = 1;
  }
}

function countModules(modules: readonly TestModule[]): Counts {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const module of modules) {
    failed += failuresOutsideTests(module);
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed++;
      else if (state === 'skipped') skipped++;
      // A test that is still pending was cut off: it didn't pass.
      else failed++;
    }
  }
  return { passed, failed, skipped };
}

/** Errors of loading the file, and of the hooks of its suites. */
function failuresOutsideTests(module: TestModule): number {
  let failures = module.errors().length;
  for (const suite of module.children.allSuites()) failures += suite.errors().length;
  return failures;
}

function skippedTests(modules: readonly TestModule[]): string[] {
  return modules.flatMap((module) =>
    [...module.children.allTests('skipped')].map((test) => `${module.relativeModuleId} > ${test.fullName}`),
  );
}
