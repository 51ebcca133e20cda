/**
 * Who is in which call when. In: membership events (also delayed ones), requests that manage these, sends of call keys. Out: stays: one
 * device's time in one room's call, with what it did there.
 *
 * What a membership event contains (join or leave) isn't in the log. A device comes with its first one, stays as long as it shows signs of life
 * (restarts, further events), and is gone when its delayed leave was sent or cancelled, or when the signs end.
 *
 * Bounded: above MAX_STAYS the stay that was heard of least recently is forgotten and counted.
 */
import type { Provenance } from '../facts/fact.ts';
import { BoundedRows } from './bounded-rows.ts';

/** Plain data: one row. */
export interface Stay {
  readonly sequence: number;
  readonly roomId: string;
  readonly userId: string;
  /** null where the membership names no device (sticky memberships). */
  readonly deviceId: string | null;
  readonly clientHash: number;
  readonly firstMs: number;
  /** Last sign that it's still there. */
  lastMs: number;
  /** It left (or was dropped); NaN while it's there. */
  leftMs: number;
  /** Its restarts may be this far apart. */
  delayMs: number;
  keySends: number;
  firstKeySendMs: number;
  lastKeySendMs: number;
  readonly provenance: Provenance;
}

/** Chosen: the conferences of a day on a large server; some 300 bytes each. */
const MAX_STAYS = 20_000;
/** A membership event right behind a leave is the leave itself. */
const LEAVING_MS = 5000;
/** How long a device without a sign of life counts as there, beyond its delay. */
const SILENCE_MS = 30_000;
/** Delay of a membership whose schedule wasn't seen: the usual one (client-profile.ts). */
const USUAL_DELAY_MS = 18_000;

export class CallBook {
  /** By sequence. */
  readonly rows: BoundedRows<Stay, number>;
  /** The newest stay of each room, user and device. */
  readonly #current = new Map<string, Stay>();
  readonly #byUser = new Map<string, Set<Stay>>();
  readonly #byRoom = new Map<string, Set<Stay>>();

  constructor(maxStays: number = MAX_STAYS) {
    this.rows = new BoundedRows('stay', maxStays, (stay) => this.#forget(stay), Number);
  }

  /** A membership event, or a schedule of one (`delayMs` then; NaN for none). */
  note(place: Pick<Stay, 'roomId' | 'userId' | 'deviceId' | 'clientHash' | 'provenance'>, timeMs: number, delayMs: number): void {
    if (Number.isNaN(timeMs)) return;
    const known = this.#current.get(nameOf(place));
    if (known !== undefined && !Number.isNaN(known.leftMs) && timeMs - known.leftMs <= LEAVING_MS && Number.isNaN(delayMs)) return;
    const stay = known !== undefined && isThere(known, timeMs) ? known : this.#come(place, timeMs);
    stay.lastMs = Math.max(stay.lastMs, timeMs);
    if (!Number.isNaN(delayMs)) stay.delayMs = delayMs;
    this.#touch(stay);
  }

  /** The timer of its leave was restarted. */
  confirm(place: Pick<Stay, 'roomId' | 'userId' | 'deviceId'>, timeMs: number): void {
    const stay = this.#current.get(nameOf(place));
    if (stay === undefined || !isThere(stay, timeMs)) return;
    stay.lastMs = Math.max(stay.lastMs, timeMs);
    this.#touch(stay);
  }

  leave(place: Pick<Stay, 'roomId' | 'userId' | 'deviceId'>, timeMs: number): void {
    const stay = this.#current.get(nameOf(place));
    if (stay === undefined || !Number.isNaN(stay.leftMs)) return;
    stay.lastMs = Math.max(stay.lastMs, timeMs);
    stay.leftMs = timeMs;
    this.#touch(stay);
  }

  /** A call key was sent. Which of a user's devices sent it, address and user agent tell, where they do. */
  noteKeySend(userId: string, clientHash: number, timeMs: number): void {
    for (const stay of this.#senders(userId, clientHash, timeMs)) {
      stay.keySends++;
      if (Number.isNaN(stay.firstKeySendMs)) stay.firstKeySendMs = timeMs;
      stay.lastKeySendMs = timeMs;
      this.#touch(stay);
    }
  }

  /** Whether the device was in a call at that time. */
  wasInCall(userId: string, deviceId: string, timeMs: number): boolean {
    for (const stay of this.#byUser.get(userId) ?? [])
      if (stay.deviceId === deviceId && stay.firstMs <= timeMs && timeMs <= endOf(stay)) return true;
    return false;
  }

  /** Stays that touch the window, by room. */
  *rooms(fromMs: number, toMs: number): Iterable<readonly Stay[]> {
    for (const stays of this.#byRoom.values()) {
      const within = [...stays].filter((stay) => stay.firstMs <= toMs && endOf(stay) >= fromMs);
      if (within.length > 0) yield within.sort((a, b) => a.sequence - b.sequence);
    }
  }

  settleRestored(): void {
    this.rows.settleRestored();
    for (const stay of [...this.rows.values()].sort((a, b) => a.sequence - b.sequence)) this.#index(stay);
  }

  #senders(userId: string, clientHash: number, timeMs: number): Stay[] {
    const there = [...(this.#byUser.get(userId) ?? [])].filter((stay) => isThere(stay, timeMs));
    const same = there.filter((stay) => stay.clientHash === clientHash);
    return same.length > 0 ? same : there;
  }

  #come(place: Pick<Stay, 'roomId' | 'userId' | 'deviceId' | 'clientHash' | 'provenance'>, timeMs: number): Stay {
    const { roomId, userId, deviceId, clientHash, provenance } = place;
    const stay: Stay = {
      sequence: this.rows.takeSequence(),
      roomId,
      userId,
      deviceId,
      clientHash,
      firstMs: timeMs,
      lastMs: timeMs,
      leftMs: Number.NaN,
      delayMs: USUAL_DELAY_MS,
      keySends: 0,
      firstKeySendMs: Number.NaN,
      lastKeySendMs: Number.NaN,
      provenance,
    };
    this.#index(stay);
    return stay;
  }

  #index(stay: Stay): void {
    this.#current.set(nameOf(stay), stay);
    addTo(this.#byUser, stay.userId, stay);
    addTo(this.#byRoom, stay.roomId, stay);
  }

  #touch(stay: Stay): void {
    this.rows.put(stay.sequence, stay);
  }

  #forget(stay: Stay): void {
    if (this.#current.get(nameOf(stay)) === stay) this.#current.delete(nameOf(stay));
    removeFrom(this.#byUser, stay.userId, stay);
    removeFrom(this.#byRoom, stay.roomId, stay);
  }
}

/** When it was last there for sure, or likely: its leave fires a delay behind the last restart. */
export function endOf({ leftMs, lastMs, delayMs }: Stay): number {
  return Number.isNaN(leftMs) ? lastMs + delayMs + SILENCE_MS : leftMs;
}

function isThere(stay: Stay, timeMs: number): boolean {
  return timeMs <= endOf(stay) && Number.isNaN(stay.leftMs);
}

function nameOf({ roomId, userId, deviceId }: Pick<Stay, 'roomId' | 'userId' | 'deviceId'>): string {
  return `${roomId}\0${userId}\0${deviceId ?? ''}`;
}

function addTo<K>(map: Map<K, Set<Stay>>, key: K, stay: Stay): void {
  const stays = map.get(key);
  if (stays === undefined) map.set(key, new Set([stay]));
  else stays.add(stay);
}

function removeFrom<K>(map: Map<K, Set<Stay>>, key: K, stay: Stay): void {
  const stays = map.get(key);
  stays?.delete(stay);
  if (stays?.size === 0) map.delete(key);
}
