// The files of the repository that are written by the program itself, so that documents and code can't differ.
//
// A new one is one line in GENERATORS; `npm run generate` writes them, `npm run check:generated` (part of `npm run check`) compares.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { renderDashboard } from '../../deploy/grafana/source/dashboard.ts';
import { DASHBOARDS, fileName } from '../../deploy/grafana/source/dashboards.ts';

export interface Generator {
  /** Relative to the repository, e.g. `deploy/METRICS.md`. */
  readonly file: string;
  /** The whole text the file should have. */
  generate(): string | Promise<string>;
}

// Imported when asked for: a module that can't be loaded breaks its own file, not the list.
export const GENERATORS: readonly Generator[] = [
  { file: 'deploy/METRICS.md', generate: async () => (await import('../../src/metrics/reference.ts')).renderMetricsReference() },
  { file: 'deploy/config.example.yml', generate: async () => (await import('../../daemon/config/example.ts')).exampleConfig() },
  { file: 'rules/built-in.json', generate: async () => (await import('../../daemon/rules/prepared-rules.ts')).builtInRules() },
  ...DASHBOARDS.map((dashboard) => ({
    file: `deploy/grafana/dashboards/${fileName(dashboard)}`,
    generate: () => renderDashboard(dashboard),
  })),
];

/** One sentence for each file below `root` that isn't what its generator writes; empty where all are. Never throws for a generator that does. */
export async function generatedFileProblems(root: string, generators: readonly Generator[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { file, generate } of generators) {
    try {
      const expected = await generate();
      const actual = await readIfThere(join(root, file));
      if (actual === null) problems.push(`Generated file "${file}": is missing, npm run generate writes it`);
      else if (actual !== expected)
        problems.push(`Generated file "${file}": is out of date ${firstDifference(actual, expected)}, npm run generate rewrites it`);
    } catch (error) {
      problems.push(`Cannot generate "${file}": ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return problems;
}

/** Writes all files below `root`; returns the names of those that changed. */
export async function writeGeneratedFiles(root: string, generators: readonly Generator[]): Promise<string[]> {
  const changed: string[] = [];
  for (const { file, generate } of generators) {
    const path = join(root, file);
    const expected = await generate();
    if ((await readIfThere(path)) === expected) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, expected);
    changed.push(file);
  }
  return changed;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** E.g. `from line 12 on`. */
function firstDifference(actual: string, expected: string): string {
  const [actualLines, expectedLines] = [actual.split('\n'), expected.split('\n')];
  let line = 0;
  while (actualLines[line] === expectedLines[line]) line++;
  return `from line ${line + 1} on`;
}
