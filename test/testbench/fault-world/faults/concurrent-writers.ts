/** Two tabs on one store: after a claim both make the next keys, and one of them loses. */
import type { Account } from '../model-client.ts';
import type { Fault } from '../world.ts';

export const concurrentWriters: Fault = {
  name: 'concurrent_writers',
  plan(world) {
    const device = world.addDevice(undefined, world.between(1500, 4000));
    device.truth.fault = this.name;
    const peer = world.addDevice();
    world.in(world.between(5000, 30_000), () => {
      const second = (device.accounts[0] as Account).copy();
      device.accounts.push(second);
      world.in(world.between(50, 400), () => world.syncLoop(device, second));
    });
    let atMs = world.between(45_000, 60_000);
    for (let i = world.between(3, 9); i > 0; i--) {
      world.in(atMs, () => world.claim(peer, [device]));
      atMs += world.between(8000, 40_000);
    }
  },
};
