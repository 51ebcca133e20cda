/** Nothing is wrong: a page is loaded again within 2 minutes, and the sync cache's old answers make it upload 50 keys in mid-counter (lab-findings 9). */
import type { Account } from '../model-client.ts';
import type { Fault } from '../world.ts';
import { reload } from './identity-reset.ts';

export const quickReload: Fault = {
  name: 'quick_reload',
  plan(world) {
    const device = world.addDevice();
    world.in(world.between(20_000, 110_000), () => reload(world, device, device.accounts[0] as Account, true));
  },
};
