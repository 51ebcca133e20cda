/**
 * Routes of access lines: Synapse's servlet patterns, matched on the bytes of the request line.
 *
 *     PUT /_matrix/client/{version:r0|v3|unstable}/sendToDevice/{event_type:any}/{txn_id:any}
 *
 * In: the rules' routes, once; then, per access line, a buffer with the offsets of method and URI. Out: the rule whose *whole* route the path
 * matches; `captures()` then gives what its holes took.
 *
 * Segment forms: literal · `{name}` one segment, not empty · `{name:any}` one segment, may be empty · `{name:a|b}` one of these · a part
 * in `[/…]` at the end is optional. A query condition `name={hole}` (or just `name`) must stand in the query.
 *
 * The path ends at `?` or at white space; `/keys/upload/../../x` is therefore another route (measured trap: performance.md 2).
 *
 * All routes together are one automaton: a path is walked once, one table look-up a byte, and most lines are told apart from all routes
 * after a dozen bytes. States and transitions are worked out when they are first met (a server sees a few of them), so start-up costs
 * nothing; MAX_STATES of them are remembered at most.
 */
import { asciiBytes, startsWith } from '../lines/ascii.ts';

/** A route as a rule states it, with what stands for it in a match. */
export interface RouteSpec<T> {
  readonly methods: readonly string[];
  readonly route: string;
  readonly query?: string | undefined;
  readonly target: T;
}

interface Variant<T> {
  readonly segments: readonly Segment[];
  readonly methods: readonly string[];
  readonly constants: Readonly<Record<string, string>>;
  readonly query: { readonly name: Uint8Array; readonly hole: string | null } | null;
  readonly target: T;
}

/** How far a variant has been matched: segment index, and in it the characters of a literal, or 0/1 for an empty or begun hole. */
interface Progress {
  readonly variant: number;
  readonly segment: number;
  readonly offset: number;
}

interface State {
  readonly progress: readonly Progress[];
  /** Variants that are whole here, those with a query condition first. */
  readonly accepted: readonly number[];
}

const SLASH = 0x2f;
const QUESTION = 0x3f;
const SPACE = 0x20;
const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const MAX_SEGMENTS = 16;
/** States remembered at once, and those of one more path. The built-in routes have some hundred; routes can be made with which paths lead to any number. */
const MAX_STATES = 8192;
const DEAD = 0;
const UNKNOWN = -1;
/** Methods are told apart by their first two letters, each 5 bits: GET, PUT, POST, DELETE, HEAD, OPTIONS, PATCH. */
const METHOD_KEYS = 1024;
/**
 * Paths consist of few different words: where LEAP bytes of one lead is remembered, and later they're compared instead of walked. What leads
 * nowhere is remembered too: that's most of a log.
 */
const LEAP = 20;
const LEAP_SLOTS = 2048;

interface Start {
  readonly method: Uint8Array;
  readonly state: number;
  /** Another method that begins with the same letters. */
  readonly other: Start | undefined;
}

/** The LEAP bytes as five words: compared in five steps. */
interface Leap {
  readonly from: number;
  readonly to: number;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  readonly w4: number;
}

export class RouteMatcher<T> {
  readonly #variants: Variant<T>[] = [];
  readonly #states: State[] = [];
  readonly #ids = new Map<string, number>();
  /** transitions[state * 256 + byte]: the next state, DEAD, or UNKNOWN as long as nobody went there. */
  #transitions = new Int16Array(0);

  /** The state in which a method's paths begin: most routes are another method's, and are ruled out before the first byte. */
  readonly #starts: (Start | undefined)[] = new Array(METHOD_KEYS).fill(undefined);
  readonly #leaps: (Leap | undefined)[] = new Array(LEAP_SLOTS).fill(undefined);

  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #found: Variant<T> | null = null;
  #uriStart = 0;
  #queryStart = 0;
  #queryEnd = 0;

  /** @throws RangeError for a query that can't be read; callers check rules first with `describeRouteProblem` */
  constructor(specs: readonly RouteSpec<T>[]) {
    for (const spec of specs) for (const segments of expandRoute(spec.route)) this.#variants.push(createVariant(spec, segments));
    this.#createStarts();
  }

  #createStarts(): void {
    this.#stateOf([]);
    for (const method of new Set(this.#variants.flatMap(({ methods }) => methods))) this.#addStart(method);
  }

  /**
   * The target of the route that the request line at `bytes[methodStart…]` matches, or null.
   *
   * @param uriStart offset of the URI; what is before it, less one space, is the method
   */
  match(bytes: Uint8Array, methodStart: number, uriStart: number): T | null {
    if (this.#states.length >= MAX_STATES) this.#forgetStates();
    let start = this.#starts[methodKey(bytes[methodStart] as number, bytes[methodStart + 1] as number)];
    while (start !== undefined && (uriStart - methodStart !== start.method.length + 1 || !startsWith(bytes, methodStart, start.method)))
      start = start.other;
    if (start === undefined) return null;
    if (bytes !== this.#bytes) this.#bind(bytes);
    const view = this.#view;
    let state = start.state;
    let at = uriStart;
    while (state !== DEAD) {
      const leap = at + LEAP > bytes.length ? undefined : this.#leaps[leapSlot(view, at, state)];
      if (leap === undefined || leap.from !== state || !isAt(leap, view, at)) return this.#walk(bytes, uriStart, at, state);
      state = leap.to;
      at += LEAP;
    }
    return null;
  }

  #bind(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The table, a byte at a time, from `from` on. */
  #walk(bytes: Uint8Array, uriStart: number, from: number, fromState: number): T | null {
    let transitions = this.#transitions;
    let canLeap = true;
    let state = fromState;
    let at = from;
    for (;;) {
      const byte = bytes[at] as number;
      if (!(byte > SPACE) || byte === QUESTION) return this.#accept(bytes, state, uriStart, at);
      let next = transitions[(state << 8) | byte] as number;
      if (next === UNKNOWN) {
        next = this.#step(state, byte);
        // The table may have grown.
        transitions = this.#transitions;
      }
      at++;
      if (next === state) {
        // Inside a hole: everything up to the next slash belongs to it, and is different each time.
        canLeap = false;
        at = findSegmentEnd(bytes, at);
        continue;
      }
      state = next;
      // A path that is dead before the leap's end is so whatever follows.
      if (canLeap && (at - from === LEAP || (state === DEAD && at - from < LEAP))) this.#remember(from, fromState, state);
      if (state === DEAD) return null;
    }
  }

  /** The memory of states is full (RE2 does the same): it's emptied before the next path. */
  #forgetStates(): void {
    this.#states.length = 0;
    this.#ids.clear();
    this.#transitions.fill(UNKNOWN);
    this.#leaps.fill(undefined);
    this.#starts.fill(undefined);
    this.#createStarts();
  }

  #accept(bytes: Uint8Array, state: number, uriStart: number, pathEnd: number): T | null {
    const { accepted } = this.#states[state] as State;
    for (let i = 0; i < accepted.length; i++) {
      const variant = this.#variants[accepted[i] as number] as Variant<T>;
      if (variant.query !== null && !this.#findQuery(bytes, pathEnd, variant.query.name)) continue;
      this.#found = variant;
      this.#uriStart = uriStart;
      return variant.target;
    }
    this.#found = null;
    return null;
  }

  #addStart(method: string): void {
    const variants = this.#variants.flatMap(({ methods }, variant) =>
      methods.includes(method) ? [{ variant, segment: -1, offset: 0 }] : [],
    );
    const key = methodKey(method.charCodeAt(0), method.charCodeAt(1));
    this.#starts[key] = { method: asciiBytes(method), state: this.#stateOf(variants), other: this.#starts[key] };
  }

  /** First come, first served: the paths of a server are the same all day. */
  #remember(at: number, from: number, to: number): void {
    if (at + LEAP > this.#bytes.length) return;
    const view = this.#view;
    const word = (i: number): number => view.getInt32(at + i * 4, true);
    this.#leaps[leapSlot(view, at, from)] ??= { from, to, w0: word(0), w1: word(1), w2: word(2), w3: word(3), w4: word(4) };
  }

  #step(state: number, byte: number): number {
    const progress = (this.#states[state] as State).progress.flatMap(
      (entry) => advance(entry, this.#variants[entry.variant] as Variant<T>, byte) ?? [],
    );
    const next = this.#stateOf(progress);
    this.#transitions[(state << 8) | byte] = next;
    return next;
  }

  #stateOf(progress: readonly Progress[]): number {
    const key = progress.map(({ variant, segment, offset }) => `${variant}.${segment}.${offset}`).join(' ');
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#states.length;
    const accepted = progress.filter((entry) => isWhole(entry, this.#variants[entry.variant] as Variant<T>)).map(({ variant }) => variant);
    const hasQuery = (index: number): number => Number((this.#variants[index] as Variant<T>).query !== null);
    this.#states.push({ progress, accepted: accepted.sort((a, b) => hasQuery(b) - hasQuery(a) || a - b) });
    this.#ids.set(key, id);
    this.#growTransitions();
    return id;
  }

  #growTransitions(): void {
    const needed = this.#states.length * 256;
    if (needed <= this.#transitions.length) return;
    const grown = new Int16Array(Math.max(needed, this.#transitions.length * 2)).fill(UNKNOWN);
    grown.set(this.#transitions);
    this.#transitions = grown;
  }

  #findQuery(bytes: Uint8Array, pathEnd: number, name: Uint8Array): boolean {
    let at = pathEnd;
    while (bytes[at] === QUESTION || bytes[at] === AMPERSAND) {
      const start = at + 1;
      const valueStart = start + name.length + 1;
      at = start;
      while (bytes[at] !== AMPERSAND && (bytes[at] as number) > SPACE) at++;
      if (!startsWith(bytes, start, name) || (bytes[valueStart - 1] !== EQUALS && valueStart - 1 !== at)) continue;
      this.#queryStart = Math.min(valueStart, at);
      this.#queryEnd = at;
      return true;
    }
    return false;
  }

  /** The captures of the last match, percent-decoded: `{ version: 'v3', event_type: 'm.room.encrypted', txn_id: 'm1.2' }`. */
  captures(bytes: Uint8Array, decode: (bytes: Uint8Array, start: number, end: number) => string): Record<string, string> {
    const found = this.#found;
    if (found === null) return {};
    const captures: Record<string, string> = { ...found.constants };
    let start = this.#uriStart + 1;
    for (const segment of found.segments) {
      const end = findSegmentEnd(bytes, start);
      if (segment.kind === 'hole') captures[segment.name] = percentDecode(decode(bytes, start, end));
      start = end + 1;
    }
    if (found.query?.hole) captures[found.query.hole] = percentDecode(decode(bytes, this.#queryStart, this.#queryEnd));
    return captures;
  }
}

function methodKey(first: number, second: number): number {
  return ((first & 31) << 5) | (second & 31);
}

function leapSlot(view: DataView, at: number, from: number): number {
  const mixed = view.getInt32(at + 16, true) ^ Math.imul(view.getInt32(at + 8, true), 0x85ebca6b) ^ (from << 4);
  return Math.imul(mixed, 0x9e3779b1) >>> 21;
}

function isAt({ w0, w1, w2, w3, w4 }: Leap, view: DataView, at: number): boolean {
  return (
    view.getInt32(at + 16, true) === w4 &&
    view.getInt32(at + 12, true) === w3 &&
    view.getInt32(at + 8, true) === w2 &&
    view.getInt32(at + 4, true) === w1 &&
    view.getInt32(at, true) === w0
  );
}

/** Offset of the slash, question mark or white space that ends a segment. */
function findSegmentEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  for (;;) {
    const byte = bytes[end] as number;
    if (!(byte > SPACE) || byte === SLASH || byte === QUESTION) return end;
    end++;
  }
}

/** One byte further; null where the variant doesn't go there. A slash ends a whole segment. */
function advance({ variant, segment, offset }: Progress, { segments }: Variant<unknown>, byte: number): Progress | null {
  if (byte === SLASH) {
    const isEnded = segment < 0 || isSegmentWhole(segments[segment] as Segment, offset);
    return isEnded && segment + 1 < segments.length ? { variant, segment: segment + 1, offset: 0 } : null;
  }
  const current = segments[segment];
  if (current === undefined) return null;
  if (current.kind === 'hole') return { variant, segment, offset: 1 };
  return current.text.charCodeAt(offset) === byte ? { variant, segment, offset: offset + 1 } : null;
}

function isWhole({ segment, offset }: Progress, { segments }: Variant<unknown>): boolean {
  return segment === segments.length - 1 && segment >= 0 && isSegmentWhole(segments[segment] as Segment, offset);
}

function isSegmentWhole(segment: Segment, offset: number): boolean {
  return segment.kind === 'literal' ? offset === segment.text.length : segment.takesEmpty || offset > 0;
}

function createVariant<T>({ methods, query, target }: RouteSpec<T>, segments: readonly Segment[]): Variant<T> {
  const constants: Record<string, string> = {};
  for (const segment of segments) if (segment.kind === 'literal' && segment.name !== null) constants[segment.name] = segment.text;
  return { segments, methods, constants, query: parseQuery(query), target };
}

/** What is wrong with a route or query, as a sentence fragment; null where nothing is. */
export function describeRouteProblem(route: string, query?: string): string | null {
  if (!route.startsWith('/')) return `route "${route}" has no leading "/"`;
  if (/[\s?#]/.test(route)) return `route "${route}" holds white space, "?" or "#"`;
  for (const variant of expandRoute(route))
    if (variant.length > MAX_SEGMENTS) return `route "${route}" has more than ${MAX_SEGMENTS} segments`;
    else
      for (const segment of variant)
        if (segment.kind === 'literal' && /[{}[\]]/.test(segment.text))
          return `segment "${segment.text}" of the route can't be read, expected text, {name}, {name:any} or {name:a|b}`;
  if (query !== undefined && !QUERY.test(query)) return `query "${query}" can't be read, expected name or name={hole}`;
  return null;
}

/**
 * The same route as a regular expression over the URI, for the few records that have it as text. Segments exclude what ends them, so it's
 * linear.
 */
export function routePattern(route: string, query?: string): RegExp {
  const variants = expandRoute(route).map((segments) => segments.map((segment) => `/${segmentPattern(segment)}`).join(''));
  const name = query === undefined ? '' : escapeRegExp((QUERY.exec(query)?.[1] ?? query) as string);
  const end = query === undefined ? '(?:\\?|$)' : `\\?(?:[^&]*&)*${name}(?:[=&]|$)`;
  return new RegExp(`^(?:${variants.join('|')})${end}`);
}

function segmentPattern(segment: Segment): string {
  return segment.kind === 'literal' ? escapeRegExp(segment.text) : `[^/?\\s]${segment.takesEmpty ? '*' : '+'}`;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
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

function parseQuery(query: string | undefined): Variant<unknown>['query'] {
  if (query === undefined) return null;
  const match = QUERY.exec(query);
  if (!match) throw new RangeError(`query "${query}" can't be read`);
  return { name: asciiBytes(match[1] as string), hole: match[2] ?? null };
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
