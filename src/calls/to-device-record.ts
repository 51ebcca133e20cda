/**
 * To-device messages on their way: stored for a device, handed out in its /sync. In: the facts of the debug records. Out: how long each waited;
 * which still wait.
 *
 * Bounded: above MAX_WAITING the message stored first is forgotten and counted (a
 * device that never comes back has a backlog without end).
 */
import type { ToDeviceMessages } from '../facts/fact.ts';
import { BoundedRows } from './bounded-rows.ts';

/** Plain data: one row. */
export interface WaitingMessage {
  readonly sequence: number;
  readonly idHash: number;
  readonly userId: string;
  readonly deviceId: string;
  readonly storedMs: number;
  readonly isMediaKey: boolean;
  readonly sender: string | null;
  readonly position: number;
  readonly source: string;
}

export interface Delivery {
  readonly message: WaitingMessage;
  readonly returnedMs: number;
}

/** Chosen: a busy hour of a large server; some 250 bytes each. */
const MAX_WAITING = 50_000;
/** Ids handed out that nothing was stored of: most were stored before the debug level was raised, some by a request that closes later. */
export const MAX_EARLY = 2000;

export class ToDeviceRecord {
  /** Stored and not handed out yet, by sequence; nothing is put twice, so in order of storing. */
  readonly waiting: BoundedRows<WaitingMessage, number>;
  /** Log time by hash of the id. */
  readonly early = new BoundedRows<number, number>('early', MAX_EARLY, () => undefined, Number);
  /** By `slotOf` their hash; a list where several have the same. */
  readonly #byId = new Map<number, WaitingMessage | WaitingMessage[]>();

  constructor(maxWaiting: number = MAX_WAITING) {
    this.waiting = new BoundedRows('waiting', maxWaiting, (message) => this.#unindex(message), Number);
  }

  /** Messages of this fact that are known to be delivered now. */
  apply(fact: ToDeviceMessages): Delivery[] {
    if (fact.stage === 'stored') return this.#store(fact);
    return fact.stage === 'returned' ? this.#return(fact) : [];
  }

  settleRestored(): void {
    this.waiting.settleRestored();
    this.early.settleRestored();
    for (const message of this.waiting.values()) this.#index(message);
  }

  #store({ messages, timeMs, isMediaKey, sender, provenance }: ToDeviceMessages): Delivery[] {
    const delivered: Delivery[] = [];
    for (const { userId, deviceId, idHash } of messages) {
      if (userId === null || deviceId === null || idHash === null) continue;
      const { source, positions } = provenance;
      const position = positions.at(-1) ?? 0;
      const message = {
        sequence: this.waiting.takeSequence(),
        idHash,
        userId,
        deviceId,
        storedMs: timeMs,
        isMediaKey,
        sender,
        position,
        source,
      };
      const returnedMs = this.early.get(idHash);
      if (returnedMs !== undefined) this.early.delete(idHash);
      if (returnedMs !== undefined && returnedMs >= timeMs) delivered.push({ message, returnedMs });
      else this.#add(message);
    }
    return delivered;
  }

  #return({ messages, timeMs }: ToDeviceMessages): Delivery[] {
    const delivered: Delivery[] = [];
    for (const { userId, deviceId, idHash } of messages) {
      if (idHash === null) continue;
      const message = this.#find(idHash, userId, deviceId);
      if (message === undefined) this.early.put(idHash, timeMs);
      else {
        this.#remove(message);
        delivered.push({ message, returnedMs: timeMs });
      }
    }
    return delivered;
  }

  #add(message: WaitingMessage): void {
    this.waiting.put(message.sequence, message);
    this.#index(message);
  }

  /** null where it isn't known whose it is. */
  #find(idHash: number, userId: string | null, deviceId: string | null): WaitingMessage | undefined {
    const isIt = (one: WaitingMessage): boolean =>
      one.idHash === idHash && (userId === null || one.userId === userId) && (deviceId === null || one.deviceId === deviceId);
    const same = this.#byId.get(slotOf(idHash));
    if (same === undefined || Array.isArray(same)) return same?.find(isIt);
    return isIt(same) ? same : undefined;
  }

  #index(message: WaitingMessage): void {
    const slot = slotOf(message.idHash);
    const same = this.#byId.get(slot);
    if (Array.isArray(same)) same.push(message);
    else this.#byId.set(slot, same === undefined ? message : [same, message]);
  }

  #remove(message: WaitingMessage): void {
    this.waiting.delete(message.sequence);
    this.#unindex(message);
  }

  #unindex(message: WaitingMessage): void {
    const slot = slotOf(message.idHash);
    const same = this.#byId.get(slot);
    const rest = Array.isArray(same) ? same.filter((other) => other !== message) : [];
    if (rest.length === 0) this.#byId.delete(slot);
    else this.#byId.set(slot, rest);
  }
}

/** 30 bits: V8 keeps such a number in place, and a larger one as an object of its own. */
function slotOf(idHash: number): number {
  return idHash & 0x3fff_ffff;
}
