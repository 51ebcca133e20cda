// A gate that looks at nothing is green. These ask the tools what they looked at in this repository, and compare with the file system:
// dependency-cruiser, for one, sees no TypeScript at all beside a compiler it doesn't know, and exits with 0.

import { globSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runScript } from '../gate/run-script.ts';
import { REPOSITORY } from './planted-tree.ts';

/** Repository paths of the sources in `folders`, sorted. */
function sourcesOf(...folders: readonly string[]): string[] {
  return globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: REPOSITORY },
  ).sort();
}

/** Those of `files` that `seen` doesn't hold. */
function missing(files: readonly string[], seen: Iterable<string>): string[] {
  const all = new Set(seen);
  return files.filter((file) => !all.has(file));
}

describe('over this repository', () => {
  it('there is something to see', () => {
    expect(sourcesOf('src')).toContain('src/lines/chunk-consumer.ts');
  });

  it('check:direction sees every file of src/ and daemon/', async () => {
    const files = sourcesOf('src', 'daemon');
    const run = await runScript('check:direction', { extraArguments: ['--output-type', 'json'] });
    const { modules } = JSON.parse(run.stdout) as { modules: { source: string }[] };
    expect(
      missing(
        files,
        modules.map(({ source }) => source),
      ),
    ).toEqual([]);
  });

  it.each([
    // src/globals.d.ts says for src/ alone what @types/node says for all.
    {
      gate: 'check:types',
      files: sourcesOf('src', 'daemon', 'test', 'deploy').filter((file) => file !== 'src/globals.d.ts'),
      seesNode: true,
    },
    { gate: 'check:pure', files: sourcesOf('src'), seesNode: false },
  ])('$gate sees every file it is for, and types of node: $seesNode', async ({ gate, files, seesNode }) => {
    const run = await runScript(gate, { extraArguments: ['--listFilesOnly'] });
    const listed = run.stdout.split('\n').map((file) => relative(REPOSITORY, file));
    expect(missing(files, listed)).toEqual([]);
    expect(listed.some((file) => file.startsWith('node_modules/@types/node/'))).toBe(seesNode);
  });
});
