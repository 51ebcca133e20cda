/**
 * Why the server ended a membership: it was slow or down, it refused restarts (rate limit), or none of these: the client's side. In: drops, log time,
 * the homeserver's record. Out: each drop once with its cause, decided when the minute around its last sign is over.
 */
import type { DelayedEventRequest, Provenance } from '../facts/fact.ts';
import type { Homeserver } from '../homeserver/homeserver.ts';
import { AROUND_MS } from '../homeserver/latency-record.ts';
import { BoundedRows } from './bounded-rows.ts';
import type { DelayedEvent } from './delayed-event.ts';

export type DropCause = 'homeserver' | 'client' | 'rate_limit';

/** Plain data: one row. */
export interface PendingDrop {
  readonly event: number;
  readonly timeMs: number;
  /** The request that found it gone, in words. */
  readonly text: string;
  readonly provenance: Provenance;
}

/** As for timeouts: log time that must pass behind the minute. */
const SETTLE_MS = 5000;
/** As for timeouts: fewer requests say nothing. */
const MIN_REQUESTS = 20;
/** Undecided ones kept; beyond, the oldest is decided as the client's. */
const MAX_PENDING_DROPS = 10_000;

export class PendingDrops {
  readonly rows: BoundedRows<PendingDrop, number>;
  readonly #overflow: PendingDrop[] = [];

  constructor(maxPending: number = MAX_PENDING_DROPS) {
    this.rows = new BoundedRows('drop', maxPending, (drop) => this.#overflow.push(drop), Number);
  }

  /** When the next one can be decided, by log time; ∞ where none waits. */
  get dueMs(): number {
    if (this.#overflow.length > 0) return Number.NEGATIVE_INFINITY;
    return this.rows.size === 0 ? Number.POSITIVE_INFINITY : (this.rows.first()?.timeMs ?? Number.NaN) + AROUND_MS + SETTLE_MS;
  }

  add(event: number, { timeMs, provenance }: DelayedEventRequest, text: string): void {
    this.rows.put(event, { event, timeMs, text, provenance });
  }

  *due(
    nowMs: number,
    homeserver: Homeserver,
    eventOf: (sequence: number) => DelayedEvent | null,
  ): Iterable<readonly [PendingDrop, DropCause]> {
    for (const drop of [...this.#overflow.splice(0), ...this.#over(nowMs)]) {
      const event = eventOf(drop.event);
      yield [drop, event === null ? 'client' : decideCause(event, homeserver)];
    }
  }

  *#over(nowMs: number): Iterable<PendingDrop> {
    for (const drop of this.rows.values()) {
      if (drop.timeMs + AROUND_MS + SETTLE_MS > nowMs) return;
      this.rows.delete(drop.event);
      yield drop;
    }
  }
}

function decideCause(event: DelayedEvent, homeserver: Homeserver): DropCause {
  const { fromMs, toMs } = silenceOf(event);
  if (homeserver.outagesIn(fromMs, toMs).length > 0) return 'homeserver';
  if (event.rateLimited > 0) return 'rate_limit';
  const hasStall = homeserver.stalls().some((stall) => stall.fromMs <= toMs && stall.toMs >= fromMs);
  if (event.slowTimeouts > 0 || hasStall) return 'homeserver';
  const { count, isSlow } = homeserver.latencyAround(toMs, null);
  return count >= MIN_REQUESTS && isSlow ? 'homeserver' : 'client';
}

/** From the last restart (or the schedule) to when the timer fired, or to the 404 where that isn't known. */
function silenceOf({ restarts, lastRestartStartMs, schedule, endMs }: DelayedEvent): { readonly fromMs: number; readonly toMs: number } {
  const fromMs = restarts > 0 ? lastRestartStartMs : (schedule?.timeMs ?? endMs);
  return { fromMs, toMs: schedule === null ? endMs : Math.min(endMs, fromMs + schedule.delayMs) };
}
