/**
 * What other stages may know of devices' one-time keys: the seam between `devices` (which works it out) and `calls`, `incidents`, `verdict`
 * (which need it to say who is silenced). Log time throughout.
 */
import type { Level, TimeWindow } from '../certainty.ts';
import type { Provenance } from '../facts/fact.ts';

/** contract.md: `healthy` also after a storm that healed, `closed` after the device was deleted. */
export type DeviceStateName = 'healthy' | 'isolated' | 'storm' | 'dormant' | 'closed';

/** A key that was handed out after its private half was gone: what the claimer encrypts with it, the owner can't read. */
export interface PoisonedClaim {
  readonly timeMs: number;
  /** Owner of the key. */
  readonly userId: string;
  readonly deviceId: string;
  /** `signed_curve25519:AAAAAAAAAA0`. */
  readonly keyId: string;
  /** Who claimed it: a user id, a server name (federation), or null where no access line tells. */
  readonly claimer: string | null;
  /** Why the private half is gone: as the device's cause. */
  readonly cause: string;
  readonly level: Level;
  readonly provenance: Provenance;
}

export interface KeyHealth {
  /** As things stand at the newest log time. A device never heard of is `healthy`. */
  stateOf(userId: string, deviceId: string): DeviceStateName;
  /** Since when this device's keys on the server are not (all) its own; null while nothing says so. */
  divergedSinceMs(userId: string, deviceId: string): number | null;
  /** Those inside the window, in log-time order; bounded, the oldest are forgotten first. */
  poisonedClaims(window: TimeWindow): readonly PoisonedClaim[];
  /** Devices of one user that were heard of, in any state. */
  devicesOf(userId: string): readonly string[];
}
