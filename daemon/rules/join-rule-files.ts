/**
 * Many rule files → one rule set. In come the files' contents, already checked one by one; out come all rules in file order, or every
 * problem that shows only across files: an id used twice, a frame that no file has, too many rules.
 */
import type { FrameDefinition, LoadedRule, LoadedRules, RuleDefinition, RuleSource } from '../../src/rules/rule.ts';
import { type Checked, inTextOrder, type Problem } from '../config/problem.ts';
import type { Place } from '../config/yaml-document.ts';

/** A rule and the two places that a problem across files would point at. */
export interface ReadRule {
  readonly definition: RuleDefinition;
  readonly source: RuleSource;
  readonly idPlace: Place;
  /** Where `frame` stands, if it does. */
  readonly framePlace?: Place;
}

export interface ReadFrame {
  readonly definition: FrameDefinition;
  readonly source: RuleSource;
  readonly idPlace: Place;
}

/** What stands in one rule file. Plain data: the built-in files' contents are kept as JSON (prepared-rules.ts). */
export interface RuleFileContent {
  /** 'rules/ke-1.yml' for a built-in file, else the path. */
  readonly file: string;
  readonly rules: readonly ReadRule[];
  readonly frames: readonly ReadFrame[];
}

/** Rules of all files together. Chosen: twenty times the built-in set; each costs a scan of the lines that its logger writes. */
export const MAX_RULES = 1000;

/**
 * Puts files together. With `isComplete` false some file couldn't be read, and a frame that seems missing is not complained about:
 * it may stand there.
 */
export function joinRuleFiles(files: readonly RuleFileContent[], isComplete: boolean): Checked<LoadedRules> {
  const rules = files.flatMap((file) => file.rules);
  const frames = files.flatMap((file) => file.frames);
  const problems = [
    ...repeatedIds(rules, 'rule'),
    ...repeatedIds(frames, 'frame'),
    ...(isComplete ? unknownFrames(rules, frames) : []),
    ...excess(rules),
  ];
  if (problems.length > 0) return { ok: false, problems: inTextOrder(problems) };
  const loaded = rules.map(({ definition, source }): LoadedRule => ({ definition, source }));
  return { ok: true, value: { rules: loaded, frames: frames.map((frame) => frame.definition) } };
}

function repeatedIds(entries: readonly (ReadRule | ReadFrame)[], noun: 'rule' | 'frame'): readonly Problem[] {
  const firstOf = new Map<string, RuleSource>();
  return entries.flatMap(({ definition, source, idPlace }): readonly Problem[] => {
    const first = firstOf.get(definition.id);
    if (first === undefined) {
      firstOf.set(definition.id, source);
      return [];
    }
    const message = `Cannot parse ${noun} "${definition.id}": id is used at ${first.file}:${first.line} already, expected an id of its own`;
    return [{ file: source.file, ...idPlace, path: `${source.path}.id`, message }];
  });
}

function unknownFrames(rules: readonly ReadRule[], frames: readonly ReadFrame[]): readonly Problem[] {
  const known = new Set(frames.map((frame) => frame.definition.id));
  const expected = known.size === 0 ? 'no frame (no file has any)' : `one of ${[...known].join(', ')}`;
  return rules.flatMap(({ definition, source, idPlace, framePlace }): readonly Problem[] => {
    if (definition.frame === undefined || known.has(definition.frame)) return [];
    const message = `Cannot parse rule "${definition.id}": frame is "${definition.frame}", expected ${expected}`;
    return [{ file: source.file, ...(framePlace ?? idPlace), path: `${source.path}.frame`, message }];
  });
}

function excess(rules: readonly ReadRule[]): readonly Problem[] {
  const first = rules[MAX_RULES];
  if (first === undefined) return [];
  const { definition, source, idPlace } = first;
  const message = `Cannot parse rule "${definition.id}": is one of ${rules.length} rules, expected at most ${MAX_RULES}`;
  return [{ file: source.file, ...idPlace, path: source.path, message }];
}
