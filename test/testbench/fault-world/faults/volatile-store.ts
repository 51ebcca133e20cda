/** A store that never lasts: each page load makes another account under the same device id. */
import type { Fault } from '../world.ts';
import { reload } from './identity-reset.ts';

export const volatileStore: Fault = {
  name: 'volatile_store',
  plan(world) {
    const device = world.addDevice();
    device.truth.fault = this.name;
    let atMs = world.between(60_000, 120_000);
    for (let load = world.between(1, 5); load > 0; load--) {
      world.in(atMs, () => {
        if (Number.isNaN(device.truth.deletedMs)) reload(world, device, world.newAccount());
      });
      atMs += world.between(20_000, 150_000);
    }
  },
};
