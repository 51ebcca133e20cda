/**
 * In: a plan for a `sendToDevice` or a classic `/sync`. Out: the plan with its access line's truth and, where the to-device debug logger
 * is on, the lines from storing to returning.
 *
 * Invariant: what is returned to a device was stored for it before, with the same message ids, in order.
 */
import { ACTIVE_COUNT, deviceKey, type Member } from './cast.ts';
import { CAPITALS, LETTERS_AND_DIGITS } from './random.ts';
import { type HandlerRecord, newPlan, type RequestPlan, record, schedule } from './request-plan.ts';
import { latency, type World } from './world.ts';

const LOGGER = 'synapse.9533_debug';
/** Messages held for devices that don't sync; the oldest go (as if to a device that is offline for good). Chosen. */
const MOST_WAITING = 4000;

interface Waiting {
  readonly messageId: string | undefined;
  readonly streamId: number;
}

/** Messages stored and not yet returned, by device, the device that has waited longest first. */
export type Mailboxes = Map<Member, Waiting[]>;

const TYPES = ['m.room.encrypted', 'm.room.encrypted', 'm.room_key_request', 'm.secret.request'];

/** `PUT /sendToDevice/{type}/{txn}`: call keys (`m<13 digits>.<digits>`), room keys (32 hex digits), requests. */
export function toDeviceSend(world: World, member: Member, mailboxes: Mailboxes): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, member);
  const eventType = random.pick(TYPES);
  const hasCallTxn = eventType !== 'm.room.encrypted' || random.chance(600_000);
  const txnId = hasCallTxn ? `m${1751284800000 + random.int(99999999)}.${random.int(300)}` : random.hex(32);
  const written = world.isHostile && random.chance(50_000) ? eventType.replace('m.room.', 'm.room%2E') : eventType;
  plan.method = 'PUT';
  plan.requestClass = 'send_to_device';
  plan.uri = `/_matrix/client/${random.chance(50_000) ? 'r0' : 'v3'}/sendToDevice/${written}/${txnId}`;
  plan.ms = latency(random, 30);
  plan.isLost = random.chance(5000);
  plan.toDeviceSend = { eventType, isMediaKey: eventType === 'm.room.encrypted' && hasCallTxn };
  const fate = random.int(1000);
  if (fate < 8) refuseSend(world, plan, fate);
  else if (world.hasToDeviceDebug) store(world, plan, mailboxes);
  return plan;
}

function refuseSend(world: World, plan: RequestPlan, fate: number): void {
  plan.status = fate < 5 ? 413 : 404;
  const { userId, deviceId } = world.random.pick(world.cast.members);
  plan.error =
    plan.status === 413
      ? { code: 'M_TOO_LARGE', text: `To-device message for ${userId}:${deviceId} is too large to send (81920 > 65536)` }
      : { code: 'M_UNRECOGNIZED', text: 'Unrecognized request' };
}

function store(world: World, plan: RequestPlan, mailboxes: Mailboxes): void {
  const { random, cast, book } = world;
  const streamId = ++world.next.toDeviceStream;
  const recipients = Array.from({ length: 1 + random.int(8) }, () => cast.members[random.int(ACTIVE_COUNT)] as Member);
  const ids = recipients.map(() => (random.chance(30_000) ? undefined : random.uuid()));
  const list = recipients.map((to, i) => `'${to.userId}/${to.deviceId} (msgid ${ids[i] ?? ''})'`).join(', ');
  const add = (sourceLine: number, kind: string, message: string, onWritten?: () => void): void => {
    const written = (): void => {
      book.toDeviceRecord(kind);
      onWritten?.();
    };
    plan.early.push({ ...record(LOGGER, sourceLine, 'DEBUG', message), onWritten: written });
  };
  if (random.chance(60_000)) drop(world, add);
  add(1033, 'storing', `Storing to-device messages with stream_id ${streamId}: [${list}]`, () => {
    for (const [i, to] of recipients.entries()) {
      book.toDeviceMessages('stored', deviceKey(to), 1);
      putInMailbox(mailboxes, to, { messageId: ids[i], streamId });
    }
  });
  const positions = `_known_persisted_positions=[] _persisted_upto_position=${streamId} min_curr=${streamId}`;
  const current = `_current_positions={'master': ${streamId}} _unfinished_ids=SortedSet([]), ${positions}`;
  add(838, 'persisted', `stream_id=${streamId} now persisted for stream=to_device; ${current}`);
  const users = [...new Set(recipients)].map((to) => `'${to.userId}'`).join(', ');
  add(583, 'awaking', `to-device messages stream id ${streamId}, awaking streams for dict_keys([${users}])`);
  if (random.chance(300_000)) sendToServer(world, streamId, add);
}

function drop(world: World, add: (sourceLine: number, kind: string, message: string, onWritten?: () => void) => void): void {
  const { random, book } = world;
  const { userId } = random.pick(world.cast.members);
  if (random.chance(200_000)) {
    add(960, 'dropping_wildcard', `Dropping wildcard to-device message for user ${userId} with no devices (msgid ${random.uuid()})`);
    return;
  }
  const gone = Array.from({ length: 1 + random.int(2) }, () => random.text(10, CAPITALS));
  const list = gone.map((deviceId) => `'${userId}/${deviceId} (msgid ${random.uuid()})'`).join(', ');
  add(1007, 'dropping_unknown', `Dropping to-device messages for unknown devices: [${list}]`, () => {
    for (const deviceId of gone) book.toDeviceMessages('dropped', `${userId}|${deviceId}`, 1);
  });
}

function sendToServer(world: World, streamId: number, add: (sourceLine: number, kind: string, message: string) => void): void {
  const { random, book } = world;
  const server = random.pick(world.cast.servers);
  const to = `['@x:${server}/${random.text(10, CAPITALS)} (msgid ${random.hex(32)})']`;
  const edu = `EDU message_id ${random.text(16, LETTERS_AND_DIGITS)}, type m.room.encrypted for ${server}`;
  add(826, 'queued_outgoing', `Queued outgoing to-device messages with stream_id ${streamId}, ${edu}: ${to}`);
  world.timeline.plan(5, {
    ...record(LOGGER, 721, 'DEBUG', `Sending 1 to-device messages to ${server}, up to stream id ${streamId}`),
    requestId: `federation_transaction_transmission_loop-${random.int(99999)}`,
    onWritten: () => book.toDeviceRecord('sending'),
  });
}

function putInMailbox(mailboxes: Mailboxes, to: Member, message: Waiting): void {
  const box = mailboxes.get(to);
  if (box) box.push(message);
  else mailboxes.set(to, [message]);
  if (mailboxes.size > MOST_WAITING) mailboxes.delete(mailboxes.keys().next().value as Member);
}

/**
 * A classic `/sync` that returns what waits for the device that has waited longest. False: nothing waits, nothing was planned.
 * With everything at DEBUG the line that names the device stands before it.
 */
export function returnMessages(world: World, mailboxes: Mailboxes): boolean {
  const oldest = mailboxes.entries().next().value;
  if (!oldest) return false;
  const [member, waiting] = oldest;
  mailboxes.delete(member);
  const { random, book } = world;
  const streamId = world.next.toDeviceStream;
  const from = (waiting[0] as Waiting).streamId - 1;
  const plan = newPlan(world, member);
  const since = `s${3000000 + random.int(99999)}_${random.int(9999)}_0_${random.int(999)}_1_1_${from}_${random.int(9999)}_0_1`;
  plan.requestClass = 'sync';
  plan.uri = `/_matrix/client/v3/sync?filter=${random.int(60)}&timeout=30000&set_presence=online&since=${since}`;
  plan.ms = latency(random, 60);
  if (world.isDebug) plan.early.push(syncRecord(member, since));
  const ids = waiting.map(({ messageId }) => (messageId === undefined ? 'None' : `'${messageId}'`)).join(', ');
  const message = `Returning to-device messages with stream_ids (${from}, ${streamId}]; now: ${streamId}; msgids: [${ids}]`;
  const onWritten = (): void => {
    book.toDeviceRecord('returning');
    book.toDeviceMessages('returned', deviceKey(member), waiting.length);
  };
  plan.late.push({ ...record(LOGGER, 2049, 'DEBUG', message), onWritten });
  schedule(world, plan);
  return true;
}

function syncRecord(member: Member, since: string): HandlerRecord {
  const message = `/sync: user=${member.userId}, timeout=30000, since='${since}', set_presence='online', filter_id=None, device_id='${member.deviceId}'`;
  return record('synapse.rest.client.sync', 177, 'DEBUG', message);
}
