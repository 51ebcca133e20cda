/**
 * One request to /keys/upload as a fact. In: the joined request. Out: whose upload it was, what it offered, what was refused, and the
 * outcome, decided once, by contract.md ("What each word means").
 */
import type { JoinedRequest, RecordMatch, RequestAccess } from '../requests/joined-request.ts';
import type { FactLine, KeyUpload, Provenance, Refusal, UploadOutcome } from './fact.ts';

export function buildKeyUpload(request: JoinedRequest, provenance: Provenance): KeyUpload {
  let offered: RecordMatch | undefined;
  let updated: RecordMatch | undefined;
  const refusals: Refusal[] = [];
  for (const match of request.matches) {
    const kind = match.rule.definition.emit;
    if (kind === 'one_time_keys_offered') offered ??= match;
    else if (kind === 'device_keys_updated') updated ??= match;
    else if (kind === 'one_time_key_refused') refusals.push(readRefusal(match));
  }
  const offeredKeyIds = offered ? readTexts(offered.captures['key_ids']) : [];
  const isUpload = request.access?.route?.rule.definition.emit === 'key_upload';
  const { userId, deviceId } = findDevice(offered, updated, refusals, request.access?.requester ?? null);
  const lines = readLines(request.matches);
  const upload: KeyUpload = {
    kind: 'key_upload',
    timeMs: request.matches.at(-1)?.timeMs ?? request.access?.timeMs ?? Number.NaN,
    provenance,
    userId,
    deviceId,
    offeredKeyIds,
    hasDeviceKeys: updated !== undefined,
    refusals,
    outcome: request.access !== null && isUpload ? decideOutcome(request.access, refusals.length > 0, offeredKeyIds.length > 0) : null,
    access: request.access,
  };
  return lines.length > 0 ? { ...upload, lines } : upload;
}

/** Lines of the records that carry their text. */
export function readLines(matches: readonly RecordMatch[]): readonly FactLine[] {
  const lines: FactLine[] = [];
  for (const { line = null, position, timeMs, text } of matches) if (text !== undefined) lines.push({ line, position, timeMs, text });
  return lines;
}

/** The order is the contract's: a refusal first, then a client that left, then the status. */
function decideOutcome({ status, isClientGone }: RequestAccess, isRefused: boolean, hasOneTimeKeys: boolean): UploadOutcome | null {
  if (isRefused) return 'conflict';
  if (isClientGone || status === 499) return 'client_gave_up';
  if (status === 200) return hasOneTimeKeys ? 'accepted' : null;
  return status >= 500 ? 'failed' : 'rejected';
}

/**
 * The first that exists: the offer, the device keys, the signatures inside the old key. Signatures are the client's choice: one in another
 * user's name (than the access line's) names nobody, so that nobody can make an innocent device look diverged.
 */
function findDevice(
  offered: RecordMatch | undefined,
  updated: RecordMatch | undefined,
  refusals: readonly Refusal[],
  requester: string | null,
): { userId: string | null; deviceId: string | null } {
  for (const match of [offered, updated]) {
    const userId = match?.captures['user_id'];
    const deviceId = match?.captures['device_id'];
    if (typeof userId === 'string' && typeof deviceId === 'string') return { userId, deviceId };
  }
  for (const { oldKey } of refusals) {
    const device = oldKey === null ? null : readSigner(oldKey);
    if (device !== null && (requester === null || requester.split('|').includes(device.userId))) return device;
  }
  return { userId: null, deviceId: null };
}

/** `{"key":"…","signatures":{"@alice:hs":{"ed25519:JLAFKJWSCS":"…"}}}`: the device that signed its own key. */
function readSigner(keyJson: string): { userId: string; deviceId: string } | null {
  let key: unknown;
  try {
    key = JSON.parse(keyJson);
  } catch {
    return null;
  }
  const signatures = readObject(readObject(key)?.['signatures']);
  const userId = Object.keys(signatures ?? {})[0];
  const keyId = Object.keys(readObject(signatures?.[userId ?? '']) ?? {}).find((id) => id.startsWith('ed25519:'));
  return userId === undefined || keyId === undefined ? null : { userId, deviceId: keyId.slice('ed25519:'.length) };
}

function readObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null;
}

function readRefusal({ captures }: RecordMatch): Refusal {
  const text = (name: string): string | null => (typeof captures[name] === 'string' ? captures[name] : null);
  return { keyId: `${text('algorithm') ?? ''}:${text('key_id') ?? ''}`, oldKey: text('old_key'), newKey: text('new_key') };
}

/** The texts of a list capture, Nones left out. */
export function readTexts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  const entries = value as readonly (string | null)[];
  return entries.includes(null) ? entries.filter((entry) => entry !== null) : (entries as readonly string[]);
}
