/**
 * YAML text in; plain data out, with the place in the text of every key and value. The only importer of `yaml`.
 *
 * Plain data means text, numbers, true/false, null, lists and mappings with text keys: anchors, aliases, tags and keys that are
 * themselves lists are problems, so no text can expand (alias bombs), loop or come out as an object of some class. Nothing throws,
 * whatever the text; text beyond MAX_YAML_LENGTH isn't looked at.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument, type YAMLError, type YAMLMap } from 'yaml';
import type { Problem } from './problem.ts';

/** ['sources', 0, 'path'] means `path` of the first entry of `sources`; [] the whole document. */
export type YamlPath = readonly (string | number)[];

/** Counts from 1, columns in UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A parsed text. Places fall back to the nearest enclosing value that is in the text, in the end to its first character. */
export interface YamlDocument {
  readonly value: unknown;
  placeOfValue(path: YamlPath): Place;
  placeOfKey(path: YamlPath): Place;
  /** The value at `path` was refused (an alias, too deep) and stands as null in `value`: a problem says so already. */
  isRefused(path: YamlPath): boolean;
}

/** One place and what is wrong there: what is, what should be. */
export interface Statement {
  readonly path: YamlPath;
  /** What the sentence is about: the path's value (or that it is missing), its last step as a key, a last step that nobody knows. */
  readonly about: 'value' | 'key' | 'unknown key';
  /** 'is 5, expected a whole number from 100 to 1000000', 'unknown key (did you mean "sources"?), expected one of listen, sources'. */
  readonly text: string;
}

/** A statement that knows its place. */
export interface PlacedStatement extends Statement {
  readonly place: Place;
}

/** Text that isn't YAML has only problems; YAML that we don't take as it is (a key given twice, an alias) is read on, with faults. */
export type YamlReading =
  | { readonly ok: true; readonly document: YamlDocument; readonly faults: readonly PlacedStatement[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

// In UTF-16 units. Chosen: a hundred times the largest sensible file; parsing it takes a second or two, not minutes (hostile: 5 s).
const MAX_YAML_LENGTH = 1024 * 1024;

// Deeper than anything we read (rules[0].tests.match[0].captures.x.y is 7 deep), far from the stack's end.
const MAX_DEPTH = 32;

// One mistake in a YAML text can make an error of each line below it.
const MAX_SYNTAX_PROBLEMS = 20;

/** Parses `text`; `file` is only named in problems. */
export function readYaml(text: string, file: string): YamlReading {
  if (text.length > MAX_YAML_LENGTH) {
    const message = `Cannot parse YAML: text has ${text.length} characters, expected at most ${MAX_YAML_LENGTH}`;
    return { ok: false, problems: [{ file, line: 1, column: 1, path: '', message }] };
  }
  return readTree(text.replace(/^\uFEFF/, ''), file, new LineCounter());
}

/** ['sources', 0, 'path'] → 'sources[0].path'; a key that isn't a plain word is quoted: 'labels["a b"]'. */
export function formatPath(path: YamlPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    if (!/^[\w-]{1,64}$/.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

function readTree(text: string, file: string, lines: LineCounter): YamlReading {
  const tree = parseDocument(text, {
    schema: 'core', // also where a %YAML 1.1 directive asks for "yes" as true and dates as objects
    resolveKnownTags: false,
    uniqueKeys: false, // ours is linear and names the first place
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  const faults = [...tree.errors, ...tree.warnings];
  if (faults.length > 0) return { ok: false, problems: syntaxProblems(faults, file, lines) };
  const walk = new TreeWalk(lines);
  const value = walk.plain(tree.contents, []);
  const document: YamlDocument = {
    value,
    placeOfValue: (path) => walk.placeOfValue(path),
    placeOfKey: (path) => walk.placeOfKey(path),
    isRefused: (path) => walk.isRefused(path),
  };
  return { ok: true, document, faults: walk.faults };
}

// The first fault of each line: what follows on the same line is nearly always its echo.
function syntaxProblems(faults: readonly YAMLError[], file: string, lines: LineCounter): readonly Problem[] {
  const byLine = new Map<number, Problem>();
  for (const fault of faults.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    const place = placeAt(fault.pos[0], lines);
    if (byLine.has(place.line)) continue;
    byLine.set(place.line, { file, ...place, path: '', message: `Cannot parse YAML: ${syntaxMessage(fault)}` });
  }
  return [...byLine.values()].slice(0, MAX_SYNTAX_PROBLEMS);
}

// Where the library's words help its own caller, or nobody. It ends hostile nesting itself, when its stack is used up.
function syntaxMessage(fault: YAMLError): string {
  if (fault.code === 'RESOURCE_EXHAUSTION') return 'text is nested too deeply';
  if (fault.code === 'MULTIPLE_DOCS') return 'a second document begins here, expected one';
  if (fault.code === 'BLOCK_AS_IMPLICIT_KEY') return 'a value goes on with another ": ", expected quotes around the whole value';
  if (fault.message === 'Unexpected scalar at node end')
    return 'text goes on behind the end of a value, expected quotes around the whole value';
  return fault.message;
}

function placeAt(offset: number, lines: LineCounter): Place {
  const { line, col } = lines.linePos(offset);
  return line > 0 ? { line, column: col } : { line: 1, column: 1 };
}

// Turns the parser's tree into plain data once, remembering where each key and value stands.
class TreeWalk {
  readonly faults: PlacedStatement[] = [];
  readonly #lines: LineCounter;
  readonly #values = new Map<string, number>();
  readonly #keys = new Map<string, number>();
  readonly #refused = new Set<string>();

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  placeOfValue(path: YamlPath): Place {
    for (let length = path.length; length >= 0; length--) {
      const name = formatPath(path.slice(0, length));
      const offset = this.#values.get(name) ?? this.#keys.get(name);
      if (offset !== undefined) return placeAt(offset, this.#lines);
    }
    return { line: 1, column: 1 };
  }

  placeOfKey(path: YamlPath): Place {
    const offset = this.#keys.get(formatPath(path));
    return offset === undefined ? this.placeOfValue(path) : placeAt(offset, this.#lines);
  }

  isRefused(path: YamlPath): boolean {
    return this.#refused.has(formatPath(path));
  }

  plain(node: unknown, path: YamlPath): unknown {
    const offset = offsetOf(node);
    if (offset !== undefined && !(isEmptyScalar(node) && typeof path.at(-1) === 'string')) this.#values.set(formatPath(path), offset);
    if (path.length > MAX_DEPTH) return this.#refuse(path, `is nested more than ${MAX_DEPTH} deep, expected less`);
    if (isMap(node)) return this.#mapping(node, path);
    if (isSeq(node)) return node.items.map((item, index) => this.plain(item, [...path, index]));
    if (isAlias(node)) return this.#refuse(path, `is the alias *${node.source}, expected the value itself`);
    if (node === null || node === undefined) return null;
    const value = isScalar(node) ? node.value : undefined;
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    return this.#refuse(path, 'is of a type of its own, expected text, a number, true, false, a list or a mapping');
  }

  #mapping(node: YAMLMap, path: YamlPath): unknown {
    const entries = new Map<string, unknown>();
    for (const pair of node.items) {
      const key = this.#key(pair, path);
      if (key === undefined) continue;
      const below = [...path, key];
      const name = formatPath(below);
      if (entries.has(key)) {
        const first = placeAt(this.#keys.get(name) ?? 0, this.#lines);
        this.#complain(below, `is given twice, first in line ${first.line}, expected once`, offsetOf(pair.key));
        continue;
      }
      this.#keys.set(name, offsetOf(pair.key) ?? 0);
      entries.set(key, this.plain(pair.value, below));
    }
    return Object.fromEntries(entries); // an own property also for '__proto__'
  }

  #key(pair: Pair, path: YamlPath): string | undefined {
    const key = pair.key;
    if (isScalar(key) && key.value !== null) return String(key.value);
    this.#complain(path, 'has a key that is not text, expected text', offsetOf(key));
    return undefined;
  }

  #refuse(path: YamlPath, text: string): null {
    this.#refused.add(formatPath(path));
    this.#complain(path, text);
    return null;
  }

  #complain(path: YamlPath, text: string, offset?: number): void {
    const place = offset === undefined ? this.placeOfValue(path) : placeAt(offset, this.#lines);
    this.faults.push({ path, about: 'value', text, place });
  }
}

function offsetOf(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined;
}

// `devices:` with nothing behind it: its key is the better place to point at.
function isEmptyScalar(node: unknown): boolean {
  return isScalar(node) && node.value === null && (node.source ?? '') === '';
}
