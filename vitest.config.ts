// Two sets of tests. `unit` is everything that runs on a bare checkout; `system` needs Debian packages (promtool, prometheus, mtail …), is named
// *.system.test.ts and runs with `npm run test:system`.

import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/gate/summary-reporter.ts';

export default defineConfig({
  test: {
    // Chosen for the smallest machine this is developed on (2 cores); more workers only make time-outs there.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    setupFiles: ['test/setup.ts'],
    reporters: ['default', new SummaryReporter()],
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/**/*.system.test.ts', '**/node_modules/**'] },
      },
      // One at a time: these start servers and measure.
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.system.test.ts'],
          exclude: ['**/node_modules/**'],
          maxWorkers: 1,
          testTimeout: 120_000,
        },
      },
    ],
  },
});
