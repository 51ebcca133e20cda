/**
 * To-device sends of each device, as far as address and user agent tell which of its user's devices it was. In: senders. Out: their counts. A device may
 * send before anything else is heard of it, so this isn't kept with the devices. Bounded: above MAX_DEVICES the one that sent least recently is forgotten.
 */
import { BoundedRows } from './bounded-rows.ts';

/** As many as the table of devices holds. */
const MAX_DEVICES = 100_000;

export class DeviceSends {
  readonly rows: BoundedRows<number>;

  constructor(maxDevices: number = MAX_DEVICES) {
    this.rows = new BoundedRows('device', maxDevices);
  }

  add(userId: string, deviceId: string): void {
    const key = keyOf(userId, deviceId);
    this.rows.put(key, (this.rows.get(key) ?? 0) + 1);
  }

  of(userId: string, deviceId: string): number {
    return this.rows.get(keyOf(userId, deviceId)) ?? 0;
  }
}

function keyOf(userId: string, deviceId: string): string {
  return `${userId}\0${deviceId}`;
}
