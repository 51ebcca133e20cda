/**
 * `check`: configuration and rules, all problems at once, and the rules' own tests. In: paths. Out: a list of what is wrong (or one line that
 * all is well) and the exit code: 0, or 78.
 */
import { testRule } from '../../src/rules/self-test.ts';
import { formatProblem } from '../config/problem.ts';
import { loadRuleSet } from '../rules/rule-set-loader.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface CheckOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export async function checkCommand(rulePaths: readonly string[], options: CheckOptions, terminal: Terminal): Promise<number> {
  const problems: string[] = [];
  const extraPaths = [...rulePaths];
  if (options.config !== undefined) {
    const { loadConfigFile } = await import('../config/load-config.ts');
    const config = await loadConfigFile(options.config);
    if (config.ok) extraPaths.push(...config.value.extraRulePaths);
    else problems.push(...config.problems.map(formatProblem));
  }
  const loaded = await loadRuleSet({ extraPaths });
  if (!loaded.ok) problems.push(...loaded.problems.map(formatProblem));
  const rules = loaded.ok ? loaded.value.rules : [];
  for (const rule of rules) for (const failure of testRule(rule)) problems.push(`rule "${rule.id}": ${failure}`);
  const testCount = rules.reduce((sum, { definition: { tests } }) => sum + tests.match.length + tests.reject.length, 0);
  const summary = { ok: problems.length === 0, rules: rules.length, ruleTests: testCount, problems };
  if (options.json) terminal.out(`${JSON.stringify(summary, null, 2)}\n`);
  else if (summary.ok)
    terminal.out(
      `${options.config === undefined ? '' : `${options.config}: configuration is good\n`}${rules.length} rules are good, ${testCount} tests of theirs passed\n`,
    );
  else terminal.err(`${problems.join('\n')}\n${problems.length} problem${problems.length === 1 ? '' : 's'}\n`);
  return summary.ok ? EXIT.done : EXIT.config;
}
