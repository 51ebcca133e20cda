/**
 * In: the world. Out: one record that belongs to no client's key or message: federation, push, caches, a failed request's traceback.
 *
 * Invariant: about 8 % of the lines of the profile `info`, 2 % of them tracebacks (reference/performance.md 3).
 */
import type { Member } from './cast.ts';
import { LETTERS_AND_DIGITS } from './random.ts';
import { type HandlerRecord, newPlan, record, schedule } from './request-plan.ts';
import { failWithTraceback } from './traceback.ts';
import { latency, type World } from './world.ts';

export function background(world: World): void {
  const { random } = world;
  const draw = random.int(1000);
  if (draw < 560) sending(world, draw < 420);
  else if (draw < 680) receiving(world);
  else if (draw < 950) housekeeping(world, draw);
  else if (draw < 989) failedSending(world);
  else failedRequest(world);
  if (world.isHostile && random.chance(3000)) veryLongRecord(world);
}

function put(world: World, requestId: string, line: HandlerRecord, delayMs = 0): void {
  world.timeline.plan(delayMs, { ...line, requestId });
}

const transmissionLoop = (world: World): string => `federation_transaction_transmission_loop-${world.random.int(99999)}`;

function sending(world: World, isDone: boolean): void {
  const { random, cast, next } = world;
  const server = random.pick(cast.servers);
  const txn = 1751284800000 + random.int(9999999);
  if (isDone) {
    const took = `${random.int(3)}.${10 + random.int(89)} secs, got ${11 + random.int(500)} bytes`;
    const what = `PUT matrix-federation://${server}/_matrix/federation/v1/send/${txn}`;
    const text = `{PUT-O-${next.federationRequest++}} [${server}] Completed request: 200 OK in ${took} - ${what}`;
    put(world, transmissionLoop(world), record('synapse.http.matrixfederationclient', 371, 'INFO', text), random.int(50));
    return;
  }
  const sizes = `(PDUs: ${random.int(5)}, EDUs: ${random.int(20)})`;
  const text = `TX [${server}] {${txn}} Sending transaction [${random.int(9999999)}], ${sizes}`;
  put(world, transmissionLoop(world), record('synapse.federation.sender.transaction_manager', 171, 'INFO', text));
}

function receiving(world: World): void {
  const { random, cast } = world;
  const event = `event_id=$${random.text(43, LETTERS_AND_DIGITS)}, type=m.room.encrypted, state_key=None, outlier=False`;
  const text = `handling received PDU in room ${random.pick(cast.rooms).id}: <FrozenEventV3 ${event}>`;
  const requestId = `_process_incoming_pdus_in_room_inner-${random.int(9999)}`;
  put(world, requestId, record('synapse.handlers.federation_event', 1234, 'INFO', text));
}

function housekeeping(world: World, draw: number): void {
  const { random, cast, next } = world;
  next.eventOrdering += random.int(5);
  if (draw < 780) {
    const { userId } = random.pick(cast.members);
    const text = `Processing ${1 + random.int(3)} unprocessed push actions for ${userId} starting at stream_ordering ${next.eventOrdering}`;
    put(world, `httppush.process-${random.int(99999)}`, record('synapse.push.httppusher', 180, 'INFO', text));
  } else if (draw < 860) {
    const text = `Rotating notifications up to: ${next.eventOrdering}, handled ${random.int(400)} rows`;
    put(world, `rotate_notifs-${random.int(9999)}`, record('synapse.storage.databases.main.event_push_actions', 1204, 'INFO', text));
  } else if (draw < 930) {
    const text = `Dropped ${random.int(9000)} items from caches`;
    put(world, `LruCache._expire_old_entries-${random.int(999)}`, record('synapse.util.caches.lrucache', 224, 'INFO', text));
  } else {
    const text = `Updating stats for ${random.pick(cast.rooms).id}`;
    put(world, 'sentinel', record('synapse.storage.databases.main.stats', 88, 'INFO', text));
  }
}

function failedSending(world: World): void {
  const { random, cast, next } = world;
  const server = random.pick(cast.servers);
  const what = `PUT matrix-federation://${server}/_matrix/federation/v1/send/${random.int(99999999)}`;
  const cause = `ConnectError("${random.pick(['timed out', 'Connection refused', 'no route to host'])}")`;
  const text = `{PUT-O-${next.federationRequest++}} [${server}] Request failed: ${what}: ${cause}`;
  put(world, transmissionLoop(world), record('synapse.http.matrixfederationclient', 700, 'WARNING', text));
}

function failedRequest(world: World): void {
  const { random, cast } = world;
  const plan = newPlan(world, random.pick(cast.members) as Member);
  plan.uri = `/_matrix/client/v3/rooms/${random.pick(cast.rooms).path}/messages?dir=b`;
  plan.ms = latency(random, 200);
  failWithTraceback(world, plan, 'RoomMessageListRestServlet');
  schedule(world, plan);
}

/** 20 to 200 KB in one line: beyond most buffers, below the limit at which a line is cut. */
function veryLongRecord(world: World): void {
  const { random, cast, next } = world;
  const text = `{PUT-O-${next.federationRequest++}} [${random.pick(cast.servers)}] Request failed: ${'x'.repeat(20_000 + random.int(180_000))}`;
  put(world, 'sentinel', record('synapse.http.matrixfederationclient', 700, 'INFO', text));
}
