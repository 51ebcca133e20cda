import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../../daemon/config/problem.ts';
import { MAX_RULES } from '../../../daemon/rules/join-rule-files.ts';
import { builtInRules, PREPARED_FILE_NAME } from '../../../daemon/rules/prepared-rules.ts';
import { loadRules, type RuleLocations } from '../../../daemon/rules/rule-files.ts';
import { builtInRulesFolder, MAX_RULE_FILE_BYTES, MAX_RULE_FILES } from '../../../daemon/rules/rule-folders.ts';
import { createRuleFileParser, ruleFileJsonSchema } from '../../../daemon/rules/rule-schema.ts';
import type { LoadedRules } from '../../../src/rules/rule.ts';
import { emptyRuleFolder, goodRuleFolder, OFFERED_RULE, ruleFile } from './rule-folder.ts';

async function rulesOf(locations: RuleLocations): Promise<LoadedRules> {
  const result = await loadRules(locations);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.value;
}

async function idsOf(locations: RuleLocations): Promise<readonly string[]> {
  return (await rulesOf(locations)).rules.map((rule) => rule.definition.id);
}

async function problemsOf(locations: RuleLocations): Promise<readonly string[]> {
  const result = await loadRules(locations);
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('a rule', () => {
  it('comes out as it was written, with its place', async () => {
    await using folder = await emptyRuleFolder();
    await folder.write('ke-1.yml', `# a comment\n${OFFERED_RULE}`);
    expect(await rulesOf({ builtInFolder: folder.path })).toStrictEqual({
      rules: [
        {
          definition: {
            id: 'ke-1.one-time-keys-offered',
            title: 'A device offers one-time keys (every upload, good or bad)',
            synapse: '1.60 … 1.163',
            logger: 'synapse.handlers.e2e_keys',
            level: 'INFO',
            message: 'Adding one_time_keys {key_ids:dict_keys} for device {device_id:repr} for user {user_id:repr} at {server_time_ms:int}',
            emit: 'one_time_keys_offered',
            tests: {
              match: [
                {
                  line: "Adding one_time_keys dict_keys(['signed_curve25519:AAAAHQ']) for device 'JLAFKJWSCS' for user '@alice:example.org' at 1782820800119",
                  captures: {
                    key_ids: ['signed_curve25519:AAAAHQ'],
                    device_id: 'JLAFKJWSCS',
                    user_id: '@alice:example.org',
                    server_time_ms: 1782820800119,
                  },
                },
              ],
              reject: ["Updating device_keys for device 'X' for user @a:b at 1"],
            },
          },
          source: { file: 'rules/ke-1.yml', line: 3, path: 'rules[0]' },
        },
      ],
      frames: [],
    });
  });

  it('may use every key there is', () => {
    const text = `
rules:
  - id: ke-4.x
    title: All of it
    synapse: '1.150'
    logger: [a.b, c.d]
    level: WARNING
    message: 'Adding {things:list}'
    frame: sql.error
    items: { from: things, template: '{name:word}' }
    request: { method: [PUT, POST], route: '/_matrix/{version}', query: 'delay={delay_ms:int}' }
    emit: added
    set: { action: restart }
    counter: { name: adds_total, help: Adds, labels: { outcome: [ok, failed] } }
    tests:
      match: [{ line: 'Adding []', captures: { things: [], none: null } }]
      reject: [Removing]
frames:
  - { id: sql.error, logger: x, level: ERROR, message: 'Error {message:framed}' }
`;
    const { content, problems } = createRuleFileParser()(text, 'x.yml');
    expect(problems.map(formatProblem)).toEqual([]);
    expect(content.rules[0]?.definition).toMatchObject({
      set: { action: 'restart' },
      request: { method: ['PUT', 'POST'] },
      counter: { labels: { outcome: ['ok', 'failed'] } },
    });
    expect(content.rules[0]?.definition.tests.match[0]?.captures).toEqual({ things: [], none: null });
    expect(content.frames[0]?.definition).toEqual({ id: 'sql.error', logger: 'x', level: 'ERROR', message: 'Error {message:framed}' });
  });

  it('may use a frame of another file', async () => {
    await using folder = await goodRuleFolder();
    await using extra = await emptyRuleFolder();
    await folder.write('frames.yml', "frames:\n  - { id: sql.error, logger: x, message: '{message:framed}' }\n");
    await extra.write('mine.yml', ruleFile('mine.x').replace('    emit:', '    frame: sql.error\n    emit:'));
    const { rules, frames } = await rulesOf({ builtInFolder: folder.path, extraPaths: [extra.path] });
    expect(rules.map((rule) => rule.definition.frame)).toEqual([undefined, 'sql.error']);
    expect(frames.map((frame) => frame.id)).toEqual(['sql.error']);
  });
});

describe('rule files', () => {
  it('are read by name, the built-in ones first, then folders and files as they are configured', async () => {
    await using builtIn = await emptyRuleFolder();
    await using extra = await emptyRuleFolder();
    await builtIn.write('ke-2.yml', ruleFile('b'));
    await builtIn.write('ke-1.yaml', ruleFile('a'));
    await extra.write('one.txt', ruleFile('c'));
    await extra.write('two.yml', ruleFile('d', 'e'));
    const extraPaths = [join(extra.path, 'one.txt'), extra.path];
    expect(await idsOf({ builtInFolder: builtIn.path, extraPaths })).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('are those with the right ending, not hidden ones, backups and folders below', async () => {
    await using folder = await goodRuleFolder();
    for (const name of ['.hidden.yml', 'x.yml~', 'x.yml.bak', 'README.md', '.yml']) await folder.write(name, 'not rules');
    mkdirSync(join(folder.path, 'below'));
    writeFileSync(join(folder.path, 'below', 'x.yml'), 'not rules');
    expect(await idsOf({ builtInFolder: folder.path })).toEqual(['base.rule']);
  });

  it('of an extra folder without any are fine', async () => {
    await using folder = await goodRuleFolder();
    await using extra = await emptyRuleFolder();
    expect(await idsOf({ builtInFolder: folder.path, extraPaths: [extra.path] })).toEqual(['base.rule']);
  });

  it('that are built in must exist: an empty set would find nothing and say that all is well', async () => {
    await using folder = await emptyRuleFolder();
    expect(await problemsOf({ builtInFolder: folder.path })).toEqual([
      `${folder.path}: Cannot read rules: folder has no rule files, expected the built-in ones`,
    ]);
  });

  it('that are not there or no files are problems, told together with those in other files', async () => {
    await using folder = await goodRuleFolder();
    await using extra = await emptyRuleFolder();
    mkdirSync(join(extra.path, 'folder.yml'));
    symlinkSync('/dev/zero', join(extra.path, 'zero.yml'));
    await extra.write('large.yml', ' '.repeat(MAX_RULE_FILE_BYTES + 1));
    await extra.write('wrong.yml', 'rules: 1');
    expect(await problemsOf({ builtInFolder: folder.path, extraPaths: ['/nowhere/rules', extra.path] })).toEqual([
      '/nowhere/rules: Cannot read rules: it does not exist, expected a folder or a YAML file',
      `${extra.path}/folder.yml: Cannot read rules: is not a regular file, expected a YAML file`,
      `${extra.path}/large.yml: Cannot read rules: file has 1048577 bytes, expected at most 1048576`,
      `${extra.path}/zero.yml: Cannot read rules: is not a regular file, expected a YAML file`,
      `${extra.path}/wrong.yml:1:8: Cannot parse rule file: rules is 1, expected a list of rules`,
    ]);
  });

  it('are bounded in number', async () => {
    await using folder = await emptyRuleFolder();
    for (let index = 0; index <= MAX_RULE_FILES; index++) await folder.write(`${index}.yml`, ruleFile(`r${index}`));
    expect(await problemsOf({ builtInFolder: folder.path })).toEqual([
      `${folder.path}: Cannot read rules: folder has ${MAX_RULE_FILES + 1} rule files, expected at most ${MAX_RULE_FILES}`,
    ]);
  });

  it('hold a bounded number of rules', async () => {
    await using folder = await emptyRuleFolder();
    const half = MAX_RULES / 2;
    const ids = Array.from({ length: MAX_RULES + 1 }, (_, index) => `r${index}`);
    await folder.write('a.yml', ruleFile(...ids.slice(0, half)));
    await folder.write('b.yml', ruleFile(...ids.slice(half, MAX_RULES)));
    expect(await idsOf({ builtInFolder: folder.path })).toHaveLength(MAX_RULES);
    await folder.write('c.yml', ruleFile(...ids.slice(MAX_RULES)));
    expect(await problemsOf({ builtInFolder: folder.path })).toEqual([
      `rules/c.yml:2:9: Cannot parse rule "r${MAX_RULES}": is one of ${MAX_RULES + 1} rules, expected at most ${MAX_RULES}`,
    ]);
  });
});

describe('prepared rules', () => {
  it('say the same as the YAML files', async () => {
    await using folder = await emptyRuleFolder();
    await folder.write('a.yml', OFFERED_RULE);
    await folder.write('b.yml', ruleFile('b.1', 'b.2'));
    await folder.write('frames.yml', "frames:\n  - { id: sql.error, logger: x, message: '{message:framed}' }\n");
    const fromYaml = await rulesOf({ builtInFolder: folder.path });
    await folder.write(PREPARED_FILE_NAME, await builtInRules(folder.path));
    expect(await rulesOf({ builtInFolder: folder.path })).toEqual(fromYaml);
  });

  it('are used for a file whose text they fit, and only for that', async () => {
    await using folder = await emptyRuleFolder();
    await folder.write('a.yml', ruleFile('a.1'));
    await folder.write('b.yml', ruleFile('b.1'));
    // A title that stands only in the JSON shows where a rule came from.
    await folder.write(PREPARED_FILE_NAME, (await builtInRules(folder.path)).replaceAll('Something was added', 'Prepared'));
    await folder.write('b.yml', ruleFile('b.1', 'b.2'));
    const { rules } = await rulesOf({ builtInFolder: folder.path });
    expect(rules.map(({ definition }) => `${definition.id} ${definition.title}`)).toEqual([
      'a.1 Prepared',
      'b.1 Something was added',
      'b.2 Something was added',
    ]);
  });

  it.each([
    ['are damaged', '{"schema":'],
    ['are null', 'null'],
  ])('that %s are as if they were not there', async (_, text) => {
    await using folder = await goodRuleFolder();
    await folder.write(PREPARED_FILE_NAME, text);
    expect(await idsOf({ builtInFolder: folder.path })).toEqual(['base.rule']);
  });

  it('of another version are as if they were not there, though their texts fit', async () => {
    await using folder = await goodRuleFolder();
    const prepared = (await builtInRules(folder.path)).replaceAll('Something was added', 'Prepared');
    const titleWith = async (text: string): Promise<string | undefined> => {
      await folder.write(PREPARED_FILE_NAME, text);
      return (await rulesOf({ builtInFolder: folder.path })).rules[0]?.definition.title;
    };
    expect(await titleWith(prepared)).toBe('Prepared');
    expect(await titleWith(prepared.replace('built-in-rules@1', 'built-in-rules@2'))).toBe('Something was added');
  });

  it('of a file that was removed are not used', async () => {
    await using folder = await goodRuleFolder();
    await folder.write('gone.yml', ruleFile('gone.rule'));
    await folder.write(PREPARED_FILE_NAME, await builtInRules(folder.path));
    await folder.remove('gone.yml');
    expect(await idsOf({ builtInFolder: folder.path })).toEqual(['base.rule']);
  });

  it('clash with an id of an extra file, both places named', async () => {
    await using folder = await goodRuleFolder();
    await using extra = await emptyRuleFolder();
    await folder.write(PREPARED_FILE_NAME, await builtInRules(folder.path));
    await extra.write('mine.yml', ruleFile('mine.x', 'base.rule'));
    expect(await problemsOf({ builtInFolder: folder.path, extraPaths: [extra.path] })).toEqual([
      `${extra.path}/mine.yml:13:9: Cannot parse rule "base.rule": id is used at rules/base.yml:2 already, expected an id of its own`,
    ]);
  });

  it('are not made of files that have problems', async () => {
    await using folder = await goodRuleFolder();
    await folder.write('twice.yml', ruleFile('base.rule'));
    await expect(builtInRules(folder.path)).rejects.toThrow(
      /^Cannot prepare rules in .*:\nrules\/twice\.yml:2:9: Cannot parse rule "base\.rule": id is used/,
    );
  });
});

describe('the built-in folder', () => {
  it('is the package’s rules/', () => {
    expect(builtInRulesFolder()).toBe(join(import.meta.dirname, '../../../rules'));
    expect(basename(builtInRulesFolder())).toBe('rules');
  });
});

describe('the JSON Schema of a rule file', () => {
  it('knows the levels and closes the rule', () => {
    const schema = ruleFileJsonSchema() as {
      properties: { rules: { items: { additionalProperties: unknown; required: unknown; properties: { level: unknown } } } };
    };
    const rule = schema.properties.rules.items;
    expect(rule.properties.level).toMatchObject({ enum: ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] });
    expect(rule.additionalProperties).toBe(false);
    expect(rule.required).toEqual(['id', 'title', 'tests']);
  });
});
