import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Checked } from '../../../daemon/config/problem.ts';
import { fileProblem, formatProblem } from '../../../daemon/config/problem.ts';
import { hintOnRuleChange } from '../../../daemon/rules/rule-files.ts';
import { openRuleWatch, type RuleWatch } from '../../../daemon/rules/rule-watch.ts';
import type { RulesEvent } from '../../../src/events.ts';
import type { LoadedRules } from '../../../src/rules/rule.ts';
import { emptyRuleFolder, goodRuleFolder, type RuleFolder, ruleFile } from './rule-folder.ts';

// Compiled rules are their ids; a rule named 'bad.template' doesn't compile, one named 'bad.bug' makes the compiler fail.
function compileIds({ rules }: LoadedRules): Checked<readonly string[]> {
  const ids = rules.map((rule) => rule.definition.id);
  if (ids.includes('bad.bug')) throw new TypeError('a bug in the compiler');
  if (ids.includes('bad.template'))
    return { ok: false, problems: [fileProblem('rules/bad.yml', 'Cannot compile rule "bad.template": no')] };
  return { ok: true, value: ids };
}

interface Watched {
  readonly watch: RuleWatch<readonly string[]>;
  readonly events: RulesEvent[];
  readonly used: (readonly string[])[];
}

async function watched(folder: RuleFolder, compile = compileIds): Promise<Watched> {
  const events: RulesEvent[] = [];
  const used: (readonly string[])[] = [];
  const opened = await openRuleWatch({
    locations: { builtInFolder: folder.path },
    compile,
    onUse: (ids) => used.push(ids),
    announce: (event) => events.push(event),
  });
  if (!opened.ok) throw new Error(opened.problems.map(formatProblem).join('\n'));
  return { watch: opened.value, events, used };
}

describe('rules at start', () => {
  it('are in use and announced', async () => {
    await using folder = await goodRuleFolder();
    const { watch, events, used } = await watched(folder);
    expect(watch.current()).toEqual(['base.rule']);
    expect(used).toEqual([['base.rule']]);
    expect(events).toEqual([{ kind: 'rules_loaded', ruleCount: 1, fileCount: 1, trigger: 'start' }]);
  });

  it('that are wrong open no watch, and all problems come back', async () => {
    await using folder = await emptyRuleFolder();
    await folder.write('a.yml', 'rules: 1');
    await folder.write('b.yml', 'rules: 2');
    const events: RulesEvent[] = [];
    const opened = await openRuleWatch({
      locations: { builtInFolder: folder.path },
      compile: compileIds,
      announce: (event) => events.push(event),
    });
    expect(opened.ok ? [] : opened.problems.map(formatProblem)).toEqual([
      'rules/a.yml:1:8: Cannot parse rule file: rules is 1, expected a list of rules',
      'rules/b.yml:1:8: Cannot parse rule file: rules is 2, expected a list of rules',
    ]);
    expect(events).toMatchObject([{ kind: 'rules_rejected', keptRuleCount: null, trigger: 'start' }]);
  });
});

describe('a change of the rules', () => {
  it('is taken whole: new, changed and removed files at once', async () => {
    await using folder = await goodRuleFolder();
    await folder.write('old.yml', ruleFile('old.rule'));
    const { watch, events, used } = await watched(folder);
    await folder.write('base.yml', ruleFile('base.rule', 'base.more'));
    await folder.write('new.yml', ruleFile('new.rule'));
    await folder.remove('old.yml');
    watch.hint();
    await watch.settled();
    expect(watch.current()).toEqual(['base.rule', 'base.more', 'new.rule']);
    expect(used).toHaveLength(2);
    expect(events.at(-1)).toEqual({ kind: 'rules_loaded', ruleCount: 3, fileCount: 2, trigger: 'change' });
  });

  it.each([
    ['a file that is no YAML', 'bad.yml', 'rules: [', /^rules\/bad\.yml:1:\d+: Cannot parse YAML/],
    ['a rule with a wrong level', 'bad.yml', ruleFile('bad.x').replace('    emit', '    level: hi\n    emit'), /level is "hi"/],
    ['an id that another file has', 'bad.yml', ruleFile('base.rule'), /id is used at/],
    ['a rule that does not compile', 'bad.yml', ruleFile('bad.template'), /^rules\/bad\.yml: Cannot compile rule "bad\.template": no$/],
    ['a rule that breaks the compiler', 'bad.yml', ruleFile('bad.bug'), /^rules: Cannot compile rules: a bug in the compiler$/],
  ])('with %s leaves the last good set in use, good files of the same change too', async (_, name, text, problem) => {
    await using folder = await goodRuleFolder();
    const { watch, events, used } = await watched(folder);
    await folder.write('good.yml', ruleFile('good.rule'));
    await folder.write(name, text);
    watch.hint();
    await watch.settled();
    expect(watch.current()).toEqual(['base.rule']);
    expect(used).toHaveLength(1);
    expect(events.at(-1)).toEqual({
      kind: 'rules_rejected',
      problems: [expect.stringMatching(problem)],
      keptRuleCount: 1,
      trigger: 'change',
    });

    await folder.remove(name);
    watch.hint();
    await watch.settled();
    expect(watch.current()).toEqual(['base.rule', 'good.rule']);
  });

  it('that removes every built-in file leaves the last good set in use', async () => {
    await using folder = await goodRuleFolder();
    const { watch, events } = await watched(folder);
    await folder.remove('base.yml');
    expect((await watch.reload()).ok).toBe(false);
    expect(watch.current()).toEqual(['base.rule']);
    expect(events.at(-1)).toMatchObject({ kind: 'rules_rejected', keptRuleCount: 1, trigger: 'request' });
  });

  it('is not seen where the texts are as before, also when they are as wrong as before', async () => {
    await using folder = await goodRuleFolder();
    const { watch, events } = await watched(folder);
    await folder.write('base.yml', ruleFile('base.rule'));
    watch.hint();
    await watch.settled();
    expect(events).toHaveLength(1);
    await folder.write('bad.yml', 'rules: 1');
    for (let hint = 0; hint < 3; hint++) {
      watch.hint();
      await watch.settled();
    }
    expect(events.map((event) => event.kind)).toEqual(['rules_loaded', 'rules_rejected']);
  });

  it('that is asked for loads in any case and says how it went', async () => {
    await using folder = await goodRuleFolder();
    const { watch, events } = await watched(folder);
    expect(await watch.reload()).toEqual({ ok: true, value: ['base.rule'] });
    expect(events.at(-1)).toEqual({ kind: 'rules_loaded', ruleCount: 1, fileCount: 1, trigger: 'request' });
  });

  it('that comes while another is loading is loaded after it', async () => {
    await using folder = await goodRuleFolder();
    const { watch, used } = await watched(folder);
    await folder.write('one.yml', ruleFile('one.rule'));
    const first = watch.reload();
    const second = first.then(() => folder.write('two.yml', ruleFile('two.rule'))).then(() => watch.reload());
    watch.hint();
    await Promise.all([first, second]);
    await watch.settled();
    expect(used).toEqual([['base.rule'], ['base.rule', 'one.rule'], ['base.rule', 'one.rule', 'two.rule']]);
  });

  it('after the end is not loaded', async () => {
    await using folder = await goodRuleFolder();
    const { watch, events } = await watched(folder);
    await folder.write('one.yml', ruleFile('one.rule'));
    watch.hint();
    await watch.close();
    watch.hint();
    await watch.settled();
    expect(await watch.reload()).toEqual({ ok: true, value: ['base.rule'] });
    expect(events).toHaveLength(1);
  });
});

describe('hints of the kernel', () => {
  // Waits for a hint, not for a time; a hint that never comes ends in the test's time-out.
  function hints(): { readonly next: () => Promise<void>; readonly onHint: () => void } {
    let resolve = (): void => {};
    let promise = new Promise<void>((done) => {
      resolve = done;
    });
    return {
      next: () => promise,
      onHint: () => {
        resolve();
        promise = new Promise<void>((done) => {
          resolve = done;
        });
      },
    };
  }

  it('come for a file that is written, replaced, added and removed, in folders and for single files', async () => {
    await using builtIn = await goodRuleFolder();
    await using extra = await emptyRuleFolder();
    await extra.write('single.rules', ruleFile('single.rule'));
    const { next, onHint } = hints();
    const lost: string[] = [];
    let hinted = next();
    await using hinting = await hintOnRuleChange(
      { builtInFolder: builtIn.path, extraPaths: [join(extra.path, 'single.rules')] },
      { onHint, onLost: (message) => lost.push(message) },
    ).then((watcher) => ({ [Symbol.asyncDispose]: () => watcher.close() }));
    await hinted; // once at the beginning
    expect(hinting).toBeDefined();
    const changes: readonly (() => Promise<void>)[] = [
      () => builtIn.write('base.yml', ruleFile('base.rule', 'base.more')),
      () => builtIn.replace('base.yml', ruleFile('base.other')),
      () => builtIn.write('new.yml', ruleFile('new.rule')),
      () => builtIn.remove('new.yml'),
      () => extra.write('single.rules', ruleFile('single.other', 'x')),
    ];
    for (const change of changes) {
      hinted = next();
      await change();
      await hinted;
    }
    expect(lost).toEqual([]);
  });
});
