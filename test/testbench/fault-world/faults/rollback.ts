/** An older copy of the store comes back: the same account, with an older counter. */
import type { Account } from '../model-client.ts';
import type { Fault } from '../world.ts';
import { reload } from './identity-reset.ts';

export const rollback: Fault = {
  name: 'rollback',
  plan(world) {
    const device = world.addDevice(undefined, world.between(2000, 9000));
    device.truth.fault = this.name;
    const peer = world.addDevice();
    world.in(world.between(5000, 30_000), () => {
      const copy = (device.accounts[0] as Account).copy();
      // Keys are used up and made anew, and then the copy is put back.
      world.in(1000, () => {
        for (let i = world.between(1, 4); i > 0; i--) world.claim(peer, [device]);
      });
      world.in(world.between(30_000, 60_000), () => {
        device.accounts = [];
        world.in(world.between(3000, 40_000), () => reload(world, device, copy));
      });
      // The next claim makes it offer again what the server holds.
      world.in(world.between(105_000, 140_000), () => world.claim(peer, [device]));
      if (world.random.chance(400_000))
        world.in(world.between(200_000, 300_000), () => {
          for (let i = world.between(30, 60); i > 0; i--) world.claim(peer, [device]);
        });
    });
  },
};
