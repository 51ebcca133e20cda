/**
 * A run of refusals of one device: when it began, whether it is a storm, how it ended (design.md 7).
 *
 *     3 refusals within a page load, none after             a run, no storm
 *     3 refusals over 60 s or more, or over 60 in a minute  a storm, detected at the refusal that makes it one
 *     accepted upload                                       ends the run, if none is refused in the 5 minutes behind it
 *     15 minutes without a refusal                          ends it, too: dormant, not healed
 *     device deleted                                        ends it at once
 *
 * In: refusals and accepted uploads, log times that don't go back. Out: the run's fields. The end by an accepted upload is provisional:
 * another tab's uploads are accepted between one's refusals, and a batch whose orphans were claimed is accepted before the next is refused
 * (lab-findings 20).
 */

/** Fewest refusals of a storm, and the least time between the first and the last of them. */
export const STORM_REFUSALS = 3;
export const STORM_SPAN_MS = 60_000;
/** More refusals than this in a minute are a storm at once, and a hot loop (e2ee-evidence 4.2). */
export const HOT_PER_MINUTE = 60;
/** So many within CRITICAL_SPAN_S endanger the server: 10 a second for 10 seconds (e2ee-evidence 4.2; 20 to 144 a second were reported). */
export const CRITICAL_REFUSALS = 100;
const CRITICAL_SPAN_S = 10;
/** An accepted upload has ended the run when this long behind it nothing was refused. */
export const HEALED_AFTER_MS = 5 * 60_000;
/** A run without a refusal for this long is over: the client is closed, its keys are as wrong as before. */
export const DORMANT_AFTER_MS = 15 * 60_000;

const SECONDS = 60;

export interface RefusalRun {
  readonly firstMs: number;
  lastMs: number;
  count: number;
  /** Log time of the refusal that made it a storm; NaN: it is none. */
  detectedMs: number;
  /** First accepted upload behind the last refusal; NaN: none. */
  acceptedMs: number;
  /** Deleted: log time; NaN: not. */
  deletedMs: number;
  /** Most refusals within a minute. */
  peakPerMinute: number;
  isCritical: boolean;
  /** Refusals in each of the last 60 seconds, by second modulo 60. */
  readonly perSecond: number[];
  /** Second of the newest one. */
  second: number;
}

export function beginRun(timeMs: number): RefusalRun {
  const run: RefusalRun = {
    firstMs: timeMs,
    lastMs: timeMs,
    count: 0,
    detectedMs: Number.NaN,
    acceptedMs: Number.NaN,
    deletedMs: Number.NaN,
    peakPerMinute: 0,
    isCritical: false,
    perSecond: new Array<number>(SECONDS).fill(0),
    second: Math.floor(timeMs / 1000),
  };
  noteRefusal(run, timeMs);
  return run;
}

/** Whether a refusal at `timeMs` goes on with this run. */
export function goesOnAt(run: RefusalRun, timeMs: number): boolean {
  return Number.isNaN(endOf(run, timeMs));
}

/** A refusal of a run that goes on. Without a log time nothing can be said of rates: it only counts. */
export function noteRefusal(run: RefusalRun, timeMs: number): void {
  run.count++;
  run.acceptedMs = Number.NaN;
  if (Number.isNaN(timeMs)) return;
  run.lastMs = Math.max(run.lastMs, timeMs);
  countSecond(run, Math.floor(timeMs / 1000));
  const isLong = run.count >= STORM_REFUSALS && timeMs - run.firstMs >= STORM_SPAN_MS;
  if (Number.isNaN(run.detectedMs) && (isLong || run.peakPerMinute > HOT_PER_MINUTE)) run.detectedMs = timeMs;
}

export function noteAccepted(run: RefusalRun, timeMs: number): void {
  if (Number.isNaN(run.acceptedMs) && Number.isNaN(run.deletedMs)) run.acceptedMs = timeMs;
}

export function isStorm(run: RefusalRun): boolean {
  return !Number.isNaN(run.detectedMs);
}

export type RunEnd = 'accepted' | 'deleted' | 'quiet';

/** How the run has ended, as things stand at `nowMs`; null: it goes on. */
export function endedBy(run: RefusalRun, nowMs: number): RunEnd | null {
  if (!Number.isNaN(run.deletedMs)) return 'deleted';
  if (nowMs - run.acceptedMs > HEALED_AFTER_MS) return 'accepted';
  return nowMs - run.lastMs > DORMANT_AFTER_MS ? 'quiet' : null;
}

/** Log time at which it ended; NaN: it goes on. A run that fell quiet ended with its last refusal. */
export function endOf(run: RefusalRun, nowMs: number): number {
  const by = endedBy(run, nowMs);
  if (by === null) return Number.NaN;
  return by === 'deleted' ? run.deletedMs : by === 'accepted' ? run.acceptedMs : run.lastMs;
}

/** Seconds are told apart, not milliseconds: the last 60 of them are the minute. */
function countSecond(run: RefusalRun, second: number): void {
  const { perSecond } = run;
  if (Number.isNaN(run.second)) run.second = second;
  // A record that stands behind a later one counts as if it were of the newest second.
  const steps = Math.min(SECONDS, second - run.second);
  for (let i = 1; i <= steps; i++) perSecond[(run.second + i) % SECONDS] = 0;
  run.second = Math.max(run.second, second);
  const slot = run.second % SECONDS;
  perSecond[slot] = (perSecond[slot] as number) + 1;
  let minute = 0;
  let critical = 0;
  for (let age = 0; age < SECONDS; age++) {
    const count = perSecond[(run.second - age + SECONDS) % SECONDS] as number;
    minute += count;
    if (age < CRITICAL_SPAN_S) critical += count;
  }
  run.peakPerMinute = Math.max(run.peakPerMinute, minute);
  run.isCritical ||= critical >= CRITICAL_REFUSALS;
}
