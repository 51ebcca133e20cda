/**
 * When the homeserver's processes were stopped and started, and which version runs. In: `server_event` facts. Out: whether somebody could be
 * answered at all in a stretch of time; the version, because delayed events behave differently over versions.
 */
import type { ServerEvent } from '../facts/fact.ts';
import type { ChangedKeys } from './changed-keys.ts';

/** From the last sign of the old process to the first of the new one. */
export interface Outage {
  readonly source: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Starts remembered; older ones are forgotten first. */
export const MAX_OUTAGES = 200;
const OUTAGES_KEY = 'outages';
const VERSION_KEY = 'version';
const STOPPING_PREFIX = 'stopping/';
/** Sources that are shutting down; more than a homeserver has processes. */
const MAX_STOPPING = 100;

export class ProcessLives {
  /** `1.155.0`; of the newest start read, '' where none was. */
  version = '';
  readonly #stoppingMs = new Map<string, number>();
  #outages: Outage[] = [];
  readonly #changed: ChangedKeys;

  constructor(changed: ChangedKeys) {
    this.#changed = changed;
  }

  /** @param silentSinceMs the stamp before the hole that this record ends, NaN where it ends none */
  apply({ event, detail, timeMs, provenance: { source } }: ServerEvent, silentSinceMs: number): void {
    if (event === 'version') {
      this.version = detail;
      this.#changed.mark(VERSION_KEY);
    } else if (event === 'shutting_down' && this.#stoppingMs.size < MAX_STOPPING) {
      this.#stoppingMs.set(source, timeMs);
      this.#changed.mark(`${STOPPING_PREFIX}${source}`);
    } else if (event === 'started') this.#start(source, timeMs, silentSinceMs);
  }

  #start(source: string, timeMs: number, silentSinceMs: number): void {
    const stoppedMs = this.#stoppingMs.get(source) ?? silentSinceMs;
    if (this.#stoppingMs.delete(source)) this.#changed.remove(`${STOPPING_PREFIX}${source}`);
    if (Number.isNaN(stoppedMs) || stoppedMs > timeMs) return;
    this.#outages.push({ source, fromMs: stoppedMs, toMs: timeMs });
    this.#outages = this.#outages.slice(-MAX_OUTAGES);
    this.#changed.mark(OUTAGES_KEY);
  }

  /** Outages that touch the window; one that isn't over yet too. */
  outagesIn(fromMs: number, toMs: number): readonly Outage[] {
    const open = [...this.#stoppingMs].map(([source, stoppedMs]) => ({ source, fromMs: stoppedMs, toMs: Number.POSITIVE_INFINITY }));
    return [...this.#outages, ...open].filter((outage) => outage.fromMs <= toMs && outage.toMs >= fromMs);
  }

  textOf(key: string): string | null {
    if (key === VERSION_KEY) return JSON.stringify(this.version);
    if (key === OUTAGES_KEY) return JSON.stringify(this.#outages);
    const stoppedMs = this.#stoppingMs.get(key.slice(STOPPING_PREFIX.length));
    return stoppedMs === undefined ? null : JSON.stringify(stoppedMs);
  }

  restore(key: string, row: unknown): boolean {
    if (key === VERSION_KEY && typeof row === 'string') this.version = row;
    else if (key === OUTAGES_KEY && Array.isArray(row)) this.#outages = row as Outage[];
    else if (key.startsWith(STOPPING_PREFIX) && typeof row === 'number') this.#stoppingMs.set(key.slice(STOPPING_PREFIX.length), row);
    else return false;
    return true;
  }
}
