/**
 * Message templates: the form that Synapse's own source has, with typed holes.
 *
 *     Adding one_time_keys {key_ids:dict_keys} for device {device_id:repr} for user {user_id:repr} at {server_time_ms:int}
 *
 * In: the template's text. Out: a compiled template, which matches a message by walking forward once: literals are compared or found
 * by `indexOf`, holes are parsed by their type. It never backs up, so no template can be made slow by a hostile line. A match covers the
 * whole message. `{{` and `}}` stand for braces; `{:type}` must be there but isn't captured.
 *
 * On a message that was cut at MAX_LINE_BYTES a match goes as far as the text does: holes behind the cut stay undefined, and at least one
 * hole must be whole.
 */
import { shareText } from '../lines/shared-text.ts';
import { findJsonEnd } from './json-span.ts';
import { parseDictKeys, parsePythonList, parsePythonStringOrNone } from './python-literal.ts';

/** What a hole can capture: text, a safe integer, a list of texts (None is null), or None itself. */
export type Capture = string | number | null | readonly (string | null)[];
export type Captures = Record<string, Capture>;

/** Hole types and what they take. Types that end by themselves ignore the literal behind them; `str` and `word` end where it's first found. */
export const HOLE_TYPES = {
  str: 'any text, to the first occurrence of what follows',
  word: 'text without white space, to the first occurrence of what follows',
  rest: 'everything to the end of the message, line ends too',
  int: 'a decimal integer',
  number: 'a decimal number',
  repr: "a Python string ('…') or None",
  list: 'a Python list of strings',
  dict_keys: "dict_keys(['…']) or a list",
  json: 'one JSON value, kept as text',
  csv: 'texts divided by commas, to the end of the message',
  user_id: 'a Matrix user id, @localpart:server',
  framed: 'only in a frame: the place of the rule’s own message',
} as const;
export type HoleType = keyof typeof HOLE_TYPES;

export interface Hole {
  readonly name: string;
  readonly type: HoleType;
  /** It takes a name that other records have too: captured as a string that is shared (src/lines/shared-text.ts). */
  readonly isShared: boolean;
}

/** Names of such holes. */
const SHARED: ReadonlySet<string> = new Set(['user_id', 'device_id']);

export interface Template {
  readonly text: string;
  /** literals[0] hole[0] literals[1] hole[1] … literals[n]; the first and last may be empty. */
  readonly literals: readonly string[];
  readonly holes: readonly Hole[];
}

const HOLE = /^([a-z][a-z0-9_]{0,40})?(?::([a-z_]{1,20}))?$/;

/**
 * @returns the template, or what is wrong with it as one sentence fragment: `hole "x:y" has type "y", expected one of str, word, …`
 */
export function parseTemplate(text: string): Template | string {
  const literals: string[] = [];
  const holes: Hole[] = [];
  let literal = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if ((char === '{' || char === '}') && text[i + 1] === char) {
      literal += char;
      i++;
    } else if (char === '}') {
      return `"}" at ${i} closes nothing, expected "}}" for a brace`;
    } else if (char === '{') {
      const close = text.indexOf('}', i);
      const hole = parseHole(close < 0 ? text.slice(i + 1) : text.slice(i + 1, close), close >= 0);
      if (typeof hole === 'string') return hole;
      if (holes.length > 0 && literal === '' && needsLiteralBehind(holes[holes.length - 1] as Hole))
        return `hole "${(holes[holes.length - 1] as Hole).name}" is followed by another hole, expected text between them`;
      if (hole.name !== '' && holes.some(({ name }) => name === hole.name))
        return `hole "${hole.name}" stands twice, expected different names`;
      literals.push(literal);
      holes.push(hole);
      literal = '';
      i = close;
    } else literal += char;
  }
  literals.push(literal);
  const greedy = holes.findIndex(({ type }) => type === 'rest' || type === 'csv');
  if (greedy >= 0 && (greedy !== holes.length - 1 || literal !== ''))
    return `hole "${holes[greedy]?.name}" takes everything to the end, expected it to be last`;
  return { text, literals, holes };
}

function parseHole(body: string, isClosed: boolean): Hole | string {
  const match = isClosed ? HOLE.exec(body) : null;
  if (!match || (match[1] === undefined && match[2] === undefined))
    return `hole "{${body.slice(0, 40)}" can't be read, expected {name}, {name:type} or {:type}`;
  const type = match[2] ?? 'str';
  if (!Object.hasOwn(HOLE_TYPES, type)) return `hole "${body}" has type "${type}", expected one of ${Object.keys(HOLE_TYPES).join(', ')}`;
  const name = match[1] ?? '';
  return { name, type: type as HoleType, isShared: SHARED.has(name) };
}

function needsLiteralBehind({ type }: Hole): boolean {
  return type === 'str' || type === 'word' || type === 'user_id';
}

/** Puts a template into the frame's `{…:framed}` hole; the frame's other holes are captured too. */
export function putIntoFrame(frame: Template, inner: Template): Template {
  const at = frame.holes.findIndex(({ type }) => type === 'framed');
  if (at < 0) return frame;
  const before = frame.literals.slice(0, at + 1);
  const behind = frame.literals.slice(at + 1);
  const literals = [...before.slice(0, -1), `${before.at(-1) ?? ''}${inner.literals[0] ?? ''}`, ...inner.literals.slice(1)];
  literals[literals.length - 1] += behind[0] ?? '';
  return {
    text: frame.text.replace(/\{[a-z0-9_]+:framed\}/, () => inner.text),
    literals: [...literals, ...behind.slice(1)],
    holes: [...frame.holes.slice(0, at), ...inner.holes, ...frame.holes.slice(at + 1)],
  };
}

/**
 * Matches a whole message.
 *
 * @param isCut the message was cut at a bound: see the head of this file
 * @returns the captures, or null where the message isn't of this form
 */
export function matchTemplate(template: Template, message: string, isCut = false): Captures | null {
  const { literals, holes } = template;
  const first = literals[0] as string;
  if (!message.startsWith(first)) return null;
  let at = first.length;
  const captures: Captures = {};
  for (let i = 0; i < holes.length; i++) {
    const hole = holes[i] as Hole;
    const next = literals[i + 1] as string;
    const isLast = i === holes.length - 1;
    const end = takeHole(hole, message, at, next, isLast, captures);
    if (end < 0 || !message.startsWith(next, end)) return isCut && i > 0 && mayGoOn(hole, message, at, end, next) ? captures : null;
    at = end + next.length;
  }
  return at === message.length ? captures : null;
}

/** Whether a cut message ends in this hole, or in the literal behind it; it may as well be of another form. */
function mayGoOn({ type }: Hole, message: string, at: number, end: number, next: string): boolean {
  if (end >= 0) return next.startsWith(message.slice(end));
  const beginning = BEGINNINGS[type];
  if (beginning === undefined) return true;
  beginning.lastIndex = at;
  return beginning.test(message);
}

/** How an unfinished value can begin; the types that aren't here can hold any text. */
const BEGINNINGS: Readonly<Partial<Record<HoleType, RegExp>>> = {
  word: /\S*$/y,
  int: /-?$/y,
  number: /-?$/y,
  repr: /['"]|N?$/y,
  list: /\[|$/y,
  dict_keys: /dict_keys\(|\[|$/y,
  json: /["{[]|$/y,
  user_id: /@|$/y,
};

/** Parses one hole at `at`, stores its value, and returns the offset behind it; −1 where it doesn't fit. */
function takeHole(hole: Hole, text: string, at: number, next: string, isLast: boolean, captures: Captures): number {
  switch (hole.type) {
    case 'str':
    case 'word': {
      const end = isLast && next === '' ? text.length : findLiteral(text, next, at, isLast);
      if (end < 0) return -1;
      const value = hole.isShared ? shareText(text, at, end) : text.slice(at, end);
      if (hole.type === 'word' && (value === '' || /\s/.test(value))) return -1;
      if (hole.name !== '') captures[hole.name] = value;
      return end;
    }
    case 'rest':
    case 'framed':
      if (hole.name !== '') captures[hole.name] = text.slice(at);
      return text.length;
    case 'csv':
      if (hole.name !== '') captures[hole.name] = at === text.length ? [] : text.slice(at).split(',');
      return text.length;
    case 'int':
    case 'number':
      return takeNumber(hole, text, at, captures);
    case 'json': {
      const end = findJsonEnd(text, at);
      if (end === null) return -1;
      if (hole.name !== '') captures[hole.name] = text.slice(at, end);
      return end;
    }
    case 'user_id': {
      const end = findUserIdEnd(text, at, next);
      if (end < 0) return -1;
      if (hole.name !== '') captures[hole.name] = hole.isShared ? shareText(text, at, end) : text.slice(at, end);
      return end;
    }
    default:
      return takeLiteral(hole, text, at, captures);
  }
}

/** The last literal must close the message, so there its last occurrence counts; else the first one does. */
function findLiteral(text: string, literal: string, at: number, isLast: boolean): number {
  if (!isLast) return text.indexOf(literal, at);
  const end = text.length - literal.length;
  return end >= at && text.endsWith(literal) ? end : -1;
}

function takeLiteral(hole: Hole, text: string, at: number, captures: Captures): number {
  const literal =
    hole.type === 'repr' ? parsePythonStringOrNone(text, at) : hole.type === 'list' ? parsePythonList(text, at) : parseDictKeys(text, at);
  if (literal === null) return -1;
  const { value } = literal;
  if (hole.name !== '') captures[hole.name] = hole.isShared && typeof value === 'string' ? shareText(value, 0, value.length) : value;
  return literal.end;
}

/** More digits might not be exact. */
const MAX_DIGITS = 15;

function takeNumber(hole: Hole, text: string, at: number, captures: Captures): number {
  const start = text[at] === '-' ? at + 1 : at;
  let end = skipDigits(text, start);
  if (end === start) return -1;
  if (hole.type === 'number' && text[end] === '.') {
    const fractionEnd = skipDigits(text, end + 1);
    if (fractionEnd > end + 1) end = fractionEnd;
  }
  if (hole.name !== '') captures[hole.name] = Number(text.slice(at, end));
  return end;
}

/** Offset behind the digits at `start`, MAX_DIGITS of them at most. */
function skipDigits(text: string, start: number): number {
  let end = start;
  for (; end < start + MAX_DIGITS; end++) {
    const code = text.charCodeAt(end);
    // NaN, behind the text, is neither below nor above.
    if (!(code >= 0x30 && code <= 0x39)) break;
  }
  return end;
}

/**
 * `@alice:example.org:8448` before `:JLAFKJWSCS` ends at the last `:` that can belong to the server name; a localpart may hold `/`, so
 * before `/` the name is read first.
 */
function findUserIdEnd(text: string, at: number, next: string): number {
  if (text[at] !== '@') return -1;
  const colon = text.indexOf(':', at + 1);
  if (colon < 0) return -1;
  let end = colon + 1;
  while (isServerNameCode(text.charCodeAt(end))) end++;
  if (next === '') return end;
  const found = text.lastIndexOf(next, end);
  return found > colon ? found : -1;
}

/** What a server name may consist of (Matrix spec, appendix 4.1): a host or address, and a port. NaN (the text's end) isn't. */
function isServerNameCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x2d && code <= 0x3a && code !== 0x2f) || (code >= 0x41 && code <= 0x5b) || code === 0x5d
  );
}
