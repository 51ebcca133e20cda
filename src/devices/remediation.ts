/**
 * What heals a diverged device, by its cause, best first: each a sentence for the operator, with the very command where there is one. Nothing here is
 * ever done by us.
 *
 * The ranking is the runbook's (least destructive first), corrected by what real runs showed (e2ee-evidence 5.4 and 8): a new account is healed by
 * a new device id alone, so neither by deleting rows nor by another SDK; an older store heals by itself only after the whole stock was handed
 * out. Changing rows of a running server is left out on purpose.
 */
import type { CauseName } from './cause.ts';

/** `DELETE /_synapse/admin/v2/users/%40alice%3Ahs/devices/JLAFKJWSCS` */
function deleteDeviceCommand(userId: string, deviceId: string): string {
  return `DELETE /_synapse/admin/v2/users/${encodePathPart(userId)}/devices/${encodePathPart(deviceId)}`;
}

/** A lone surrogate can't be encoded; it can't stand in a real id either. */
function encodePathPart(text: string): string {
  return encodeURIComponent(text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD'));
}

export function remediationOf(cause: CauseName, userId: string, deviceId: string): readonly string[] {
  switch (cause) {
    case 'identity_reset':
      return [
        ...logOutAndIn(userId, deviceId, 'Only a new device id heals it: contacts who knew the old identity refuse the new one for ever.'),
        PERSIST,
        LOOP_DETECTION,
      ];
    case 'volatile_store':
      return [
        'First let the client keep its store (no private window, no memory store, site data not cleared on exit): else each page load breaks the device again.',
        ...logOutAndIn(userId, deviceId, 'Then a new device id heals it.'),
        PERSIST,
      ];
    case 'rollback':
      return [
        ...logOutAndIn(userId, deviceId, 'By itself it heals only when peers have used up the whole stock of keys, up to 50 of them.'),
        'If the profile or the machine is restored from a backup or a snapshot, log out before the next restore.',
        PERSIST,
        LOOP_DETECTION,
      ];
    case 'concurrent_writers':
      return [
        'Close all other tabs and processes of this session first, then reload the one that is left: it recovers if its state was the last to be written. Costs nothing.',
        ...logOutAndIn(userId, deviceId, 'If it is refused again after the reload, it goes on like an older store.'),
        'Prevention: one tab at a time (a lock by navigator.locks or a BroadcastChannel in the client); one process for each device of a bot.',
      ];
    case 'server_rollback':
      return SERVER_ROLLBACK_STEPS;
    case 'unknown':
      return [
        ...logOutAndIn(userId, deviceId, 'Whatever the cause, a new device id heals it.'),
        'Log synapse.handlers.e2e_keys at INFO: its lines tell the cause at the next refusal.',
      ];
  }
}

export const SERVER_ROLLBACK_STEPS: readonly string[] = [
  "Stop Synapse, then empty its table of one-time keys (TRUNCATE e2e_one_time_keys_json), then start it: the step that Synapse's documentation on backups gives for a restored database. Clients upload new keys at their next /sync. Affects all local devices for moments, no messages; take a dump first; never while Synapse runs.",
  'Prevention: leave e2e_one_time_keys_json out of backups, or empty it as part of each restore.',
];

export const EXHAUSTION_STEPS: readonly string[] = [
  'Bring the device online: it uploads new keys by itself at its next /sync. Costs nothing.',
  'If it is a device that nobody uses any more, log it out: peers stop claiming its keys.',
];

/** What an amplifier takes: not the cause, but the load. */
export function hotLoopSteps(userId: string, deviceId: string): readonly string[] {
  return [
    `Stop the client (close the tab, stop the bot): the loop ends at once. matrix-js-sdk 40.0.0 loops like this; 40.1.0 and later do not.`,
    `If its user can't be reached: ${deleteCommandSentence(userId, deviceId)}`,
  ];
}

function logOutAndIn(userId: string, deviceId: string, why: string): readonly string[] {
  return [
    `Log this device out and in again, as a new device: in the client's own settings. ${why} Affects this device alone. It must be verified anew, and reads its old messages only from key backup, so have the recovery key at hand first.`,
    `If its user can't log out: ${deleteCommandSentence(userId, deviceId)}`,
    "Clearing the browser's storage without logging out is no cure: the server keeps the device and its keys, and the fault comes back.",
  ];
}

function deleteCommandSentence(userId: string, deviceId: string): string {
  return `as an administrator, ${deleteDeviceCommand(userId, deviceId)} (the device is logged out; its verification is lost, and messages that are not in key backup with it).`;
}

const PERSIST = 'Prevention: a store that lasts: the client asks for it with navigator.storage.persist() at start.';
const LOOP_DETECTION =
  'Prevention: a client that stops after several refusals and asks its user to log out and in, instead of trying for ever.';
