/**
 * How a device stands, at a moment of log time: what `analyze --json`, gauges and reports say of it (contract.md). In: its tally. Out: state, cause,
 * latest storm.
 */
import { type Cause, decideCause } from './cause.ts';
import type { DeviceTally } from './device.ts';
import { isOver, stormEnd, stormOf } from './divergence.ts';
import type { DeviceStateName } from './key-health.ts';
import { endedBy, isStorm } from './refusal-run.ts';

export interface StormView {
  readonly openedMs: number;
  readonly detectedMs: number;
  /** NaN: it goes on, or fell quiet without being healed. */
  readonly closedMs: number;
  readonly closedBy: 'accepted' | 'deleted' | null;
  readonly peakPerMinute: number;
}

/** @param nowMs newest log time; NaN: the log has none, so nothing has aged */
export function stateOf(device: DeviceTally, nowMs: number): DeviceStateName {
  if (!Number.isNaN(device.deletedMs)) return 'closed';
  const { divergence } = device;
  if (divergence?.run == null || isOver(divergence, device, nowMs)) return 'healthy';
  if (isStorm(divergence.run)) return endedBy(divergence.run, nowMs) === 'quiet' ? 'dormant' : 'storm';
  // A few refusals, then none: nothing was healed, so a storm before them is still what it was.
  return divergence.earlierStorm === null ? 'isolated' : 'dormant';
}

/** What was seen, also when it is over; null: nothing diverged. */
export function causeOf(device: DeviceTally): Cause | null {
  if (device.divergence !== null) return decideCause(device.divergence.causeEvidence);
  if (Number.isNaN(device.restoredMs)) return null;
  return {
    name: 'server_rollback',
    level: 'derived',
    why: 'keys that had been handed out were handed out again after a start of the homeserver, without an upload of them: its database is an older one',
  };
}

/** The latest one; null: none. */
export function stormViewOf(device: DeviceTally, nowMs: number): StormView | null {
  const storm = device.divergence === null ? null : stormOf(device.divergence);
  if (storm === null) return null;
  const { firstMs, detectedMs, peakPerMinute } = storm;
  return { openedMs: firstMs, detectedMs, peakPerMinute, ...stormEnd(storm, nowMs) };
}
