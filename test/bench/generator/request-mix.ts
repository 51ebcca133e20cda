/**
 * In: the world. Out: one more request, chosen as a busy small homeserver gets them: a third syncs, then media, federation, room reads,
 * sends; 2.5 % key uploads, 1.2 % claims, 2.8 % to-device sends, 0.8 % delayed events (reference/performance.md 3).
 *
 * Invariant: one draw picks the kind; what a kind does to the truth stands with the kind.
 */

import { HOMESERVER, type Member } from './cast.ts';
import { debugLines } from './debug-lines.ts';
import { type CallMember, createCallMembers, delayedEventRequest } from './delayed-events.ts';
import { hostilePath, hostileUserAgent } from './hostile-text.ts';
import { keyClaim, keyUpload } from './key-requests.ts';
import { LETTERS_AND_DIGITS } from './random.ts';
import { newPlan, type RequestPlan, record, schedule } from './request-plan.ts';
import { type Mailboxes, returnMessages, toDeviceSend } from './to-device.ts';
import { latency, type World } from './world.ts';

/** How long a sync without news takes: its timeout. */
const LONG_POLL_MS = 30_000;

export class RequestMix {
  readonly #world: World;
  readonly #callMembers: CallMember[];
  readonly #mailboxes: Mailboxes = new Map();

  constructor(world: World) {
    this.#world = world;
    this.#callMembers = createCallMembers(world);
  }

  /** Plans one request that arrives now. */
  next(): void {
    const world = this.#world;
    const { random } = world;
    const member = random.pick(world.cast.members);
    const draw = random.int(1000);
    // 24 of 330 syncs return messages where they are logged: one in eight of the classic ones.
    if (world.hasToDeviceDebug && draw < 24 && returnMessages(world, this.#mailboxes)) return;
    const plan = this.#plan(draw, member);
    if (world.isHostile && random.chance(50_000)) this.#makeHostile(plan);
    const requestId = schedule(world, plan);
    if (world.isDebug) debugLines(world, plan, requestId);
  }

  #makeHostile(plan: RequestPlan): void {
    plan.userAgent = hostileUserAgent(this.#world.random);
    plan.isLookalike = true;
  }

  #plan(draw: number, member: Member): RequestPlan {
    const world = this.#world;
    if (draw < 200) return classicSync(world, member);
    if (draw < 330) return slidingSync(world, member);
    if (draw < 450) return federation(world, member);
    if (draw < 590) return media(world, member);
    if (draw < 700) return roomRead(world, member);
    if (draw < 790) return roomSend(world, member);
    if (draw < 850) return ephemeral(world, member);
    if (draw < 880) return keyQuery(world, member);
    if (draw < 905) return keyUpload(world, member);
    if (draw < 917) return keyClaim(world, member);
    if (draw < 945) return toDeviceSend(world, member, this.#mailboxes);
    if (draw < 953) return delayedEventRequest(world, this.#callMembers);
    return odds(world, member);
  }
}

function syncPlan(world: World, member: Member): RequestPlan {
  const plan = newPlan(world, member);
  plan.requestClass = 'sync';
  plan.ms = world.random.chance(400_000) ? LONG_POLL_MS + world.random.int(60) : latency(world.random, 60);
  plan.isLost = world.random.chance(6000);
  return plan;
}

function classicSync(world: World, member: Member): RequestPlan {
  const { random } = world;
  const plan = syncPlan(world, member);
  const parts = [99999999, 99999, 9999999, 9999999, 999, 9999999, 99999].map((n) => random.int(n)).join('_');
  const presence = random.pick(['online', 'offline', 'unavailable']);
  const since = `s${3000000 + (world.timeline.nowMs % 1000000)}_${parts}_0_${random.int(99)}`;
  plan.uri = `/_matrix/client/v3/sync?filter=${random.int(60)}&timeout=30000&set_presence=${presence}&since=${since}`;
  if (plan.isLost) plan.status = 499; // Cancellable: the handler stops.
  return plan;
}

function slidingSync(world: World, member: Member): RequestPlan {
  const { random } = world;
  const plan = syncPlan(world, member);
  const pos = `${random.int(9999999)}%2Fs${random.int(99999999)}_${random.int(9999999)}_${random.int(99999)}_${random.int(9999)}_1_1_1_${random.int(99)}`;
  plan.method = 'POST';
  plan.uri = `/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?pos=${pos}&timeout=30000`;
  return plan;
}

function federation(world: World, member: Member): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, member);
  const server = random.pick(world.cast.servers);
  plan.method = 'PUT';
  plan.entity = server;
  plan.userAgent = '-';
  plan.uri = `/_matrix/federation/v1/send/${1751284800000 + random.int(9999999)}`;
  plan.ms = latency(random, 25);
  if (world.isDebug || random.chance(60_000)) {
    const text = `Received txn ${random.int(9999999)} from ${server}. (PDUs: ${random.int(5)}, EDUs: ${random.int(9)})`;
    plan.early.push(record('synapse.federation.transport.server.federation', 111, 'INFO', text));
  }
  return plan;
}

function media(world: World, member: Member): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, member);
  const server = random.chance(500_000) ? HOMESERVER : random.pick(world.cast.servers);
  const name = `${random.pick(['thumbnail', 'download'])}/${server}/${random.text(24, LETTERS_AND_DIGITS)}`;
  plan.uri = `/_matrix/client/v1/media/${name}?width=96&height=96&method=crop&allow_redirect=true`;
  plan.ms = latency(random, 30);
  // Without an error record: a handler that answers by itself logs none (reference/synapse-log-lines.md 3.4).
  if (random.chance(30_000)) plan.status = 404;
  return plan;
}

function roomRead(world: World, member: Member): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, member);
  const what = random.pick([
    `messages?from=t${random.int(999999)}-${random.int(999999)}_0_0_0_0_0_0_0_0_0_0&limit=20&dir=b`,
    'members?not_membership=leave',
    'state',
    'joined_members',
    `context/%24${random.text(43, LETTERS_AND_DIGITS)}?limit=0`,
  ]);
  plan.uri = `/_matrix/client/v3/rooms/${random.pick(world.cast.rooms).path}/${what}`;
  plan.ms = latency(random, 90);
  return plan;
}

function roomSend(world: World, member: Member): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, member);
  const room = random.pick(world.cast.rooms);
  plan.method = 'PUT';
  plan.uri = `/_matrix/client/v3/rooms/${room.path}/send/m.room.encrypted/m${1751284800000 + random.int(99999999)}.${random.int(300)}`;
  plan.ms = latency(random, 55);
  plan.isLost = random.chance(3000);
  if (random.chance(5000)) plan.entity = `@bridgebot:${HOMESERVER}|${member.userId}`;
  if (random.chance(10_000)) {
    plan.status = 429;
    plan.ms += 500;
    plan.error = { code: 'M_LIMIT_EXCEEDED', text: 'Too Many Requests', limiter: 'rc_messages' };
  } else if (random.chance(5000)) {
    plan.status = 403;
    plan.error = { code: 'M_FORBIDDEN', text: `User ${member.userId} not in room ${room.id}` };
  }
  return plan;
}

function ephemeral(world: World, member: Member): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, member);
  const room = random.pick(world.cast.rooms).path;
  plan.method = random.pick(['PUT', 'POST']);
  const what = plan.method === 'PUT' ? `typing/${member.userPath}` : `receipt/m.read/%24${random.text(43, LETTERS_AND_DIGITS)}`;
  plan.uri = `/_matrix/client/v3/rooms/${room}/${what}`;
  plan.ms = latency(random, 12);
  return plan;
}

function keyQuery(world: World, member: Member): RequestPlan {
  const plan = newPlan(world, member);
  plan.method = 'POST';
  plan.requestClass = 'keys_query';
  plan.uri = '/_matrix/client/v3/keys/query';
  plan.ms = latency(world.random, 35);
  return plan;
}

function odds(world: World, member: Member): RequestPlan {
  const { random, cast } = world;
  const plan = newPlan(world, member);
  plan.ms = latency(random, 10);
  if (random.chance(60_000)) plan.entity = 'None';
  const k = random.int(7);
  if (k === 1) plan.uri = '/_matrix/client/v3/pushrules/';
  else if (k === 2) plan.uri = '/_matrix/client/v3/voip/turnServer';
  else if (k === 3) plan.uri = `/_matrix/client/v3/profile/${random.pick(cast.members).userPath}`;
  else if (k === 4) Object.assign(plan, { method: 'POST', uri: `/_matrix/client/v3/user/${member.userPath}/filter` });
  else if (k === 5) {
    Object.assign(plan, { uri: '/_matrix/client/v3/account/whoami', status: 401, entity: 'None' });
    plan.error = { code: 'M_UNKNOWN_TOKEN', text: 'Invalid access token passed.' };
  } else if (k === 6) plan.uri = `/_matrix/client/v3/rooms/${random.pick(cast.rooms).path}/state?access_token=<redacted>`;
  if (k === 6 && world.isHostile && random.chance(300_000)) {
    Object.assign(plan, hostilePath(random), { status: 404, isLookalike: true });
    plan.error = { code: 'M_UNRECOGNIZED', text: 'Unrecognized request' };
  }
  return plan;
}
