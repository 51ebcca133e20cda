/**
 * Which device of a user asks from which address with which user agent. In: facts that name a device and show its client. Out: the device, where
 * it's one only. Bounded: above MAX_CLIENTS the pair that was learned first is forgotten.
 */
import { BoundedRows } from './bounded-rows.ts';

/** Chosen: as many as devices. Some 100 bytes each. */
const MAX_CLIENTS = 100_000;

export class ClientDirectory {
  /** `<client hash>/<user id>` → device id; null: several devices. */
  readonly rows: BoundedRows<string | null>;

  constructor(maxClients: number = MAX_CLIENTS) {
    this.rows = new BoundedRows('client', maxClients);
  }

  learn(userId: string, clientHash: number, deviceId: string): void {
    if (clientHash === 0) return;
    const key = `${clientHash}/${userId}`;
    const known = this.rows.get(key);
    if (known === deviceId || known === null) return;
    this.rows.put(key, known === undefined ? deviceId : null);
  }

  /** null where it isn't known, or may be several. */
  find(userId: string, clientHash: number): string | null {
    return this.rows.get(`${clientHash}/${userId}`) ?? null;
  }
}
