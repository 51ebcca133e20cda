/**
 * Facts of one homeserver in the order of log time, whatever order its sources are read in. In: facts as requests close, and how far each source has
 * come. Out: the same facts, each once, to the stages that need order (a claim behind the upload that published the key, a refusal before the one
 * that makes it a storm).
 *
 * A request's facts come when it closes, and carry the times of its records: so a fact waits until every source has come LAG_MS further. One of a
 * request that took longer than LAG_MS is put that far before its close. So every fact's place is known by its own source alone, and the order is
 * (place, source, order in the source): the same in a replay as live, for any chunking and any order of reading.
 *
 * A source that has nothing more to read at the moment (`setIdle`) doesn't hold the others back, but may still bring what Synapse has buffered.
 * Bounded: above MAX_WAITING the earliest facts go on at once, and are counted.
 */
import { type KeptRows, readRow, writeRow } from '../kept-rows.ts';
import type { Fact } from './fact.ts';

/** How long a fact waits, in ms of log time. Chosen: Synapse's file handler buffers 5 s (synapse-log-lines 7), and most requests are shorter. */
export const LAG_MS = 10_000;
/** Facts that wait, at most. Chosen: 2,000 a second for the whole lag, which no homeserver of one host reaches. */
export const MAX_WAITING = 20_000;

/** Facts of one source that are one row: those of so many orders. */
const BLOCK = 64;

interface Waiting {
  /** Place in log time. */
  readonly atMs: number;
  readonly source: string;
  readonly order: number;
  readonly fact: Fact;
}

interface SourceClock {
  /** Newest log time; −∞ before the first. */
  nowMs: number;
  isIdle: boolean;
  /** Facts so far. */
  order: number;
}

export class FactOrder implements KeptRows {
  readonly stage = 'fact-order';
  readonly #deliver: (fact: Fact) => void;
  readonly #clocks = new Map<string, SourceClock>();
  /** The same ones. */
  readonly #clockList: SourceClock[] = [];
  /** In order from `#head` on. */
  #waiting: Waiting[] = [];
  #head = 0;
  /** Facts that went on before their time because too many waited. */
  overflowed = 0;
  /** What the rows of blocks hold, by key. */
  #committedBlocks = new Map<string, string>();
  #pendingBlocks = new Map<string, string>();
  /** Rows of the clocks, by key. */
  #committedClocks = new Map<string, string>();
  #pendingClocks = new Map<string, string>();

  constructor(deliver: (fact: Fact) => void) {
    this.#deliver = deliver;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  addSource(source: string): void {
    if (!this.#clocks.has(source)) this.#addClock(source);
  }

  #addClock(source: string): SourceClock {
    const clock = { nowMs: Number.NEGATIVE_INFINITY, isIdle: false, order: 0 };
    this.#clocks.set(source, clock);
    this.#clockList.push(clock);
    return clock;
  }

  /** A fact of a source that has come to `sourceMs`. Without a log time there is no order but the one in which facts come. */
  add(source: string, fact: Fact, sourceMs: number): void {
    const clock = this.#clockOf(source);
    const order = clock.order++;
    if (Number.isNaN(fact.timeMs)) return this.#deliver(fact);
    this.advance(source, sourceMs);
    const atMs = Math.max(fact.timeMs, (Number.isNaN(sourceMs) ? fact.timeMs : sourceMs) - LAG_MS);
    this.#insert({ atMs, source, order, fact });
    if (this.waiting > MAX_WAITING) {
      this.overflowed++;
      this.#deliver((this.#waiting[this.#head++] as Waiting).fact);
    }
  }

  /** A source has come to this log time. */
  advance(source: string, nowMs: number): void {
    const clock = this.#clockOf(source);
    if (!(nowMs > clock.nowMs)) return;
    clock.nowMs = nowMs;
    this.#release();
  }

  /** Whether the source has nothing more to read at the moment. */
  setIdle(source: string, isIdle: boolean): void {
    const clock = this.#clockOf(source);
    if (clock.isIdle === isIdle) return;
    clock.isIdle = isIdle;
    if (isIdle) this.#release();
  }

  /** The input is over: all that waits goes on. */
  end(): void {
    for (; this.#head < this.#waiting.length; this.#head++) this.#deliver((this.#waiting[this.#head] as Waiting).fact);
    this.#compact();
  }

  /** Up to which all sources have come. */
  #horizonMs(): number {
    // Asked with each fact: by index, an iterator would be most of what this whole file leaves to the garbage collector.
    const clocks = this.#clockList;
    let newest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < clocks.length; i++) newest = Math.max(newest, (clocks[i] as SourceClock).nowMs);
    let horizon = newest;
    for (let i = 0; i < clocks.length; i++) {
      const { nowMs, isIdle } = clocks[i] as SourceClock;
      // An idle one may bring what Synapse held back for up to the lag.
      horizon = Math.min(horizon, isIdle ? Math.max(nowMs, newest - LAG_MS) : nowMs);
    }
    return horizon - LAG_MS;
  }

  #release(): void {
    const horizonMs = this.#horizonMs();
    for (; this.#head < this.#waiting.length; this.#head++) {
      const { atMs, fact } = this.#waiting[this.#head] as Waiting;
      // One that comes may still have this very place, and go before.
      if (atMs >= horizonMs) break;
      this.#deliver(fact);
    }
    this.#compact();
  }

  #compact(): void {
    if (this.#head < 1000 && this.#head < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }

  /** Nearly always at the end, or close to it. */
  #insert(entry: Waiting): void {
    let at = this.#waiting.length;
    while (at > this.#head && isBefore(entry, this.#waiting[at - 1] as Waiting)) at--;
    if (at === this.#waiting.length) this.#waiting.push(entry);
    else this.#waiting.splice(at, 0, entry);
  }

  #clockOf(source: string): SourceClock {
    return this.#clocks.get(source) ?? this.#addClock(source);
  }

  /** One row for each block of facts that wait, and one a source. Few wait, so all are looked at; a row for each would cost the database three times as much. */
  *changedRows(): Iterable<readonly [key: string, text: string | null]> {
    const blocks = this.#blocks();
    this.#pendingBlocks = new Map();
    for (const [key, facts] of blocks) {
      const mark = markOf(facts);
      this.#pendingBlocks.set(key, mark);
      if (this.#committedBlocks.get(key) !== mark) yield [key, writeRow(facts.map(plainForm))];
    }
    for (const key of this.#committedBlocks.keys()) if (!blocks.has(key)) yield [key, null];
    this.#pendingClocks = new Map();
    for (const [source, { nowMs, order }] of this.#clocks) this.#pendingClocks.set(JSON.stringify([source]), writeRow({ nowMs, order }));
    for (const row of this.#pendingClocks) if (this.#committedClocks.get(row[0]) !== row[1]) yield row;
  }

  markCommitted(): void {
    this.#committedBlocks = this.#pendingBlocks;
    this.#committedClocks = this.#pendingClocks;
  }

  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    const problems: string[] = [];
    for (const [key, text] of rows) {
      try {
        const [source, block] = JSON.parse(key) as [string, number?];
        if (block === undefined) {
          Object.assign(this.#clockOf(source), readRow(text));
          this.#committedClocks.set(key, text);
        } else {
          const facts = readRow(text) as readonly Waiting[];
          for (const waiting of facts) this.#insert(waiting);
          this.#committedBlocks.set(key, markOf(facts));
        }
      } catch (error) {
        problems.push(`Cannot read row ${key} of the facts that wait: ${String(error)}`);
      }
    }
    return problems;
  }

  #blocks(): Map<string, Waiting[]> {
    const blocks = new Map<string, Waiting[]>();
    for (let i = this.#head; i < this.#waiting.length; i++) {
      const waiting = this.#waiting[i] as Waiting;
      const key = JSON.stringify([waiting.source, Math.floor(waiting.order / BLOCK)]);
      const block = blocks.get(key);
      if (block === undefined) blocks.set(key, [waiting]);
      else block.push(waiting);
    }
    return blocks;
  }
}

/**
 * Changes with the facts of a block: their number and the sum of their orders. Facts leave it, and only ones of a higher order than any before come: so no two
 * states of it have both in common.
 */
function markOf(facts: readonly Waiting[]): string {
  return `${facts.length} ${facts.reduce((sum, { order }) => sum + order, 0)}`;
}

function isBefore(a: Waiting, b: Waiting): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.source !== b.source) return a.source < b.source;
  return a.order < b.order;
}

/** The rule behind an access line is nobody's to know right of here, and has no text form. */
function plainForm(waiting: Waiting): Waiting {
  const { fact } = waiting;
  if (!('access' in fact) || fact.access === null) return waiting;
  return { ...waiting, fact: { ...fact, access: { ...fact.access, route: null } } };
}
