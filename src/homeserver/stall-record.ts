/**
 * When a process of the homeserver stood still: suspended, out of memory or processor, blocked by something in its own event loop.
 *
 * In: holes in the log's stamps, and lost connections. Out: stalls. A hole alone is a quiet server. Behind a stall the requests that waited in
 * the kernel are all read at once, and those whose clients had given up are lost at once (lab-findings ops 3), with one stamp. A page that is
 * closed on a quiet server also loses several connections at once: its long-polling GETs, and one request that was just being made. So lost
 * requests other than GET are counted, and two make a stall.
 */
import type { ClientLost, LogHole } from '../facts/fact.ts';
import type { ChangedKeys } from './changed-keys.ts';

export interface Stall {
  readonly source: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Lost connections with one stamp, right behind it. */
  lostCount: number;
}

interface Hole extends Stall {
  readonly key: string;
  /** Stamps of lost requests behind it. */
  readonly lostMs: number[];
}

/** How soon behind the hole the connections are lost. In the captures 3 to 60 ms; a loaded machine needs longer to wake up. Chosen. */
const AT_ONCE_MS = 500;
/** Stamps this near are one: a turn or two of the event loop. In the captures the first ones are 0 to 2 ms apart, and the next group 30 ms behind. Chosen. */
const ONE_STAMP_MS = 20;
const MIN_LOST = 2;
/** Lost stamps looked at behind one hole. */
const MAX_LOST_STAMPS = 64;
/** Holes remembered: their lost connections are known when the requests close, seconds later. A quiet server has one every few seconds. */
export const MAX_HOLES = 256;
const PREFIX = 'hole/';

export class StallRecord {
  /** By key, oldest first; a stall is a hole with lostCount ≥ MIN_LOST. */
  readonly #holes = new Map<string, Hole>();
  readonly #changed: ChangedKeys;

  constructor(changed: ChangedKeys) {
    this.#changed = changed;
  }

  applyHole({ fromMs, timeMs, provenance: { source } }: LogHole): void {
    const key = `${PREFIX}${timeMs}/${source}`;
    this.#holes.set(key, { key, source, fromMs, toMs: timeMs, lostCount: 0, lostMs: [] });
    this.#changed.mark(key);
    if (this.#holes.size > MAX_HOLES) this.#forget(this.#oldest());
  }

  applyLost({ timeMs, provenance: { source, requestId } }: ClientLost): void {
    if (requestId.startsWith('GET-')) return;
    for (const hole of this.#holes.values()) {
      if (hole.source !== source || timeMs < hole.toMs || timeMs > hole.toMs + AT_ONCE_MS || hole.lostMs.length >= MAX_LOST_STAMPS)
        continue;
      hole.lostMs.push(timeMs);
      hole.lostCount = countNear(hole.lostMs);
      this.#changed.mark(hole.key);
    }
  }

  /** The stall of this process that ended at `timeMs` or at most `withinMs` before. */
  endedBefore(source: string, timeMs: number, withinMs: number): Stall | null {
    for (const hole of this.#holes.values())
      if (hole.source === source && hole.lostCount >= MIN_LOST && hole.toMs <= timeMs && hole.toMs >= timeMs - withinMs) return hole;
    return null;
  }

  /** Those remembered, oldest first. */
  stalls(): Stall[] {
    return [...this.#holes.values()].filter(({ lostCount }) => lostCount >= MIN_LOST);
  }

  textOf(key: string): string | null {
    const hole = this.#holes.get(key);
    return hole === undefined ? null : JSON.stringify([hole.source, hole.fromMs, hole.toMs, hole.lostMs]);
  }

  restore(key: string, row: unknown): boolean {
    if (!key.startsWith(PREFIX) || !Array.isArray(row)) return false;
    const [source, fromMs, toMs, lostMs] = row as unknown[];
    if (typeof source !== 'string' || typeof fromMs !== 'number' || typeof toMs !== 'number' || !Array.isArray(lostMs)) return false;
    this.#holes.set(key, { key, source, fromMs, toMs, lostCount: countNear(lostMs), lostMs });
    return true;
  }

  /** Rows come in any order; eviction takes the first. */
  settleRestored(): void {
    const holes = [...this.#holes].sort(([, a], [, b]) => a.toMs - b.toMs || (a.source < b.source ? -1 : 1));
    this.#holes.clear();
    for (const [key, hole] of holes) this.#holes.set(key, hole);
  }

  /** A stall outlives plain holes, unless all are stalls. */
  #oldest(): Hole | undefined {
    const holes = [...this.#holes.values()];
    return holes.find(({ lostCount }) => lostCount < MIN_LOST) ?? holes[0];
  }

  #forget(hole: Hole | undefined): void {
    if (hole === undefined) return;
    this.#holes.delete(hole.key);
    this.#changed.remove(hole.key);
  }
}

/** The most stamps that lie within ONE_STAMP_MS. */
function countNear(stamps: readonly number[]): number {
  return Math.max(0, ...stamps.map((stamp) => stamps.filter((other) => other >= stamp && other <= stamp + ONE_STAMP_MS).length));
}
