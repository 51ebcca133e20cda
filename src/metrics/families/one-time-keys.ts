/**
 * One-time keys: uploads, claims, and devices whose keys no longer fit the server's (KE-1).
 */
import type { FamilySpec } from '../family-spec.ts';

/** Why a device's keys and the server's differ (reference/e2ee-evidence.md, lab-findings.md). */
const CAUSE = {
  name: 'cause',
  values: ['identity_reset', 'volatile_store', 'rollback', 'concurrent_writers', 'server_rollback', 'unknown'],
  otherwise: 'unknown',
} as const;

export const ONE_TIME_KEY_FAMILIES = [
  {
    name: 'lotus_e2ee_otk_conflicts_total',
    type: 'counter',
    unit: 'refusals',
    help: 'One-time-key uploads that the homeserver refused with 400 because the key id already exists with another key (KE-1).',
    labels: [],
  },
  {
    name: 'lotus_e2ee_device_otk_conflicts_total',
    type: 'counter',
    unit: 'refusals',
    help: 'One-time-key uploads refused because the key id already exists (KE-1), by device. Only devices with an open or recent incident.',
    labels: [],
    isPerDevice: true,
  },
  {
    name: 'lotus_e2ee_key_uploads_total',
    type: 'counter',
    unit: 'requests',
    help: 'Key uploads by what came of them, decided at the access line: a refusal record, then a client that gave up, then the status. An upload without one-time keys that succeeded counts nowhere.',
    labels: [{ name: 'outcome', values: ['accepted', 'conflict', 'rejected', 'client_gave_up', 'failed'] }],
  },
  {
    name: 'lotus_e2ee_key_claims_total',
    type: 'counter',
    unit: 'keys',
    help: 'Keys handed out to peers. fallback: a key id handed out again, with no accepted upload of it and no database restore in between.',
    labels: [{ name: 'kind', values: ['one_time', 'fallback'] }],
  },
  {
    name: 'lotus_e2ee_poisoned_claims_total',
    type: 'counter',
    unit: 'keys',
    help: 'Keys handed out whose private half the device no longer had: what the peer encrypts with it stays unreadable (KE-1, leads to KE-2).',
    labels: [],
  },
  {
    name: 'lotus_e2ee_devices',
    type: 'gauge',
    unit: 'devices',
    help: 'Devices by how their one-time keys stand: healthy, isolated (a few refusals, none after), storm (refused again and again), dormant (still diverged, no attempt for 15 min), closed (device deleted).',
    labels: [{ name: 'state', values: ['healthy', 'isolated', 'storm', 'dormant', 'closed'] }],
  },
  {
    name: 'lotus_e2ee_active_storms',
    type: 'gauge',
    unit: 'devices',
    help: 'Devices in a one-time-key storm now, by cause: at least 3 refusals over 60 s or more, or over 60 within a minute (KE-1). Alert on this one.',
    labels: [CAUSE],
  },
  {
    name: 'lotus_e2ee_device_storm_active',
    type: 'gauge',
    unit: 'devices',
    help: 'Is 1 for each device that is in a one-time-key storm now, with its cause (KE-1). The series ends with the storm.',
    labels: [CAUSE],
    isPerDevice: true,
  },
  {
    name: 'lotus_e2ee_flagged_devices',
    type: 'gauge',
    unit: 'devices',
    help: 'Devices that have a flag: hot_loop (was refused over 60 times a minute), critical (10 times a second or more), silent_identity_change (came with new device keys, without a login and without a refusal), exhaustion_suspected (at most 5 keys left), exhausted (its fallback key was handed out). Most flags stay.',
    labels: [{ name: 'flag', values: ['hot_loop', 'critical', 'silent_identity_change', 'exhaustion_suspected', 'exhausted'] }],
  },
] as const satisfies readonly FamilySpec[];
