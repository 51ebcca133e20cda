/**
 * What zod found wrong, said in the operator's words. In come zod's issues and the value they are about; out comes one statement for
 * each place: what is, what should be.
 *
 * Schemas carry only the second half as their error text ('a whole number from 0 to 5000'); the first half is read from the value, so
 * no sentence of zod's own reaches the operator. One statement a place: the first.
 */
import { z } from 'zod';
import { nearKey } from './near-key.ts';
import { formatPath, type PlacedStatement, type Statement, type YamlDocument, type YamlPath } from './yaml-document.ts';

// Words that separate the known keys in a mapping's error text; no key holds them.
const KEY_SEPARATOR = ', ';

/** A mapping with these keys and no others. Its error text is what statementsOf understands. */
export function mapping<const Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape).join(KEY_SEPARATOR);
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? keys : `a mapping with ${keys}`) });
}

/** The value as `schema` types it, or every statement about what is wrong with it, at most one a place. */
export function checkSchema<T>(
  schema: z.ZodType<T>,
  value: unknown,
): { readonly value: T } | { readonly statements: readonly Statement[] } {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data };
  const statements = result.error.issues.flatMap((issue) => statementsOf(issue, value));
  return {
    statements: [...new Map(statements.toReversed().map((statement) => [formatPath(statement.path), statement])).values()].toReversed(),
  };
}

/** 'is 5', 'is "hi"', 'is a list of 3', 'is empty' (null), 'is missing'; long text is cut. */
function describeValue(value: unknown): string {
  if (value === undefined) return 'is missing';
  if (value === null) return 'is empty';
  if (Array.isArray(value)) return value.length === 0 ? 'is an empty list' : `is a list of ${value.length}`;
  if (typeof value === 'object') return 'is a mapping';
  if (typeof value === 'string') return `is ${JSON.stringify(cut(value))}`;
  return `is ${String(value)}`;
}

/** 'unknown key (did you mean "level"?), expected one of id, level'; without a near one the question is left out. */
function describeUnknownKey(key: string, known: readonly string[]): string {
  const near = nearKey(key, known);
  return `unknown key${near === undefined ? '' : ` (did you mean "${near}"?)`}, expected one of ${known.join(KEY_SEPARATOR)}`;
}

/** Statements with their places, those left out that are about a value which the YAML reader refused (it has said so). */
export function placed(statements: readonly Statement[], document: YamlDocument): readonly PlacedStatement[] {
  return statements
    .filter(({ about, path }) => about !== 'value' || !document.isRefused(path))
    .map((statement) => ({
      ...statement,
      place: statement.about === 'value' ? document.placeOfValue(statement.path) : document.placeOfKey(statement.path),
    }));
}

function statementsOf(issue: z.core.$ZodIssue, root: unknown): readonly Statement[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(KEY_SEPARATOR);
    return issue.keys.map((key) => ({ path: [...path, key], about: 'unknown key', text: describeUnknownKey(key, known) }));
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? issue.message;
    return [{ path, about: 'key', text: `is not a key here, expected ${expected}` }];
  }
  return [{ path, about: 'value', text: `${describeValue(valueAt(root, path))}, expected ${issue.message}` }];
}

function valueAt(root: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    return (value as Readonly<Record<string | number, unknown>>)[step];
  }, root);
}

const MAX_QUOTED_LENGTH = 60;

function cut(text: string): string {
  return text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
}
