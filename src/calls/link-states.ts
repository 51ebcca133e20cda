/**
 * Who doesn't hear whom in a call (e2ee-evidence 5.2). In: stays, what is known of devices' keys, troubles of call keys. Out: for each ordered
 * pair in which something is wrong, or may be, the worst that the log shows.
 *
 * The direction is from the sender of a key to the device that needs it: a fault of that device's keys (KE-1) breaks messages *to* it.
 */
import type { Level, TimeWindow } from '../certainty.ts';
import type { KeyHealth, PoisonedClaim } from '../devices/key-health.ts';
import type { Evidence } from '../incident.ts';
import { type CallBook, endOf, type Stay } from './call-book.ts';
import { actingUser } from './call-member.ts';
import type { Calls } from './calls.ts';
import { evidenceOf } from './fact-evidence.ts';
import { type KeyTrouble, LATE_MS } from './key-troubles.ts';
import type { WaitingMessage } from './to-device-record.ts';

/** Worst first. `link_confirmed` takes a client's own report beside the log. */
export const LINK_STATES = ['link_confirmed', 'link_predicted', 'not_targeted', 'late_delivery', 'link_unlikely'] as const;
export type LinkState = (typeof LINK_STATES)[number];

export interface Link {
  readonly state: LinkState;
  readonly sender: Stay;
  readonly receiver: Stay;
  readonly level: Level;
  /** For a person: what it rests on. */
  readonly why: string;
  /** First and last sign. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly evidence: readonly Evidence[];
}

/** A key that was stored so long ago for a device that is there the whole time isn't just slow. A long poll answers at once. Chosen. */
const UNDELIVERED_MS = 5000;
/** A client that has claimed keys sends its call key right then; in captures within a second. Chosen. */
const SILENT_SENDER_MS = 10_000;
/** Stays of one room that are compared with each other: more are a webinar, not a call. */
const MAX_COMPARED = 200;

/** Worst first, then by time. Pairs in which nobody is in trouble cost nothing. */
export function linksIn(window: TimeWindow, calls: Calls, keys: KeyHealth): Link[] {
  const trouble = gatherTrouble(calls, keys, window.toMs);
  const links: Link[] = [];
  for (const room of calls.book.rooms(window.fromMs, window.toMs)) {
    const stays = room.slice(-MAX_COMPARED);
    for (const receiver of stays) {
      const isTroubled = trouble.users.has(receiver.userId) || isDiverged(receiver, keys);
      for (const sender of stays) {
        if (!isTroubled && !trouble.byClaimer.has(sender.userId)) continue;
        const link = judge(sender, receiver, stays, window, trouble, calls, keys);
        if (link !== null) links.push(link);
      }
    }
  }
  return links.sort((a, b) => LINK_STATES.indexOf(a.state) - LINK_STATES.indexOf(b.state) || a.firstMs - b.firstMs);
}

function judge(
  sender: Stay,
  receiver: Stay,
  stays: readonly Stay[],
  window: TimeWindow,
  trouble: Trouble,
  { book }: Calls,
  keys: KeyHealth,
): Link | null {
  const span = overlapOf(sender, receiver, window, trouble.nowMs);
  if (span === null) return null;
  const pair = { sender, receiver, ...span };
  const key = pairKey(sender.userId, receiver.userId, receiver.deviceId);
  const troubles = (trouble.keys.get(key) ?? []).filter(({ timeMs }) => timeMs >= span.fromMs && timeMs <= span.toMs);
  return (
    predict(pair, trouble.claims.get(key) ?? [], book) ??
    findUntargeted(pair, troubles) ??
    findSilentSender(pair, stays, trouble) ??
    findLate(pair, troubles, trouble.waiting.get(key) ?? []) ??
    findUnlikely(pair, keys)
  );
}

/** What can be wrong between two, by pairKey; and with which users at all. */
interface Trouble {
  readonly nowMs: number;
  readonly claims: ReadonlyMap<string, readonly PoisonedClaim[]>;
  readonly keys: ReadonlyMap<string, readonly KeyTrouble[]>;
  readonly waiting: ReadonlyMap<string, readonly WaitingMessage[]>;
  readonly users: ReadonlySet<string>;
  /** Lost keys that a user was handed, whoever's they were. */
  readonly byClaimer: ReadonlyMap<string, readonly PoisonedClaim[]>;
}

function gatherTrouble(calls: Calls, keyHealth: KeyHealth, toMs: number): Trouble {
  const { nowMs } = calls.totals;
  const users = new Set<string>();
  const claims = new Map<string, PoisonedClaim[]>();
  const byClaimer = new Map<string, PoisonedClaim[]>();
  for (const claim of keyHealth.poisonedClaims({ fromMs: Number.NEGATIVE_INFINITY, toMs })) {
    if (claim.claimer === null) continue;
    users.add(claim.userId);
    addTo(byClaimer, actingUser(claim.claimer), claim);
    // Memberships that name no device are looked up by the user alone.
    for (const deviceId of [claim.deviceId, null]) addTo(claims, pairKey(actingUser(claim.claimer), claim.userId, deviceId), claim);
  }
  const keys = new Map<string, KeyTrouble[]>();
  for (const trouble of calls.troubles.rows.values()) {
    users.add(trouble.userId);
    addTo(keys, pairKey(actingUser(trouble.sender), trouble.userId, trouble.deviceId), trouble);
  }
  const waiting = new Map<string, WaitingMessage[]>();
  for (const message of calls.toDevice.waiting.values()) {
    if (!message.isMediaKey || message.sender === null || !(nowMs - message.storedMs > UNDELIVERED_MS)) continue;
    users.add(message.userId);
    addTo(waiting, pairKey(actingUser(message.sender), message.userId, message.deviceId), message);
  }
  return { nowMs, claims, keys, waiting, users, byClaimer };
}

interface Pair {
  readonly sender: Stay;
  readonly receiver: Stay;
  /** Both are in the call from … to. */
  readonly fromMs: number;
  readonly toMs: number;
}

function overlapOf(sender: Stay, receiver: Stay, window: TimeWindow, nowMs: number): { fromMs: number; toMs: number } | null {
  if (sender.userId === receiver.userId && sender.deviceId === receiver.deviceId) return null;
  const fromMs = Math.max(sender.firstMs, receiver.firstMs, window.fromMs);
  const toMs = Math.min(endOf(sender), endOf(receiver), window.toMs, nowMs);
  return fromMs <= toMs ? { fromMs, toMs } : null;
}

/** A key of the receiver was handed to the sender after its private half was gone: what is encrypted with it can't be read. */
function predict({ sender, receiver, fromMs, toMs }: Pair, claims: readonly PoisonedClaim[], book: CallBook): Link | null {
  const own = claims.filter(({ timeMs, cause }) => timeMs <= toMs && !(isHealing(cause) && hasAnswered(book, receiver, timeMs, fromMs)));
  const [first] = own;
  const last = own.at(-1);
  if (first === undefined || last === undefined) return null;
  return {
    state: 'link_predicted',
    sender,
    receiver,
    level: first.level === 'suspected' ? 'suspected' : 'derived',
    why: `${sender.userId} was handed ${first.keyId} of ${first.userId} ${first.deviceId}, whose private half is gone (${first.cause.replaceAll('_', ' ')}): call keys sent with it can't be read`,
    firstMs: first.timeMs,
    lastMs: last.timeMs,
    evidence: own
      .slice(0, 10)
      .map((claim) =>
        evidenceOf(
          claim.provenance,
          claim.timeMs,
          `${claim.claimer ?? 'somebody'} claims ${claim.keyId} of ${claim.userId} ${claim.deviceId}`,
        ),
      ),
  };
}

/** Where the device keeps its identity, one message of its own repairs the pair for the next key (e2ee-evidence 3.4, runs 2 and 7). */
function isHealing(cause: string): boolean {
  return cause === 'rollback' || cause === 'concurrent_writers';
}

function hasAnswered(book: CallBook, { userId, deviceId }: Stay, claimMs: number, beforeMs: number): boolean {
  for (const stay of book.rows.values())
    if (stay.userId === userId && stay.deviceId === deviceId && stay.lastKeySendMs > claimMs && stay.lastKeySendMs < beforeMs) return true;
  return false;
}

function findUntargeted({ sender, receiver }: Pair, troubles: readonly KeyTrouble[]): Link | null {
  const dropped = troubles.filter(({ waitMs }) => waitMs === null);
  const [first] = dropped;
  if (first === undefined) return null;
  return {
    state: 'not_targeted',
    sender,
    receiver,
    level: 'observed',
    why: `${dropped.length} call keys by ${sender.userId} were for ${receiver.userId} ${receiver.deviceId}, a device that the server doesn't know`,
    firstMs: first.timeMs,
    lastMs: dropped.at(-1)?.timeMs ?? first.timeMs,
    evidence: [],
  };
}

/**
 * The sender came, was handed a lost key of somebody, and then sent no call key at all, while others did: one device that nobody can open a session
 * with makes the whole batch fail, for everybody (e2ee-evidence 3.4, "collateral damage"; seen live, lab-findings A 3).
 */
function findSilentSender({ sender, receiver }: Pair, stays: readonly Stay[], { byClaimer, nowMs }: Trouble): Link | null {
  const { firstMs, userId } = sender;
  const untilMs = endOfSilence(sender, nowMs);
  const lost = byClaimer.get(userId)?.find(({ timeMs }) => timeMs >= firstMs && untilMs - timeMs > SILENT_SENDER_MS);
  if (lost === undefined) return null;
  const hasOther = stays.some((other) => other.userId !== userId && other.firstKeySendMs <= untilMs && other.lastKeySendMs >= lost.timeMs);
  if (!hasOther) return null;
  const silence = Math.round((untilMs - lost.timeMs) / 1000);
  return {
    state: 'not_targeted',
    sender,
    receiver,
    level: 'suspected',
    why: `${userId} joined, was handed a lost key of ${lost.userId} ${lost.deviceId}, and sent no call key for ${silence} s, while others did: one device without a session makes a whole batch fail`,
    firstMs: lost.timeMs,
    lastMs: untilMs,
    evidence: [
      evidenceOf(sender.provenance, firstMs, `${userId} joins the call`),
      evidenceOf(lost.provenance, lost.timeMs, `${userId} claims ${lost.keyId} of ${lost.userId} ${lost.deviceId}`),
    ],
  };
}

function endOfSilence(sender: Stay, nowMs: number): number {
  return Number.isNaN(sender.firstKeySendMs) ? Math.min(nowMs, sender.lastMs) : sender.firstKeySendMs;
}

function findLate(
  { sender, receiver, fromMs, toMs }: Pair,
  troubles: readonly KeyTrouble[],
  undelivered: readonly WaitingMessage[],
): Link | null {
  const late = troubles.filter(({ waitMs }) => waitMs !== null);
  const missing = undelivered.filter(({ storedMs }) => storedMs >= fromMs && storedMs <= toMs - UNDELIVERED_MS);
  const firstMs = Math.min(...late.map(({ timeMs }) => timeMs), ...missing.map(({ storedMs }) => storedMs));
  if (!Number.isFinite(firstMs)) return null;
  const longest = Math.max(0, ...late.map(({ waitMs }) => waitMs ?? 0));
  const told =
    late.length === 0
      ? ''
      : `${late.length} call keys were handed out late, up to ${(longest / 1000).toFixed(1)} s (they are in use after ${LATE_MS / 1000} s)`;
  const never = missing.length === 0 ? '' : `${missing.length} call keys are stored but were never handed out`;
  return {
    state: 'late_delivery',
    sender,
    receiver,
    level: 'observed',
    why: `from ${sender.userId} to ${receiver.userId} ${receiver.deviceId}: ${[told, never].filter((part) => part !== '').join('; ')}`,
    firstMs,
    lastMs: Math.max(...late.map(({ timeMs }) => timeMs), ...missing.map(({ storedMs }) => storedMs)),
    evidence: missing
      .slice(0, 10)
      .map(({ source, position, storedMs }) => ({ source, line: null, position, timeMs: storedMs, text: 'stored, never handed out' })),
  };
}

function findUnlikely({ sender, receiver, fromMs, toMs }: Pair, keys: KeyHealth): Link | null {
  for (const deviceId of devicesOf(receiver, keys)) {
    const sinceMs = keys.divergedSinceMs(receiver.userId, deviceId);
    if (sinceMs === null || sinceMs > toMs) continue;
    return {
      state: 'link_unlikely',
      sender,
      receiver,
      level: 'derived',
      why: `the keys of ${receiver.userId} ${deviceId} diverged, but ${sender.userId} was handed none of the lost ones since: an older session goes on`,
      firstMs: Math.max(sinceMs, fromMs),
      lastMs: toMs,
      evidence: [],
    };
  }
  return null;
}

function isDiverged(receiver: Stay, keys: KeyHealth): boolean {
  return devicesOf(receiver, keys).some((deviceId) => keys.divergedSinceMs(receiver.userId, deviceId) !== null);
}

/** A membership that names no device may be of each of its user's. */
function devicesOf({ userId, deviceId }: Stay, keys: KeyHealth): readonly string[] {
  return deviceId === null ? keys.devicesOf(userId) : [deviceId];
}

function pairKey(sender: string, userId: string, deviceId: string | null): string {
  return `${sender}\0${userId}\0${deviceId ?? ''}`;
}

function addTo<V>(map: Map<string, V[]>, key: string, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
