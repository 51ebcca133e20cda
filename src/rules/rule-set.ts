/**
 * Compiled rules. In: rules as data. Out: a `RuleSet` that tells which rules want the records of a log statement, matches their messages,
 * and holds the tree of the access lines' routes; or every problem at once, none of the rules then.
 */
import type { Level } from '../records/log-statement.ts';
import { describeRouteProblem, routePattern } from './route.ts';
import { RouteMatcher } from './route-matcher.ts';
import type { FrameDefinition, LoadedRule, LoadedRules, RuleDefinition, RuleSource } from './rule.ts';
import { type Captures, matchTemplate, parseTemplate, putIntoFrame, type Template } from './template.ts';

/** What a rule found in one record: its captures, and those of each entry of its list. */
export interface RuleMatch {
  readonly rule: CompiledRule;
  readonly captures: Captures;
  /** One for each entry of the list hole named in `items`, in order; an entry of another form gives {}. */
  readonly items: readonly Captures[];
}

export interface RuleProblem {
  readonly rule: string;
  readonly source: RuleSource;
  readonly message: string;
}

export interface CompiledRule {
  readonly id: string;
  readonly definition: RuleDefinition;
  /** The first bytes of every message it can match, ASCII; '' where a hole comes first. */
  readonly prefix: string;
  /** @param isCut the message was cut at a bound; then it matches as far as it goes */
  match(message: string, isCut: boolean): RuleMatch | null;
}

interface MessageParts {
  readonly template: Template;
  readonly loggers: readonly string[];
  readonly level: Level | undefined;
}

export class RuleSet {
  readonly rules: readonly CompiledRule[];
  /** Routes of the rules that emit something. */
  readonly routes: RouteMatcher<CompiledRule>;
  /** Routes of rules with a counter, one by one: several of them, and one of `routes`, may match the same line. */
  readonly counterRoutes: readonly { readonly rule: CompiledRule; readonly matcher: RouteMatcher<CompiledRule> }[];
  readonly #byLogger = new Map<string, { readonly level: Level | undefined; readonly rule: CompiledRule }[]>();

  constructor(rules: readonly CompiledRule[], messages: readonly { readonly parts: MessageParts; readonly rule: CompiledRule }[]) {
    this.rules = rules;
    for (const { parts, rule } of messages)
      for (const logger of parts.loggers) {
        const known = this.#byLogger.get(logger) ?? [];
        known.push({ level: parts.level, rule });
        this.#byLogger.set(logger, known);
      }
    const routed = rules.filter(({ definition }) => definition.request !== undefined && definition.message === undefined);
    const specOf = (rule: CompiledRule) => ({ ...routeOf(rule.definition), target: rule });
    this.routes = new RouteMatcher(routed.filter(({ definition }) => definition.emit !== undefined).map(specOf));
    this.counterRoutes = routed
      .filter(({ definition }) => definition.counter !== undefined)
      .map((rule) => ({ rule, matcher: new RouteMatcher([specOf(rule)]) }));
  }

  /** The rules that want records of this logger and level. */
  forStatement(logger: string, level: Level): readonly CompiledRule[] {
    return (this.#byLogger.get(logger) ?? []).filter((entry) => entry.level === undefined || entry.level === level).map(({ rule }) => rule);
  }
}

function routeOf(definition: RuleDefinition): { methods: readonly string[]; route: string; query: string | undefined } {
  const request = definition.request;
  if (request === undefined) throw new TypeError(`rule "${definition.id}" has no request`);
  return { methods: asList(request.method), route: request.route, query: request.query };
}

export function compileRules(
  loaded: LoadedRules,
  factKinds: ReadonlySet<string>,
): { readonly set: RuleSet } | { readonly problems: readonly RuleProblem[] } {
  const problems: RuleProblem[] = [];
  const rules: CompiledRule[] = [];
  const messages: { parts: MessageParts; rule: CompiledRule }[] = [];
  const frames = new Map(loaded.frames.map((frame) => [frame.id, frame]));
  for (const loadedRule of loaded.rules) {
    const report = (message: string) => problems.push({ rule: loadedRule.definition.id, source: loadedRule.source, message });
    const compiled = compileRule(loadedRule, frames, factKinds, report);
    if (compiled === null) continue;
    rules.push(compiled.rule);
    if (compiled.parts) messages.push({ parts: compiled.parts, rule: compiled.rule });
  }
  return problems.length > 0 ? { problems } : { set: new RuleSet(rules, messages) };
}

function compileRule(
  { definition }: LoadedRule,
  frames: ReadonlyMap<string, FrameDefinition>,
  factKinds: ReadonlySet<string>,
  report: (message: string) => void,
): { rule: CompiledRule; parts: MessageParts | null } | null {
  let isGood = true;
  const fail = (message: string): null => {
    isGood = false;
    report(message);
    return null;
  };
  if (definition.emit !== undefined && !factKinds.has(definition.emit))
    fail(`emit is "${definition.emit}", expected one of ${[...factKinds].join(', ')}`);
  const { request } = definition;
  const routeProblem = request === undefined ? null : describeRouteProblem(request.route, request.query);
  if (routeProblem !== null) fail(routeProblem);
  const parts = definition.message === undefined ? null : compileMessage(definition, frames, fail);
  const items = definition.items === undefined ? null : parseTemplate(definition.items.template);
  if (typeof items === 'string') return fail(items);
  if (definition.items && !parts?.template.holes.some(({ name }) => name === definition.items?.from))
    fail(`items.from is "${definition.items.from}", expected a hole of the message`);
  const unknown = Object.keys(definition.counter?.labels ?? {}).find(
    (label) => !capturedNames(definition, parts?.template ?? null).has(label),
  );
  if (unknown !== undefined) fail(`counter label "${unknown}" is no hole of the rule, expected one of its captures`);
  if (!isGood) return null;
  const isOnRoute = parts === null || request === undefined ? null : createRouteTest(definition);
  return { parts, rule: createRule(definition, parts?.template ?? null, items, isOnRoute) };
}

/** Everything that a match can capture, by name. */
function capturedNames({ request, set }: RuleDefinition, template: Template | null): ReadonlySet<string> {
  const holes = template?.holes.map(({ name }) => name) ?? [];
  const inRoute = [...`${request?.route ?? ''} ${request?.query ?? ''}`.matchAll(/\{([a-z][a-z0-9_]*)/g)].map(([, name]) => name ?? '');
  return new Set([...holes, ...inRoute, ...Object.keys(set ?? {})]);
}

function compileMessage(
  definition: RuleDefinition,
  frames: ReadonlyMap<string, FrameDefinition>,
  fail: (message: string) => null,
): MessageParts | null {
  const own = parseTemplate(definition.message ?? '');
  if (typeof own === 'string') return fail(own);
  if (definition.frame === undefined) {
    if (definition.logger === undefined) return fail('logger is missing, expected the name of a logger (or a frame)');
    return { template: own, loggers: asList(definition.logger), level: definition.level };
  }
  const frame = frames.get(definition.frame);
  if (frame === undefined) return fail(`frame is "${definition.frame}", expected one of ${[...frames.keys()].join(', ')}`);
  const outer = parseTemplate(frame.message);
  if (typeof outer === 'string') return fail(`frame "${frame.id}": ${outer}`);
  return { template: putIntoFrame(outer, own), loggers: asList(definition.logger ?? frame.logger), level: definition.level ?? frame.level };
}

/** A message rule with a request: the frame's `method` and `uri` must be those of that route. */
function createRouteTest(definition: RuleDefinition): (captures: Captures) => boolean {
  const { methods, route, query } = routeOf(definition);
  const pattern = routePattern(route, query);
  return ({ method, uri }) => typeof method === 'string' && typeof uri === 'string' && methods.includes(method) && pattern.test(uri);
}

function createRule(
  definition: RuleDefinition,
  template: Template | null,
  items: Template | null,
  isOnRoute: ((captures: Captures) => boolean) | null,
): CompiledRule {
  const rule: CompiledRule = {
    id: definition.id,
    definition,
    prefix: template?.literals[0] ?? '',
    match(message, isCut) {
      if (template === null) return null;
      const captures = matchTemplate(template, message, isCut);
      if (captures === null || (isOnRoute !== null && !isOnRoute(captures))) return null;
      const entries = items === null || definition.items === undefined ? [] : matchItems(items, captures[definition.items.from]);
      return { rule, captures: definition.set ? { ...captures, ...definition.set } : captures, items: entries };
    },
  };
  return rule;
}

function matchItems(template: Template, list: Captures[string] | undefined): Captures[] {
  if (!Array.isArray(list)) return [];
  return list.map((entry) => (typeof entry === 'string' ? matchTemplate(template, entry) : null) ?? {});
}

function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
