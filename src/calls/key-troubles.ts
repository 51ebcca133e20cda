/**
 * Call keys that came late, or were for a device that the server doesn't know. In: deliveries and dropped messages. Out: remembered by pair of sender
 * and device, for the link between the two (link-states.ts); episodes.
 *
 * A key is in use one second after it was sent (matrix-js-sdk, e2ee-evidence 3.5): a delivery that takes longer costs the listener that time,
 * with perfectly healthy encryption.
 */
import type { ToDeviceMessages } from '../facts/fact.ts';
import { BoundedRows } from './bounded-rows.ts';
import type { CallBook } from './call-book.ts';
import type { EpisodeBook } from './episode-book.ts';
import { evidenceOf } from './fact-evidence.ts';
import type { Delivery } from './to-device-record.ts';

/** e2ee-evidence 3.5: `useKeyDelay`. */
export const LATE_MS = 1000;
/** Troubles remembered; the one that came first is forgotten first. Chosen: some 200 bytes each. */
const MAX_TROUBLES = 10_000;

/** Plain data: one row. */
export interface KeyTrouble {
  readonly sender: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly timeMs: number;
  /** How long it waited; null: it was for a device that the server doesn't know. */
  readonly waitMs: number | null;
}

export class Troubles {
  readonly rows: BoundedRows<KeyTrouble, number>;

  constructor(maxTroubles: number = MAX_TROUBLES) {
    this.rows = new BoundedRows('trouble', maxTroubles, () => undefined, Number);
  }

  add(trouble: KeyTrouble): void {
    this.rows.put(this.rows.takeSequence(), trouble);
  }
}

interface Books {
  readonly book: CallBook;
  readonly troubles: Troubles;
  readonly episodes: EpisodeBook;
}

export function noteDelivery({ book, troubles, episodes }: Books, { message, returnedMs }: Delivery): void {
  const { isMediaKey, sender, userId, deviceId, storedMs, source, position } = message;
  const waitMs = returnedMs - storedMs;
  if (!isMediaKey || sender === null || !(waitMs > LATE_MS) || !book.wasInCall(userId, deviceId, storedMs)) return;
  troubles.add({ sender, userId, deviceId, timeMs: storedMs, waitMs });
  const text = `call key by ${sender} for ${userId} ${deviceId} waited ${(waitMs / 1000).toFixed(1)} s`;
  episodes.add({
    kind: 'call_keys_late',
    subject: `${sender} ${userId} ${deviceId}`,
    isPrivate: false,
    userId,
    deviceId,
    timeMs: returnedMs,
    level: 'observed',
    reason: 'late delivery',
    note: text,
    evidence: [evidenceOf({ source, positions: [position], requestId: '', incarnation: 0, ruleId: '' }, storedMs, text)],
  });
}

export function noteUnknownDevices({ troubles, episodes }: Books, { sender, messages, timeMs, provenance }: ToDeviceMessages): void {
  if (sender === null) return;
  for (const { userId, deviceId } of messages) {
    if (userId === null || deviceId === null) continue;
    troubles.add({ sender, userId, deviceId, timeMs, waitMs: null });
    const text = `call key by ${sender} for ${userId} ${deviceId}, a device that the server doesn't know`;
    episodes.add({
      kind: 'call_keys_for_unknown_device',
      subject: `${sender} ${userId} ${deviceId}`,
      isPrivate: false,
      userId,
      deviceId,
      timeMs,
      level: 'observed',
      reason: 'unknown device',
      note: text,
      evidence: [evidenceOf(provenance, timeMs, text)],
    });
  }
}
