/**
 * What a rule may `emit`, and what becomes of it. Record rules emit a *piece* (one record of a request); access-line rules say what the
 * request is. `build-facts.ts` makes facts of both.
 */
export const RECORD_KINDS = {
  one_time_keys_offered: 'an upload offers one-time keys: key_ids, device_id, user_id',
  device_keys_updated: 'an upload has new device keys: device_id, user_id',
  one_time_key_refused: 'the server refuses a one-time key: algorithm, key_id, old_key, new_key',
  one_time_keys_claimed: 'keys were handed out: items with key_id, user_id, device_id',
  to_device_stored: 'to-device messages were stored: items with user_id, device_id, message_id',
  to_device_returned: 'to-device messages were handed out in a /sync: message_ids',
  to_device_dropped: 'to-device messages were for unknown devices: items with user_id, device_id, message_id',
  sync_device: 'whose /sync this is: user_id, device_id',
  devices_deleted: 'devices were deleted: user_id, device_ids',
  logged_in: 'a device logged in: user_id, device_id',
  client_lost: 'the client hung up before the answer was complete',
  unknown_path: 'the server has no such request: of a delayed-event request, so its 404 says nothing of the event',
  server_event: 'life of the process: event, detail',
  client_text: "a record that ends in a text of the client's, which may hold line ends: what follows may be forged",
} as const;

export const REQUEST_KINDS = {
  key_upload: 'POST /keys/upload',
  to_device_send: 'PUT /sendToDevice: event_type, txn_id',
  delayed_event_request: 'scheduling or managing a delayed event: action',
  state_event_sent: 'PUT of a state event, or of a call membership as a message, without a delay: room_id, event_type, state_key',
  redaction: 'PUT /redact: room_id, event_id',
  writes_events: 'writes events into a room: these wait for each other, and for other servers, so its duration is no measure of the server',
  no_latency: 'waits by design, or is internal: its duration says nothing of the server',
} as const;

export type RecordKind = keyof typeof RECORD_KINDS;
export type RequestKind = keyof typeof REQUEST_KINDS;

export const EMITTED_KINDS: ReadonlySet<string> = new Set([...Object.keys(RECORD_KINDS), ...Object.keys(REQUEST_KINDS)]);

/** Requests whose facts hold something of their path; of the others it isn't even decoded. */
export const KINDS_WITH_CAPTURES: ReadonlySet<string> = new Set<RequestKind>([
  'to_device_send',
  'redaction',
  'delayed_event_request',
  'state_event_sent',
]);

/** Requests that write events into rooms. On an idle server one takes a second now and then, so they don't tell how responsive it is. */
export const KINDS_THAT_WRITE: ReadonlySet<string> = new Set<RequestKind>(['writes_events', 'state_event_sent', 'redaction']);

/** Requests whose facts say which client asked (a hash of address and user agent). */
export const KINDS_WITH_CLIENT: ReadonlySet<string> = new Set<RequestKind>([
  'key_upload',
  'to_device_send',
  'delayed_event_request',
  'state_event_sent',
]);

/** Records whose text and line an incident may have to show. */
export const EVIDENCE_KINDS: ReadonlySet<string> = new Set<RecordKind>([
  'one_time_keys_offered',
  'device_keys_updated',
  'one_time_key_refused',
  'one_time_keys_claimed',
  'devices_deleted',
  'server_event',
]);
