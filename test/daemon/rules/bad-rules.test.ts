// Each file or folder in test/fixtures/bad-rules is refused with exactly the problems in the .txt beside it (vitest -u rewrites those).

import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../../daemon/config/problem.ts';
import { parseRuleTexts, readRuleTexts } from '../../../daemon/rules/rule-files.ts';
import { createRuleFileParser } from '../../../daemon/rules/rule-schema.ts';
import { goodRuleFolder } from './rule-folder.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/bad-rules');
const ENTRIES = readdirSync(FOLDER).filter((name) => !name.endsWith('.txt'));
const CASES = ENTRIES.map((entry) => ({ name: entry.replace(/\.yml$/, ''), path: join(FOLDER, entry) }));
const GOLDEN_AT_START = CASES.filter(({ name }) => existsSync(join(FOLDER, `${name}.txt`)));

async function problemsOf(path: string): Promise<readonly string[]> {
  await using builtIn = await goodRuleFolder();
  const locations = { builtInFolder: builtIn.path, extraPaths: [path] };
  const result = await parseRuleTexts(readRuleTexts(locations), locations);
  return result.ok
    ? []
    : result.problems.map((problem) => formatProblem({ ...problem, file: relative(FOLDER, problem.file) }).replaceAll(`${FOLDER}/`, ''));
}

describe('bad rules', () => {
  it.each(CASES)('$name is refused with all its problems', async ({ name, path }) => {
    await expect(`${(await problemsOf(path)).join('\n')}\n`).toMatchFileSnapshot(join(FOLDER, `${name}.txt`));
  });

  it('have their problems written down for each case, and nothing else (a new case passes at the second run, once it was read)', () => {
    expect(GOLDEN_AT_START).toEqual(CASES);
    expect(CASES.length).toBeGreaterThan(12);
    expect(readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))).toHaveLength(CASES.length);
  });

  it('leave the good rules of their file to be seen, so that clashes with other files show in the same run', () => {
    const text = `
rules:
  - { id: a, title: A, message: x, emit: x, tests: { match: [{ line: x, captures: {} }], reject: [y] } }
  - { id: b, title: B, level: hi, message: x, emit: x, tests: { match: [{ line: x, captures: {} }], reject: [y] } }
`;
    const { content, problems } = createRuleFileParser()(text, 'x.yml');
    expect(content.rules.map((rule) => rule.definition.id)).toEqual(['a']);
    expect(problems.map(formatProblem)).toEqual([
      'x.yml:4:31: Cannot parse rule "b": level is "hi", expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL',
    ]);
  });
});
