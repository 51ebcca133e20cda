/**
 * Made-up traffic of a homeserver, with what a perfect reader must find in it. The expectations are worked out from the requests by contract.md, not from
 * the log, and not by the code under test.
 */
import fc from 'fast-check';
import type { DelayedEventAction, DelayedEventOutcome, UploadOutcome } from '../../../src/facts/fact.ts';
import {
  ACCESS_LOGGER,
  accessEntry,
  claimEntry,
  type DeviceName,
  deviceKeysEntry,
  errorEntry,
  type LogEntry,
  messagesEntry,
  offerEntry,
  refusalEntry,
  returnEntry,
  START_MS,
  signedKey,
  syncEntry,
  TRACEBACK,
  UPLOAD_URI,
} from '../records/log-lines.ts';

/** Ports in server names, a slash and a non-ASCII letter in user ids, a quote in a device id: what parsers trip over. */
const DEVICES: readonly DeviceName[] = [
  { userId: '@alice:example.org', deviceId: 'JLAFKJWSCS' },
  { userId: '@bob:localhost:8448', deviceId: 'QKZRTPLMND' },
  { userId: '@zoë:example.org', deviceId: "zoë's phone" },
  { userId: '@a/b:[2001:db8::1]:8448', deviceId: 'OLD_phone.1' },
];
const KEY_IDS = ['signed_curve25519:AAAAAAAAAA0', 'signed_curve25519:AAAAAAAAAA4', 'signed_curve25519:AAAAAAAAABA'];
const EVENT_TYPES = ['m.room.encrypted', 'm.room_key_request', 'io.element.call.encryption_keys'];
const ACTIONS: readonly DelayedEventAction[] = ['schedule', 'restart', 'cancel', 'send', 'unknown'];
const DELAYED_URIS: Readonly<Record<DelayedEventAction, string>> = {
  schedule: '/_matrix/client/v3/rooms/!a%3Ahs/state/org.matrix.msc3401.call.member/x?org.matrix.msc4140.delay=8000',
  restart: '/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_abcdefghijklmnopqrst/restart',
  cancel: '/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_abcdefghijklmnopqrst/cancel',
  send: '/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_abcdefghijklmnopqrst/send',
  unknown: '/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_abcdefghijklmnopqrst',
};

export interface ExpectedDevice {
  readonly keyUploads: Record<UploadOutcome, number>;
  readonly conflictTimes: number[];
  conflictCount: number;
  readonly conflictKeyIds: Set<string>;
  readonly newKeys: Set<string>;
  readonly claimed: Set<string>;
  claimsOneTime: number;
  claimsFallback: number;
  stored: number;
  returned: number;
  dropped: number;
}

export class Expected {
  readonly devices = new Map<string, ExpectedDevice>();
  readonly unattributed = { conflicts: 0, rejected: 0, client_gave_up: 0, failed: 0 };
  readonly sends: Record<string, number> = {};
  sendsFailed = 0;
  mediaKeySends = 0;
  stored = 0;
  returned = 0;
  dropped = 0;
  readonly delayed: Record<string, number> = {};

  device({ userId, deviceId }: DeviceName): ExpectedDevice {
    const key = `${userId} ${deviceId}`;
    const known = this.devices.get(key);
    if (known) return known;
    const device: ExpectedDevice = {
      keyUploads: { accepted: 0, conflict: 0, rejected: 0, client_gave_up: 0, failed: 0 },
      conflictTimes: [],
      conflictCount: 0,
      conflictKeyIds: new Set(),
      newKeys: new Set(),
      claimed: new Set(),
      claimsOneTime: 0,
      claimsFallback: 0,
      stored: 0,
      returned: 0,
      dropped: 0,
    };
    this.devices.set(key, device);
    return device;
  }
}

export interface Scenario {
  readonly entries: readonly LogEntry[];
  /** Claims and uploads as their records' times order them. */
  readonly expected: Expected;
  /** As requests closed: all that a log without times can say. */
  readonly expectedWithoutTimes: Expected;
  readonly accessLines: number;
}

/** How a request ended: null for one whose access line isn't in the log. */
type Ending = { readonly status: number; readonly isGone: boolean } | null;

type Make = (at: { readonly timeMs: number; readonly request: string }) => LogEntry;

/** A request: what makes its records, in order, and what it must add once it's closed. */
interface Plan {
  readonly method: string;
  readonly makes: readonly Make[];
  readonly hasAccess: boolean;
  /** @param times of its records */
  readonly apply: (expected: Expected, times: readonly number[]) => void;
  /** The record that says when it happened; the first, if missing. */
  readonly decisive?: number;
}

const device = fc.constantFrom(...DEVICES);
const keyIds = fc.subarray([...KEY_IDS]);
const ending: fc.Arbitrary<Ending> = fc.option(
  fc.record({ status: fc.constantFrom(200, 200, 200, 400, 403, 404, 413, 429, 499, 500, 502), isGone: fc.boolean() }),
  { freq: 5 },
);
const isOk = (status: number) => status >= 200 && status < 300;

const upload: fc.Arbitrary<Plan> = fc
  .record({
    device,
    offered: keyIds,
    hasDeviceKeys: fc.boolean(),
    refusals: fc.array(
      fc.record({
        keyId: fc.constantFrom(...KEY_IDS),
        newKey: fc.constantFrom("{'key': 'NEW1'}", "'NEW2'", "{'key': 'it\\'s \"q\"'}"),
        isSigned: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
    isReplicationCopy: fc.boolean(),
    ending,
  })
  .map(({ device: name, offered, hasDeviceKeys, refusals, isReplicationCopy, ending: end }) => {
    const makes: Make[] = [];
    if (hasDeviceKeys) makes.push((at) => deviceKeysEntry(at, name));
    if (offered.length > 0) makes.push((at) => offerEntry(at, name, offered));
    for (const { keyId, newKey, isSigned } of refusals)
      makes.push((at) =>
        refusalEntry(at, keyId, { oldKey: isSigned ? signedKey('a; new key: b', name) : '"plain; new key: \\"x"', newKey }),
      );
    const matched = makes.length;
    if (isReplicationCopy)
      makes.push((at) =>
        refusalEntry(at, 'signed_curve25519:COPY', {
          oldKey: signedKey('OLD', name),
          newKey: "'N'",
          uri: '/_synapse/replication/upload_keys_for_user/x',
        }),
      );
    if (end) makes.push((at) => accessEntry(at, { uri: UPLOAD_URI, requester: name.userId, ...end }));
    const isNamed = offered.length > 0 || hasDeviceKeys || refusals.some(({ isSigned }) => isSigned);
    const outcome = decideUpload(refusals.length, offered.length, end);
    return {
      method: 'POST',
      makes,
      hasAccess: end !== null,
      decisive: Math.max(0, matched - 1),
      apply: (expected, times) => {
        if (!isNamed) {
          expected.unattributed.conflicts += refusals.length;
          if (outcome !== null && outcome !== 'accepted' && outcome !== 'conflict') expected.unattributed[outcome]++;
          return;
        }
        const tally = expected.device(name);
        if (outcome !== null) tally.keyUploads[outcome]++;
        // `200!`: stored, whether the client heard of it or not.
        const isStored = outcome === 'accepted' || (outcome === 'client_gave_up' && end?.status === 200);
        if (isStored) for (const keyId of offered) tally.claimed.delete(keyId);
        for (const { keyId, newKey } of refusals) {
          tally.conflictCount++;
          tally.conflictKeyIds.add(keyId);
          tally.newKeys.add(newKey);
          tally.conflictTimes.push(times[matched - 1]!);
        }
      },
    };
  });

/** contract.md, `keyUploads`. */
function decideUpload(refusals: number, offered: number, end: Ending): UploadOutcome | null {
  if (end === null) return null;
  if (refusals > 0) return 'conflict';
  if (end.isGone || end.status === 499) return 'client_gave_up';
  if (end.status === 200) return offered > 0 ? 'accepted' : null;
  return end.status >= 500 ? 'failed' : 'rejected';
}

const claim: fc.Arbitrary<Plan> = fc
  .record({ claims: fc.array(fc.record({ name: device, keyId: fc.constantFrom(...KEY_IDS) }), { maxLength: 4 }), ending })
  .map(({ claims, ending: end }) => ({
    method: 'POST',
    makes: [
      (at) =>
        claimEntry(
          at,
          claims.map(({ name, keyId }) => ({ ...name, keyId })),
        ),
      ...(end ? [((at) => accessEntry(at, { uri: '/_matrix/client/v3/keys/claim', ...end })) satisfies Make] : []),
    ],
    hasAccess: end !== null,
    apply: (expected) => {
      for (const { name, keyId } of claims) {
        const tally = expected.device(name);
        if (tally.claimed.has(keyId)) tally.claimsFallback++;
        else tally.claimsOneTime++;
        tally.claimed.add(keyId);
      }
    },
  }));

const send: fc.Arbitrary<Plan> = fc
  .record({
    type: fc.constantFrom(...EVENT_TYPES),
    txn: fc.constantFrom('m1782820800123.7', 'm1782820800123.', 'm178282080012.7', '0a1b2c3d4e5f60718293a4b5c6d7e8f9', 'xm1782820800123.7'),
    isEncoded: fc.boolean(),
    hasDebugRecords: fc.boolean(),
    names: fc.array(device, { maxLength: 3 }),
    dropped: fc.array(device, { maxLength: 2 }),
    ending,
  })
  .map(({ type, txn, isEncoded, hasDebugRecords, names, dropped, ending: end }) => {
    const makes: Make[] = [];
    const withIds = (list: readonly DeviceName[]) => list.map((name, index) => ({ ...name, messageId: index === 0 ? '' : '7d1f0c2e' }));
    if (hasDebugRecords)
      makes.push(
        (at) => messagesEntry(at, 'stored', withIds(names)),
        (at) => messagesEntry(at, 'dropped', withIds(dropped)),
      );
    const uri = `/_matrix/client/v3/sendToDevice/${isEncoded ? type.replaceAll('.', '%2E') : type}/${txn}`;
    if (end) makes.push((at) => accessEntry(at, { uri, ...end }));
    return {
      method: 'PUT',
      makes,
      hasAccess: end !== null,
      apply: (expected) => {
        if (hasDebugRecords) {
          expected.stored += names.length;
          expected.dropped += dropped.length;
          for (const name of names) expected.device(name).stored++;
          for (const name of dropped) expected.device(name).dropped++;
        }
        if (end === null) return;
        if (!isOk(end.status)) expected.sendsFailed++;
        else {
          expected.sends[type] = (expected.sends[type] ?? 0) + 1;
          if (type === 'm.room.encrypted' && txn === 'm1782820800123.7') expected.mediaKeySends++;
        }
      },
    };
  });

const sync: fc.Arbitrary<Plan> = fc
  .record({ name: device, isNamed: fc.boolean(), ids: fc.array(fc.option(fc.constantFrom('7d1f0c2e', "it's")), { maxLength: 3 }), ending })
  .map(({ name, isNamed, ids: drawn, ending: end }) => {
    // Without a name, a message counts for the device that it was stored for: these are of no device, as nothing is stored under their ids.
    const ids = isNamed ? drawn : drawn.map((id) => id && `${id} of nobody`);
    return {
      method: 'GET',
      makes: [
        ...(isNamed ? [((at) => syncEntry(at, name)) satisfies Make] : []),
        (at) => returnEntry(at, ids),
        ...(end
          ? [((at) => accessEntry(at, { uri: '/_matrix/client/v3/sync?timeout=30000', requester: name.userId, ...end })) satisfies Make]
          : []),
      ],
      hasAccess: end !== null,
      apply: (expected) => {
        expected.returned += ids.length;
        // A device exists for the tables as soon as something of it was counted.
        if (isNamed && ids.length > 0) expected.device(name).returned += ids.length;
      },
    };
  });

const delayed: fc.Arbitrary<Plan> = fc.record({ action: fc.constantFrom(...ACTIONS), ending }).map(({ action, ending: end }) => ({
  method: action === 'schedule' ? 'PUT' : 'POST',
  makes: end ? [(at) => accessEntry(at, { uri: DELAYED_URIS[action], requester: 'None', ...end })] : [],
  hasAccess: end !== null,
  apply: (expected) => {
    if (end === null) return;
    const key = `${action} ${decideDelayed(end)}`;
    expected.delayed[key] = (expected.delayed[key] ?? 0) + 1;
  },
}));

/** contract.md, "Delayed events". */
function decideDelayed({ status, isGone }: NonNullable<Ending>): DelayedEventOutcome {
  if (isGone || status === 499) return 'client_gave_up';
  if (status === 429) return 'rate_limited';
  if (status === 404) return 'not_found';
  return isOk(status) ? 'ok' : 'failed';
}

const OTHER_URIS = [
  '/_matrix/client/v3/keys/query',
  '/_matrix/client/v3/sync?since=s1_2',
  '/_matrix/client/v3/keys/upload/../../x',
  '/x?a="b"{c}',
];

/** Lines that say nothing of encryption, some of which look as if they did. */
const noise: fc.Arbitrary<Plan> = fc
  .record({ uri: fc.constantFrom(...OTHER_URIS), hasTraceback: fc.boolean(), ending })
  .map(({ uri, hasTraceback, ending: end }) => ({
    method: 'POST',
    makes: [
      (at) => errorEntry(at, '404 - Delayed event not found', uri),
      ...(hasTraceback
        ? [
            ((at) => ({
              ...at,
              logger: 'synapse.http.server',
              level: 'ERROR',
              message: `Failed handle request via 'KeyUploadServlet': <x>`,
              traceback: TRACEBACK,
            })) satisfies Make,
          ]
        : []),
      (at) =>
        errorEntry(
          at,
          '400 - 1 validation error for KeyUploadRequestBody\none_time_keys\n  Input should be a valid dictionary',
          UPLOAD_URI,
        ),
      ...(end ? [((at) => accessEntry(at, { uri, ...end })) satisfies Make] : []),
    ],
    hasAccess: end !== null,
    apply: () => undefined,
  }));

/** Requests whose records stand between each other's, as those of a busy server do. */
export const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    plans: fc.array(fc.oneof({ arbitrary: upload, weight: 4 }, claim, send, sync, delayed, noise), {
      minLength: 1,
      maxLength: 25,
      size: 'max',
    }),
    picks: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 60, size: 'max' }),
    firstNumber: fc.constantFrom(0, 7, 2817, 999_999),
  })
  .map(({ plans, picks, firstNumber }) => interleave(plans, picks, firstNumber));

/** An access line with the size that it has in a real log: an error's text is the answer's, too (`{"errcode":"M_UNKNOWN","error":"…"}`). */
function answering(entry: LogEntry, before: readonly LogEntry[]): LogEntry {
  if (entry.logger !== ACCESS_LOGGER) return entry;
  const own = before
    .filter(({ request }) => request === entry.request)
    .map(({ message }) => /> SynapseError: \d+ - (.*)$/s.exec(message)?.[1]);
  const error = own.find((text) => text !== undefined && !/^One time key (?!signed_curve25519:COPY)/.test(text));
  if (error === undefined) return entry;
  return { ...entry, message: entry.message.replace(' 525B ', ` ${JSON.stringify(error).length + 34}B `) };
}

function interleave(plans: readonly Plan[], picks: readonly number[], firstNumber: number): Scenario {
  const waiting = plans
    .map((plan, index) => ({ plan, request: `${plan.method}-${firstNumber + index}`, times: [] as number[] }))
    .filter(({ plan }) => plan.makes.length > 0);
  const open: typeof waiting = [];
  const entries: LogEntry[] = [];
  const closed: typeof waiting = [];
  const unclosed: typeof waiting = [];
  let timeMs = START_MS;
  for (let step = 0; waiting.length > 0 || open.length > 0; step++) {
    while (open.length < 6 && waiting.length > 0) open.push(waiting.shift()!);
    const at = (picks[step % picks.length] ?? 0) % open.length;
    const current = open[at]!;
    timeMs += 10;
    const entry = current.plan.makes[current.times.length]!({ timeMs, request: current.request });
    entries.push(answering(entry, entries));
    current.times.push(timeMs);
    if (current.times.length < current.plan.makes.length) continue;
    open.splice(at, 1);
    (current.plan.hasAccess ? closed : unclosed).push(current);
  }
  // Without an access line a request stays open to the end; those are given up in the order in which they began.
  unclosed.sort((a, b) => a.times[0]! - b.times[0]!);
  const inOrderOfClose = [...closed, ...unclosed];
  const timeOf = ({ plan, times }: (typeof waiting)[number]): number => times[plan.decisive ?? 0]!;
  const inOrderOfTime = inOrderOfClose.toSorted((a, b) => timeOf(a) - timeOf(b));
  const [expected, expectedWithoutTimes] = [inOrderOfTime, inOrderOfClose].map((order) => {
    const found = new Expected();
    for (const { plan, times } of order) plan.apply(found, times);
    return found;
  }) as [Expected, Expected];
  return { entries, expected, expectedWithoutTimes, accessLines: closed.length };
}
