/**
 * One delayed event from its schedule to its end, as far as the log tells: plain data, kept as one row. What happens to it is decided in
 * delayed-event-book.ts and membership-drop.ts.
 */
import type { Provenance } from '../facts/fact.ts';

/** What a schedule says. The delay id isn't in the log (it's in the answer's body): events are joined to ids later. */
export interface Schedule {
  readonly userId: string | null;
  /** Of a call membership whose key names one. */
  readonly deviceId: string | null;
  readonly roomId: string;
  readonly isMembership: boolean;
  readonly delayMs: number;
  /** Log time at which its answer was complete. */
  readonly timeMs: number;
  /** The client was still there to read the delay id. */
  readonly isAnswered: boolean;
  readonly provenance: Provenance;
}

export interface DelayedEvent {
  /** Row key and order of appearance. */
  readonly sequence: number;
  /** Hash of the delay id; null as long as no request has been seen that is likely to be this one's. */
  idHash: number | null;
  readonly clientHash: number;
  /** null where the log begins later, or it can't be joined. */
  readonly schedule: Schedule | null;
  /** Hash of room, type and state key; null for a message or an unknown schedule. */
  readonly place: number | null;
  /**
   * Where other schedules of the same client would have fitted the id as well: what holds for all of them. The event then belongs to "one of" them;
   * null where it's sure whose it is.
   */
  oneOf: OneOf | null;
  lastSeenMs: number;
  /** Requests that restarted the timer, or may have (the old form). */
  restarts: number;
  /** Start and end of the last one; NaN before. */
  lastRestartStartMs: number;
  lastRestartMs: number;
  /** Longest time from one to the next, by their ends. */
  longestGapMs: number;
  /** Restarts that came about the client's local timeout after a quick one, not its interval: it didn't get the answer in time. */
  earlyRestarts: number;
  gaveUp: number;
  rateLimited: number;
  /** Of those that the client gave up on, as far as it's decided. */
  slowTimeouts: number;
  /** No request was seen for it within its delay: said once. */
  isSilent: boolean;
  cancels: number;
  firstCancelMs: number;
  /** It was cancelled or sent at its client's wish. */
  endedBy: 'cancel' | 'send' | null;
  /** A newer state event took its place: another user's, its own user's (only old versions end it then). */
  replacedBy: 'other' | 'own' | null;
  /** The first 404 on its id: what it means. */
  end: DelayedEventEnd | null;
  endMs: number;
}

/**
 * `dropped`: the server ended the membership because no restart came in time. `unsure`: likely, but the schedule can't be joined.
 * `replaced`: a newer state event ended it. `unexplained`: none of these.
 */
export type DelayedEventEnd = 'dropped' | 'unsure' | 'replaced' | 'unexplained';

/** Schedules that an id may be of, taken together. */
export interface OneOf {
  readonly count: number;
  readonly earliestMs: number;
  readonly latestMs: number;
  readonly shortestDelayMs: number;
  readonly longestDelayMs: number;
}
