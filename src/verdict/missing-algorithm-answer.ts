/**
 * Q3: why can't a client read an event that has no `algorithm`? In: redactions that the log shows, and, where there is one, the client's message. Out:
 * redacted, malformed, or the client's doing.
 *
 * Synapse logs neither contents nor this error, so without a client's message the log can only say what was redacted. With one, the column in it
 * tells how long the content was (lab-findings A 7, 8):
 *
 *     missing field `algorithm` at line 1 column 138
 *
 * matrix-js-sdk writes {event_id, type, sender, state_key?, content} (rust-crypto.ts, stringifyEvent), so an empty content ends the text at column
 * 65 + length of the event id + length of the sender. A normal redaction never gives the message on Synapse 1.155: the client sees `redacted_because`.
 */
import type { Calls } from '../calls/calls.ts';
import type { Answer, TimeWindow } from '../certainty.ts';
import type { Blindness } from './questions.ts';

export type MissingAlgorithmAnswer = 'redacted' | 'malformed' | 'client' | 'none';

/** What a client's message about one event says. */
export interface UnreadableEvent {
  /** `$e8l8zB3-_1dg…`, 44 characters in current room versions. */
  readonly eventId: string;
  /** Whose event it is; null where the message doesn't say. */
  readonly sender: string | null;
  /** Column of the parser's error; null where there is none. */
  readonly column: number | null;
}

/** Characters around event id, sender and an empty content. Measured with crypto-wasm 18.3.1 (e2ee-evidence 1.4). */
const FIXED_COLUMNS = 65;

/** Characters of the content beyond an empty `{}`: 0 for an empty one, negative where the sender can't be right. */
export function contentLength({ eventId, sender, column }: UnreadableEvent): number | null {
  return sender === null || column === null ? null : column - FIXED_COLUMNS - eventId.length - sender.length;
}

/** One event that a client couldn't read. */
export function explainEvent(calls: Calls, event: UnreadableEvent): Answer<MissingAlgorithmAnswer> {
  const redaction = calls.redactions.find(event.eventId);
  if (redaction !== null) return { answer: 'redacted', level: 'observed', why: 'the log has the request that redacted this event' };
  const length = contentLength(event);
  const reach = 'the log, as far as it was read, has no redaction of it';
  if (length === null || length < 0)
    return { answer: 'unknown', level: 'suspected', why: `${reach}; the client's message doesn't tell how long its content was` };
  if (length > 0)
    return {
      answer: 'malformed',
      level: 'derived',
      why: `its content had ${length} characters more than an empty one, and no algorithm: its sender made it so`,
    };
  return {
    answer: 'malformed',
    level: 'suspected',
    why: `its content was empty, and ${reach}: its sender made it so, or it was redacted before the log begins (\`redactions\` in the database decides)`,
  };
}

/** The question without a client's message. */
export function answerMissingAlgorithm(calls: Calls, window: TimeWindow, { isBlind, reasons }: Blindness): Answer<MissingAlgorithmAnswer> {
  if (isBlind) return { answer: 'blind', level: 'observed', why: reasons.join('; ') || 'nothing was read' };
  const count = calls.redactions.countIn(window.fromMs, window.toMs);
  return {
    answer: 'blind',
    level: 'observed',
    why: `Synapse logs no contents: only a client's message names an event that it can't read; ${count} events were redacted in this time, and such an event is known when it's named`,
  };
}
