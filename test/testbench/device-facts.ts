/** Facts about one device's keys, as short as a test wants to write them. Ids are counters; times are seconds since a fixed start. */
import type { Fact, KeyUpload, Provenance, UploadOutcome } from '../../src/facts/fact.ts';
import { ModelServer } from './fault-world/model-server.ts';

export const USER = '@alice:hs';
export const DEVICE = 'JLAFKJWSCS';
const T0_MS = Date.UTC(2026, 5, 30, 12);
const PROVENANCE: Provenance = { source: 'homeserver.log', positions: [0], requestId: 'POST-1', incarnation: 0, ruleId: 'test' };

/** Log time, from seconds. */
export const at = (seconds: number): number => T0_MS + seconds * 1000;
export const id = (counter: number): string => ModelServer.keyId(counter);
/** Ids of the counters from `from` to `to`, both included. */
export const ids = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => id(from + i)).sort();

interface UploadFields {
  readonly offered: readonly string[];
  readonly hasDeviceKeys?: boolean;
  readonly deviceId?: string;
  readonly userId?: string;
}

function uploadFact(seconds: number, outcome: UploadOutcome | null, fields: UploadFields, more: Partial<KeyUpload> = {}): KeyUpload {
  const { offered, hasDeviceKeys = false, deviceId = DEVICE, userId = USER } = fields;
  return {
    kind: 'key_upload',
    timeMs: at(seconds),
    provenance: PROVENANCE,
    userId,
    deviceId,
    offeredKeyIds: offered,
    hasDeviceKeys,
    refusals: [],
    outcome,
    access: null,
    lines: [{ line: 1, position: 0, timeMs: at(seconds), text: `upload of ${deviceId}` }],
    ...more,
  };
}

export const accepted = (seconds: number, offered: readonly string[], more: Omit<UploadFields, 'offered'> = {}): KeyUpload =>
  uploadFact(seconds, 'accepted', { ...more, offered });

/** Refused at the first of the offered ids, or at `at`; `value` tells new keys apart. */
export const refused = (
  seconds: number,
  offered: readonly string[],
  {
    value = 'A',
    at: refusedId = offered[0] ?? id(0),
    ...more
  }: Omit<UploadFields, 'offered'> & { readonly value?: string; readonly at?: string } = {},
): KeyUpload =>
  uploadFact(
    seconds,
    'conflict',
    { ...more, offered },
    { refusals: [{ keyId: refusedId, oldKey: '{}', newKey: `new ${value} ${refusedId}` }] },
  );

/** An upload of which no access line was seen, or one whose client left. */
export const unanswered = (seconds: number, offered: readonly string[], outcome: 'client_gave_up' | null = null): KeyUpload =>
  uploadFact(seconds, outcome, { offered });

export const claimed = (
  seconds: number,
  keyIds: readonly string[],
  { claimer = '@bob:hs' as string | null, deviceId = DEVICE, userId = USER } = {},
): Fact => ({
  kind: 'keys_claimed',
  timeMs: at(seconds),
  provenance: PROVENANCE,
  claims: keyIds.map((keyId) => ({ keyId, userId, deviceId })),
  claimer,
  lines: [{ line: 2, position: 50, timeMs: at(seconds), text: `claim of ${deviceId}` }],
});

export const deleted = (seconds: number, deviceId = DEVICE): Fact => ({
  kind: 'devices_deleted',
  timeMs: at(seconds),
  provenance: PROVENANCE,
  userId: USER,
  deviceIds: [deviceId],
});

export const loggedIn = (seconds: number, deviceId = DEVICE, userId = USER): Fact => ({
  kind: 'logged_in',
  timeMs: at(seconds),
  provenance: PROVENANCE,
  userId,
  deviceId,
});

export const started = (seconds: number, source = 'homeserver.log'): Fact => ({
  kind: 'server_event',
  timeMs: at(seconds),
  provenance: { ...PROVENANCE, source },
  event: 'started',
  detail: '',
});

export const tokenAhead = (seconds: number, userId: string): Fact => ({
  kind: 'server_event',
  timeMs: at(seconds),
  provenance: PROVENANCE,
  event: 'token_from_future',
  detail: '',
  userId,
});
