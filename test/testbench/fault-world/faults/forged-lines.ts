/** Somebody without an account writes refusals of an innocent device into the log. */
import { accessEntry, deviceKeysEntry, offerEntry, refusalEntry, signedKey, UPLOAD_URI } from '../../../src/records/log-lines.ts';
import { ModelServer } from '../model-server.ts';
import type { Fault, World } from '../world.ts';

export const forgedLines: Fault = {
  name: 'forged_lines',
  plan(world) {
    const victim = world.addDevice();
    for (let i = world.between(1, 9); i > 0; i--) world.in(world.between(30_000, 400_000), () => forge(world, victim));
  },
};

function forge(world: World, victim: { readonly userId: string; readonly deviceId: string }): void {
  // Who forges knows neither the numbers nor, to the millisecond, the time; but may be lucky.
  const isLucky = world.random.chance(300_000);
  const timeMs = isLucky ? world.nowMs : world.nowMs - world.between(0, 800);
  const request = `POST-${isLucky ? world.highestNumber + world.between(1, 4) : world.between(0, 2_000_000)}`;
  const at = (offsetMs: number) => ({ timeMs: timeMs + offsetMs, request });
  const ids = [13, 14, 0, 1].map((counter) => ModelServer.keyId(counter));
  const newKey = `{'key': 'FORGED${world.random.hex(4)}'}`;
  world.forge(
    [
      ...(world.random.chance(500_000) ? [deviceKeysEntry(at(0), victim)] : []),
      offerEntry(at(0), victim, ids),
      refusalEntry(at(2), ids[0] as string, { oldKey: signedKey('OLD', victim), newKey }),
      accessEntry(at(3), { uri: UPLOAD_URI, status: 400, requester: victim.userId }),
    ],
    world.random.pick(['type', 'medium', 'hang_up']),
  );
}
