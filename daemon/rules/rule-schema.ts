/**
 * The text of one rule file → its rules and frames as plain typed data, or every problem in it with line, column and path.
 *
 * This checks shape: keys, types, bounds, what must be there at least. What a template, a route or a fact kind means is decided where
 * rules are compiled (src/rules). Importing this costs yaml and zod; rule-files.ts does so only when a file isn't prepared.
 */
import { z } from 'zod';
import type { FrameDefinition, RuleDefinition, RuleSource } from '../../src/rules/rule.ts';
import { inTextOrder, type Problem } from '../config/problem.ts';
import { checkSchema, mapping, placed } from '../config/schema-problems.ts';
import { formatPath, type PlacedStatement, readYaml, type Statement, type YamlDocument, type YamlPath } from '../config/yaml-document.ts';
import type { ReadFrame, ReadRule, RuleFileContent } from './join-rule-files.ts';

/** A file's content; with problems it is what could be made of it: entries without a problem of their own. */
export interface ParsedRuleFile {
  readonly content: RuleFileContent;
  readonly problems: readonly Problem[];
}

/** Longest template, test line or help text, in UTF-16 units. Chosen: a whole conflict record of Synapse is below 2,000. */
const MAX_RULE_TEXT_LENGTH = 16_384;

/** Series that one counter may have: the product of its labels' values, "other" included (reference/observability.md: bound everything). */
const MAX_COUNTER_SERIES = 1000;

const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;

/** Parses and checks one file's text. Never throws, whatever the text; `file` is how problems and sources name it. */
export type RuleFileParser = (text: string, file: string) => ParsedRuleFile;

/** A parser for many files: the schema is built once (it costs as much as checking a file). */
export function createRuleFileParser(): RuleFileParser {
  const schema = ruleFileSchema();
  return (text, file) => parseRuleFile(text, file, schema);
}

function parseRuleFile(text: string, file: string, schema: ReturnType<typeof ruleFileSchema>): ParsedRuleFile {
  const reading = readYaml(text, file);
  if (!reading.ok) return { content: { file, rules: [], frames: [] }, problems: reading.problems };
  const { document, faults } = reading;
  const checked = checkSchema(schema, document.value);
  const statements = [...('statements' in checked ? checked.statements : []), ...incompleteRules(document.value)];
  const all = [...faults, ...placed(statements, document)];
  const problems = all.map((statement) => ruleProblem(statement, document.value, file));
  return { content: contentOf(document, file, all), problems: inTextOrder(problems) };
}

/** JSON Schema (draft 2020-12) of a rule file, for editors. */
export function ruleFileJsonSchema(): Record<string, unknown> {
  return { title: 'lotus-e2ee-watch rules', ...z.toJSONSchema(ruleFileSchema(), { io: 'input' }) };
}

function ruleFileSchema() {
  return mapping({
    rules: z.array(ruleSchema(), { error: 'a list of rules' }).exactOptional(),
    frames: z.array(frameSchema(), { error: 'a list of frames' }).exactOptional(),
  });
}

function ruleSchema() {
  return mapping({
    id: id(),
    title: line('one line that says what it means', 200),
    synapse: line('versions as text in quotes, such as "1.60 … 1.163"', 100).exactOptional(),
    logger: oneOrMore('a logger name or a list of them', 'a logger name', 200).exactOptional(),
    level: z.enum(LEVELS, { error: `one of ${LEVELS.join(', ')}` }).exactOptional(),
    message: text('a message template in quotes').exactOptional(),
    frame: id().exactOptional(),
    items: mapping({ from: line('the name of a hole', 64), template: text('a template in quotes') }).exactOptional(),
    request: mapping({
      method: oneOrMore('a method such as PUT, or a list of them', 'a method such as PUT', 16),
      route: text('a route such as "/_matrix/client/{version}/keys/upload"'),
      query: text('a query such as "org.matrix.msc4140.delay={delay_ms}"').exactOptional(),
    }).exactOptional(),
    emit: name('a fact kind such as one_time_keys_offered').exactOptional(),
    set: z.record(name('a field name such as action'), text('text'), { error: 'a mapping of field names to text' }).exactOptional(),
    counter: counterSchema().exactOptional(),
    tests: mapping({ match: testList(matchTest(), 'a list of lines with captures'), reject: testList(testLine(), 'a list of lines') }),
  }) satisfies z.ZodType<RuleDefinition>;
}

function frameSchema() {
  return mapping({
    id: id(),
    logger: oneOrMore('a logger name or a list of them', 'a logger name', 200),
    level: z.enum(LEVELS, { error: `one of ${LEVELS.join(', ')}` }).exactOptional(),
    message: text('a message template in quotes'),
  }) satisfies z.ZodType<FrameDefinition>;
}

function counterSchema() {
  const value = line('a label value', 100);
  const values = z
    .array(value, { error: 'a list of allowed values' })
    .min(1, { error: 'at least one allowed value' })
    .max(50, { error: 'at most 50 allowed values' });
  return mapping({
    // Prometheus' data model; OpenMetrics wants the suffix
    name: matching(/^[a-z][a-z0-9_]{0,90}_total$/, 'a counter name such as my_uploads_total'),
    help: line('one line of help', 300),
    labels: z
      .record(name('a hole name such as outcome'), values, { error: 'a mapping of hole names to lists of allowed values' })
      .exactOptional(),
  });
}

function matchTest() {
  return mapping({
    line: testLine(),
    captures: z.record(z.string(), z.unknown(), { error: 'a mapping of hole names to values ({} for none)' }),
  });
}

function testLine() {
  return text('a log line or message, in quotes');
}

function testList<T extends z.ZodType>(entry: T, expected: string) {
  return z.array(entry, { error: expected }).min(1, { error: 'at least one' }).max(100, { error: 'at most 100' });
}

function id() {
  return matching(/^[a-z0-9.-]{1,64}$/, 'an id of 1 to 64 letters a-z, digits, dots and dashes');
}

function name(expected: string) {
  return matching(/^[a-z][a-z0-9_]{0,63}$/, expected);
}

function matching(pattern: RegExp, expected: string) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

function text(expected: string) {
  return z
    .string({ error: expected })
    .min(1, { error: expected })
    .max(MAX_RULE_TEXT_LENGTH, { error: `at most ${MAX_RULE_TEXT_LENGTH} characters` });
}

function line(expected: string, maxLength: number) {
  const error = `${expected} (at most ${maxLength} characters)`;
  return z
    .string({ error })
    .max(maxLength, { error })
    .regex(/^(?=.*\S)\P{Cc}*$/u, { error });
}

function oneOrMore(expected: string, expectedEntry: string, maxLength: number) {
  const entry = line(expectedEntry, maxLength);
  return z.union([entry, z.array(entry).min(1, { error: expected }).max(50, { error: expected })], { error: expected });
}

// What no single key can say. Looks at whatever of the file makes sense, so that these come together with the rest.
function incompleteRules(root: unknown): readonly Statement[] {
  return listAt(root, 'rules').flatMap((rule, index): readonly Statement[] => {
    if (!isMapping(rule)) return [];
    const path = ['rules', index] as const;
    const statements: Statement[] = [];
    if (rule['message'] === undefined && rule['request'] === undefined)
      statements.push({ path, about: 'value', text: 'has neither message nor request, expected one or both' });
    if (rule['frame'] !== undefined && rule['message'] === undefined)
      statements.push({ path, about: 'value', text: 'has a frame but no message, expected a message to put into it' });
    if (rule['emit'] === undefined && rule['counter'] === undefined)
      statements.push({ path, about: 'value', text: 'has neither emit nor counter, expected one or both' });
    const seriesCount = counterSeries(rule['counter']);
    if (seriesCount > MAX_COUNTER_SERIES) {
      statements.push({
        path: [...path, 'counter', 'labels'],
        about: 'value',
        text: `makes ${seriesCount} series, expected at most ${MAX_COUNTER_SERIES}`,
      });
    }
    return statements;
  });
}

// Each label has its allowed values and "other".
function counterSeries(counter: unknown): number {
  const labels = isMapping(counter) && isMapping(counter['labels']) ? Object.values(counter['labels']) : [];
  return labels.reduce<number>((product, values) => product * (Array.isArray(values) ? values.length + 1 : 1), 1);
}

function ruleProblem({ path, place, about, text }: PlacedStatement, root: unknown, file: string): Problem {
  const [list, index, ...rest] = path;
  const name = formatPath(rest);
  const subject = typeof index === 'number' ? subjectOf(root, list === 'frames' ? 'frames' : 'rules', index) : 'rule file';
  const inner = typeof index === 'number' ? name : formatPath(path);
  const statement = about === 'unknown key' ? text.replace('unknown key', `unknown key "${inner}"`) : `${inner} ${text}`.trimStart();
  return { file, ...place, path: formatPath(path), message: `Cannot parse ${subject}: ${statement}` };
}

// 'rule "ke-1.x"' where the id can be read, else '"rules[0]"'
function subjectOf(root: unknown, list: 'rules' | 'frames', index: number): string {
  const entry = listAt(root, list)[index];
  const id = isMapping(entry) ? entry['id'] : undefined;
  const noun = list === 'rules' ? 'rule' : 'frame';
  return typeof id === 'string' && /^[\w.-]{1,64}$/.test(id) ? `${noun} "${id}"` : `"${list}[${index}]"`;
}

// Entries without a problem are of their type: the schema checked each of them.
function contentOf(document: YamlDocument, file: string, statements: readonly Statement[]): RuleFileContent {
  const broken = new Set(statements.map(({ path }) => formatPath(path.slice(0, 2))));
  const whole = <T>(list: 'rules' | 'frames', read: (entry: unknown, path: YamlPath) => T): readonly T[] =>
    broken.has(list) || broken.has('')
      ? []
      : listAt(document.value, list).flatMap((entry, index) => (broken.has(`${list}[${index}]`) ? [] : [read(entry, [list, index])]));
  const sourceOf = (path: YamlPath): RuleSource => ({ file, line: document.placeOfValue(path).line, path: formatPath(path) });
  const rule = (entry: unknown, path: YamlPath): ReadRule => {
    const definition = entry as RuleDefinition;
    const framePlace = definition.frame === undefined ? {} : { framePlace: document.placeOfValue([...path, 'frame']) };
    return { definition, source: sourceOf(path), idPlace: document.placeOfValue([...path, 'id']), ...framePlace };
  };
  const frame = (entry: unknown, path: YamlPath): ReadFrame => ({
    definition: entry as FrameDefinition,
    source: sourceOf(path),
    idPlace: document.placeOfValue([...path, 'id']),
  });
  return { file, rules: whole('rules', rule), frames: whole('frames', frame) };
}

function listAt(root: unknown, key: 'rules' | 'frames'): readonly unknown[] {
  const list = isMapping(root) ? root[key] : undefined;
  return Array.isArray(list) ? list : [];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
