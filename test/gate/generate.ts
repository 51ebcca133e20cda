// `npm run generate` writes the generated files; with --check nothing is written, and an outdated one is named and makes the exit code 1.

import { join } from 'node:path';
import { GENERATORS, generatedFileProblems, writeGeneratedFiles } from './generated-files.ts';

const root = join(import.meta.dirname, '..', '..');

if (process.argv.includes('--check')) {
  const problems = await generatedFileProblems(root, GENERATORS);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
} else {
  for (const file of await writeGeneratedFiles(root, GENERATORS)) process.stdout.write(`wrote ${file}\n`);
}
