/** A client loses its store and keeps its device id: a new account under the old id (e2ee-evidence 2.3). */
import type { Account } from '../model-client.ts';
import type { Fault, ModelDevice, World } from '../world.ts';

export const identityReset: Fault = {
  name: 'identity_reset',
  plan(world) {
    const device = world.addDevice();
    device.truth.fault = this.name;
    world.in(world.between(60_000, 240_000), () => {
      reload(world, device, world.newAccount());
      // Some repair it, by logging out.
      if (world.random.chance(300_000)) world.in(world.between(1000, 400_000), () => world.delete(device));
    });
  },
};

/** The page is loaded anew with this account: the others are closed. A few /syncs follow at once, then the usual ones. */
export function reload(world: World, device: ModelDevice, account: Account, isCached = false): void {
  device.accounts = [account];
  const burst = world.between(1, 4);
  for (let i = 0; i < burst; i++)
    world.in(i * world.between(40, 200), () => {
      if (device.accounts.includes(account) && Number.isNaN(device.truth.deletedMs))
        world.sync(device, account, isCached ? 0 : world.server.count(device.key));
    });
  world.in(world.between(1000, 16_000), () => world.syncLoop(device, account));
}
