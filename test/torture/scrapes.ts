/**
 * What /metrics said, scrape by scrape. In: bodies. Out: counters that stepped back; how the last body differs from the truth.
 */
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { FamilySpec } from '../../src/metrics/family-spec.ts';
import { parseExposition } from '../daemon/http/parse-exposition.ts';
import type { WriterTruth } from './orders.ts';

/** Series by name and labels. */
export type Counters = ReadonlyMap<string, number>;

/**
 * Families that tell of the watcher's own life, not of the log: a watcher that was never disturbed has others. Everything else has to be equal.
 */
const OF_THE_WATCHER = [
  'lotus_e2ee_watch_rotations_total',
  'lotus_e2ee_watch_gaps_total',
  'lotus_e2ee_watch_lost_bytes_total',
  'lotus_e2ee_watch_state_resets_total',
  'lotus_e2ee_watch_state_rewrites_total',
];

/** A float sum of the same addends in another order of additions; a watcher that starts anew adds the rest to a sum. */
const SUM_TOLERANCE = 1e-9;

const OF_THE_PROCESS: ReadonlySet<string> = new Set(CATALOGUE.filter((spec: FamilySpec) => spec.isPerProcess).map(({ name }) => name));

/** Counters and histograms of all families but those that begin anew with each process. */
export function countersOf(body: string): Counters {
  const counters = new Map<string, number>();
  for (const [name, { type, samples }] of parseExposition(body, 'text')) {
    if (OF_THE_PROCESS.has(name) || (type !== 'counter' && type !== 'histogram')) continue;
    for (const sample of samples) counters.set(`${sample.name}${JSON.stringify(sample.labels)}`, sample.value);
  }
  return counters;
}

/** Of a family without labels; undefined: it isn't there. */
export function gaugeOf(body: string, family: string): number | undefined {
  return parseExposition(body, 'text').get(family)?.samples[0]?.value;
}

/** One sentence for each counter that is lower now. */
export function stepsBack(before: Counters, now: Counters): string[] {
  return [...before].flatMap(([series, value]) => {
    const later = now.get(series);
    return later !== undefined && later < value ? [`${series} stepped back from ${value} to ${later}`] : [];
  });
}

export interface Verdict {
  /** Refused uploads that are missing, or counted twice, by device. */
  readonly lost: number;
  readonly doubled: number;
  readonly gaps: number;
  /** Every other difference from the truth. */
  readonly differences: readonly string[];
}

export function judge(body: string, truth: WriterTruth): Verdict {
  const found = countersOf(body);
  const expected = countersOf(truth.exposition);
  let lost = 0;
  let doubled = 0;
  for (const [device, count] of Object.entries(truth.conflicts)) {
    const [userId, deviceId] = device.split(' ');
    const series = `lotus_e2ee_device_otk_conflicts_total${JSON.stringify({ user_id: userId, device_id: deviceId })}`;
    const difference = (found.get(series) ?? 0) - count;
    lost += Math.max(0, -difference);
    doubled += Math.max(0, difference);
  }
  return { lost, doubled, gaps: sumOf(found, 'lotus_e2ee_watch_gaps_total'), differences: differencesOf(found, expected) };
}

export function sumOf(counters: Counters, family: string): number {
  let sum = 0;
  for (const [series, value] of counters) if (series.startsWith(`${family}{`)) sum += value;
  return sum;
}

function differencesOf(found: Counters, expected: Counters): string[] {
  const isOfLog = (series: string): boolean => !OF_THE_WATCHER.some((family) => series.startsWith(`${family}{`));
  const all = new Set([...found.keys(), ...expected.keys()].filter(isOfLog));
  return [...all].flatMap((series) => {
    const [is, should] = [found.get(series) ?? 0, expected.get(series) ?? 0];
    return Math.abs(is - should) <= SUM_TOLERANCE * Math.abs(should) ? [] : [`${series} is ${is}, expected ${should}`];
  });
}
