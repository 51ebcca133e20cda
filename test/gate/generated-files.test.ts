// A generated file that differs in one character is found, named and mended; a generator that throws is a finding, not a crash.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GENERATORS, generatedFileProblems, writeGeneratedFiles } from './generated-files.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lotus-generated-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe('generated files', () => {
  const generators = [{ file: 'deploy/list.md', generate: () => 'one\ntwo\n' }];

  it('are written once, and up to date then', async () => {
    expect(await writeGeneratedFiles(root, generators)).toEqual(['deploy/list.md']);
    expect(await writeGeneratedFiles(root, generators)).toEqual([]);
    expect(await generatedFileProblems(root, generators)).toEqual([]);
  });

  it('are found where one is missing', async () => {
    expect(await generatedFileProblems(root, generators)).toEqual([
      'Generated file "deploy/list.md": is missing, npm run generate writes it',
    ]);
  });

  it.each([
    { name: 'a changed line', text: 'one\ntwp\n', line: 2 },
    { name: 'a line more', text: 'one\ntwo\nthree\n', line: 3 },
    { name: 'no last newline', text: 'one\ntwo', line: 3 },
    { name: 'nothing in it', text: '', line: 1 },
  ])('are found where one has $name', async ({ text, line }) => {
    await writeGeneratedFiles(root, generators);
    writeFileSync(join(root, 'deploy/list.md'), text);
    expect(await generatedFileProblems(root, generators)).toEqual([
      `Generated file "deploy/list.md": is out of date from line ${line} on, npm run generate rewrites it`,
    ]);
  });

  it('are found where the generator throws', async () => {
    const broken = [{ file: 'deploy/list.md', generate: () => Promise.reject(new RangeError('no families')) }];
    expect(await generatedFileProblems(root, broken)).toEqual(['Cannot generate "deploy/list.md": no families']);
  });
});

describe('the generators of this repository', () => {
  it.each(GENERATORS)('write $file the same way twice, and notice a change', async (generator) => {
    await writeGeneratedFiles(root, [generator]);
    expect(await generatedFileProblems(root, [generator])).toEqual([]);
    const path = join(root, generator.file);
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n`);
    expect(await generatedFileProblems(root, [generator])).toHaveLength(1);
  });
});
