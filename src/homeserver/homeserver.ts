/**
 * The homeserver as its own log shows it: how fast it answered, when a process stood still, when one was down. In: facts, in log-time order.
 * Out: answers about a moment. All its processes are one homeserver, but a stall is one process's.
 */
import type { Fact } from '../facts/fact.ts';
import type { KeptRows } from '../kept-rows.ts';
import { ChangedKeys } from './changed-keys.ts';
import { type LatencyAround, LatencyRecord } from './latency-record.ts';
import { type Outage, ProcessLives } from './process-lives.ts';
import { type Stall, StallRecord } from './stall-record.ts';

/** A start is the first record behind a hole: their stamps are this near at most. */
const SAME_RECORD_MS = 5;
const HOLE_END_KEY = 'last-hole/';
/** Sources whose last hole is remembered. */
const MAX_SOURCES = 100;

export class Homeserver implements KeptRows {
  readonly stage = 'homeserver';
  readonly #changed = new ChangedKeys();
  readonly #latency = new LatencyRecord(this.#changed);
  readonly #stalls = new StallRecord(this.#changed);
  readonly #lives = new ProcessLives(this.#changed);
  /** The last hole of each source, in case that a start follows it. */
  readonly #lastHoles = new Map<string, { readonly fromMs: number; readonly toMs: number }>();

  get version(): string {
    return this.#lives.version;
  }

  apply(fact: Fact): void {
    switch (fact.kind) {
      case 'latency_slice':
        return this.#latency.apply(fact);
      case 'client_lost':
        return this.#stalls.applyLost(fact);
      case 'log_hole':
        this.#stalls.applyHole(fact);
        return this.#noteHole(fact.provenance.source, fact.fromMs, fact.timeMs);
      case 'server_event': {
        const hole = this.#lastHoles.get(fact.provenance.source);
        const isBehindHole = hole !== undefined && Math.abs(fact.timeMs - hole.toMs) <= SAME_RECORD_MS;
        return this.#lives.apply(fact, isBehindHole ? hole.fromMs : Number.NaN);
      }
    }
  }

  /** @param ownBucket of the request that is judged (latency-buckets.ts), which isn't counted; null where it isn't among them */
  latencyAround(timeMs: number, ownBucket: number | null): LatencyAround {
    return this.#latency.around(timeMs, ownBucket);
  }

  stallEndedBefore(source: string, timeMs: number, withinMs: number): Stall | null {
    return this.#stalls.endedBefore(source, timeMs, withinMs);
  }

  stalls(): Stall[] {
    return this.#stalls.stalls();
  }

  outagesIn(fromMs: number, toMs: number): readonly Outage[] {
    return this.#lives.outagesIn(fromMs, toMs);
  }

  changedRows(): Iterable<readonly [key: string, text: string | null]> {
    return this.#changed.rows((key) => this.#textOf(key));
  }

  markCommitted(): void {
    this.#changed.markCommitted();
  }

  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    const problems: string[] = [];
    for (const [key, text] of rows) {
      if (this.#restore(key, parseJson(text))) this.#changed.noteStored(key);
      else problems.push(`homeserver row "${key}" can't be read`);
    }
    this.#stalls.settleRestored();
    return problems;
  }

  #noteHole(source: string, fromMs: number, toMs: number): void {
    if (!this.#lastHoles.has(source) && this.#lastHoles.size >= MAX_SOURCES) return;
    this.#lastHoles.set(source, { fromMs, toMs });
    this.#changed.mark(`${HOLE_END_KEY}${source}`);
  }

  #textOf(key: string): string | null {
    if (key.startsWith('latency/')) return this.#latency.textOf(key);
    if (key.startsWith('hole/')) return this.#stalls.textOf(key);
    if (!key.startsWith(HOLE_END_KEY)) return this.#lives.textOf(key);
    return JSON.stringify(this.#lastHoles.get(key.slice(HOLE_END_KEY.length)) ?? null);
  }

  #restore(key: string, row: unknown): boolean {
    if (!key.startsWith(HOLE_END_KEY))
      return this.#latency.restore(key, row) || this.#stalls.restore(key, row) || this.#lives.restore(key, row);
    if (typeof row !== 'object' || row === null || !('fromMs' in row)) return false;
    this.#lastHoles.set(key.slice(HOLE_END_KEY.length), row as { fromMs: number; toMs: number });
    return true;
  }
}

/** undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
