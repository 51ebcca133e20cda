/**
 * Facts: what the log states, as plain data. Everything right of here (devices, calls, homeserver, incidents) rests on facts alone.
 *
 * A fact carries when it was (log time), the request it came from, and where it stands: source, byte position, rule. Its id is made of
 * these, so that a fact sent elsewhere twice is seen to be the same one.
 */
import type { RequestAccess } from '../requests/joined-request.ts';

export interface Provenance {
  /** Name of the source: `homeserver.log`. */
  readonly source: string;
  /** Byte positions, in its generation, of the records it rests on; the one that decides it is last. */
  readonly positions: readonly number[];
  readonly requestId: string;
  readonly incarnation: number;
  /** The rule that states it. */
  readonly ruleId: string;
  /** Line number, in its generation, of the access line that decides it, from 1; null or missing where it isn't known. */
  readonly line?: number | null;
}

/** A line that a fact rests on, where an incident may have to show it (emitted-kinds.ts, EVIDENCE_KINDS). */
export interface FactLine {
  /** Line number in its generation, from 1; null where it isn't known. */
  readonly line: number | null;
  readonly position: number;
  readonly timeMs: number;
  /** The record's message, as it stands in the log. */
  readonly text: string;
}

interface FactBase {
  /** Epoch ms; NaN where the log has no time. */
  readonly timeMs: number;
  readonly provenance: Provenance;
  readonly lines?: readonly FactLine[];
}

/** Outcomes of a key upload, by contract.md; null: no access line came, so none is known. */
export type UploadOutcome = 'accepted' | 'conflict' | 'rejected' | 'client_gave_up' | 'failed';

export interface Refusal {
  /** `signed_curve25519:AAAAAAAAAA0`. */
  readonly keyId: string;
  /** Canonical JSON; the new key is a Python literal. As in the log. null where the record was cut before it. */
  readonly oldKey: string | null;
  readonly newKey: string | null;
}

export interface KeyUpload extends FactBase {
  readonly kind: 'key_upload';
  /** null where no line names them. */
  readonly userId: string | null;
  readonly deviceId: string | null;
  /** One-time keys in the upload, whether stored or not. */
  readonly offeredKeyIds: readonly string[];
  readonly hasDeviceKeys: boolean;
  readonly refusals: readonly Refusal[];
  /** null: without access line, or nothing happened (a successful upload without one-time keys). */
  readonly outcome: UploadOutcome | null;
  readonly access: RequestAccess | null;
}

export interface KeyClaim {
  readonly keyId: string;
  readonly userId: string;
  readonly deviceId: string;
}

export interface KeysClaimed extends FactBase {
  readonly kind: 'keys_claimed';
  readonly claims: readonly KeyClaim[];
  /** Who claimed: user, or server on a federation claim; null where no access line tells. */
  readonly claimer: string | null;
}

export interface ToDeviceSend extends FactBase {
  readonly kind: 'to_device_send';
  /** Hash of address and user agent. */
  readonly clientHash: number;
  readonly eventType: string;
  /** A key of a call: `m.room.encrypted` with a transaction id `m<13 digits>.<digits>` (matrix-js-sdk). */
  readonly isMediaKey: boolean;
  readonly isOk: boolean;
  readonly sender: string | null;
}

export type ToDeviceStage = 'stored' | 'returned' | 'dropped';

export interface ToDeviceMessages extends FactBase {
  readonly kind: 'to_device_messages';
  readonly stage: ToDeviceStage;
  /** Of a `stored` or `dropped` one: it is a key of a call (as ToDeviceSend); false where the request isn't known. */
  readonly isMediaKey: boolean;
  /** Of a `stored` or `dropped` one: who sends it; null where no access line tells. */
  readonly sender: string | null;
  /** One for each list entry; user and device are null where the log doesn't name them. */
  readonly messages: readonly ToDeviceMessage[];
}

export interface ToDeviceMessage {
  readonly userId: string | null;
  readonly deviceId: string | null;
  /** Of its id (`org.matrix.msgid`), which is long and private; null where it has none. */
  readonly idHash: number | null;
}

export type DelayedEventAction = 'schedule' | 'restart' | 'cancel' | 'send' | 'unknown';
export type DelayedEventOutcome = 'ok' | 'client_gave_up' | 'rate_limited' | 'not_found' | 'failed';

export interface DelayedEventRequest extends FactBase {
  readonly kind: 'delayed_event_request';
  readonly action: DelayedEventAction;
  readonly outcome: DelayedEventOutcome;
  readonly status: number;
  /** The client had left before the answer was complete. */
  readonly isClientGone: boolean;
  /** A 404 whose text says that the server doesn't know the *path*: it says nothing of the delayed event. */
  readonly isUnknownPath: boolean;
  /** From the request's start to its end: processing and, above 0, sending. */
  readonly durationMs: number;
  /** Who asks; null where the request is not authenticated (managing requests, Synapse 1.143 to 1.155). */
  readonly userId: string | null;
  /** Hash of address and user agent. */
  readonly clientHash: number;
  /** Hash of the address alone. */
  readonly addressHash: number;
  /** Hash of the delay id; null for a schedule (the id is in its answer's body). */
  readonly delayIdHash: number | null;
  /** What a schedule says of the event; null in all other requests. */
  readonly schedule: {
    /** NaN where it's no number. */
    readonly delayMs: number;
    readonly roomId: string;
    readonly eventType: string;
    /** '' for none; null for a message. */
    readonly stateKey: string | null;
  } | null;
}

/** A state event, or a membership of a call sent as a message, that takes effect at once. What it contains (join or leave) the log doesn't say. */
export interface StateEventSent extends FactBase {
  readonly kind: 'state_event_sent';
  readonly roomId: string;
  readonly eventType: string;
  /** '' for none; null for a message. */
  readonly stateKey: string | null;
  readonly isOk: boolean;
  readonly userId: string | null;
  readonly clientHash: number;
}

/** The client hung up before the answer was complete. The request's method is in front of its id: `POST-401`. */
export interface ClientLost extends FactBase {
  readonly kind: 'client_lost';
}

/** No record of any kind for a while: a quiet server, or a process that stood still. `timeMs` is its end. */
export interface LogHole extends FactBase {
  readonly kind: 'log_hole';
  readonly fromMs: number;
}

/** How fast one process answered in one second of log time; requests that wait by design (syncs, long polls) left out. */
export interface LatencySlice extends FactBase {
  readonly kind: 'latency_slice';
  /** Seconds since 1970. `timeMs` is the log time at which the second was known to be over. */
  readonly second: number;
  /** Requests by how long they took, as latency-buckets.ts divides them. */
  readonly counts: readonly number[];
}

export interface Redaction extends FactBase {
  readonly kind: 'redaction';
  readonly roomId: string;
  readonly eventId: string;
  readonly userId: string | null;
  readonly isOk: boolean;
}

export interface DevicesDeleted extends FactBase {
  readonly kind: 'devices_deleted';
  readonly userId: string;
  readonly deviceIds: readonly string[];
}

export interface LoggedIn extends FactBase {
  readonly kind: 'logged_in';
  readonly userId: string;
  readonly deviceId: string;
}

/** Life of the homeserver's process. */
export interface ServerEvent extends FactBase {
  readonly kind: 'server_event';
  readonly event: 'started' | 'version' | 'instance' | 'hostname' | 'log_config_reloaded' | 'shutting_down' | 'token_from_future';
  /** The version, instance name, server name …; '' where the event has none. */
  readonly detail: string;
  /** Whose request it was in; null, or missing, where none is known. */
  readonly userId?: string | null;
}

/** A record that somebody may have forged: it states nothing, it's only counted. */
export interface UntrustedRecord extends FactBase {
  readonly kind: 'untrusted_record';
  readonly reason: string;
  /** Whom it names, where it's of a form that names a device. */
  readonly userId: string | null;
  readonly deviceId: string | null;
}

export type Fact =
  | KeyUpload
  | KeysClaimed
  | ToDeviceSend
  | ToDeviceMessages
  | DelayedEventRequest
  | StateEventSent
  | ClientLost
  | LogHole
  | LatencySlice
  | Redaction
  | DevicesDeleted
  | LoggedIn
  | ServerEvent
  | UntrustedRecord;

/** `homeserver.log@10423:ke-1.one-time-key-refused`: the same fact, read again, has the same id. */
export function factId({ provenance }: Fact): string {
  return `${provenance.source}@${provenance.positions.at(-1) ?? 0}:${provenance.ruleId}`;
}
