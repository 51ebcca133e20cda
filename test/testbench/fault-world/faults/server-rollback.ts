/** The database is restored from a backup while the clients go on. */
import type { Fault } from '../world.ts';

export const serverRollback: Fault = {
  name: 'server_rollback',
  plan(world) {
    const devices = [world.addDevice(), world.addDevice(), world.addDevice()] as const;
    const peer = world.addDevice();
    world.in(world.between(40_000, 60_000), () => {
      const backup = world.server.snapshot();
      world.in(1000, () => {
        for (const device of devices) world.claim(peer, [device]);
      });
      world.in(world.between(60_000, 100_000), () => {
        world.restart(() => world.server.restore(backup));
        world.in(4000, () => {
          for (const device of devices) world.tokenAhead(device);
        });
        world.in(world.between(5000, 60_000), () => {
          for (const device of devices) world.claim(peer, [device]);
        });
      });
    });
    for (const device of devices) device.truth.fault = this.name;
  },
};
