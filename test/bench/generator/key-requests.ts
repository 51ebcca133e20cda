/**
 * In: a plan for `/keys/upload` or `/keys/claim`. Out: the plan with the lines that Synapse writes for it, and the truth they carry.
 *
 * Invariant: `Adding one_time_keys` comes before the refusal of the same request; what is stored in the truth is what the lines name.
 */
import { deviceKey, keyId, type Member, type WedgedDevice } from './cast.ts';
import { hostileKeyId } from './hostile-text.ts';
import type { Random } from './random.ts';
import { newPlan, type RequestPlan, record } from './request-plan.ts';
import { failWithTraceback } from './traceback.ts';
import { latency, type World } from './world.ts';

const ALGORITHM = 'signed_curve25519';

/** An upload of any kind: one in five from a wedged device, the others mostly fine. */
export function keyUpload(world: World, member: Member): RequestPlan {
  const { random, cast, options } = world;
  if (random.chance(200_000) && !options.isQuietAboutKeys) return refusedUpload(world, random.pick(cast.wedged));
  const plan = uploadPlan(world, member);
  const fate = random.int(1000);
  if (fate < 10) return rejectUpload(world, plan);
  if (fate < 13) return failed(world, plan);
  const hasKeys = random.chance(650_000);
  if (random.chance(hasKeys ? 60_000 : 300_000)) updateDeviceKeys(world, plan, member);
  if (hasKeys) addKeys(world, plan, member, offeredIds(random, member));
  if (fate < 18) return hasKeys ? overLimit(plan) : rejectUpload(world, plan);
  if (fate < 24) return failed(world, plan);
  plan.isLost = fate < 34;
  // Rare in life: cancelled before the client hung up, so without the mark.
  if (world.isHostile && random.chance(50_000)) plan.status = 499;
  return plan;
}

function uploadPlan(world: World, member: Member): RequestPlan {
  const { random } = world;
  const plan = newPlan(world, member);
  plan.method = 'POST';
  plan.requestClass = 'keys_upload';
  plan.uri = random.chance(120_000) ? `/_matrix/client/r0/keys/upload/${member.deviceId}` : '/_matrix/client/v3/keys/upload';
  plan.ms = 4 + latency(random, 30);
  plan.upload = { hasOneTimeKeys: false, isRefused: false };
  return plan;
}

/** A refill of 1 to 6 keys, one in four a full batch of 50. */
function offeredIds(random: Random, member: Member): string[] {
  const count = random.chance(250_000) ? 50 : 1 + random.int(6);
  return Array.from({ length: count }, () => keyId(member.nextKey++));
}

function addKeys(world: World, plan: RequestPlan, member: Member, ids: readonly string[]): void {
  const { upload } = plan;
  if (!upload) return;
  const offered = ids.map((id) => pythonRepr(`${ALGORITHM}:${id}`)).join(', ');
  const at = world.options.startMs + world.timeline.nowMs;
  const message = `Adding one_time_keys dict_keys([${offered}]) for device '${member.deviceId}' for user '${member.userId}' at ${at}`;
  const onWritten = (): void => world.book.keysAdded(upload, deviceKey(member), ids.length);
  plan.early.push({ ...record('synapse.handlers.e2e_keys', 955, 'INFO', message), onWritten });
}

function updateDeviceKeys(world: World, plan: RequestPlan, member: Member): void {
  const { upload } = plan;
  if (!upload) return;
  const at = world.options.startMs + world.timeline.nowMs;
  const message = `Updating device_keys for device '${member.deviceId}' for user ${member.userId} at ${at}`;
  const onWritten = (): void => world.book.deviceKeysUpdated(upload, deviceKey(member));
  plan.early.push({ ...record('synapse.handlers.e2e_keys', 918, 'INFO', message), onWritten });
}

/** 400 before any key line is written, the pydantic text with three more physical lines among them. */
function rejectUpload(world: World, plan: RequestPlan): RequestPlan {
  plan.status = 400;
  plan.error = world.random.pick([
    { code: 'M_NOT_JSON', text: 'Content not JSON.' },
    { code: 'M_UNKNOWN', text: 'To upload keys, you must pass device_id when authenticating' },
    { code: 'M_INVALID_PARAM', text: `Invalid one_time_keys key '${ALGORITHM}AAAA'. Expected "<algorithm>:<device_id>".` },
    {
      code: 'M_BAD_JSON',
      text:
        `1 validation error for KeyUploadRequestBody\none_time_keys.${ALGORITHM}:NUL1RsQ.str\n` +
        "  Input should be a valid string [type=string_type, input_value={'key': 'a\\x00b'}, input_type=dict]\n" +
        '    For further information visit https://errors.pydantic.dev/2.12/v/string_type',
    },
  ]);
  return plan;
}

/** A 400 on an upload whose device is known, and which isn't a conflict. */
function overLimit(plan: RequestPlan): RequestPlan {
  plan.status = 400;
  const text = `Uploading 50 more ${ALGORITHM} one-time keys would leave the device holding 120, over the limit of 100`;
  plan.error = { code: 'M_UNKNOWN', text };
  return plan;
}

function failed(world: World, plan: RequestPlan): RequestPlan {
  if (world.random.chance(500_000)) failWithTraceback(world, plan, 'KeyUploadServlet');
  else {
    plan.status = 503;
    plan.error = { code: 'M_UNKNOWN', text: 'Database is unavailable' };
  }
  return plan;
}

/** The upload of a device that offers a key whose id the server has already, with another value: always refused. */
export function refusedUpload(world: World, wedged: WedgedDevice): RequestPlan {
  const { random } = world;
  const plan = uploadPlan(world, wedged.member);
  plan.uri = '/_matrix/client/v3/keys/upload';
  plan.ms = 6 + random.int(40);
  plan.status = 400;
  plan.isLost = random.chance(10_000);
  if (random.chance(20_000)) wedged.key++; // A peer claimed the orphan: the refused id walks on.
  const isOdd = world.isHostile && random.chance(100_000);
  const first = isOdd ? hostileKeyId(random) : keyId(wedged.key);
  const others = Array.from({ length: random.int(8) }, (_, i) => keyId(wedged.key + 1 + i));
  if (random.chance(80_000)) updateDeviceKeys(world, plan, wedged.member);
  // Hostile: the line that names the device is missing in one of 10, as if the logger were quieter.
  if (!world.isHostile || !random.chance(100_000)) addKeys(world, plan, wedged.member, [first, ...others]);
  refuse(world, plan, wedged, first);
  return plan;
}

function refuse(world: World, plan: RequestPlan, wedged: WedgedDevice, id: string): void {
  const { upload } = plan;
  if (!upload) return;
  const { userId, deviceId } = wedged.member;
  const isPlain = world.isHostile && world.random.chance(400_000); // A key may be a bare string: no signatures, nobody's name.
  const oldKey = isPlain
    ? `"${wedged.oldKey}"`
    : `{"key":"${wedged.oldKey}","signatures":{"${userId}":{"ed25519:${deviceId}":"${wedged.oldSignature}"}}}`;
  const newKey = isPlain
    ? `'${wedged.newKey}'`
    : `{'key': '${wedged.newKey}', 'signatures': {'${userId}': {'ed25519:${deviceId}': '${wedged.newSignature}'}}}`;
  const name = `${ALGORITHM}:${id}`;
  const signer = isPlain ? undefined : deviceKey(wedged.member);
  plan.error = {
    code: 'M_UNKNOWN',
    text: `One time key ${name} already exists. Old key: ${oldKey}; new key: ${newKey}`,
    onWritten: () => world.book.refused(upload, signer, name, newKey),
  };
}

/** `POST /keys/claim`: one to five keys handed out. */
export function keyClaim(world: World, member: Member): RequestPlan {
  const { random, cast } = world;
  const plan = newPlan(world, member);
  plan.method = 'POST';
  plan.requestClass = 'keys_claim';
  plan.uri = '/_matrix/client/v3/keys/claim';
  plan.ms = latency(random, 60);
  const owners = Array.from({ length: 1 + random.int(5) }, () => random.pick(cast.members));
  const keys = owners.map((owner) => `${ALGORITHM}:${keyId(random.int(60_000))} for ${owner.userId}:${owner.deviceId}`);
  const onWritten = (): void => world.book.claimed(owners.map(deviceKey));
  plan.early.push({ ...record('synapse.handlers.e2e_keys', 819, 'INFO', `Claimed one-time-keys: ${keys.join(',')}`), onWritten });
  return plan;
}

/** Python's repr of a text without control characters but newline: single quotes, unless it holds some and no double quote. */
function pythonRepr(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return text.includes("'") && !text.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}
