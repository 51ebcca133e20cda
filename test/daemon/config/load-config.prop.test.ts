// No text makes the loader throw, and it never hands back a Config that breaks its own bounds.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOUNDS, type Config } from '../../../daemon/config/config.ts';
import { loadConfig } from '../../../daemon/config/load-config.ts';
import { formatProblem } from '../../../daemon/config/problem.ts';

// Pieces that make YAML interesting, so that random text gets past the first character.
const PIECES = [
  'sources',
  'path',
  'name',
  'listen',
  'limits',
  'devices',
  'follow',
  'log',
  'rules',
  ': ',
  ':',
  '- ',
  '\n',
  '\n  ',
  '\n    ',
  '{',
  '}',
  '[',
  ']',
  ', ',
  '&a ',
  '*a',
  '!t ',
  '!!set ',
  '? ',
  '"',
  "'",
  '|',
  '>',
  '#',
  '---',
  '%YAML 1.1',
  '<<',
  '~',
  '250ms',
  '9464',
  '1e999',
  '.nan',
  'true',
  '\t',
  '\u0000',
  '\uFEFF',
  '__proto__',
  '/a.log',
];
const yamlLike = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })), { maxLength: 60 })
  .map((pieces) => pieces.join(''));

// Values of any type under keys that exist: almost right files.
const almostRight = fc
  .dictionary(
    fc.constantFrom(
      'sources',
      'state_directory',
      'listen',
      'timezone',
      'start_at',
      'backfill',
      'rules',
      'identifiers',
      'follow',
      'limits',
      'log',
    ),
    fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.record(
        { devices: fc.integer(), device_series: fc.integer({ min: -1, max: 6000 }), open_joins: fc.double() },
        { requiredKeys: [] },
      ),
      fc.record({ poll_interval: fc.tuple(fc.nat(100_000), fc.constantFrom('ms', 's', 'm', 'h', '')).map((parts) => parts.join('')) }),
      fc.array(fc.record({ path: fc.oneof(fc.constantFrom('/a.log', '/b/a.log'), fc.string()), name: fc.string() }, { requiredKeys: [] }), {
        maxLength: 4,
      }),
    ),
  )
  .map((value) => JSON.stringify(value));

/** Nothing is wrong but perhaps a number: each is at a bound or close to it. */
const near = ({ min, max }: { readonly min: number; readonly max: number }): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min: min - 2, max: min + 2 }), fc.integer({ min: max - 2, max: max + 2 }));
const nearBounds = fc
  .record(
    {
      limits: fc.record(
        { devices: near(BOUNDS.maxDevices), device_series: near(BOUNDS.maxDeviceSeries), open_joins: near(BOUNDS.maxOpenJoins) },
        { requiredKeys: [] },
      ),
      follow: fc.record({ poll_interval: near(BOUNDS.pollIntervalMs).map((ms) => `${ms}ms`) }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));

function isInOrder(config: Config): boolean {
  const within = (value: number, { min, max }: { readonly min: number; readonly max: number }): boolean =>
    Number.isInteger(value) && value >= min && value <= max;
  const names = config.sources.map((source) => source.name);
  return (
    config.sources.length > 0 &&
    new Set(names).size === names.length &&
    config.sources.every((source) => source.path.startsWith('/') && source.name.trim() !== '') &&
    within(config.follow.pollIntervalMs, BOUNDS.pollIntervalMs) &&
    within(config.limits.maxDevices, BOUNDS.maxDevices) &&
    within(config.limits.maxDeviceSeries, BOUNDS.maxDeviceSeries) &&
    within(config.limits.maxOpenJoins, BOUNDS.maxOpenJoins) &&
    within(config.limits.maxJoinAgeMs, BOUNDS.maxJoinAgeMs) &&
    within(config.listen.port, { min: 0, max: 65_535 })
  );
}

describe('any text', () => {
  it.each([
    ['like YAML', yamlLike],
    ['almost right', almostRight],
    ['near its bounds', nearBounds],
  ])('that is %s gives a config in order or problems that say where', (_, texts) => {
    const seen = { configs: 0, problems: 0 };
    fc.assert(
      fc.property(texts, (text) => {
        const result = loadConfig(text, 'c.yml');
        if (result.ok) {
          seen.configs++;
          return isInOrder(result.value);
        }
        seen.problems++;
        const lineCount = text.split('\n').length;
        return (
          result.problems.length > 0 &&
          result.problems.every(
            (problem) =>
              problem.line >= 1 &&
              problem.line <= lineCount &&
              problem.column >= 1 &&
              /^c\.yml:\d+:\d+: Cannot (?:use|parse) .+$/su.test(formatProblem(problem)),
          )
        );
      }),
      { numRuns: 400 },
    );
    // Both outcomes were met, or the property said nothing.
    expect(Math.min(seen.configs, seen.problems)).toBeGreaterThan(10);
  });
});
