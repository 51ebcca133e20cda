/**
 * Joins the records of one request. In: matched records with their key, access lines' keys, log time. Out: the records of a request, handed
 * over once: when its access line comes, or when the join is too old or too many are open.
 *
 * Two generations of maps: new joins go to the young one; when it's full, or old enough, the old one's entries are given up and the young
 * one becomes the old. So no entry is touched for ageing (deleting the oldest one by one cost 17 % of the whole run: performance.md 2), and
 * an entry lives between one and two periods. Most access lines belong to no join: a small filter answers that without a map.
 */
import type { JoinOutcome, RecordMatch } from './joined-request.ts';

export interface JoinBounds {
  /** Joins open at once; above it the oldest half is evicted. */
  readonly maxOpen: number;
  /** Longest wait for the access line, in ms of log time. An upload may wait 10 min for its lock (synapse-log-lines 4.2). */
  readonly maxAgeMs: number;
  /** Records kept of one request; later ones are counted and dropped. */
  readonly maxRecords: number;
}

export const DEFAULT_JOIN_BOUNDS: JoinBounds = { maxOpen: 20_000, maxAgeMs: 20 * 60_000, maxRecords: 64 };

/** A request's key: its number in its epoch (`epoch * 2^40 + number`), or the text of a `request_id_header`. */
export type JoinKey = number | string;

export interface OpenJoin {
  /** Order in which the source's joins were opened. */
  readonly serial: number;
  readonly requestId: string;
  readonly incarnation: number;
  readonly matches: RecordMatch[];
}

/**
 * Join keys of one epoch, kept apart from those of the next: 2^40 requests are 10,000 a second for 3 years. Epochs come round after 4096, so
 * that keys stay exact integers; joins don't live that long.
 */
export function joinKey(epoch: number, number: number): number {
  return (epoch % 4096) * 2 ** 40 + number;
}

/** Where a joiner stands, as plain data; its open joins are given one by one. */
export interface RequestJoinerDump {
  readonly nextSerial: number;
  /** Joins from this serial on are in the young generation. */
  readonly youngFromSerial: number;
  /** null: no log time seen yet. */
  readonly youngSinceMs: number | null;
  readonly droppedRecords: number;
}

/** Power of two. */
const FILTER_SIZE = 8192;

export class RequestJoiner {
  readonly #bounds: JoinBounds;
  readonly #giveUp: (join: OpenJoin, outcome: JoinOutcome) => void;
  #young = new Map<JoinKey, OpenJoin>();
  #old = new Map<JoinKey, OpenJoin>();
  #youngSinceMs = Number.NaN;
  #nextSerial = 0;
  #youngFromSerial = 0;
  /** Open joins per slot of the number. */
  readonly #filter = new Uint32Array(FILTER_SIZE);
  /** Records beyond maxRecords. */
  droppedRecords = 0;

  constructor(bounds: JoinBounds, giveUp: (join: OpenJoin, outcome: JoinOutcome) => void) {
    if (!(bounds.maxOpen >= 2)) throw new RangeError(`maxOpen is ${bounds.maxOpen}, expected 2 or more`);
    this.#bounds = bounds;
    this.#giveUp = giveUp;
  }

  get openCount(): number {
    return this.#young.size + this.#old.size;
  }

  /** Adds a record to its request; opens the join where it's the first. */
  add(key: JoinKey, requestId: string, incarnation: number, match: RecordMatch): void {
    this.#age(match.timeMs);
    const join = this.#young.get(key) ?? this.#old.get(key);
    if (join === undefined) this.#open(key, requestId, incarnation, match);
    else if (join.matches.length < this.#bounds.maxRecords) join.matches.push(match);
    else this.droppedRecords++;
  }

  /** Whether `take` may find something for a request of this number, in any epoch: false for most, and then nothing more is to be done. */
  mayHold(number: number): boolean {
    return this.#filter[slotOf(number)] !== 0;
  }

  /** The request's access line has come: its records, or null where none was wanted. */
  take(key: JoinKey): OpenJoin | null {
    if (this.#filter[slotOf(key)] === 0) return null;
    let map = this.#young;
    let join = map.get(key);
    if (join === undefined) {
      map = this.#old;
      join = map.get(key);
      if (join === undefined) return null;
    }
    map.delete(key);
    this.#countDown(key);
    return join;
  }

  /** Gives up all open joins, oldest first: the input is over. */
  end(): void {
    this.#giveUpAll(this.#old, 'ended');
    this.#giveUpAll(this.#young, 'ended');
  }

  /** All open joins, in the order in which they were opened. */
  *openJoins(): Iterable<readonly [JoinKey, OpenJoin]> {
    yield* this.#old;
    yield* this.#young;
  }

  dump(): RequestJoinerDump {
    return {
      nextSerial: this.#nextSerial,
      youngFromSerial: this.#youngFromSerial,
      youngSinceMs: Number.isNaN(this.#youngSinceMs) ? null : this.#youngSinceMs,
      droppedRecords: this.droppedRecords,
    };
  }

  /** `joins` may come in any order. */
  restore(
    { nextSerial, youngFromSerial, youngSinceMs, droppedRecords }: RequestJoinerDump,
    joins: Iterable<readonly [JoinKey, OpenJoin]>,
  ): void {
    this.#nextSerial = nextSerial;
    this.#youngFromSerial = youngFromSerial;
    this.#youngSinceMs = youngSinceMs ?? Number.NaN;
    this.droppedRecords = droppedRecords;
    this.#young.clear();
    this.#old.clear();
    this.#filter.fill(0);
    for (const [key, join] of [...joins].sort(([, a], [, b]) => a.serial - b.serial)) {
      (join.serial >= youngFromSerial ? this.#young : this.#old).set(key, join);
      this.#countUp(key);
    }
  }

  #open(key: JoinKey, requestId: string, incarnation: number, match: RecordMatch): void {
    if (this.#young.size >= Math.floor(this.#bounds.maxOpen / 2)) this.#turn('evicted', match.timeMs);
    this.#young.set(key, { serial: this.#nextSerial++, requestId, incarnation, matches: [match] });
    this.#countUp(key);
  }

  #countUp(key: JoinKey): void {
    const slot = slotOf(key);
    this.#filter[slot] = (this.#filter[slot] as number) + 1;
  }

  /** Without log time (NaN) nothing ages; the count bounds it. */
  #age(timeMs: number): void {
    const youngMs = timeMs - this.#youngSinceMs;
    if (Number.isNaN(this.#youngSinceMs)) this.#youngSinceMs = timeMs;
    else if (youngMs >= this.#bounds.maxAgeMs / 2) this.#turn('expired', timeMs);
    // One (forged) record from far ahead must not stop the clock.
    else if (youngMs < -this.#bounds.maxAgeMs) this.#youngSinceMs = timeMs;
    // Behind a long gap the young ones are too old, too.
    if (youngMs >= this.#bounds.maxAgeMs * 1.5) this.#turn('expired', timeMs);
  }

  #turn(outcome: JoinOutcome, timeMs: number): void {
    const given = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngFromSerial = this.#nextSerial;
    this.#youngSinceMs = timeMs;
    this.#giveUpAll(given, outcome);
  }

  #giveUpAll(map: Map<JoinKey, OpenJoin>, outcome: JoinOutcome): void {
    for (const [key, join] of map) {
      this.#countDown(key);
      this.#giveUp(join, outcome);
    }
    map.clear();
  }

  #countDown(key: JoinKey): void {
    const slot = slotOf(key);
    this.#filter[slot] = (this.#filter[slot] as number) - 1;
  }
}

/** The low bits of the number (`&` takes a number modulo 2^32). Text keys (request_id_header, rare) share slot 0. */
function slotOf(key: JoinKey): number {
  return typeof key === 'number' ? key & (FILTER_SIZE - 1) : 0;
}
