/**
 * The book of a device's one-time keys on the server: what was accepted and not handed out since, what was handed out, and what that says.
 *
 * The server hands a one-time key out once and then forgets it; when none is left it hands out the fallback key, again and again. So an id that
 * is handed out twice with no accepted upload of it in between is the fallback key's (its counter is another, but also begins at 0:
 * lab-findings 13), unless the database was restored in between and holds again what it had handed out.
 */
import { clearFlag, type DeviceTally, setFlag } from './device.ts';
import { IdRanges } from './id-ranges.ts';
import { isCounter } from './key-id.ts';

/** So few keys left, by our book, that the next call may use them up (e2ee-evidence 5.1). */
export const LOW_STOCK = 5;

/** `again`: before the homeserver's last start and now; `fallback`: twice since. */
export type ClaimKind = 'first' | 'again_after_start' | 'fallback';

/** What was handed out before the homeserver's last start is set apart: a restored database may hand it out again. */
export function enterStart(device: DeviceTally, startEpoch: number): void {
  if (device.startEpoch === startEpoch) return;
  device.startEpoch = startEpoch;
  if (device.claimed.isEmpty) return;
  device.claimedBefore ??= new IdRanges();
  device.claimedBefore.addAll(device.claimed);
  device.claimed.clear();
}

/** Keys that the server may have stored: no answer says so. */
export function bookMaybeStored(device: DeviceTally, ids: readonly number[]): void {
  device.held.addAscending(inOrder(ids));
}

/** Synapse tells them in the order of their characters (key-id.ts). */
function inOrder(ids: readonly number[]): readonly number[] {
  const ascending = Float64Array.from(ids).sort();
  const distinct: number[] = [];
  for (let i = 0; i < ascending.length; i++) if (i === 0 || ascending[i] !== ascending[i - 1]) distinct.push(ascending[i] as number);
  return distinct;
}

/** Keys that the server has stored: the answer said so. */
export function bookStored(device: DeviceTally, ids: readonly number[], timeMs: number): void {
  if (ids.length === 0) return;
  const ascending = inOrder(ids);
  device.held.addAscending(ascending);
  const { claimed, claimedBefore } = device;
  if (!claimed.isEmpty) for (const id of ascending) claimed.delete(id);
  if (claimedBefore !== null) for (const id of ascending) claimedBefore.delete(id);
  const low = ascending[0] as number;
  const high = ascending.at(-1) as number;
  if (isCounter(high)) device.highWater = Math.max(device.highWater, high);
  device.lastAcceptedMs = timeMs;
  device.lastAcceptedLow = low;
  device.lastAcceptedHigh = high;
}

/** One key was handed out. Counts it, and flags a stock that is running out. */
export function bookClaim(device: DeviceTally, id: number): ClaimKind {
  const kind = kindOf(device, id);
  device.held.delete(id);
  device.claimedBefore?.delete(id);
  if (kind === 'fallback') {
    device.claimsFallback++;
    setFlag(device, 'exhausted');
    return kind;
  }
  device.claimsOneTime++;
  device.claimed.add(id);
  if (device.isWhole && device.held.size <= LOW_STOCK) setFlag(device, 'exhaustion_suspected');
  return kind;
}

function kindOf({ claimed, claimedBefore, held }: DeviceTally, id: number): ClaimKind {
  if (claimed.has(id)) return 'fallback';
  if (claimedBefore?.has(id) === true) return held.has(id) ? 'first' : 'again_after_start';
  return 'first';
}

/** The claim that was taken for the fallback key's was one of a restored database. */
export function rebookRestored(device: DeviceTally, count: number): void {
  device.claimsFallback -= count;
  device.claimsOneTime += count;
  if (device.claimsFallback === 0) clearFlag(device, 'exhausted');
}
