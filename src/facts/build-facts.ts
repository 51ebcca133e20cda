/**
 * Joined requests to facts. In: one request (or one record outside of any), with what the rules found in it. Out: the facts it states,
 * in the order of its records, the request's own last.
 */
import { hashText } from '../lines/private-hash.ts';
import type { JoinedRequest, RecordMatch, RequestAccess } from '../requests/joined-request.ts';
import type { Captures } from '../rules/template.ts';
import type { RecordKind, RequestKind } from './emitted-kinds.ts';
import type {
  DelayedEventAction,
  DelayedEventOutcome,
  DelayedEventRequest,
  Fact,
  KeyClaim,
  KeysClaimed,
  Provenance,
  ServerEvent,
  ToDeviceMessages,
  ToDeviceStage,
} from './fact.ts';
import { buildKeyUpload, readLines, readTexts } from './key-upload.ts';

/** Transaction ids of call keys: `m1782820800123.7` (matrix-js-sdk makeTxnId; lab-findings B 15). */
const MEDIA_KEY_TXN = /^m\d{13}\.\d+$/;

export function buildFacts(request: JoinedRequest): Fact[] {
  const facts: Fact[] = [];
  const { access, matches } = request;
  const kind = access?.route?.rule.definition.emit as RequestKind | undefined;
  let isUpload = kind === 'key_upload';
  for (const match of matches) {
    const emitted = match.rule.definition.emit as RecordKind;
    if (isPieceOfUpload(emitted)) isUpload = true;
    else {
      const fact = buildFromRecord(emitted, match, request);
      if (fact !== null) facts.push(match.text === undefined ? fact : { ...fact, lines: readLines([match]) });
    }
  }
  if (isUpload) facts.push(buildKeyUpload(request, provenanceOfUpload(request)));
  const own = access === null || kind === undefined ? null : buildFromRequest(kind, access, request);
  if (own !== null) facts.push(own);
  return facts;
}

/** Pieces of an upload make one fact together. */
function isPieceOfUpload(kind: RecordKind): boolean {
  return kind === 'one_time_keys_offered' || kind === 'device_keys_updated' || kind === 'one_time_key_refused';
}

/**
 * The fact that a record states by itself; null for one that only tells something about its request (`sync_device`: whose it is). Each fact is
 * written out as one literal, here and below: they're made by the ten thousand, and put together from parts they cost three times as much.
 */
function buildFromRecord(kind: RecordKind, match: RecordMatch, request: JoinedRequest): Fact | null {
  switch (kind) {
    case 'one_time_keys_claimed':
      return buildClaims(match, request);
    case 'to_device_stored':
      return buildMessages('stored', match, request);
    case 'to_device_dropped':
      return buildMessages('dropped', match, request);
    case 'to_device_returned':
      return buildReturned(match, request);
    case 'devices_deleted':
      return {
        kind,
        timeMs: match.timeMs,
        provenance: provenanceOf(match, request),
        userId: readText(match.captures, 'user_id'),
        deviceIds: readTexts(match.captures['device_ids']),
      };
    case 'logged_in':
      return {
        kind,
        timeMs: match.timeMs,
        provenance: provenanceOf(match, request),
        userId: readText(match.captures, 'user_id'),
        deviceId: readText(match.captures, 'device_id'),
      };
    case 'client_lost':
      return { kind, timeMs: match.timeMs, provenance: provenanceOf(match, request) };
    case 'server_event':
      return {
        kind,
        timeMs: match.timeMs,
        provenance: provenanceOf(match, request),
        event: readText(match.captures, 'event') as ServerEvent['event'],
        detail: readText(match.captures, 'detail'),
        userId: request.access?.requester ?? null,
      };
    default:
      return null;
  }
}

/** The fact that a request is by its route. */
function buildFromRequest(kind: RequestKind, access: RequestAccess, request: JoinedRequest): Fact | null {
  const captures = access.route?.captures ?? NO_CAPTURES;
  switch (kind) {
    case 'to_device_send':
      return {
        kind,
        timeMs: access.timeMs,
        provenance: provenanceOfRequest(access, request),
        clientHash: access.clientHash,
        eventType: captures['event_type'] ?? '',
        isMediaKey: isMediaKeySend(access),
        isOk: isSuccess(access.status),
        sender: access.requester,
      };
    case 'delayed_event_request':
      return buildDelayedEventRequest(access, request, captures);
    case 'state_event_sent':
      return {
        kind,
        timeMs: access.timeMs,
        provenance: provenanceOfRequest(access, request),
        roomId: captures['room_id'] ?? '',
        eventType: captures['event_type'] ?? '',
        stateKey: readStateKey(captures),
        isOk: isSuccess(access.status),
        userId: access.requester,
        clientHash: access.clientHash,
      };
    case 'redaction':
      return {
        kind,
        timeMs: access.timeMs,
        provenance: provenanceOfRequest(access, request),
        roomId: captures['room_id'] ?? '',
        eventId: captures['event_id'] ?? '',
        userId: access.requester,
        isOk: isSuccess(access.status),
      };
    default:
      return null;
  }
}

function buildDelayedEventRequest(access: RequestAccess, request: JoinedRequest, captures: RouteCaptures): DelayedEventRequest {
  return {
    kind: 'delayed_event_request',
    timeMs: access.timeMs,
    provenance: provenanceOfRequest(access, request),
    action: (access.route?.rule.definition.set?.['action'] ?? 'unknown') as DelayedEventAction,
    outcome: decideDelayedOutcome(access),
    status: access.status,
    isClientGone: access.isClientGone,
    isUnknownPath: request.matches.some(({ rule }) => rule.definition.emit === 'unknown_path'),
    durationMs: access.procMs + Math.max(0, access.sendMs),
    userId: access.requester,
    clientHash: access.clientHash,
    addressHash: access.addressHash,
    delayIdHash: captures['delay_id'] === undefined ? null : hashText(captures['delay_id']),
    schedule: captures['delay_id'] === undefined ? readSchedule(captures) : null,
  };
}

function buildClaims(match: RecordMatch, request: JoinedRequest): KeysClaimed {
  const claims: KeyClaim[] = [];
  for (const item of match.items) {
    const keyId = item['key_id'];
    const userId = item['user_id'];
    const deviceId = item['device_id'];
    if (typeof keyId === 'string' && typeof userId === 'string' && typeof deviceId === 'string') claims.push({ keyId, userId, deviceId });
  }
  return {
    kind: 'keys_claimed',
    timeMs: match.timeMs,
    provenance: provenanceOf(match, request),
    claims,
    claimer: request.access?.requester ?? null,
  };
}

/** `!` or 499 first, then the status (contract.md, "Delayed events"). */
function decideDelayedOutcome({ status, isClientGone }: RequestAccess): DelayedEventOutcome {
  if (isClientGone || status === 499) return 'client_gave_up';
  if (status === 429) return 'rate_limited';
  if (status === 404) return 'not_found';
  return isSuccess(status) ? 'ok' : 'failed';
}

type RouteCaptures = Readonly<Record<string, string>>;
const NO_CAPTURES: RouteCaptures = {};

function readSchedule(captures: RouteCaptures): NonNullable<DelayedEventRequest['schedule']> {
  const delay = captures['delay_ms'];
  return {
    delayMs: delay !== undefined && DELAY.test(delay) ? Number(delay) : Number.NaN,
    roomId: captures['room_id'] ?? '',
    eventType: captures['event_type'] ?? '',
    stateKey: readStateKey(captures),
  };
}

/** Milliseconds as a client writes them: `18000`. Synapse reads it as an integer (parse_integer). */
const DELAY = /^\d{1,15}$/;

/** A message's route has a transaction id instead. */
function readStateKey({ txn_id: txnId, state_key: stateKey }: RouteCaptures): string | null {
  return txnId === undefined ? (stateKey ?? '') : null;
}

function isMediaKeySend({ route }: RequestAccess): boolean {
  if (route?.rule.definition.emit !== ('to_device_send' satisfies RequestKind)) return false;
  return route.captures['event_type'] === 'm.room.encrypted' && MEDIA_KEY_TXN.test(route.captures['txn_id'] ?? '');
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function buildMessages(stage: ToDeviceStage, match: RecordMatch, request: JoinedRequest): ToDeviceMessages {
  const messages: ToDeviceMessages['messages'][number][] = [];
  for (const item of match.items) {
    const userId = item['user_id'];
    const deviceId = item['device_id'];
    const messageId = item['message_id'];
    messages.push({
      userId: typeof userId === 'string' ? userId : null,
      deviceId: typeof deviceId === 'string' ? deviceId : null,
      idHash: typeof messageId === 'string' && messageId !== '' && messageId !== 'None' ? hashText(messageId) : null,
    });
  }
  const { access } = request;
  return {
    kind: 'to_device_messages',
    timeMs: match.timeMs,
    provenance: provenanceOf(match, request),
    stage,
    isMediaKey: access !== null && isMediaKeySend(access),
    sender: access?.requester ?? null,
    messages,
  };
}

/** The record names message ids only; whose /sync it was, the request's `/sync:` record tells (DEBUG), or at least the user its access line. */
function buildReturned(match: RecordMatch, request: JoinedRequest): ToDeviceMessages {
  const sync = request.matches.find(({ rule }) => rule.definition.emit === 'sync_device');
  const userId = sync ? readText(sync.captures, 'user_id') : (request.access?.requester ?? null);
  const deviceId = sync ? readText(sync.captures, 'device_id') : null;
  const ids = match.captures['message_ids'];
  const messages = (Array.isArray(ids) ? (ids as readonly (string | null)[]) : []).map((id) => ({
    userId,
    deviceId,
    idHash: id === null ? null : hashText(id),
  }));
  return {
    kind: 'to_device_messages',
    timeMs: match.timeMs,
    provenance: provenanceOf(match, request),
    stage: 'returned',
    isMediaKey: false,
    sender: null,
    messages,
  };
}

function provenanceOf({ position, rule }: RecordMatch, { source, requestId, incarnation }: JoinedRequest): Provenance {
  return { source, positions: [position], requestId, incarnation, ruleId: rule.id };
}

function provenanceOfRequest({ position, line, route }: RequestAccess, { source, requestId, incarnation }: JoinedRequest): Provenance {
  return { source, positions: [position], requestId, incarnation, ruleId: route?.rule.id ?? '', line };
}

function provenanceOfUpload({ source, requestId, incarnation, access, matches }: JoinedRequest): Provenance {
  const positions = matches.map(({ position }) => position);
  if (access !== null) positions.push(access.position);
  return { source, positions, requestId, incarnation, ruleId: matches.at(-1)?.rule.id ?? access?.route?.rule.id ?? '' };
}

function readText(captures: Captures, name: string): string {
  const value = captures[name];
  return typeof value === 'string' ? value : '';
}
