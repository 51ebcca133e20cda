// Runs vitest, under the real vitest.config.ts, over small test files in a temporary folder, and reads its last line and exit code.

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runScript } from './run-script.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const IMPORT = "import { beforeAll, describe, expect, it } from 'vitest';\n";
const PASSES = "it('passes', () => expect(1).toBe(1));\n";
const FAILS = "it('fails', () => expect(1).toBe(2));\n";
const IS_SKIPPED = "it.skip('is skipped', () => undefined);\n";
const SKIPS_ITSELF = "it('skips itself', (context) => context.skip('no tool'));\n";
const HOOK_THROWS =
  "describe('group', () => {\n  beforeAll(() => { throw new Error('hook'); });\n  it('is not run', () => undefined);\n});\n";
const THROWS_LATE =
  "it('throws late', () => { setTimeout(() => { throw new Error('late'); }); return new Promise((resolve) => setTimeout(resolve, 50)); });\n";

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lotus-summary-'));
  mkdirSync(join(folder, 'test/gate'), { recursive: true });
  for (const file of ['vitest.config.ts', 'test/gate/summary-reporter.ts', 'test/gate/summary.ts', 'test/setup.ts'])
    cpSync(join(REPOSITORY, file), join(folder, file));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly exitCode: number | null;
  readonly lastLine: string | undefined;
  readonly output: string;
}

async function runTests(
  script: string,
  files: Readonly<Partial<Record<string, string>>>,
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'test', name), IMPORT + text);
  // Nothing of the vitest that runs this test may reach the one it starts.
  const { PATH, HOME } = process.env;
  const run = await runScript(script, { folder, environment: { PATH, HOME, ...environment } });
  return { exitCode: run.exitCode, lastLine: run.stdout.trimEnd().split('\n').at(-1), output: run.output };
}

it('npm test passes with skipped tests, and leaves system tests alone', async () => {
  const files = { 'a.test.ts': PASSES + IS_SKIPPED + SKIPS_ITSELF, 'a.system.test.ts': FAILS };
  expect(await runTests('test', files)).toMatchObject({ exitCode: 0, lastLine: '1 passed, 0 failed, 2 skipped' });
});

it('npm test counts a failed test, a file that cannot be loaded, a hook that throws and an error outside of any test as one each', async () => {
  const files = {
    'a.test.ts': PASSES + FAILS,
    'b.test.ts': "import './nowhere.ts';\n",
    'c.test.ts': HOOK_THROWS,
    'd.test.ts': THROWS_LATE,
  };
  expect(await runTests('test', files)).toMatchObject({ exitCode: 1, lastLine: '2 passed, 4 failed, 1 skipped' });
});

it.each([
  { name: 'a file that cannot be loaded', files: { 'a.test.ts': "import './nowhere.ts';\n" } },
  { name: 'no test file at all', files: {} },
])('npm test fails for $name', async ({ files }) => {
  expect(await runTests('test', files)).toMatchObject({ exitCode: 1, lastLine: '0 passed, 1 failed, 0 skipped' });
});

it('LOTUS_NO_SKIP=1 makes a skipped test a failure, and names it', async () => {
  const files = { 'a.test.ts': FAILS, 'a.system.test.ts': PASSES + SKIPS_ITSELF };
  const outcome = await runTests('test:system', files, { LOTUS_NO_SKIP: '1' });
  expect(outcome).toMatchObject({ exitCode: 1, lastLine: '1 passed, 1 failed, 0 skipped' });
  expect(outcome.output).toContain('test/a.system.test.ts > skips itself');
});
