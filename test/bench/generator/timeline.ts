/**
 * In: records with a delay. Out: the records of each millisecond, in the order in which they were planned.
 *
 * Invariant: a ring of 1 ms slots, 65.5 s deep; a longer delay is cut to that, so memory is bounded by what is planned ahead.
 */
import type { Level } from './truth.ts';

export interface PlannedRecord {
  /** `synapse.http.server`. */
  readonly logger: string;
  /** Line number in Synapse's source. */
  readonly sourceLine: number;
  readonly level: Level;
  /** `POST-2817`, `sentinel`, `_send_on_timeout-12`. */
  readonly requestId: string;
  /** May hold newlines (a traceback). */
  readonly message: string;
  /** Called when the record is written: ground truth counts only what stands in the file. */
  readonly onWritten?: (() => void) | undefined;
}

const SLOTS = 65536;

export class Timeline {
  readonly #slots: (PlannedRecord[] | undefined)[] = new Array(SLOTS);
  #nowMs = 0;

  /** Milliseconds since the log began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Plans `record` for `delayMs` from now (0: this millisecond, behind what is planned already). */
  plan(delayMs: number, record: PlannedRecord): void {
    const slot = (this.#nowMs + Math.min(delayMs, SLOTS - 1)) & (SLOTS - 1);
    const planned = this.#slots[slot];
    if (planned) planned.push(record);
    else this.#slots[slot] = [record];
  }

  /** Takes the records of this millisecond; the clock stays. */
  take(): readonly PlannedRecord[] {
    const slot = this.#nowMs & (SLOTS - 1);
    const planned = this.#slots[slot];
    this.#slots[slot] = undefined;
    return planned ?? [];
  }

  /** The next millisecond. */
  step(): void {
    this.#nowMs++;
  }
}
