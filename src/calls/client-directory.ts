/**
 * Which device of a user asks from which address with which user agent. In: facts that name a device and show its client. Out: the device, where
 * it's one only. Bounded: above MAX_CLIENTS the pair that was learned first is forgotten.
 */
import { hashText } from '../lines/private-hash.ts';
import { BoundedRows } from './bounded-rows.ts';

/** Chosen: as many as devices. Some 100 bytes each. */
const MAX_CLIENTS = 100_000;

/** Plain data: one row. */
export interface Client {
  readonly userId: string;
  /** null: several devices. */
  readonly deviceId: string | null;
}

export class ClientDirectory {
  /** By a hash of client and user. */
  readonly rows: BoundedRows<Client, number>;

  constructor(maxClients: number = MAX_CLIENTS) {
    this.rows = new BoundedRows('client', maxClients, () => undefined, Number);
  }

  learn(userId: string, clientHash: number, deviceId: string): void {
    if (clientHash === 0) return;
    const key = hashText(userId, clientHash);
    const known = this.rows.get(key);
    // Another user's by the same hash: chance, or made so. Who came first stays.
    if (known !== undefined && (known.userId !== userId || known.deviceId === deviceId || known.deviceId === null)) return;
    this.rows.put(key, { userId, deviceId: known === undefined ? deviceId : null });
  }

  /** null where it isn't known, or may be several. */
  find(userId: string, clientHash: number): string | null {
    const known = this.rows.get(hashText(userId, clientHash));
    return known?.userId === userId ? known.deviceId : null;
  }
}
