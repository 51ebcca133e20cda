/** Rules as data to rules that match, or every problem at once. */
import { describe, expect, it } from 'vitest';
import { EMITTED_KINDS } from '../../../src/facts/emitted-kinds.ts';
import type { FrameDefinition, RuleDefinition } from '../../../src/rules/rule.ts';
import { compileRules, type RuleSet } from '../../../src/rules/rule-set.ts';
import { testRule } from '../../../src/rules/self-test.ts';
import { BUILT_IN_RULES } from '../facts/read-log.ts';
import { accessMessage, LAYOUTS, START_MS } from '../records/log-lines.ts';

const FRAME: FrameDefinition = {
  id: 'error',
  logger: 'synapse.http.server',
  level: 'INFO',
  message: '<{class:word} method={method:repr} uri={uri:repr}> Error: {message:framed}',
};
const NO_TESTS = { match: [], reject: [] };
const rule = (more: Partial<RuleDefinition>): RuleDefinition => ({ id: 'test', title: 'A test', tests: NO_TESTS, ...more });

function compile(definitions: readonly RuleDefinition[], frames: readonly FrameDefinition[] = [FRAME]) {
  const rules = definitions.map((definition, index) => ({
    definition,
    source: { file: 'x.yml', line: index + 1, path: `rules[${index}]` },
  }));
  return compileRules({ rules, frames }, EMITTED_KINDS);
}

function compiled(...definitions: readonly RuleDefinition[]): RuleSet {
  const result = compile(definitions);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.set;
}

describe('a set of rules', () => {
  const set = compiled(
    rule({ id: 'any-level', logger: 'a', message: 'x {y}' }),
    rule({ id: 'info', logger: ['a', 'b'], level: 'INFO', message: 'x {y}' }),
    rule({ id: 'framed', frame: 'error', message: '400 - {what}' }),
    rule({ id: 'framed-elsewhere', frame: 'error', logger: 'c', level: 'WARNING', message: '400 - {what}' }),
    rule({ id: 'route', request: { method: 'PUT', route: '/a/{x}' }, emit: 'redaction' }),
  );

  it.each([
    ['a', 'INFO', ['any-level', 'info']],
    ['a', 'DEBUG', ['any-level']],
    ['b', 'INFO', ['info']],
    ['b', 'DEBUG', []],
    ['synapse.http.server', 'INFO', ['framed']],
    ['synapse.http.server', 'ERROR', []],
    ['c', 'WARNING', ['framed-elsewhere']],
    ['a.b', 'INFO', []],
    ['', 'INFO', []],
  ] as const)('tells which want records of logger "%s" at %s: %j', (logger, level, ids) => {
    expect(set.forStatement(logger, level).map(({ id }) => id)).toEqual(ids);
  });

  it('knows the first words of what a rule can match', () => {
    expect(set.rules.map(({ prefix }) => prefix)).toEqual(['x ', 'x ', '<', '<', '']);
  });
});

describe('a rule', () => {
  it('gives its captures, its constants and the entries of its list', () => {
    const [found] = compiled(
      rule({
        logger: 'a',
        message: 'claimed: {list:csv}',
        items: { from: 'list', template: '{k} for {u:user_id}' },
        set: { action: 'claim' },
      }),
    ).rules;
    expect(found?.match('claimed: k:1 for @a:hs,nonsense,k:2 for @b:hs', false)).toMatchObject({
      captures: { action: 'claim', list: ['k:1 for @a:hs', 'nonsense', 'k:2 for @b:hs'] },
      items: [{ k: 'k:1', u: '@a:hs' }, {}, { k: 'k:2', u: '@b:hs' }],
    });
  });

  it.each([
    ['of that route', 'POST', '/keys/upload', true],
    ['of that route, with a query', 'POST', '/keys/upload?x=1', true],
    ['of another method', 'PUT', '/keys/upload', false],
    ['of another route', 'POST', '/keys/query', false],
    ['of a route that goes on', 'POST', '/keys/upload/../x', false],
    ['with letters beyond ASCII', 'POST', '/keys/upload\u0141', false],
    ['of no route', '', '', false],
  ])('with a frame and a request matches a message %s: %s %s, %s', (_, method, uri, expected) => {
    const [found] = compiled(rule({ frame: 'error', message: '400 - {what}', request: { method: 'POST', route: '/keys/upload' } })).rules;
    expect(found?.match(`<X method='${method}' uri='${uri}'> Error: 400 - it`, false) !== null).toBe(expected);
  });

  it('for requests alone matches no message', () => {
    const [found] = compiled(rule({ request: { method: 'PUT', route: '/a' }, emit: 'redaction' })).rules;
    expect(found?.match('', false)).toBeNull();
  });
});

describe('what is wrong with rules', () => {
  it.each<[string, Partial<RuleDefinition>, string]>([
    ['an unknown fact', { logger: 'a', message: 'x', emit: 'storm' }, 'emit is "storm", expected one of one_time_keys_offered, '],
    ['a template', { logger: 'a', message: 'x {y:what}' }, 'hole "y:what" has type "what"'],
    ['a list’s template', { logger: 'a', message: '{l:csv}', items: { from: 'l', template: '{' } }, "can't be read, expected {name}"],
    [
      'a list that isn’t there',
      { logger: 'a', message: '{l:csv}', items: { from: 'm', template: '{x}' } },
      'items.from is "m", expected a hole of the message',
    ],
    ['a route', { request: { method: 'PUT', route: 'a' } }, 'route "a" has no leading "/"'],
    ['a query', { request: { method: 'PUT', route: '/a', query: 'b=c' } }, 'query "b=c" can\'t be read'],
    ['no logger', { message: 'x' }, 'logger is missing, expected the name of a logger (or a frame)'],
    ['an unknown frame', { frame: 'erorr', message: 'x' }, 'frame is "erorr", expected one of error'],
  ])('is said: %s', (_, more, message) => {
    const result = compile([rule(more)]);
    expect('problems' in result ? result.problems.map((problem) => problem.message) : []).toEqual([expect.stringContaining(message)]);
  });

  it('is said all at once, with the places, and then no rule is used', () => {
    const result = compile([
      rule({ id: 'one', message: 'x', emit: 'storm' }),
      rule({ id: 'good', logger: 'a', message: 'x' }),
      rule({ id: 'two', logger: 'a', message: '{' }),
    ]);
    expect(result).toMatchObject({
      problems: [
        { rule: 'one', source: { line: 1 } },
        { rule: 'one' },
        { rule: 'two', source: { file: 'x.yml', line: 3, path: 'rules[2]' } },
      ],
    });
  });
});

describe('a rule’s own tests', () => {
  const line = LAYOUTS.precise({ timeMs: START_MS, logger: 'a', level: 'INFO', request: 'GET-1', message: 'x 1' });
  const access = LAYOUTS.precise({
    timeMs: START_MS,
    logger: 'synapse.access.http.8008',
    level: 'INFO',
    request: 'PUT-1',
    message: accessMessage({ method: 'PUT', uri: '/a/b' }),
  });
  const failuresOf = (more: Partial<RuleDefinition>) => testRule(compiled(rule(more)).rules[0]!);

  it.each<[string, Partial<RuleDefinition>]>([
    [
      'whole lines and messages',
      {
        logger: 'a',
        message: 'x {y:int}',
        tests: {
          match: [
            { line, captures: { y: 1 } },
            { line: 'x 2', captures: {} },
          ],
          reject: ['x y', line.replace(' - a - ', ' - b - ')],
        },
      },
    ],
    ['another level', { logger: 'a', level: 'ERROR', message: 'x {y}', tests: { match: [], reject: [line] } }],
    [
      'requests',
      {
        request: { method: 'PUT', route: '/a/{x}' },
        emit: 'redaction',
        tests: {
          match: [
            { line: 'PUT /a/b', captures: { x: 'b' } },
            { line: access, captures: { x: 'b' } },
          ],
          reject: ['GET /a/b', 'PUT /a', line],
        },
      },
    ],
    [
      'lists',
      {
        logger: 'a',
        message: 'x {l:csv}',
        items: { from: 'l', template: '{k}:{v}' },
        tests: { match: [{ line: 'x a:b', captures: { items: [{ v: 'b' }] } }], reject: [] },
      },
    ],
  ])('pass where they should: %s', (_, more) => {
    expect(failuresOf(more)).toEqual([]);
  });

  it.each<[string, Partial<RuleDefinition>, string]>([
    [
      'a line that must match',
      { tests: { match: [{ line: 'y 1', captures: {} }], reject: [] } },
      'Cannot match "y 1": the rule doesn\'t match it, expected a match',
    ],
    ['a line that must not', { tests: { match: [], reject: ['x 1'] } }, 'Cannot reject "x 1": the rule matches it, expected no match'],
    ['another value', { tests: { match: [{ line: 'x 1', captures: { y: 2 } }], reject: [] } }, 'Cannot match "x 1": y is 1, expected 2'],
    [
      'a value that isn’t there',
      { tests: { match: [{ line: 'x 1', captures: { z: null } }], reject: [] } },
      'Cannot match "x 1": z is undefined, expected null',
    ],
    [
      'a line of another logger',
      { tests: { match: [{ line: line.replace(' - a - ', ' - b - '), captures: {} }], reject: [] } },
      "the rule doesn't match it",
    ],
  ])('fail where they should: %s', (_, more, failure) => {
    expect(failuresOf({ logger: 'a', message: 'x {y:int}', ...more })).toEqual([expect.stringContaining(failure)]);
  });

  it('of the built-in rules pass, and there are some of each', () => {
    for (const built of BUILT_IN_RULES.rules) {
      expect(testRule(built), built.id).toEqual([]);
      expect(built.definition.tests.match.length, built.id).toBeGreaterThan(0);
      expect(built.definition.tests.reject.length, built.id).toBeGreaterThan(0);
    }
    expect(BUILT_IN_RULES.rules.length).toBeGreaterThan(20);
  });
});
