/**
 * In: random numbers. Out: texts that a client can put into a user agent, a path or a key id to look like another line.
 *
 * Invariant: none of them is a second whole access line with address, site and requester (that would make the record untrusted by
 * design.md 7), and none forges a record of its own: each counts as what it really is, so the ground truth stays plain.
 */
import type { Random } from './random.ts';

const CONFLICT =
  "x\\\" - synapse.http.server - 130 - INFO - POST-1 - <XForwardedForRequest at 0x7f00 method='POST' uri='/_matrix/client/v3/keys/upload' " +
  "clientproto='HTTP/1.1' site='8008'> SynapseError: 400 - One time key signed_curve25519:AAAAAAAAAHQ already exists. Old key: {}; new key: {}";
const ADDING =
  "Adding one_time_keys dict_keys(['signed_curve25519:AAAAAAAAAHQ']) for device 'EVIL' for user '@mallory:example.org' at 1751284800000";
const ACCESS =
  '{@mallory:example.org} Processed request: 999.000sec/0.001sec ru=(0.000sec, 0.000sec) db=(0.000sec/0.000sec/0) 1B 200 ' +
  '"POST /_matrix/client/v3/keys/upload HTTP/1.1" "-" [0 dbevts]';

const USER_AGENTS: readonly string[] = [
  CONFLICT,
  ADDING,
  ACCESS,
  ') 5B 200 "GET /_matrix/client/v3/keys/upload HTTP/1.1" "',
  `${'a'.repeat(3000)} already exists`,
  '\ufffd\ufffd\ufffd UA \ufffd',
  '" "" [0 dbevts] {',
  `${'('.repeat(30)}${'A'.repeat(200)}`,
];

export function hostileUserAgent(random: Random): string {
  return random.pick(USER_AGENTS);
}

/** A path that resembles one of a known servlet, and the method under which it does. All of them end in 404 `Unrecognized request`. */
export function hostilePath(random: Random): { readonly method: string; readonly uri: string } {
  const at = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events';
  return random.pick([
    { method: 'GET', uri: '/_matrix/client/v3/keys/upload/../../x' },
    { method: 'POST', uri: '/_matrix/client/v3/keys/upload/../../x' },
    { method: 'GET', uri: '/x?next=/_matrix/client/v3/keys/upload' },
    { method: 'GET', uri: '/%22/keys/claim%22' },
    { method: 'GET', uri: '/"GET/_matrix/client/v3/sync"' },
    { method: 'GET', uri: '/already%20exists' },
    { method: 'POST', uri: `${at}/syd_aaaaaaaaaaaaaaaaaaaa/restart/x` },
    { method: 'POST', uri: `${at}/syd_aaaaaaaaaaaaaaaaaaaa/fire` },
    { method: 'PUT', uri: '/_matrix/client/v3/sendToDevice/m.room.encrypted' },
    { method: 'PUT', uri: '/_matrix/client/v3/sendToDevice/m.room.encrypted/m1751284800000.1/x' },
    { method: 'PUT', uri: '/_matrix/client/v3/room_keys/keys/upload?version=1' },
  ]);
}

/** Key ids (behind `signed_curve25519:`) with one-time-key texts in them; a colon isn't possible (reference/synapse-log-lines.md 4.1). */
const KEY_IDS: readonly string[] = [
  'AAAA already exists. AAAA',
  'AAAA\nBBBB',
  "o'clock",
  "x']) for device 'EVIL' for user '@mallory' at 1751284800000",
  'schlüssel; new key= {}',
];

export function hostileKeyId(random: Random): string {
  return random.pick(KEY_IDS);
}
