/** Nothing is wrong: people write to each other, log in and out. */
import type { Fault, ModelDevice } from '../world.ts';

export const healthyTraffic: Fault = {
  name: 'healthy_traffic',
  plan(world) {
    const devices: ModelDevice[] = [];
    for (let i = world.between(2, 7); i > 0; i--) devices.push(world.addDevice());
    for (let i = world.between(5, 40); i > 0; i--)
      world.in(world.between(10_000, 560_000), () => {
        const isThere = (device: ModelDevice): boolean => Number.isNaN(device.truth.deletedMs);
        const claimer = world.random.pick(devices);
        const targets = devices.filter((device) => device !== claimer && isThere(device) && world.random.chance(500_000));
        if (targets.length > 0) world.claim(claimer, targets);
      });
    if (world.random.chance(500_000)) world.in(world.between(100_000, 500_000), () => world.delete(devices[0] as ModelDevice));
    if (world.random.chance(300_000))
      world.in(world.between(100_000, 500_000), () => {
        world.addDevice(devices[1]?.userId);
      });
  },
};
