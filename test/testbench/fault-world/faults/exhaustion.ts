/** A device is away while its whole stock is handed out; then its fallback key is, again and again. */
import type { Fault } from '../world.ts';

export const exhaustion: Fault = {
  name: 'exhaustion',
  plan(world) {
    const device = world.addDevice();
    device.truth.fault = this.name;
    const peers = [world.addDevice(), world.addDevice()];
    world.in(world.between(40_000, 60_000), () => {
      device.isOnline = false;
      for (let i = world.between(52, 60); i > 0; i--)
        world.in(world.between(100, 200_000), () => world.claim(world.random.pick(peers), [device]));
      world.in(world.between(210_000, 300_000), () => {
        device.isOnline = true;
      });
    });
  },
};
