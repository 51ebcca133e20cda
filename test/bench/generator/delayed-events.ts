/**
 * In: the delayed leave events of a few call members. Out: plans of schedules, restarts, cancels, sends, of the old form whose action is
 * in the body, and of the list (which counts nowhere).
 *
 * Invariant: a delay id is restarted only between its schedule and its end, as a client would; what ends it makes the next step of that
 * member a new schedule.
 */
import type { Member } from './cast.ts';
import { LETTERS_AND_DIGITS } from './random.ts';
import { newPlan, type RequestPlan } from './request-plan.ts';
import type { DelayedAction } from './truth.ts';
import { latency, type World } from './world.ts';

const PATH = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events';
/** Synapse answers a rate-limited request after half a second. */
const LIMIT_PAUSE_MS = 500;

export interface CallMember {
  readonly member: Member;
  readonly room: string;
  /** Undefined: the next step is a schedule. */
  delayId: string | undefined;
}

/** Twelve members of calls: at 500 lines/s each restarts every 5 s or so, as MatrixRTC does. */
export function createCallMembers(world: World): CallMember[] {
  const { random, cast } = world;
  return Array.from({ length: 12 }, () => ({ member: random.pick(cast.members), room: random.pick(cast.rooms).path, delayId: undefined }));
}

export function delayedEventRequest(world: World, callMembers: readonly CallMember[]): RequestPlan {
  const { random } = world;
  const caller = random.pick(callMembers);
  const k = random.int(32);
  if (k < 4) return listRequest(world, caller);
  if (caller.delayId === undefined) return scheduleRequest(world, caller);
  return actionRequest(world, caller, caller.delayId, k < 24 ? 'restart' : k < 30 ? 'unknown' : k < 31 ? 'cancel' : 'send');
}

function listRequest(world: World, caller: CallMember): RequestPlan {
  const plan = newPlan(world, caller.member);
  plan.requestClass = 'delayed_events';
  plan.uri = PATH;
  plan.ms = latency(world.random, 15);
  return plan;
}

function scheduleRequest(world: World, caller: CallMember): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, caller.member);
  const stateKey = `_${caller.member.userPath}_${caller.member.deviceId}_m.call`;
  const event = random.chance(250_000)
    ? `send/m.room.encrypted/m${1751284800000 + random.int(99999999)}.${random.int(300)}`
    : `state/org.matrix.msc3401.call.member/${stateKey}`;
  const query = world.isHostile && random.chance(300_000) ? 'user_id=%40x&org.matrix.msc4140.delay=8000' : 'org.matrix.msc4140.delay=8000';
  plan.method = 'PUT';
  plan.uri = `/_matrix/client/v3/rooms/${caller.room}/${event}?${query}`;
  plan.ms = latency(random, 40);
  plan.delayedAction = 'schedule';
  const fate = random.int(100);
  if (fate < 4) limit(plan, 'rc_messages');
  else if (fate < 6) {
    plan.status = 400;
    plan.error = { code: 'M_UNKNOWN', text: 'The requested delay exceeds the allowed maximum.' };
  } else if (fate < 8) plan.isLost = true;
  else caller.delayId = `syd_${random.text(20, LETTERS_AND_DIGITS)}`;
  return plan;
}

function actionRequest(world: World, caller: CallMember, delayId: string, action: DelayedAction): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, caller.member);
  plan.method = 'POST';
  plan.requestClass = 'delayed_events';
  plan.uri = `${PATH}/${delayId}${action === 'unknown' ? '' : `/${action}`}`;
  plan.ms = latency(random, 15);
  plan.entity = 'None';
  plan.delayedAction = action;
  const fate = random.int(100);
  if (fate < 4) {
    plan.status = 404;
    plan.error = { code: 'M_NOT_FOUND', text: 'Delayed event not found' };
    caller.delayId = undefined;
  } else if (fate < 8) limit(plan, 'rc_delayed_event_mgmt');
  else if (fate < 9) {
    plan.status = 502;
    plan.error = { code: 'M_UNKNOWN', text: 'Bad gateway' };
  } else if (action === 'cancel' || action === 'send') caller.delayId = undefined;
  plan.isLost = random.chance(25_000);
  return plan;
}

function limit(plan: RequestPlan, limiter: string): void {
  plan.status = 429;
  plan.ms += LIMIT_PAUSE_MS;
  plan.error = { code: 'M_LIMIT_EXCEEDED', text: 'Too Many Requests', limiter };
}
