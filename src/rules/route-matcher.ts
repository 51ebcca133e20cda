/**
 * Routes of access lines (route.ts), matched on the bytes of the request line.
 *
 * In: the rules' routes, once; then, per access line, a buffer with the offsets of method and URI. Out: the rule whose *whole* route the path
 * matches; `captures()` then gives what its holes took.
 *
 * The path ends at `?` or at white space; `/keys/upload/../../x` is therefore another route (measured trap: performance.md 2).
 *
 * All routes together are one automaton, and most lines are told apart from all routes after a dozen bytes. States and transitions are worked
 * out when they are first met (a server sees a few of them), so start-up costs nothing; MAX_STATES of them are remembered at most. Paths
 * consist of few different words, so where eight bytes lead is remembered too, and a path is walked in steps of eight.
 */
import { asciiBytes, startsWith } from '../lines/ascii.ts';
import { expandRoute, parseQuery, percentDecode, type QueryCondition, type Segment } from './route.ts';

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
  readonly query: QueryCondition | null;
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
/** States remembered at once, and those of one more path. The built-in routes have some hundred; routes can be made with which paths lead to any number. */
const MAX_STATES = 8192;
const DEAD = 0;
const UNKNOWN = -1;
/** Methods are told apart by their first two letters, each 5 bits: GET, PUT, POST, DELETE, HEAD, OPTIONS, PATCH. */
const METHOD_KEYS = 1024;
/** Bytes of a step. */
const STRIDE = 8;
/** 2^11 places for steps; one that falls on a taken place takes it over. */
const STEP_SLOTS = 2048;
/** A step, packed: how many bytes it took, whether the path ended there (or is dead), and the state, from bit 5 on. */
const TAKEN = 15;
const ENDED = 16;
const STATE_SHIFT = 5;

interface Start {
  readonly method: Uint8Array;
  readonly state: number;
  /** Another method that begins with the same letters. */
  readonly other: Start | undefined;
}

export class RouteMatcher<T> {
  readonly #variants: Variant<T>[] = [];
  readonly #states: State[] = [];
  readonly #ids = new Map<string, number>();
  /** transitions[state * 256 + byte]: the next state, DEAD, or UNKNOWN as long as nobody went there. */
  #transitions = new Int16Array(0);

  /** The state in which a method's paths begin: most routes are another method's, and are ruled out before the first byte. */
  readonly #starts: (Start | undefined)[] = new Array(METHOD_KEYS).fill(undefined);
  /** Four numbers a slot: the state before the step, its bytes as two words, and the packed step. */
  readonly #steps = new Int32Array(STEP_SLOTS * 4).fill(-1);
  /** By state: 1 where all that can go on is inside of a hole, so that everything up to the next slash belongs to it. */
  readonly #isInHole = new Uint8Array(2 ** 15);

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
    const steps = this.#steps;
    const lastStart = bytes.length - STRIDE;
    let state = start.state;
    let at = uriStart;
    for (;;) {
      let step = UNKNOWN;
      if (at <= lastStart) {
        const word0 = view.getInt32(at, true);
        const word1 = view.getInt32(at + 4, true);
        const slot = slotOf(state, word0, word1);
        if (steps[slot] === state && steps[slot + 1] === word0 && steps[slot + 2] === word1) step = steps[slot + 3] as number;
      }
      if (step === UNKNOWN) step = this.#walk(bytes, at, state);
      at += step & TAKEN;
      state = step >> STATE_SHIFT;
      if ((step & ENDED) !== 0) return state === DEAD ? null : this.#accept(bytes, state, uriStart, at);
      if (this.#isInHole[state] === 1) at = findSegmentEnd(bytes, at);
    }
  }

  #bind(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Up to STRIDE bytes from `from` on, by the table; fewer where the path ends, or a hole begins. Returns the step, and remembers it. */
  #walk(bytes: Uint8Array, from: number, fromState: number): number {
    let state = fromState;
    for (let at = from; at < from + STRIDE; at++) {
      const byte = bytes[at] as number;
      if (!(byte > SPACE) || byte === QUESTION) return this.#remember(from, fromState, (state << STATE_SHIFT) | ENDED | (at - from));
      const known = this.#transitions[(state << 8) | byte] as number;
      state = known === UNKNOWN ? this.#step(state, byte) : known;
      if (state === DEAD) return this.#remember(from, fromState, ENDED);
      // What stands in a hole is different each time: nothing to be remembered.
      if (this.#isInHole[state] === 1) return (state << STATE_SHIFT) | (at + 1 - from);
    }
    return this.#remember(from, fromState, (state << STATE_SHIFT) | STRIDE);
  }

  /** The memory of states is full (RE2 does the same): it's emptied before the next path. */
  #forgetStates(): void {
    this.#states.length = 0;
    this.#ids.clear();
    this.#transitions.fill(UNKNOWN);
    this.#steps.fill(-1);
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

  #remember(at: number, state: number, step: number): number {
    if (at + STRIDE > this.#bytes.length) return step;
    const word0 = this.#view.getInt32(at, true);
    const word1 = this.#view.getInt32(at + 4, true);
    this.#steps.set([state, word0, word1, step], slotOf(state, word0, word1));
    return step;
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
    this.#isInHole[id] =
      progress.length > 0 && progress.every((entry) => isInHole(entry, this.#variants[entry.variant] as Variant<T>)) ? 1 : 0;
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

/** Where a step stands in `#steps`, if it does. */
function slotOf(state: number, word0: number, word1: number): number {
  return (Math.imul(word0 ^ Math.imul(word1, 0x85ebca6b) ^ (state << 8), 0x9e3779b1) >>> 21) << 2;
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

function isInHole({ segment, offset }: Progress, { segments }: Variant<unknown>): boolean {
  return segments[segment]?.kind === 'hole' && offset === 1;
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
