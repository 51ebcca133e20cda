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
  Provenance,
  ServerEvent,
  ToDeviceMessages,
  ToDeviceStage,
} from './fact.ts';
import { buildKeyUpload, readLines, readTexts } from './key-upload.ts';

type RecordBuilder = (match: RecordMatch, request: JoinedRequest) => Fact | null;
type RequestBuilder = (access: RequestAccess, request: JoinedRequest) => Fact | null;

/** Pieces of an upload make one fact together; `sync_device` only tells whose request it is. */
const RECORD_BUILDERS: Readonly<Partial<Record<RecordKind, RecordBuilder>>> = {
  one_time_keys_claimed: (match, request) => ({
    kind: 'keys_claimed',
    ...base(match, request),
    claims: match.items.flatMap(({ key_id: keyId, user_id: userId, device_id: deviceId }) =>
      typeof keyId === 'string' && typeof userId === 'string' && typeof deviceId === 'string' ? [{ keyId, userId, deviceId }] : [],
    ),
    claimer: request.access?.requester ?? null,
  }),
  to_device_stored: (match, request) => buildMessages('stored', match, request),
  to_device_dropped: (match, request) => buildMessages('dropped', match, request),
  to_device_returned: (match, request) => buildReturned(match, request),
  devices_deleted: (match, request) => ({
    kind: 'devices_deleted',
    ...base(match, request),
    userId: readText(match.captures, 'user_id'),
    deviceIds: readTexts(match.captures['device_ids']),
  }),
  logged_in: (match, request) => ({
    kind: 'logged_in',
    ...base(match, request),
    userId: readText(match.captures, 'user_id'),
    deviceId: readText(match.captures, 'device_id'),
  }),
  client_lost: (match, request) => ({ kind: 'client_lost', ...base(match, request) }),
  server_event: (match, request) => ({
    kind: 'server_event',
    ...base(match, request),
    event: readText(match.captures, 'event') as ServerEvent['event'],
    detail: readText(match.captures, 'detail'),
    userId: request.access?.requester ?? null,
  }),
};

const REQUEST_BUILDERS: Readonly<Partial<Record<RequestKind, RequestBuilder>>> = {
  to_device_send: (access, request) => {
    return {
      kind: 'to_device_send',
      ...baseOfRequest(access, request),
      clientHash: access.clientHash,
      eventType: access.route?.captures['event_type'] ?? '',
      isMediaKey: isMediaKeySend(access),
      isOk: isSuccess(access.status),
      sender: access.requester,
    };
  },
  delayed_event_request: (access, request) => ({
    kind: 'delayed_event_request',
    ...baseOfRequest(access, request),
    action: (access.route?.rule.definition.set?.['action'] ?? 'unknown') as DelayedEventAction,
    outcome: decideDelayedOutcome(access),
    status: access.status,
    isClientGone: access.isClientGone,
    isUnknownPath: request.matches.some(({ rule }) => rule.definition.emit === 'unknown_path'),
    durationMs: access.procMs + Math.max(0, access.sendMs),
    userId: access.requester,
    clientHash: access.clientHash,
    ...readDelayedEvent(access.route?.captures ?? {}),
  }),
  state_event_sent: (access, request) => ({
    kind: 'state_event_sent',
    ...baseOfRequest(access, request),
    roomId: access.route?.captures['room_id'] ?? '',
    eventType: access.route?.captures['event_type'] ?? '',
    stateKey: readStateKey(access.route?.captures ?? {}),
    isOk: isSuccess(access.status),
    userId: access.requester,
    clientHash: access.clientHash,
  }),
  redaction: (access, request) => ({
    kind: 'redaction',
    ...baseOfRequest(access, request),
    roomId: access.route?.captures['room_id'] ?? '',
    eventId: access.route?.captures['event_id'] ?? '',
    userId: access.requester,
    isOk: isSuccess(access.status),
  }),
};

/** Transaction ids of call keys: `m1782820800123.7` (matrix-js-sdk makeTxnId; lab-findings B 15). */
const MEDIA_KEY_TXN = /^m\d{13}\.\d+$/;

export function buildFacts(request: JoinedRequest): Fact[] {
  const facts: Fact[] = [];
  const { access, matches } = request;
  const kind = access?.route?.rule.definition.emit as RequestKind | undefined;
  let isUpload = kind === 'key_upload';
  for (const match of matches) {
    const emitted = match.rule.definition.emit as RecordKind;
    const builder = RECORD_BUILDERS[emitted];
    const fact = builder === undefined ? null : builder(match, request);
    if (fact !== null) facts.push(fact);
    if (emitted === 'one_time_keys_offered' || emitted === 'device_keys_updated' || emitted === 'one_time_key_refused') isUpload = true;
  }
  if (isUpload) facts.push(buildKeyUpload(request, provenanceOfUpload(request)));
  const own = access === null || kind === undefined ? null : (REQUEST_BUILDERS[kind]?.(access, request) ?? null);
  if (own !== null) facts.push(own);
  return facts;
}

/** `!` or 499 first, then the status (contract.md, "Delayed events"). */
function decideDelayedOutcome({ status, isClientGone }: RequestAccess): DelayedEventOutcome {
  if (isClientGone || status === 499) return 'client_gave_up';
  if (status === 429) return 'rate_limited';
  if (status === 404) return 'not_found';
  return isSuccess(status) ? 'ok' : 'failed';
}

type RouteCaptures = Readonly<Record<string, string>>;

function readDelayedEvent(captures: RouteCaptures): Pick<DelayedEventRequest, 'delayIdHash' | 'schedule'> {
  const { delay_id: delayId, delay_ms: delay, room_id: roomId = '', event_type: eventType = '' } = captures;
  if (delayId !== undefined) return { delayIdHash: hashText(delayId), schedule: null };
  const delayMs = delay !== undefined && DELAY.test(delay) ? Number(delay) : Number.NaN;
  return { delayIdHash: null, schedule: { delayMs, roomId, eventType, stateKey: readStateKey(captures) } };
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
  const messages = match.items.map(({ user_id: userId, device_id: deviceId, message_id: messageId }) => ({
    userId: typeof userId === 'string' ? userId : null,
    deviceId: typeof deviceId === 'string' ? deviceId : null,
    messageId: typeof messageId === 'string' && messageId !== '' && messageId !== 'None' ? messageId : null,
  }));
  const { access } = request;
  const isMediaKey = access !== null && isMediaKeySend(access);
  return { kind: 'to_device_messages', ...base(match, request), stage, isMediaKey, sender: access?.requester ?? null, messages };
}

/** The record names message ids only; whose /sync it was, the request's `/sync:` record tells (DEBUG), or at least the user its access line. */
function buildReturned(match: RecordMatch, request: JoinedRequest): ToDeviceMessages {
  const sync = request.matches.find(({ rule }) => rule.definition.emit === 'sync_device');
  const userId = sync ? readText(sync.captures, 'user_id') : (request.access?.requester ?? null);
  const deviceId = sync ? readText(sync.captures, 'device_id') : null;
  const ids = match.captures['message_ids'];
  const messages = (Array.isArray(ids) ? (ids as readonly (string | null)[]) : []).map((messageId) => ({ userId, deviceId, messageId }));
  return { kind: 'to_device_messages', ...base(match, request), stage: 'returned', isMediaKey: false, sender: null, messages };
}

function base(match: RecordMatch, request: JoinedRequest): Pick<Fact, 'timeMs' | 'provenance' | 'lines'> {
  const { source, requestId, incarnation } = request;
  const lines = readLines([match]);
  const provenance = { source, positions: [match.position], requestId, incarnation, ruleId: match.rule.id };
  return { timeMs: match.timeMs, provenance, ...(lines.length > 0 && { lines }) };
}

function baseOfRequest(
  access: RequestAccess,
  { source, requestId, incarnation }: JoinedRequest,
): { timeMs: number; provenance: Provenance } {
  return {
    timeMs: access.timeMs,
    provenance: { source, positions: [access.position], requestId, incarnation, ruleId: access.route?.rule.id ?? '' },
  };
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
