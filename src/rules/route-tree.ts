/**
 * Routes of access lines: Synapse's servlet patterns, matched on the bytes of the request line.
 *
 *     PUT /_matrix/client/{version:r0|v3|unstable}/sendToDevice/{event_type:any}/{txn_id:any}
 *
 * In: the rules' routes, once; then, per access line, a buffer with method, offset of the URI. Out: the rule whose *whole* route the path
 * matches, with its captures' byte ranges kept for `captures()`. Nothing is allocated unless something matched: most lines match nothing
 * and cost one walk over the first segments.
 *
 * Segment forms: literal · `{name}` one segment, not empty · `{name:any}` one segment, may be empty · `{name:a|b}` one of these · a part
 * in `[/…]` at the end is optional. A query condition `name={hole}` (or just `name`) must stand in the query.
 *
 * The path ends at `?` or at white space; `/keys/upload/../../x` is therefore another route (measured trap: performance.md 2).
 */

/** A route as a rule states it, with what stands for it in a match. */
export interface RouteSpec<T> {
  readonly methods: readonly string[];
  readonly route: string;
  readonly query?: string | undefined;
  readonly target: T;
}

interface Terminal<T> {
  readonly methods: readonly string[];
  readonly names: readonly string[];
  readonly constants: Readonly<Record<string, string>>;
  readonly query: { readonly name: Uint8Array; readonly hole: string | null } | null;
  readonly target: T;
}

interface Node<T> {
  readonly literals: { readonly bytes: Uint8Array; readonly node: Node<T> }[];
  hole: Node<T> | null;
  /** The hole may be empty here. */
  takesEmpty: boolean;
  readonly terminals: Terminal<T>[];
}

const SLASH = 0x2f;
const QUESTION = 0x3f;
const SPACE = 0x20;
const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const MAX_SEGMENTS = 16;

export class RouteTree<T> {
  readonly #root: Node<T> = createNode();
  readonly #starts = new Int32Array(MAX_SEGMENTS);
  readonly #ends = new Int32Array(MAX_SEGMENTS);
  #holes = 0;
  #terminal: Terminal<T> | null = null;
  #queryStart = 0;
  #queryEnd = 0;

  /** @throws RangeError for a route that can't be read; callers check rules first with `describeRouteProblem` */
  constructor(specs: readonly RouteSpec<T>[]) {
    for (const spec of specs) for (const variant of expandRoute(spec.route)) this.#add(spec, variant);
    sortTerminals(this.#root);
  }

  #add(spec: RouteSpec<T>, segments: readonly Segment[]): void {
    let node = this.#root;
    const names: string[] = [];
    const constants: Record<string, string> = {};
    for (const segment of segments) {
      if (segment.kind === 'literal') {
        node = literalChild(node, segment.text);
        if (segment.name !== null) constants[segment.name] = segment.text;
      } else {
        node.hole ??= createNode();
        if (segment.takesEmpty) node.takesEmpty = true;
        node = node.hole;
        names.push(segment.name);
      }
    }
    node.terminals.push({ methods: spec.methods, names, constants, query: parseQuery(spec.query), target: spec.target });
  }

  /**
   * The target of the route that the request line at `bytes[methodStart…]` matches, or null.
   *
   * @param uriStart offset of the URI; what is before it, less one space, is the method
   */
  match(bytes: Uint8Array, methodStart: number, uriStart: number): T | null {
    if (bytes[uriStart] !== SLASH) return null;
    this.#holes = 0;
    const terminal = this.#walk(this.#root, bytes, uriStart, methodStart, uriStart - 1);
    this.#terminal = terminal;
    return terminal === null ? null : terminal.target;
  }

  /** `at` stands on the slash before a segment. */
  #walk(node: Node<T>, bytes: Uint8Array, at: number, methodStart: number, methodEnd: number): Terminal<T> | null {
    const start = at + 1;
    for (const { bytes: literal, node: child } of node.literals) {
      if (!startsWith(bytes, start, literal)) continue;
      const end = start + literal.length;
      const next = bytes[end];
      const found = next === SLASH ? this.#walk(child, bytes, end, methodStart, methodEnd) : isPathEnd(next) ? this.#end(child, bytes, end, methodStart, methodEnd) : null;
      if (found !== null) return found;
    }
    return node.hole === null ? null : this.#walkHole(node, node.hole, bytes, start, methodStart, methodEnd);
  }

  #walkHole(node: Node<T>, child: Node<T>, bytes: Uint8Array, start: number, methodStart: number, methodEnd: number): Terminal<T> | null {
    let end = start;
    while (bytes[end] !== SLASH && !isPathEnd(bytes[end])) end++;
    if (end === start && !node.takesEmpty) return null;
    const index = this.#holes++;
    this.#starts[index] = start;
    this.#ends[index] = end;
    const found = bytes[end] === SLASH ? this.#walk(child, bytes, end, methodStart, methodEnd) : this.#end(child, bytes, end, methodStart, methodEnd);
    if (found === null) this.#holes = index;
    return found;
  }

  #end(node: Node<T>, bytes: Uint8Array, pathEnd: number, methodStart: number, methodEnd: number): Terminal<T> | null {
    for (const terminal of node.terminals) {
      if (!terminal.methods.some((method) => isText(bytes, methodStart, methodEnd, method))) continue;
      if (terminal.query !== null && !this.#findQuery(bytes, pathEnd, terminal.query.name)) continue;
      return terminal;
    }
    return null;
  }

  #findQuery(bytes: Uint8Array, pathEnd: number, name: Uint8Array): boolean {
    let at = pathEnd;
    while (bytes[at] === QUESTION || bytes[at] === AMPERSAND) {
      const start = at + 1;
      const valueStart = start + name.length + 1;
      at = start;
      while (bytes[at] !== AMPERSAND && !isEnd(bytes[at])) at++;
      if (!startsWith(bytes, start, name) || (bytes[valueStart - 1] !== EQUALS && valueStart - 1 !== at)) continue;
      this.#queryStart = Math.min(valueStart, at);
      this.#queryEnd = at;
      return true;
    }
    return false;
  }

  /** The captures of the last match, percent-decoded: `{ version: 'v3', event_type: 'm.room.encrypted', txn_id: 'm1.2' }`. */
  captures(bytes: Uint8Array, decode: (bytes: Uint8Array, start: number, end: number) => string): Record<string, string> {
    const terminal = this.#terminal;
    if (terminal === null) return {};
    const captures: Record<string, string> = { ...terminal.constants };
    terminal.names.forEach((name, i) => {
      captures[name] = percentDecode(decode(bytes, this.#starts[i] as number, this.#ends[i] as number));
    });
    if (terminal.query?.hole) captures[terminal.query.hole] = percentDecode(decode(bytes, this.#queryStart, this.#queryEnd));
    return captures;
  }
}

/** What is wrong with a route or query, as a sentence fragment; null where nothing is. */
export function describeRouteProblem(route: string, query?: string): string | null {
  if (!route.startsWith('/')) return `route "${route}" has no leading "/"`;
  if (/[\s?#]/.test(route)) return `route "${route}" holds white space, "?" or "#"`;
  for (const variant of expandRoute(route))
    if (variant.length > MAX_SEGMENTS) return `route "${route}" has more than ${MAX_SEGMENTS} segments`;
    else for (const segment of variant) if (segment.kind === 'literal' && /[{}[\]]/.test(segment.text)) return `segment "${segment.text}" of the route can't be read, expected text, {name}, {name:any} or {name:a|b}`;
  if (query !== undefined && !QUERY.test(query)) return `query "${query}" can't be read, expected name or name={hole}`;
  return null;
}

type Segment =
  | { readonly kind: 'literal'; readonly text: string; readonly name: string | null }
  | { readonly kind: 'hole'; readonly name: string; readonly takesEmpty: boolean };

/** All variants of a route: with and without the optional end, and one for each of `{name:a|b}`. */
function expandRoute(route: string): Segment[][] {
  const optional = /^(.*)\[(\/.*)\]$/.exec(route);
  if (optional) return [...expandRoute(optional[1] as string), ...expandRoute(`${optional[1]}${optional[2]}`)];
  let variants: Segment[][] = [[]];
  for (const text of route.split('/').slice(1)) {
    const choices = segmentChoices(text);
    variants = variants.flatMap((variant) => choices.map((choice) => [...variant, choice]));
  }
  return variants;
}

function segmentChoices(text: string): Segment[] {
  const hole = /^\{([a-z][a-z0-9_]*)(?::([^{}]+))?\}$/.exec(text);
  if (!hole) return [{ kind: 'literal', text, name: null }];
  const name = hole[1] as string;
  const choices = hole[2];
  if (choices === undefined || choices === 'any') return [{ kind: 'hole', name, takesEmpty: choices === 'any' }];
  return choices.split('|').map((choice) => ({ kind: 'literal', text: choice, name }));
}

const QUERY = /^([^=\s{}]+)(?:=\{([a-z][a-z0-9_]*)\})?$/;

function parseQuery(query: string | undefined): Terminal<unknown>['query'] {
  if (query === undefined) return null;
  const match = QUERY.exec(query);
  if (!match) throw new RangeError(`query "${query}" can't be read`);
  return { name: asciiBytes(match[1] as string), hole: match[2] ?? null };
}

function createNode<T>(): Node<T> {
  return { literals: [], hole: null, takesEmpty: false, terminals: [] };
}

function literalChild<T>(node: Node<T>, text: string): Node<T> {
  const bytes = asciiBytes(text);
  const known = node.literals.find((literal) => literal.bytes.length === bytes.length && startsWith(bytes, 0, literal.bytes));
  if (known) return known.node;
  const child = createNode<T>();
  node.literals.push({ bytes, node: child });
  return child;
}

/** Routes with a query condition are tried first, so that a plain route of the same path is what remains. */
function sortTerminals<T>(node: Node<T>): void {
  node.terminals.sort((a, b) => Number(b.query !== null) - Number(a.query !== null));
  for (const { node: child } of node.literals) sortTerminals(child);
  if (node.hole) sortTerminals(node.hole);
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function startsWith(bytes: Uint8Array, at: number, literal: Uint8Array): boolean {
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return false;
  return true;
}

function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** White space, a line end, or the end of the buffer. */
function isEnd(byte: number | undefined): boolean {
  return byte === undefined || byte <= SPACE;
}

function isPathEnd(byte: number | undefined): boolean {
  return byte === QUESTION || isEnd(byte);
}

/** Percent-decoding that never throws: what can't be decoded stays as it is. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
