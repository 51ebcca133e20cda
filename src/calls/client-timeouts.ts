/**
 * Requests on which the client gave up: was it the homeserver's slowness, or the client's side? In: such requests, log time. Out: each of them once,
 * with what decided it (contract.md, `clientTimeouts`).
 *
 * A decision rests on the minute around the request, so it's taken when log time has passed its second half, or at the end of the input.
 */
import type { DelayedEventRequest, Provenance } from '../facts/fact.ts';
import type { Homeserver } from '../homeserver/homeserver.ts';
import { latencyBucket, SLOW_MS } from '../homeserver/latency-buckets.ts';
import { AROUND_MS } from '../homeserver/latency-record.ts';
import { BoundedRows } from './bounded-rows.ts';

export type Attribution = 'homeserver_slow' | 'homeserver_healthy' | 'unknown';
/** What decided it, in the order in which it's asked. */
export type TimeoutReason = 'own_processing' | 'stall' | 'slow_minute' | 'too_few_requests' | 'quick_minute';

export interface PendingTimeout {
  /** Row key. */
  readonly sequence: number;
  /** The delayed event's sequence; null where the request can't be joined. */
  readonly event: number | null;
  readonly timeMs: number;
  readonly durationMs: number;
  readonly clientHash: number;
  /** It's among the requests that tell how responsive the homeserver is (sending an event writes it, so it isn't). */
  readonly isCounted: boolean;
  /** The server held the answer back: a refusal by the rate limit. */
  readonly isHeldBack: boolean;
  /** What was asked, for a person: `restart 200! after 3.112 s`. */
  readonly text: string;
  readonly provenance: Provenance;
}

export interface DecidedTimeout extends PendingTimeout {
  readonly attribution: Attribution;
  readonly reason: TimeoutReason;
  /** For a person: the figures behind it. */
  readonly why: string;
}

/** A slice of latency comes when a later second begins: this much log time more is waited for. */
const SETTLE_MS = 5000;
/** contract.md: "a stall of the process ended ≤ 5 s before". */
const STALL_REACH_MS = 5000;
/**
 * Part of the client's wait that isn't in the request's time: the way to the server, the proxy, and the queue until it is dispatched (e2ee-evidence
 * 3.9). Chosen: a quarter of the usual 2 s.
 */
const UNSEEN_MS = 500;
/** Synapse answers a request that the rate limit refuses this late on purpose (synapse-log-lines 5; in captures 500 to 502 ms). */
const HELD_BACK_MS = 500;
/** contract.md: "fewer than 20 other requests". */
const MIN_OTHERS = 20;
/** Undecided ones kept; beyond, the oldest is decided by what is known then. Chosen: 250 a second for the 35 s. */
const MAX_PENDING = 10_000;

export class ClientTimeouts {
  /** By sequence; in order of arrival, for nothing is put twice. */
  readonly rows: BoundedRows<PendingTimeout, number>;
  /** Those that had no room: decided with the next `due`. */
  readonly #overflow: PendingTimeout[] = [];

  constructor(maxPending: number = MAX_PENDING) {
    this.rows = new BoundedRows('timeout', maxPending, (timeout) => this.#overflow.push(timeout), Number);
  }

  /** When the next one can be decided, by log time; ∞ where none waits. */
  get dueMs(): number {
    if (this.#overflow.length > 0) return Number.NEGATIVE_INFINITY;
    return this.rows.size === 0 ? Number.POSITIVE_INFINITY : (this.rows.first()?.timeMs ?? Number.NaN) + AROUND_MS + SETTLE_MS;
  }

  add({ timeMs, durationMs, clientHash, action, status, provenance }: DelayedEventRequest, event: number | null, text: string): void {
    const sequence = this.rows.takeSequence();
    const isCounted = action !== 'send';
    const isHeldBack = status === 429;
    this.rows.put(sequence, { sequence, event, timeMs, durationMs, clientHash, isCounted, isHeldBack, text, provenance });
  }

  /**
   * Those whose minute is over at `nowMs`, in the order in which they came; Infinity for all. Call it after each `add`, so that none waits outside
   * of the rows.
   *
   * @param localTimeoutOf the client's patience, by its delayed event
   */
  *due(nowMs: number, homeserver: Homeserver, localTimeoutOf: (event: number | null) => number): Iterable<DecidedTimeout> {
    for (const timeout of this.#overflow.splice(0)) yield { ...timeout, ...decide(timeout, homeserver, localTimeoutOf(timeout.event)) };
    for (const timeout of this.rows.values()) {
      if (timeout.timeMs + AROUND_MS + SETTLE_MS > nowMs) return;
      this.rows.delete(timeout.sequence);
      yield { ...timeout, ...decide(timeout, homeserver, localTimeoutOf(timeout.event)) };
    }
  }
}

type Decision = Pick<DecidedTimeout, 'attribution' | 'reason' | 'why'>;

function decide(timeout: PendingTimeout, homeserver: Homeserver, localTimeoutMs: number): Decision {
  const { timeMs, durationMs, provenance, isCounted, isHeldBack } = timeout;
  const ownMs = isHeldBack ? durationMs - HELD_BACK_MS : durationMs;
  if (ownMs >= localTimeoutMs - UNSEEN_MS)
    return slow('own_processing', `the request alone took ${seconds(ownMs)}, the client waits ${seconds(localTimeoutMs)} in all`);
  const stall = homeserver.stallEndedBefore(provenance.source, timeMs, STALL_REACH_MS);
  if (stall !== null)
    return slow('stall', `the process stood still for ${seconds(stall.toMs - stall.fromMs)} and lost ${stall.lostCount} clients at once`);
  const { count, slowCount, isSlow, p99AtLeastMs } = homeserver.latencyAround(timeMs, isCounted ? latencyBucket(durationMs) : null);
  const figures = `of ${count} other requests (without those that write events) within that minute ${slowCount} took a second or more`;
  if (count < MIN_OTHERS)
    return { attribution: 'unknown', reason: 'too_few_requests', why: `${figures}; fewer than ${MIN_OTHERS} say nothing` };
  if (isSlow) return slow('slow_minute', `${figures}: p99 was ${seconds(Math.max(SLOW_MS, p99AtLeastMs))} or more`);
  return { attribution: 'homeserver_healthy', reason: 'quick_minute', why: `${figures}, this one ${seconds(durationMs)}` };
}

function slow(reason: TimeoutReason, why: string): Decision {
  return { attribution: 'homeserver_slow', reason, why };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
