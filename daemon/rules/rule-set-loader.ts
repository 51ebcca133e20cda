/**
 * Rule files to a rule set that matches. In: where the files are. Out: the compiled rules, or all problems (form, templates, routes) with the
 * place where each stands.
 */
import { EMITTED_KINDS } from '../../src/facts/emitted-kinds.ts';
import { MetricStore } from '../../src/metrics/metric-store.ts';
import type { LoadedRules } from '../../src/rules/rule.ts';
import { compileRules, type RuleProblem, type RuleSet } from '../../src/rules/rule-set.ts';
import type { Checked } from '../config/problem.ts';
import { loadRules, type RuleLocations } from './rule-files.ts';

export async function loadRuleSet(locations: RuleLocations = {}): Promise<Checked<RuleSet>> {
  const loaded = await loadRules(locations);
  return loaded.ok ? compileLoadedRules(loaded.value) : loaded;
}

/** @param metrics where the counters of the rules will live: a name that is taken there is a problem of the rule */
export function compileLoadedRules(loaded: LoadedRules, metrics: MetricStore = new MetricStore()): Checked<RuleSet> {
  const compiled = compileRules(loaded, EMITTED_KINDS);
  const found = 'set' in compiled ? counterClashes(loaded, metrics) : compiled.problems;
  if ('set' in compiled && found.length === 0) return { ok: true, value: compiled.set };
  const problems = found.map(({ rule, source: { file, line, path }, message }) => ({
    file,
    line,
    column: 1,
    path,
    message: `Cannot compile rule "${rule}": ${message}`,
  }));
  return { ok: false, problems };
}

function counterClashes({ rules }: LoadedRules, metrics: MetricStore): readonly RuleProblem[] {
  return rules.flatMap(({ definition: { id, counter }, source }) => {
    const message = counter === undefined ? null : metrics.declareRuleCounter(counter);
    return message === null ? [] : [{ rule: id, source, message }];
  });
}
