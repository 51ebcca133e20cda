/**
 * Q1: do a device's one-time keys and the server's diverge (KE-1)? In: what is known of devices. Out: yes, no, exhaustion, unknown, or blind.
 *
 * A refusal line is the divergence itself: Synapse writes it only where the stored key and the new one differ, so no SQL is needed for "yes"
 * (e2ee-evidence 3.2). "No" needs requests that were seen.
 */
import type { Answer, TimeWindow } from '../certainty.ts';
import { hasFlag } from '../devices/device.ts';
import type { DeviceTable, DeviceTally } from '../devices/device-table.ts';
import { causeOf } from '../devices/device-view.ts';
import { sayTime } from '../lines/utc-time.ts';
import type { Blindness } from './questions.ts';

export type DivergenceAnswer = 'yes' | 'no' | 'exhaustion';

const MAX_NAMED = 5;

export function answerDivergence(devices: DeviceTable, window: TimeWindow, { isBlind, reasons }: Blindness): Answer<DivergenceAnswer> {
  const troubled = [...devices.troubled].filter((device) => touches(device, window)).sort(bySinceWhen);
  const diverged = troubled.filter(({ divergence }) => divergence !== null);
  const { unattributed, unattributedTimes } = devices;
  if (diverged.length > 0) return { answer: 'yes', level: levelOf(diverged), why: sayDiverged(diverged) };
  if (unattributed.conflicts > 0 && unattributedTimes.firstMs <= window.toMs && unattributedTimes.lastMs >= window.fromMs)
    return {
      answer: 'yes',
      level: 'observed',
      why: `${unattributed.conflicts} uploads were refused because the server holds another key; no line says whose they were`,
    };
  const restored = troubled.filter(({ restoredMs }) => !Number.isNaN(restoredMs));
  if (restored.length > 0)
    return {
      answer: 'yes',
      level: 'derived',
      why: `the homeserver runs on an older database since ${sayTime(restored[0]?.restoredMs ?? Number.NaN)} and hands out keys of ${sayNames(restored)} that were used before`,
    };
  const exhausted = troubled.filter((device) => hasFlag(device, 'exhausted'));
  if (exhausted.length > 0)
    return {
      answer: 'exhaustion',
      level: 'derived',
      why: `no refusal, but keys of ${sayNames(exhausted)} were handed out again: only the fallback key is, when no one-time key is left`,
    };
  if (isBlind) return { answer: 'blind', level: 'observed', why: reasons.join('; ') || 'nothing was read' };
  const missing = reasons.length === 0 ? '' : `; what isn't seen could change that: ${reasons.join('; ')}`;
  return {
    answer: 'no',
    level: 'derived',
    why: `no upload was refused because of a key that exists already, and no key was handed out twice${missing}`,
  };
}

/** Those in trouble for longest first; of those that began together, or in a log without times, by name: an answer doesn't depend on a restart. */
function bySinceWhen(a: DeviceTally, b: DeviceTally): number {
  const [aMs, bMs] = [a, b].map(({ divergence, exhaustion }) => divergence?.firstMs ?? exhaustion?.firstMs ?? Number.NaN) as [
    number,
    number,
  ];
  return aMs - bMs || (`${a.userId} ${a.deviceId}` < `${b.userId} ${b.deviceId}` ? -1 : 1);
}

function levelOf(diverged: readonly DeviceTally[]): Answer['level'] {
  return diverged.some(({ conflictCount }) => conflictCount > 0) ? 'observed' : 'derived';
}

function sayDiverged(diverged: readonly DeviceTally[]): string {
  const told = diverged.slice(0, MAX_NAMED).map((device) => {
    const cause = causeOf(device);
    const since = sayTime(device.divergence?.firstMs ?? Number.NaN);
    return `${device.userId} ${device.deviceId} since ${since}: ${cause?.name.replaceAll('_', ' ')} (${cause?.level}: ${cause?.why})`;
  });
  const rest = diverged.length - told.length;
  return `the server refused keys because it holds others under their ids: ${told.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
}

function sayNames(devices: readonly DeviceTally[]): string {
  const rest = devices.length - MAX_NAMED;
  const names = devices.slice(0, MAX_NAMED).map(({ userId, deviceId }) => `${userId} ${deviceId}`);
  return `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function touches({ divergence, exhaustion, restoredMs }: DeviceTally, { fromMs, toMs }: TimeWindow): boolean {
  const spans = [
    ...(divergence === null ? [] : [[divergence.firstMs, divergence.lastMs] as const]),
    ...(exhaustion === null ? [] : [[exhaustion.firstMs, exhaustion.lastMs] as const]),
    ...(Number.isNaN(restoredMs) ? [] : [[restoredMs, toMs] as const]),
  ];
  // A log without times has no window: everything is inside.
  return spans.some(([first, last]) => !(first > toMs) && !(last < fromMs));
}
