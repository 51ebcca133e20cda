/** Uploads of keys as facts: outcomes and devices in contract.md's order, through the real rules. */
import { describe, expect, it } from 'vitest';
import type { KeyUpload, UploadOutcome } from '../../../src/facts/fact.ts';
import {
  accessEntry,
  type DeviceName,
  deviceKeysEntry,
  errorEntry,
  type LogEntry,
  offerEntry,
  refusalEntry,
  renderLog,
  START_MS,
  signedKey,
  UPLOAD_URI,
} from '../records/log-lines.ts';
import { plain, readLog } from './read-log.ts';

const ALICE: DeviceName = { userId: '@alice:example.org', deviceId: 'JLAFKJWSCS' };
const BOB: DeviceName = { userId: '@bob:example.org', deviceId: 'QKZRTPLMND' };
const KEY_ID = 'signed_curve25519:AAAAHQ';
const at = (offsetMs: number) => ({ timeMs: START_MS + offsetMs, request: 'POST-7' });

const offer = offerEntry(at(1), ALICE, [KEY_ID, 'signed_curve25519:AAAAHg']);
const deviceKeys = deviceKeysEntry(at(0), ALICE);
const refusal = refusalEntry(at(2), KEY_ID, { oldKey: signedKey('OLD', BOB), newKey: "{'key': 'NEW'}" });
const access = (status: number, isGone = false) => accessEntry(at(3), { uri: UPLOAD_URI, status, isGone });
const accessBy = (requester: string) => accessEntry(at(3), { uri: UPLOAD_URI, status: 400, requester });

function uploadsOf(entries: readonly LogEntry[]): KeyUpload[] {
  return readLog(renderLog(entries)).facts.filter((fact) => fact.kind === 'key_upload');
}

describe('the outcome of an upload', () => {
  const N = null;
  it.each<[string, LogEntry[], UploadOutcome | null]>([
    ['a refusal and 400', [offer, refusal, access(400)], 'conflict'],
    ['a refusal, and a client that left', [offer, refusal, access(400, true)], 'conflict'],
    ['a refusal, and 200', [offer, refusal, access(200)], 'conflict'],
    ['a refusal, and 499', [offer, refusal, access(499)], 'conflict'],
    ['a refusal, and 500', [offer, refusal, access(500)], 'conflict'],
    ['a refusal without an offer', [refusal, access(400)], 'conflict'],
    ['200 with one-time keys', [offer, access(200)], 'accepted'],
    ['200 with device keys too', [deviceKeys, offer, access(200)], 'accepted'],
    ['200 with one-time keys, and a client that left', [offer, access(200, true)], 'client_gave_up'],
    ['499', [offer, access(499)], 'client_gave_up'],
    ['499 without a record', [access(499)], 'client_gave_up'],
    ['500 and a client that left', [offer, access(500, true)], 'client_gave_up'],
    ['200 with device keys only', [deviceKeys, access(200)], N],
    ['200 without a record', [access(200)], N],
    ['200 without a record, and a client that left', [access(200, true)], 'client_gave_up'],
    ['400 for another reason', [offer, errorEntry(at(2), "400 - Invalid one_time_keys key 'a'", UPLOAD_URI), access(400)], 'rejected'],
    ['401', [access(401)], 'rejected'],
    ['413', [offer, access(413)], 'rejected'],
    ['429', [access(429)], 'rejected'],
    ['204', [offer, access(204)], 'rejected'],
    ['302', [access(302)], 'rejected'],
    ['500', [offer, access(500)], 'failed'],
    ['502', [access(502)], 'failed'],
    ['no access line after a refusal', [offer, refusal], N],
    ['no access line after an offer', [offer], N],
  ])('%s is as the contract says', (_, entries, outcome) => {
    expect(uploadsOf(entries).map((upload) => upload.outcome)).toEqual([outcome]);
  });

  it.each([
    ['another route', '/_matrix/client/v3/keys/query'],
    ['another path below', '/_matrix/client/v3/keys/upload/../../x'],
    ['the replication endpoint of old workers', '/_synapse/replication/upload_keys_for_user/x'],
  ])('isn’t there for records that belong to %s', (_, uri) => {
    expect(uploadsOf([offer, accessEntry(at(3), { uri, status: 200 })]).map((upload) => upload.outcome)).toEqual([null]);
    expect(uploadsOf([accessEntry(at(3), { uri, status: 400 })])).toEqual([]);
  });

  it('is there for every version of the endpoint', () => {
    for (const uri of [
      '/_matrix/client/r0/keys/upload',
      '/_matrix/client/unstable/keys/upload?x=1',
      '/_matrix/client/v3/keys/upload/JLAFKJWSCS',
    ])
      expect(uploadsOf([offer, accessEntry(at(3), { uri })]).map(({ outcome }) => outcome)).toEqual(['accepted']);
  });
});

describe('the device of an upload', () => {
  const UNSIGNED = refusalEntry(at(2), KEY_ID, { oldKey: '"OLD"', newKey: "'NEW'" });
  const CAROL: DeviceName = { userId: '@carol:example.org', deviceId: 'CAROLDEVIC' };

  it.each<[string, LogEntry[], DeviceName | null]>([
    ['the offer', [deviceKeysEntry(at(0), BOB), offer, refusal, access(400)], ALICE],
    ['the device keys, where there is no offer', [deviceKeysEntry(at(0), CAROL), refusal, access(400)], CAROL],
    ['the signatures in the old key, where there is neither', [refusal, accessBy(BOB.userId)], BOB],
    ['the signatures in the old key, where the requester isn’t known', [refusal, accessBy('None')], BOB],
    ['nothing, where the old key is signed in the name of another user', [refusal, access(400)], null],
    ['nothing, where the old key has none', [UNSIGNED, access(400)], null],
    ['nothing, where nothing was logged', [access(401)], null],
  ])('is named by %s', (_, entries, name) => {
    expect(uploadsOf(entries).map(({ userId, deviceId }) => ({ userId, deviceId }))).toEqual([name ?? { userId: null, deviceId: null }]);
  });

  it.each([
    ['no JSON object', '"text"'],
    ['no signatures', '{"key":"OLD"}'],
    ['empty signatures', '{"key":"OLD","signatures":{}}'],
    ['signatures of another form', '{"key":"OLD","signatures":[1]}'],
    ['a user without a device', '{"key":"OLD","signatures":{"@bob:hs":{}}}'],
    ['a signature of another kind', '{"key":"OLD","signatures":{"@bob:hs":{"rsa:X":"S"}}}'],
    ['null', 'null'],
  ])('isn’t made up from an old key with %s', (_, oldKey) => {
    expect(uploadsOf([refusalEntry(at(2), KEY_ID, { oldKey, newKey: "'N'" }), access(400)])).toMatchObject([
      { userId: null, deviceId: null, outcome: 'conflict' },
    ]);
  });

  it('without a name is counted as unattributed, by outcome', () => {
    const inOwnRequest = (entry: LogEntry, index: number) => ({ ...entry, request: `POST-${100 + index}` });
    const log = [access(401), access(499), access(500), access(200), access(200, true)].map(inOwnRequest);
    const { pipeline } = readLog(renderLog([...log, UNSIGNED, access(400)]));
    expect(pipeline.devices.unattributed).toEqual({ conflicts: 1, rejected: 1, client_gave_up: 2, failed: 1 });
    expect(pipeline.devices.list()).toEqual([]);
  });
});

describe('a refusal', () => {
  it.each([
    ['an object', '{"key":"OLD"}', "{'key': 'NEW'}"],
    ['a text', '"OLD"', "'NEW'"],
    ['a text that holds the words between the keys', '"a; new key: b"', "'; new key: '"],
    ['an object that holds them', '{"key":"x; new key: y"}', "{'weird': 'it\\'s \"q\" \\n null', 'n': None, 't': True}"],
    ['an object and a text', '{"key":"OLD"}', "'NEW'"],
  ])('keeps the keys as they stand: %s', (_, oldKey, newKey) => {
    expect(uploadsOf([offer, refusalEntry(at(2), KEY_ID, { oldKey, newKey }), access(400)]).map(({ refusals }) => refusals)).toEqual([
      [{ keyId: KEY_ID, oldKey, newKey }],
    ]);
  });

  it('keeps a key id with a newline in it (a client’s doing)', () => {
    const keyId = 'signed_curve25519:AA\nAA';
    expect(uploadsOf([refusalEntry(at(2), keyId, { oldKey: '"O"', newKey: "'N'" }), access(400)])[0]?.refusals).toEqual([
      { keyId, oldKey: '"O"', newKey: "'N'" },
    ]);
  });

  it.each([
    [
      'of a replication request',
      '/_synapse/replication/upload_keys_for_user/x',
      '400 - One time key a:b already exists. Old key: {}; new key: {}',
    ],
    ['of another route', '/_matrix/client/v3/keys/query', '400 - One time key a:b already exists. Old key: {}; new key: {}'],
    ['with another status', UPLOAD_URI, '409 - One time key a:b already exists. Old key: {}; new key: {}'],
    ['with another text', UPLOAD_URI, '400 - One time key a:b is there. Old key: {}; new key: {}'],
    ['about another thing that exists', UPLOAD_URI, '400 - Token already exists: x'],
  ])('isn’t one %s', (_, uri, error) => {
    const { pipeline } = readLog(renderLog([offer, errorEntry(at(2), error, uri), access(400)]));
    expect(pipeline.devices.list()).toMatchObject([{ conflictCount: 0, keyUploads: { conflict: 0, rejected: 1 } }]);
  });

  it('in a user’s words isn’t one: forged text in another message', () => {
    const forged = errorEntry(
      at(2),
      '400 - Unknown login type One time key a:b already exists. Old key: {}; new key: {}',
      '/_matrix/client/v3/login',
    );
    expect(readLog(renderLog([forged])).facts).toEqual([]);
  });

  it('of 25 MB is still seen, with its key id and device, and holds bounded memory', () => {
    const long = refusalEntry(at(2), KEY_ID, { oldKey: signedKey('OLD', ALICE), newKey: `{'key': '${'x'.repeat(25_000_000)}'}` });
    const log = Buffer.from(renderLog([long, access(400)]));
    for (const sizes of [[65_536], [1 << 20]]) {
      const reading = readLog(log, { sizes });
      expect(reading.facts).toMatchObject([{ kind: 'key_upload', ...ALICE, outcome: 'conflict', refusals: [{ keyId: KEY_ID }] }]);
      expect(reading.facts[0]?.provenance.positions).toEqual([0, log.length - Buffer.byteLength(renderLog([access(400)]))]);
      expect(reading.pipeline.devices.list()[0]?.conflictKeyIds).toEqual(new Set([KEY_ID]));
    }
  });

  it.each([
    ['an invalid key id', `400 - Invalid one_time_keys key '${'x'.repeat(300_000)}'. Expected "<algorithm>:<device_id>".`],
    ['a validation error', `400 - 1 validation error for KeyUploadRequestBody\n${'x'.repeat(300_000)}`],
    ['a long error with a colon', `400 - Unable to read: ${'x'.repeat(300_000)}`],
  ])('isn’t seen in a record that was cut and says something else: %s', (_, error) => {
    for (const sizes of [[1 << 20], [65_536]]) {
      const { pipeline } = readLog(renderLog([offer, errorEntry(at(2), error, UPLOAD_URI), access(400)]), { sizes });
      expect(pipeline.devices.list()).toMatchObject([{ conflictCount: 0, keyUploads: { rejected: 1, conflict: 0 } }]);
    }
  });
});

describe('the fact', () => {
  it('has the time of its last record, all its positions and its request', () => {
    const entries = [deviceKeys, offer, refusal, access(400)];
    const [upload] = uploadsOf(entries);
    let position = 0;
    const positions = entries.map((entry) => {
      const start = position;
      position += Buffer.byteLength(renderLog([entry]));
      return start;
    });
    expect(plain(upload)).toMatchObject({
      timeMs: START_MS + 2,
      provenance: { source: 'homeserver.log', positions, requestId: 'POST-7', incarnation: 0 },
      offeredKeyIds: [KEY_ID, 'signed_curve25519:AAAAHg'],
      hasDeviceKeys: true,
      access: { timeMs: START_MS + 3, status: 400, requester: '@alice:example.org', procMs: 12 },
    });
  });
});
