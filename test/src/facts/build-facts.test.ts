/** All other facts: to-device messages, claims, delayed events, redactions, deleted devices, logins, the server's life. */
import { describe, expect, it } from 'vitest';
import { type DelayedEventOutcome, type Fact, factId } from '../../../src/facts/fact.ts';
import { hashText } from '../../../src/lines/private-hash.ts';
import {
  accessEntry,
  bannerEntries,
  claimEntry,
  type LogEntry,
  messagesEntry,
  renderLog,
  returnEntry,
  START_MS,
  syncEntry,
  TO_DEVICE_LOGGER,
} from '../records/log-lines.ts';
import { plain, readLog } from './read-log.ts';

const PUT = { timeMs: START_MS, request: 'PUT-3001' };
const GET = { timeMs: START_MS, request: 'GET-3002' };
const POST = { timeMs: START_MS, request: 'POST-4' };
const BOB = { userId: '@bob:localhost:8448', deviceId: 'QKZRTPLMND' };

const factsOf = (entries: readonly LogEntry[]) => readLog(renderLog(entries)).facts;
const one = <K extends Fact['kind']>(entries: readonly LogEntry[], kind: K) =>
  factsOf(entries).find((fact) => fact.kind === kind) as Extract<Fact, { kind: K }> | undefined;

describe('a to-device send', () => {
  const send = (path: string, more: object = {}) =>
    one([accessEntry(PUT, { uri: `/_matrix/client/v3/sendToDevice/${path}`, ...more })], 'to_device_send');

  it.each([
    [200, false, true],
    [200, true, true],
    [204, false, true],
    [400, false, false],
    [413, false, false],
    [429, true, false],
    [499, true, false],
    [500, false, false],
  ])('with %i (client gone: %s) went through: %s', (status, isGone, isOk) => {
    expect(send('m.room.encrypted/1', { status, isGone })?.isOk).toBe(isOk);
  });

  it.each([
    ['m.room.encrypted/m1782820800123.7', true],
    ['m.room.encrypted/m1782820800123.12345', true],
    ['m%2Eroom%2Eencrypted/m1782820800123.7', true],
    ['m.room.encrypted/m1782820800123.7?access_token=<redacted>', true],
    ['m.room.encrypted/m178282080012.7', false],
    ['m.room.encrypted/m17828208001234.7', false],
    ['m.room.encrypted/m1782820800123', false],
    ['m.room.encrypted/m1782820800123.', false],
    ['m.room.encrypted/m1782820800123.7x', false],
    ['m.room.encrypted/xm1782820800123.7', false],
    ['m.room.encrypted/9f86d081884c7d659a2feaa0c55ad015', false],
    ['m.room_key_request/m1782820800123.7', false],
    ['io.element.call.encryption_keys/m1782820800123.7', false],
  ])('to %s is a call key: %s', (path, isMediaKey) => {
    expect(send(path)?.isMediaKey).toBe(isMediaKey);
  });

  it('names type and sender', () => {
    expect(send('m%2Eroom%5Fkey_request/1')).toMatchObject({
      eventType: 'm.room_key_request',
      sender: '@alice:example.org',
      timeMs: START_MS,
    });
    expect(send('x/1', { requester: 'None' })).toMatchObject({ sender: null });
  });
});

describe('to-device messages', () => {
  it('that were stored or dropped name their devices, one for each entry, those without an id too', () => {
    for (const stage of ['stored', 'dropped'] as const) {
      const entry = messagesEntry(PUT, stage, [
        { ...BOB, messageId: '7d1f0c2e' },
        { userId: '@a/b:example.org', deviceId: 'OTHER', messageId: '' },
        { ...BOB, messageId: 'None' },
        { ...BOB, messageId: "it's (msgid x)" },
      ]);
      expect(one([entry], 'to_device_messages')).toMatchObject({
        stage,
        messages: [
          { ...BOB, idHash: hashText('7d1f0c2e') },
          { userId: '@a/b:example.org', deviceId: 'OTHER', idHash: null },
          { ...BOB, idHash: null },
          { ...BOB, idHash: hashText("it's (msgid x)") },
        ],
      });
    }
  });

  it('are read in the form of Synapse before 1.155', () => {
    const entry: LogEntry = {
      ...PUT,
      logger: TO_DEVICE_LOGGER,
      level: 'DEBUG',
      message: "Stored to-device messages with stream_id 7: ['@bob:localhost:8448/QKZRTPLMND (msgid None)']",
    };
    expect(one([entry], 'to_device_messages')).toMatchObject({ stage: 'stored', messages: [{ ...BOB, idHash: null }] });
  });

  it('with an entry that can’t be read are counted all the same, without a device', () => {
    const entry: LogEntry = {
      ...PUT,
      logger: TO_DEVICE_LOGGER,
      level: 'DEBUG',
      message: "Storing to-device messages with stream_id 7: ['nonsense', '@bob:hs/D (msgid )']",
    };
    const { pipeline } = readLog(renderLog([entry]));
    expect(pipeline.traffic.stored).toBe(2);
    expect(pipeline.devices.list()).toMatchObject([{ userId: '@bob:hs', deviceId: 'D', traffic: { stored: 1 } }]);
  });

  it.each<[string, LogEntry[], object]>([
    ['the record of the /sync', [syncEntry(GET, BOB), returnEntry(GET, ['a', null]), accessEntry(GET, { requester: '@other:hs' })], BOB],
    ['the record of the /sync, wherever it stands', [returnEntry(GET, ['a', null]), syncEntry(GET, BOB), accessEntry(GET, {})], BOB],
    [
      'the access line, the user alone',
      [returnEntry(GET, ['a', null]), accessEntry(GET, { requester: BOB.userId })],
      { userId: BOB.userId, deviceId: null },
    ],
    ['nobody', [returnEntry(GET, ['a', null])], { userId: null, deviceId: null }],
    [
      'nobody, where the request has no user',
      [returnEntry(GET, ['a', null]), accessEntry(GET, { requester: 'None' })],
      { userId: null, deviceId: null },
    ],
  ])('that were handed out are named by %s', (_, entries, name) => {
    expect(one(entries, 'to_device_messages')).toMatchObject({
      stage: 'returned',
      messages: [
        { ...name, idHash: hashText('a') },
        { ...name, idHash: null },
      ],
    });
  });

  it('to a wildcard or a dehydrated device aren’t counted', () => {
    const words = [
      'Dropping wildcard to-device message for user @bob:example.org with no devices (msgid x)',
      'Queued outgoing to-device messages with stream_id 1042, EDU message_id aB, type m.x for hs: []',
    ];
    expect(words.map((message) => factsOf([{ ...PUT, logger: TO_DEVICE_LOGGER, level: 'DEBUG', message }]).length)).toEqual([0, 0]);
  });
});

describe('claimed keys', () => {
  it('are read with ports, addresses and odd devices, and name who claimed', () => {
    const claims = [
      { keyId: 'signed_curve25519:AAAAAAAAACE', ...BOB },
      { keyId: 'signed_curve25519:AAAAAAAAACI', userId: '@zoë:[2001:db8::1]:8448', deviceId: 'my_phone' },
    ];
    expect(one([claimEntry(POST, claims), accessEntry(POST, { uri: '/_matrix/client/v3/keys/claim' })], 'keys_claimed')).toMatchObject({
      claims,
      claimer: '@alice:example.org',
    });
    expect(
      one(
        [
          { ...claimEntry(POST, claims), logger: 'synapse.federation.federation_server' },
          accessEntry(POST, { requester: 'remote.example:8448' }),
        ],
        'keys_claimed',
      ),
    ).toMatchObject({
      claims,
      claimer: 'remote.example:8448',
    });
    expect(one([claimEntry(POST, claims)], 'keys_claimed')).toMatchObject({ claims, claimer: null });
  });

  it('of an empty claim are none', () => {
    expect(one([claimEntry(POST, [])], 'keys_claimed')).toMatchObject({ claims: [] });
  });

  it('that can’t be read are left out, and the others are kept', () => {
    expect(one([{ ...claimEntry(POST, []), message: 'Claimed one-time-keys: nonsense,a:b for @u:hs:D,' }], 'keys_claimed')).toMatchObject({
      claims: [{ keyId: 'a:b', userId: '@u:hs', deviceId: 'D' }],
    });
  });
});

describe('a request about delayed events', () => {
  const BASE = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events';
  const ask = (request: string, uri: string, more: object = {}) =>
    one([accessEntry({ timeMs: START_MS, request }, { uri, ...more })], 'delayed_event_request');

  it.each<[number, boolean, DelayedEventOutcome]>([
    [200, false, 'ok'],
    [204, false, 'ok'],
    [200, true, 'client_gave_up'],
    [404, true, 'client_gave_up'],
    [429, true, 'client_gave_up'],
    [500, true, 'client_gave_up'],
    [499, false, 'client_gave_up'],
    [429, false, 'rate_limited'],
    [404, false, 'not_found'],
    [400, false, 'failed'],
    [403, false, 'failed'],
    [500, false, 'failed'],
    [301, false, 'failed'],
  ])('answered %i (client gone: %s) is %s', (status, isGone, outcome) => {
    expect(ask('POST-1', `${BASE}/syd_x/restart`, { status, isGone })?.outcome).toBe(outcome);
  });

  it.each([
    ['POST-1', `${BASE}/syd_x/restart`, 'restart'],
    ['POST-1', `${BASE}/syd_x/cancel`, 'cancel'],
    ['POST-1', `${BASE}/syd_x/send`, 'send'],
    ['POST-1', `${BASE}/syd_x`, 'unknown'],
    ['PUT-1', '/_matrix/client/v3/rooms/!a%3Ahs/state/m.x/y?org.matrix.msc4140.delay=8000', 'schedule'],
    ['PUT-1', '/_matrix/client/v3/rooms/!a%3Ahs/state/m.x?org.matrix.msc4140.delay=8000', 'schedule'],
    ['PUT-1', '/_matrix/client/v3/rooms/!a%3Ahs/send/m.x/txn?ts=1&org.matrix.msc4140.delay=8000', 'schedule'],
  ])('%s %s is %s', (request, uri, action) => {
    expect(ask(request, uri)?.action).toBe(action);
  });

  it.each([
    ['POST-1', `${BASE}/syd_x/refresh`],
    ['POST-1', `${BASE}/syd_x/restart/x`],
    ['POST-1', BASE],
    ['GET-1', BASE],
    ['GET-1', `${BASE}/syd_x/restart`],
    ['PUT-1', '/_matrix/client/v3/rooms/!a%3Ahs/state/m.x/y'],
    ['PUT-1', '/_matrix/client/v3/rooms/!a%3Ahs/state/m.x/y?delay=8000'],
    ['PUT-1', '/_matrix/client/v3/rooms/!a%3Ahs/redact/$x/y?org.matrix.msc4140.delay=8000'],
    ['GET-1', '/_matrix/client/v3/rooms/!a%3Ahs/state/m.x/y?org.matrix.msc4140.delay=8000'],
  ])('%s %s is none', (request, uri) => {
    expect(ask(request, uri)).toBeUndefined();
  });

  it.each([
    ['0.004', '0.001', 5],
    ['3.112', '-1.111', 3112],
    ['0.007', '-0.000', 7],
  ])('of %s s and %s s took %i ms of the server', (proc, send, durationMs) => {
    expect(ask('POST-1', `${BASE}/syd_x/restart`, { proc, send })?.durationMs).toBe(durationMs);
  });
});

describe('other facts', () => {
  it('a redaction names room, event and user', () => {
    const uri = '/_matrix/client/v3/rooms/!bgf%3Aexample.org/redact/%24e8l8zB3-_1dg/m1.1';
    expect(one([accessEntry(PUT, { uri })], 'redaction')).toMatchObject({
      roomId: '!bgf:example.org',
      eventId: '$e8l8zB3-_1dg',
      userId: '@alice:example.org',
      isOk: true,
    });
    expect(one([accessEntry(PUT, { uri, status: 403 })], 'redaction')).toMatchObject({ isOk: false });
  });

  it('deleted devices name user and devices', () => {
    const entry: LogEntry = {
      ...POST,
      logger: 'synapse.handlers.device',
      level: 'INFO',
      message: "Deleting devices ['JLAFKJWSCS', \"it's\"] for '@alice:example.org'",
    };
    expect(one([entry], 'devices_deleted')).toMatchObject({ userId: '@alice:example.org', deviceIds: ['JLAFKJWSCS', "it's"] });
  });

  it('a start is three facts at once, outside of any request', () => {
    expect(factsOf(bannerEntries(START_MS)).map((fact) => (fact.kind === 'server_event' ? [fact.event, fact.detail] : fact.kind))).toEqual([
      ['started', ''],
      ['version', '1.155.0'],
      ['hostname', 'example.org'],
    ]);
  });

  it('an ordinary request is none', () => {
    expect(
      factsOf([accessEntry(GET, { uri: '/_matrix/client/v3/sync' }), accessEntry(POST, { uri: '/_matrix/client/v3/keys/query' })]),
    ).toEqual([]);
  });
});

describe('a fact’s id', () => {
  it('is the same when the log is read again, and another for every other fact', () => {
    const log = renderLog([
      ...bannerEntries(START_MS),
      messagesEntry(PUT, 'stored', [{ ...BOB, messageId: '' }]),
      accessEntry(PUT, { uri: '/_matrix/client/v3/sendToDevice/m.x/1' }),
      returnEntry(GET, ['a']),
    ]);
    const idsOf = (sizes: readonly number[]) => readLog(log, { sizes }).facts.map(factId);
    expect(idsOf([7])).toEqual(idsOf([1 << 20]));
    expect(new Set(idsOf([100])).size).toBe(6);
    expect(factId(plain(readLog(log).facts[0]) as Fact)).toBe('homeserver.log@0:lifecycle.started');
  });
});
