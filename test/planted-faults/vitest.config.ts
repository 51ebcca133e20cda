/** Property tests on code with a fault in it: PLANTED_FAULT is its place in faults.ts. The change is made while the file is loaded; nothing on disk is touched. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { FAULTS } from './faults.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fault = FAULTS[Number(process.env['PLANTED_FAULT'])];

export default defineConfig({
  root,
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    maxWorkers: 1,
    testTimeout: 120_000,
    bail: 1,
    // What is loaded depends on more than the file: without this a fault of an earlier run would be loaded, or none.
    fsModuleCache: false,
  },
  plugins: [
    {
      name: 'planted-fault',
      enforce: 'pre',
      transform(code, id) {
        if (fault === undefined || id !== `${root}${fault.file}`) return null;
        const [before, after, ...more] = code.split(fault.find);
        if (after === undefined || more.length > 0)
          throw new Error(`Cannot plant "${fault.fault}": "${fault.find}" is not in ${fault.file} once`);
        return before + fault.put + after;
      },
    },
  ],
});
