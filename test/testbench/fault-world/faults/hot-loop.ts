/** A reset, with the tight retry loop of matrix-js-sdk 40.0.0: each refusal is followed by the next try at once (e2ee-evidence 4.1). */
import type { Account } from '../model-client.ts';
import type { Fault, ModelDevice, World } from '../world.ts';
import { reload } from './identity-reset.ts';

export const hotLoop: Fault = {
  name: 'hot_loop',
  plan(world) {
    const device = world.addDevice();
    device.truth.fault = this.name;
    world.in(world.between(60_000, 200_000), () => {
      const account = world.newAccount();
      reload(world, device, account);
      const untilMs = world.nowMs + world.between(15_000, 40_000);
      world.in(500, () => loop(world, device, account, untilMs));
    });
  },
};

function loop(world: World, device: ModelDevice, account: Account, untilMs: number): void {
  if (world.nowMs > untilMs || !device.accounts.includes(account)) return;
  const pending = account.pending(world.server.count(device.key));
  if (pending !== null) world.upload(device, account, pending);
  world.in(world.between(20, 90), () => loop(world, device, account, untilMs));
}
