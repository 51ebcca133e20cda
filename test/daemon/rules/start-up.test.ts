// What a start costs. Measured on Node 24.21, 2 cores, 40 rules in 8 files (71 KB), CPU time of import and load together:
//   from dist/, prepared JSON   15–17 ms (12 of them importing six modules; reading and checking 4)
//   from dist/, YAML            250–310 ms (yaml 30, zod 65, first parse of 71 KB about 100, checks the rest)
//   from the TypeScript sources, prepared JSON: 43–57 ms, 18–24 ms with NODE_COMPILE_CACHE (the type stripper is the difference)
// The test below asserts what makes the difference and doesn't depend on the machine: neither yaml nor zod is loaded.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { builtInRules, PREPARED_FILE_NAME } from '../../../daemon/rules/prepared-rules.ts';
import { goodRuleFolder, ruleFile } from './rule-folder.ts';

const RULE_FILES = join(import.meta.dirname, '../../../daemon/rules/rule-files.ts');

// Prints the packages that loading the rules of a folder imports, and how many rules there are.
const PROGRAM = `
  import { registerHooks } from 'node:module';
  const packages = new Set();
  registerHooks({ resolve: (specifier, context, next) => {
    const resolved = next(specifier, context);
    const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(resolved.url)?.[1];
    if (name !== undefined) packages.add(name);
    return resolved;
  } });
  const { loadRules } = await import(process.argv[1]);
  const result = await loadRules({ builtInFolder: process.argv[2] });
  console.log(JSON.stringify({ packages: [...packages], ruleCount: result.ok ? result.value.rules.length : 0 }));
`;

async function start(folder: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM, RULE_FILES, folder]);
  return JSON.parse(stdout);
}

describe('a start with built-in rules', () => {
  it('loads neither yaml nor zod while the prepared rules fit, and both when they do not', async () => {
    await using folder = await goodRuleFolder();
    await folder.write(PREPARED_FILE_NAME, await builtInRules(folder.path));
    expect(await start(folder.path)).toEqual({ packages: [], ruleCount: 1 });
    await folder.write('more.yml', ruleFile('more.rule'));
    expect(await start(folder.path)).toEqual({ packages: expect.arrayContaining(['yaml', 'zod']), ruleCount: 2 });
  });
});
