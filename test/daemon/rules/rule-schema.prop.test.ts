// No text makes the rule file parser throw; each problem has a place in the text; each rule that comes out has what every rule must have.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../../daemon/config/problem.ts';
import { createRuleFileParser } from '../../../daemon/rules/rule-schema.ts';
import { OFFERED_RULE } from './rule-folder.ts';

// The example rule with a few pieces cut out, doubled or put in.
const damaged = fc
  .array(
    fc.tuple(
      fc.nat(OFFERED_RULE.length),
      fc.nat(12),
      fc.constantFrom('', '', 'x', ': ', '\n', '- ', '"', '{', '[', '*a', '&a ', '!t ', '\t', '  ', '\u0000', '5'),
    ),
    { maxLength: 5 },
  )
  .map((edits) => edits.reduce((text, [at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length), OFFERED_RULE));

// Values of any type under keys that exist.
const almostRight = fc
  .array(
    fc.dictionary(
      fc.constantFrom(
        'id',
        'title',
        'synapse',
        'logger',
        'level',
        'message',
        'frame',
        'items',
        'request',
        'emit',
        'set',
        'counter',
        'tests',
        '__proto__',
      ),
      fc.oneof(
        fc.jsonValue({ maxDepth: 3 }),
        fc.constantFrom('a', 'INFO'),
        fc.constant({ match: [{ line: 'a', captures: {} }], reject: ['b'] }),
      ),
    ),
    { maxLength: 4 },
  )
  .map((rules) => JSON.stringify({ rules }));

describe('any text', () => {
  it.each([
    ['damaged', damaged],
    ['almost right', almostRight],
  ])('that is %s gives whole rules, and problems that say where', (_, texts) => {
    const parse = createRuleFileParser();
    let [ruleCount, problemCount] = [0, 0];
    fc.assert(
      fc.property(texts, (text) => {
        const { content, problems } = parse(text, 'r.yml');
        ruleCount += content.rules.length;
        problemCount += problems.length;
        const lineCount = text.split('\n').length;
        return (
          content.rules.every(
            ({ definition, source }) =>
              /^[a-z0-9.-]{1,64}$/.test(definition.id) &&
              definition.tests.match.length > 0 &&
              definition.tests.reject.length > 0 &&
              (definition.message !== undefined || definition.request !== undefined) &&
              (definition.emit !== undefined || definition.counter !== undefined) &&
              source.line >= 1 &&
              source.line <= lineCount,
          ) &&
          problems.every(
            (problem) =>
              problem.line >= 1 && problem.line <= lineCount && /^r\.yml:\d+:\d+: Cannot (?:parse|use) .+$/su.test(formatProblem(problem)),
          )
        );
      }),
      { numRuns: 400 },
    );
    expect(problemCount).toBeGreaterThan(100);
    if (texts === damaged) expect(ruleCount).toBeGreaterThan(50);
  });
});
