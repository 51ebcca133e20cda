/**
 * A rule's own tests. In: a compiled rule and the lines it carries. Out: what failed, as one sentence each; nothing where all is well.
 *
 * A line is a whole log line (read by the real reader), a bare message, or `METHOD URI` for an access-line rule. Every line of `match` must
 * match, with at least the captures given (`items` are those of the list's entries); no line of `reject` may.
 */
import type { LogRecord, RecordHandler } from '../records/record-handler.ts';
import { RecordReader } from '../records/record-reader.ts';
import { decodeText } from '../records/text-decoder.ts';
import { ZoneClock } from '../records/timestamp.ts';
import { RouteMatcher } from './route-matcher.ts';
import type { CompiledRule } from './rule-set.ts';

const WHOLE_LINE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - /;
const REQUEST_LINE = /^[A-Z]+ \//;

type Found = Readonly<Record<string, unknown>>;

export function testRule(rule: CompiledRule): string[] {
  const failures: string[] = [];
  for (const { line, captures } of rule.definition.tests.match) {
    const found = findIn(rule, line);
    if (found === null) failures.push(`Cannot match ${quote(line)}: the rule doesn't match it, expected a match`);
    else for (const difference of compareCaptures(captures, found)) failures.push(`Cannot match ${quote(line)}: ${difference}`);
  }
  for (const line of rule.definition.tests.reject)
    if (findIn(rule, line) !== null) failures.push(`Cannot reject ${quote(line)}: the rule matches it, expected no match`);
  return failures;
}

function findIn(rule: CompiledRule, line: string): Found | null {
  if (WHOLE_LINE.test(line)) return findInWholeLine(rule, line);
  if (rule.definition.message === undefined) return REQUEST_LINE.test(line) ? findInRequest(rule, encode(`${line} `), 0) : null;
  return findInMessage(rule, line);
}

function findInMessage(rule: CompiledRule, message: string): Found | null {
  const match = rule.match(message, false);
  return match === null ? null : rule.definition.items === undefined ? match.captures : { ...match.captures, items: match.items };
}

function findInRequest(rule: CompiledRule, bytes: Uint8Array, methodStart: number): Found | null {
  const { request } = rule.definition;
  if (request === undefined) return null;
  const methods = typeof request.method === 'string' ? [request.method] : request.method;
  const tree = new RouteMatcher([{ methods, route: request.route, query: request.query, target: true }]);
  const uriStart = bytes.indexOf(0x20, methodStart) + 1;
  return tree.match(bytes, methodStart, uriStart) ? tree.captures(bytes, decodeText) : null;
}

function findInWholeLine(rule: CompiledRule, line: string): Found | null {
  let found: Found | null = null;
  const { logger, level, frame } = rule.definition;
  const loggers = logger === undefined ? null : typeof logger === 'string' ? [logger] : logger;
  const wants = (record: Pick<LogRecord, 'logger' | 'level'>): boolean =>
    (loggers === null ? frame !== undefined : loggers.includes(record.logger)) && (level === undefined || level === record.level);
  const handler: RecordHandler = {
    interestIn: (name) => ({ isAccess: name.startsWith('synapse.access.'), isDebug: false, prefixes: [''] }),
    onAccessLine: (bytes, access) => {
      if (rule.definition.message === undefined) found = findInRequest(rule, bytes, access.methodStart);
    },
    onRecord: (record) => {
      if (rule.definition.message !== undefined && wants(record)) found = findInMessage(rule, record.message);
    },
    onUnrecognised: () => undefined,
    onFormat: () => undefined,
    onHole: () => undefined,
  };
  const bytes = encode(`${line}\n`);
  new RecordReader(handler, new ZoneClock('UTC')).finish(bytes, bytes.length);
  return found;
}

function compareCaptures(expected: Found, found: Found): string[] {
  return Object.entries(expected)
    .filter(([name, value]) => !isPart(value, found[name]))
    .map(([name, value]) => `${name} is ${JSON.stringify(found[name])}, expected ${JSON.stringify(value)}`);
}

/** Equal; objects may hold more than is asked for. */
function isPart(expected: unknown, found: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return expected === found;
  if (typeof found !== 'object' || found === null) return false;
  if (Array.isArray(expected))
    return Array.isArray(found) && expected.length === found.length && expected.every((value, i) => isPart(value, found[i]));
  return Object.entries(expected).every(([name, value]) => isPart(value, (found as Found)[name]));
}

function encode(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  return bytes.subarray(0, new TextEncoder().encodeInto(text, bytes).written);
}

function quote(line: string): string {
  return JSON.stringify(line.length > 120 ? `${line.slice(0, 120)}…` : line);
}
