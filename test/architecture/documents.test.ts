// The documents name files and scripts. One that is renamed or gone must not stay in them: a newcomer's map that lies is worse than none.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from './planted-tree.ts';

function read(file: string): string {
  return readFileSync(join(REPOSITORY, file), 'utf8');
}

/** The first group of each match, each once. */
function all(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))];
}

describe.each(['README.md', 'deploy/README.md'])('%s', (document) => {
  const text = read(document);

  it('links to files that exist', () => {
    // [deploy/METRICS.md](deploy/METRICS.md)
    const links = all(text, /\]\(([^):#]+)\)/g);
    expect(links).not.toEqual([]);
    expect(links.filter((link) => !existsSync(join(REPOSITORY, dirname(document), link)))).toEqual([]);
  });

  it('names sources that exist', () => {
    // `src/records/access-line.ts`
    const sources = all(text, /`((?:src|daemon|test)\/[\w./-]+\.ts)`/g);
    expect(sources).not.toEqual([]);
    expect(sources.filter((file) => !existsSync(join(REPOSITORY, file)))).toEqual([]);
  });

  it('names scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    // npm run check:lint
    const named = all(text, /npm run ([\w:-]+)/g);
    expect(named).not.toEqual([]);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

it('CHANGELOG.md starts each entry with its kind', () => {
  const entries = read('CHANGELOG.md')
    .split('\n')
    .filter((line) => line.startsWith('- '));
  expect(entries).not.toEqual([]);
  expect(entries.filter((entry) => !/^- \[(CHANGE|FEATURE|ENHANCEMENT|BUGFIX)\] \S/.test(entry))).toEqual([]);
});
