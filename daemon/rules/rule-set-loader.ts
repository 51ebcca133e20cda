/**
 * Rule files to a rule set that matches. In: where the files are. Out: the compiled rules, or all problems (form, templates, routes) with the
 * place where each stands.
 */
import { EMITTED_KINDS } from '../../src/facts/emitted-kinds.ts';
import type { LoadedRules } from '../../src/rules/rule.ts';
import { compileRules, type RuleSet } from '../../src/rules/rule-set.ts';
import type { Checked } from '../config/problem.ts';
import { loadRules, type RuleLocations } from './rule-files.ts';

export async function loadRuleSet(locations: RuleLocations = {}): Promise<Checked<RuleSet>> {
  const loaded = await loadRules(locations);
  return loaded.ok ? compileLoadedRules(loaded.value) : loaded;
}

export function compileLoadedRules(loaded: LoadedRules): Checked<RuleSet> {
  const compiled = compileRules(loaded, EMITTED_KINDS);
  if ('set' in compiled) return { ok: true, value: compiled.set };
  const problems = compiled.problems.map(({ rule, source: { file, line, path }, message }) => ({
    file,
    line,
    column: 1,
    path,
    message: `Cannot compile rule "${rule}": ${message}`,
  }));
  return { ok: false, problems };
}
