/** Nothing is wrong: the homeserver is restarted. */
import type { Fault } from '../world.ts';

export const restart: Fault = {
  name: 'restart',
  plan(world) {
    world.in(world.between(30_000, 500_000), () => world.restart());
  },
};
