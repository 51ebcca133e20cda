/** What is known of devices' keys, written by hand: for tests of what rests on it. */
import type { TimeWindow } from '../../src/certainty.ts';
import type { DeviceStateName, KeyHealth, PoisonedClaim } from '../../src/devices/key-health.ts';
import { PROVENANCE } from './made-facts.ts';

export class MadeKeyHealth implements KeyHealth {
  readonly claims: PoisonedClaim[] = [];
  readonly #diverged = new Map<string, number>();

  diverge(userId: string, deviceId: string, sinceMs: number): void {
    this.#diverged.set(`${userId} ${deviceId}`, sinceMs);
  }

  poison(claim: Partial<PoisonedClaim> & Pick<PoisonedClaim, 'timeMs' | 'userId' | 'deviceId' | 'claimer'>): void {
    const keyId = 'signed_curve25519:AAAAAAAAAA0';
    this.claims.push({ keyId, cause: 'identity_reset', level: 'derived', provenance: PROVENANCE, ...claim });
  }

  stateOf(userId: string, deviceId: string): DeviceStateName {
    return this.#diverged.has(`${userId} ${deviceId}`) ? 'storm' : 'healthy';
  }

  divergedSinceMs(userId: string, deviceId: string): number | null {
    return this.#diverged.get(`${userId} ${deviceId}`) ?? null;
  }

  poisonedClaims({ fromMs, toMs }: TimeWindow): readonly PoisonedClaim[] {
    return this.claims.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs);
  }

  devicesOf(userId: string): readonly string[] {
    return [...this.#diverged.keys()].filter((key) => key.startsWith(`${userId} `)).map((key) => key.slice(userId.length + 1));
  }
}
