/**
 * What a perfect reader says of a made-up world, worked out from what was done in it, and where another reader differs. In: the world and an analysis of its
 * logs. Out: sentences, one for each thing that is wrong; none: all is right.
 */
import type { Analysis } from '../../../src/analysis.ts';
import type { DeviceTruth, World } from './world.ts';

type Device = Analysis['devices'][number];

export function findFaults(world: World, analysis: Analysis): readonly string[] {
  const found = new Map(analysis.devices.map((device) => [`${device.userId} ${device.deviceId}`, device]));
  const complaints = world.devices.flatMap((device) => {
    const seen = found.get(device.key);
    if (seen === undefined) return device.truth.refusals.length > 0 ? [`${device.key} is missing`] : [];
    return judgeDevice(device.truth, seen).map((text) => `${device.key} (${device.truth.fault || 'innocent'}): ${text}`);
  });
  const known = new Set(world.devices.map(({ key }) => key));
  for (const key of found.keys()) if (!known.has(key)) complaints.push(`${key} was made up`);
  if (analysis.untrustedRecords !== world.forgedRecords)
    complaints.push(`${world.forgedRecords} records were forged, ${analysis.untrustedRecords} found`);
  for (const { userId, deviceId, kind } of analysis.incidents) {
    if (userId === null || deviceId === null) continue;
    const truth = world.devices.find((device) => device.userId === userId && device.deviceId === deviceId)?.truth;
    if (truth === undefined || isInnocent(truth)) complaints.push(`incident ${kind} on ${userId} ${deviceId}, who is innocent`);
  }
  return complaints;
}

/** For a log that begins in the middle of things: who is accused that nothing is wrong with. */
export function findFalseAccusations(world: World, { devices, incidents }: Analysis): readonly string[] {
  const innocent = new Set(world.devices.filter(({ truth }) => isInnocent(truth)).map(({ key }) => key));
  const accused = devices.filter(
    ({ cause, storm, flags }) => cause !== null || storm !== null || flags.some((flag) => flag !== 'exhaustion_suspected'),
  );
  return [
    ...accused.map(({ userId, deviceId, flags, cause }) => [`${userId} ${deviceId}`, `${flags.join(' ')} ${cause?.name ?? ''}`] as const),
    ...incidents.flatMap(({ userId, deviceId, kind }) =>
      userId === null || deviceId === null ? [] : [[`${userId} ${deviceId}`, kind] as const],
    ),
  ].flatMap(([key, what]) => (innocent.has(key) ? [`${key}: ${what}`] : []));
}

/** Nothing that the log shows was wrong with it. */
function isInnocent({ refusals, fallbackMs, again, poisonedMs }: DeviceTruth): boolean {
  return refusals.length === 0 && fallbackMs.length === 0 && again === 0 && poisonedMs.length === 0;
}

function judgeDevice(truth: DeviceTruth, seen: Device): readonly string[] {
  const complaints: string[] = [];
  const expect = (what: string, isRight: boolean, got: unknown): void => {
    if (!isRight) complaints.push(`${what}, got ${JSON.stringify(got)}`);
  };
  expect(`${truth.refusals.length} refusals`, seen.conflicts.count === truth.refusals.length, seen.conflicts.count);
  expect(`${truth.accepted.length} accepted`, seen.keyUploads.accepted === truth.accepted.length, seen.keyUploads.accepted);
  const causes = possibleCauses(truth);
  expect(`a cause of ${causes.join(', ') || 'none'}`, causes.includes(seen.cause?.name ?? 'none'), seen.cause);
  const storm = findStorm(truth);
  expect(storm === null ? 'no storm' : `a storm since ${storm}`, (seen.storm?.openedTime ?? null) === toTime(storm), seen.storm);
  const exhausted = truth.fallbackMs.length > 1 || (truth.fallbackMs.length > 0 && seen.claims.fallback > 0);
  expect(exhausted ? 'exhausted' : 'not exhausted', seen.flags.includes('exhausted') === exhausted, seen.flags);
  const isHot = hasManyWithin(truth.refusals, 60, 60);
  expect(isHot ? 'a hot loop' : 'no hot loop', seen.flags.includes('hot_loop') === isHot, seen.flags);
  const isCritical = hasManyWithin(truth.refusals, 99, 10);
  expect(isCritical ? 'critical' : 'not critical', seen.flags.includes('critical') === isCritical, seen.flags);
  expect('closed exactly if deleted', (seen.state === 'closed') === !Number.isNaN(truth.deletedMs), seen.state);
  if (truth.fault !== 'concurrent_writers')
    expect(`${countPoisoned(truth)} poisoned claims`, seen.claims.poisoned === countPoisoned(truth), seen.claims);
  if (seen.untrusted > 0) expect('accused by forged records alone', truth.refusals.length > 0 || seen.cause === null, seen.cause);
  return complaints;
}

/** Names that are right: `none` for no cause. */
function possibleCauses({ refusals, accepted, again, fault }: DeviceTruth): readonly string[] {
  if (refusals.length === 0)
    return again > 0
      ? ['server_rollback']
      : fault === 'identity_reset' || fault === 'volatile_store'
        ? ['none', 'identity_reset']
        : ['none'];
  if (refusals.some(({ hasDeviceKeys }) => hasDeviceKeys)) return mostValuesOfOneId(refusals) > 1 ? ['volatile_store'] : ['identity_reset'];
  // Two writers are certain where others' keys were accepted between two refusals of the same key.
  const isInterleaved = refusals.some(({ id, value, timeMs }, i) => {
    const next = refusals[i + 1];
    if (next?.id !== id || next.value !== value) return false;
    return accepted.some((upload) => upload.timeMs > timeMs && upload.timeMs < next.timeMs && !upload.ids.includes(id));
  });
  if (isInterleaved) return ['concurrent_writers'];
  return fault === 'concurrent_writers' ? ['concurrent_writers', 'rollback', 'unknown'] : ['rollback'];
}

function mostValuesOfOneId(refusals: DeviceTruth['refusals']): number {
  const values = new Map<string, Set<string>>();
  for (const { id, value } of refusals) values.set(id, (values.get(id) ?? new Set()).add(value));
  return Math.max(...[...values.values()].map(({ size }) => size));
}

/** Log time of the latest storm's first refusal, by design.md 7, worked out from lists; null: none. */
function findStorm({ refusals, accepted, deletedMs }: DeviceTruth): number | null {
  let found: number | null = null;
  let run: number[] = [];
  const close = (): void => {
    const isLong = run.some((timeMs, i) => i >= 2 && timeMs - (run[0] as number) >= 60_000);
    const isHot = hasManyWithin(
      run.map((timeMs) => ({ timeMs, id: '', value: '', hasDeviceKeys: false })),
      60,
      60,
    );
    if (isLong || isHot) found = run[0] as number;
    run = [];
  };
  for (const { timeMs } of refusals) {
    const last = run.at(-1);
    const ending = accepted.find((upload) => last !== undefined && upload.timeMs > last && upload.timeMs < timeMs);
    const isEnded = last !== undefined && (timeMs - last > 15 * 60_000 || (ending !== undefined && timeMs - ending.timeMs > 5 * 60_000));
    if (isEnded || (last !== undefined && last < deletedMs && deletedMs < timeMs)) close();
    run.push(timeMs);
  }
  close();
  return found;
}

/** Whether more than `count` fall into `seconds` seconds, told by whole seconds. */
function hasManyWithin(refusals: DeviceTruth['refusals'], count: number, seconds: number): boolean {
  return refusals.some(({ timeMs }, i) => {
    const first = refusals[i - count];
    return first !== undefined && Math.floor(timeMs / 1000) - Math.floor(first.timeMs / 1000) < seconds;
  });
}

/** From the first sign on: what was handed out before it, nobody could know. */
function countPoisoned({ refusals, poisonedMs }: DeviceTruth): number {
  const firstMs = refusals[0]?.timeMs ?? Number.POSITIVE_INFINITY;
  return poisonedMs.filter((timeMs) => timeMs >= firstMs).length;
}

function toTime(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
