/**
 * The whole content of a metric store as plain data: what the state database keeps, so that counters go on over a crash.
 *
 * In: the store's content. Out: rows of numbers and texts, which JSON and SQLite carry without loss, and the content again from
 * them. One row is one series, known by its name and labels, so that only changed rows need to be written. Invariants: what was
 * dumped is what is there after loading; what finds no place is named, and its counts stay in the sums. Families that speak of the
 * process itself are not part of it.
 */

import type { DeviceDirectory, DeviceEntry, IdentifierMode } from './device-directory.ts';
import type { Child, Family } from './family.ts';
import { OVERFLOW } from './family-spec.ts';
import type { Counter, Exemplar, Gauge, Histogram } from './instruments.ts';

/** Changes with the meaning of the data, not with families or labels: those may come and go under one version. */
export const DUMP_VERSION = 1;

export interface ValueRow {
  /** Family name. */
  readonly name: string;
  /** Label values, in the order of the family's label names (`user_id` and `device_id` first where they exist). */
  readonly labels: readonly string[];
  readonly value: number;
}

export interface HistogramRow {
  readonly name: string;
  readonly labels: readonly string[];
  /** Upper bounds in seconds, without +Inf. */
  readonly bounds: readonly number[];
  /** Observations of each bucket alone, the last one +Inf: one more than `bounds`. */
  readonly counts: readonly number[];
  /** In seconds. */
  readonly sum: number;
  /** As many as `counts`, null where a bucket has none; empty if no bucket has one. */
  readonly exemplars: readonly (Exemplar | null)[];
}

export interface DeviceRow {
  /** As printed, so hashed where ids are hashed. */
  readonly userId: string;
  readonly deviceId: string;
  /** Log time in milliseconds. */
  readonly lastUsedMs: number;
}

export interface StoreDump {
  readonly version: typeof DUMP_VERSION;
  /** How ids stand in the rows: rows of one mode are not shown in another. */
  readonly identifiers: IdentifierMode;
  readonly devices: readonly DeviceRow[];
  readonly counters: readonly ValueRow[];
  readonly gauges: readonly ValueRow[];
  readonly histograms: readonly HistogramRow[];
  /** By counter family: what series that exist no more had counted. Part of the sums, not of the exposition. */
  readonly retired: Readonly<Record<string, number>>;
}

/** What a metric store consists of; only metric-store.ts makes one. */
export interface StoreContent {
  readonly counters: Map<string, Family<Counter>>;
  readonly gauges: Map<string, Family<Gauge>>;
  readonly histograms: Map<string, Family<Histogram>>;
  readonly devices: DeviceDirectory;
  readonly identifiers: IdentifierMode;
  /** By counter family: what series counted that exist no more. */
  readonly retired: Map<string, number>;
}

/** See MetricStore.dump. */
export function dumpContent(content: StoreContent): StoreDump {
  return {
    version: DUMP_VERSION,
    identifiers: content.identifiers,
    devices: [...content.devices.entries()].map((device) => ({ ...device })),
    counters: [...lastingChildren(content.counters)].map(([name, child]) => valueRow(name, child)),
    gauges: [...lastingChildren(content.gauges)].map(([name, child]) => valueRow(name, child)),
    histograms: [...lastingChildren(content.histograms)].map(([name, child]) => histogramRow(name, child)),
    retired: Object.fromEntries(content.retired),
  };
}

/** See MetricStore.load. */
export function loadContent(content: StoreContent, dump: StoreDump): readonly string[] {
  const leftOut: string[] = [];
  clearContent(content);
  for (const [name, value] of Object.entries(dump.retired)) if (content.counters.has(name)) retire(content, name, value);
  const unplaced = loadDevices(content, dump);
  if (unplaced > 0) leftOut.push(`${unplaced} devices (stored with identifiers "${dump.identifiers}")`);
  for (const row of dump.gauges) {
    const gauge = placeOf(content, content.gauges, row);
    if (gauge && Number.isFinite(row.value)) gauge.value = row.value;
    else leftOut.push(nameOf(row));
  }
  for (const row of dump.histograms) {
    const histogram = placeOf(content, content.histograms, row);
    if (!histogram || !loadHistogram(histogram, row)) leftOut.push(nameOf(row));
  }
  loadCounters(content, dump.counters, leftOut);
  return leftOut;
}

/** Ends all series of a device; what its counters counted stays in the sums. */
export function retireDevice(content: StoreContent, { userId, deviceId }: DeviceEntry): void {
  for (const [name, family] of content.counters) {
    if (family.spec.isPerDevice) for (const counter of family.deleteDevice(userId, deviceId)) retire(content, name, counter.value);
  }
  for (const family of [...content.gauges.values(), ...content.histograms.values()]) {
    if (family.spec.isPerDevice) family.deleteDevice(userId, deviceId);
  }
}

function retire(content: StoreContent, name: string, value: number): void {
  if (value > 0) content.retired.set(name, (content.retired.get(name) ?? 0) + value);
}

function clearContent(content: StoreContent): void {
  for (const device of content.devices.entries()) retireDevice(content, device);
  content.devices.clear();
  content.retired.clear();
  for (const [, { metric }] of lastingChildren(content.counters)) metric.value = 0;
  for (const [, { metric }] of lastingChildren(content.gauges)) metric.value = 0;
  for (const [, { metric }] of lastingChildren(content.histograms)) {
    metric.counts.fill(0);
    metric.sum = 0;
    metric.exemplars = null;
  }
}

/** Returns how many devices found no place. */
function loadDevices(content: StoreContent, dump: StoreDump): number {
  if (dump.identifiers !== content.identifiers) return dump.devices.length;
  const placed = dump.devices.filter(({ userId, deviceId, lastUsedMs }) => content.devices.restore(userId, deviceId, lastUsedMs));
  return dump.devices.length - placed.length;
}

/** Last of all rows: placing the others may count refusals (fewer values allowed than stored), and those counts are stored ones now. */
function loadCounters(content: StoreContent, rows: readonly ValueRow[], leftOut: string[]): void {
  const places = rows.map((row) => placeOf(content, content.counters, row));
  for (const [, { metric }] of lastingChildren(content.counters)) metric.value = 0;
  for (const [index, row] of rows.entries()) {
    const counter = places[index];
    // Adding, because rows that lost their place may meet in `_overflow`.
    if (counter) counter.value += row.value;
    else {
      leftOut.push(nameOf(row));
      if (content.counters.has(row.name)) retire(content, row.name, row.value);
    }
  }
}

function loadHistogram(histogram: Histogram, row: HistogramRow): boolean {
  const { bounds, counts } = histogram;
  if (bounds.length !== row.bounds.length || bounds.some((bound, index) => bound !== row.bounds[index])) return false;
  for (const [index, count] of row.counts.entries()) counts[index] = (counts[index] ?? 0) + count;
  histogram.sum += row.sum;
  if (row.exemplars.length > 0) histogram.exemplars = row.exemplars.map((exemplar) => exemplar ?? undefined);
  return true;
}

/** The instrument that a stored row belongs to, null if there is none any more. */
function placeOf<T>(content: StoreContent, families: ReadonlyMap<string, Family<T>>, row: ValueRow | HistogramRow): T | null {
  const family = families.get(row.name);
  if (!family || family.spec.isPerProcess || !family.accepts(row.labels)) return null;
  const [userId = '', deviceId = ''] = row.labels;
  if (family.spec.isPerDevice && userId !== OVERFLOW && !content.devices.has(userId, deviceId)) return null;
  return family.child(row.labels).metric;
}

function* lastingChildren<T>(families: ReadonlyMap<string, Family<T>>): Iterable<readonly [string, Child<T>]> {
  for (const [name, family] of families) {
    if (!family.spec.isPerProcess) for (const child of family.children()) yield [name, child];
  }
}

function valueRow(name: string, { labelValues, metric }: Child<Counter | Gauge>): ValueRow {
  return { name, labels: labelValues, value: metric.value };
}

/** One histogram series as a row. */
export function histogramRow(name: string, { labelValues, metric }: Child<Histogram>): HistogramRow {
  const exemplars = (metric.exemplars ?? []).map((exemplar) => exemplar ?? null);
  return { name, labels: labelValues, bounds: metric.bounds, counts: [...metric.counts], sum: metric.sum, exemplars };
}

function nameOf({ name, labels }: ValueRow | HistogramRow): string {
  return `${name}{${labels.join(', ')}}`;
}
