/**
 * All counters, gauges and histograms of the program: what the core writes on the hot path and what a scrape reads.
 *
 * In: family names of the catalogue, label values as the log has them, log time. Out: instruments to write to; all families for
 * exposition; sums for `analyze --json`; the whole content as plain data for the state database. Invariants: every family of the
 * catalogue exists, with all its known series at 0, from the start; nothing grows without bound (open labels and devices have caps
 * with an `_overflow` child); a sum over a family's series plus what is retired equals all that was ever counted.
 */

import type { KeptRows } from '../kept-rows.ts';
import type { CounterName, DeviceCounterName, DeviceGaugeName, DeviceHistogramName, GaugeName, HistogramName } from './catalogue.ts';
import { CATALOGUE } from './catalogue.ts';
import type { IdentifierMode } from './device-directory.ts';
import { DeviceDirectory } from './device-directory.ts';
import type { Child } from './family.ts';
import { Family } from './family.ts';
import { type FamilySpec, isClosed, OVERFLOW } from './family-spec.ts';
import { Counter, Gauge, Histogram } from './instruments.ts';
import { MetricRows } from './metric-rows.ts';
import type { StoreContent, StoreDump } from './store-dump.ts';
import { dumpContent, loadContent, retireDevice } from './store-dump.ts';

export { Counter, Gauge, Histogram };

/** Devices with series of their own, unless set otherwise (design.md 6). At most some 20 series each: a scrape stays near 10,000. */
export const DEFAULT_MAX_DEVICE_SERIES = 500;

/** A device unused for this long of log time loses its series, in milliseconds (design.md 6). */
export const DEFAULT_DEVICE_IDLE_MS = 3_600_000;

export interface MetricStoreOptions {
  /** Devices, not series: one device has up to three counters, one histogram and one gauge. 0 gives all to `_overflow`. */
  readonly maxDeviceSeries?: number;
  /** On log time. */
  readonly deviceIdleMs?: number;
  readonly identifiers?: IdentifierMode;
  /** Needed for `identifiers: 'hashed'`: a keyed hash as short text. Called once for a device that has series, each time for others. */
  readonly hashIdentifier?: (text: string) => string;
}

/** A family as it stands. `children` refer to the live instruments: read them before anything else is counted. */
export type FamilySnapshot =
  | (FamilyHead & { readonly type: 'counter'; readonly children: readonly Child<Counter>[] })
  | (FamilyHead & { readonly type: 'gauge'; readonly children: readonly Child<Gauge>[] })
  | (FamilyHead & { readonly type: 'histogram'; readonly children: readonly Child<Histogram>[] });

interface FamilyHead {
  readonly name: string;
  readonly help: string;
}

/** One device's value in a per-device gauge family. */
export interface DeviceGaugeValue {
  readonly userId: string;
  readonly deviceId: string;
  /** The family's own labels, after `user_id` and `device_id`. */
  readonly labelValues: readonly string[];
  readonly value: number;
}

const SPECS: readonly FamilySpec[] = CATALOGUE;

/** A counter that an operator's rule makes. */
export interface RuleCounter {
  readonly name: string;
  readonly help: string;
  /** Label (a capture's name) → values told apart. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
}

const OTHER = 'other';

export class MetricStore {
  readonly #content: StoreContent;
  readonly #ruleSpecs: FamilySpec[] = [];
  readonly #deviceCount: Gauge;

  /** TypeError if ids are to be hashed and no hash is given; RangeError if a bound is negative or not a number. */
  constructor(options: MetricStoreOptions = {}) {
    const { maxDeviceSeries = DEFAULT_MAX_DEVICE_SERIES, deviceIdleMs = DEFAULT_DEVICE_IDLE_MS, identifiers = 'plain' } = options;
    if (!(maxDeviceSeries >= 0)) throw new RangeError(`Cannot bound device series: ${maxDeviceSeries}, expected a number from 0 up`);
    if (!(deviceIdleMs >= 0)) throw new RangeError(`Cannot bound idle devices: ${deviceIdleMs} ms, expected a number from 0 up`);
    if (identifiers === 'hashed' && !options.hashIdentifier) throw new TypeError('Cannot hash identifiers: no hashIdentifier given');
    const hashIdentifier = options.hashIdentifier ?? ((text) => text);
    this.#content = {
      counters: new Map(),
      gauges: new Map(),
      histograms: new Map(),
      devices: new DeviceDirectory({ maxDevices: maxDeviceSeries, idleMs: deviceIdleMs, identifiers, hashIdentifier }),
      identifiers,
      retired: new Map(),
    };
    for (const spec of SPECS) this.#createFamily(spec);
    for (const spec of SPECS) if (isBounded(spec)) this.counter('lotus_e2ee_watch_series_rejected_total', spec.name);
    this.#deviceCount = this.gauge('lotus_e2ee_watch_series');
    this.gauge('lotus_e2ee_watch_series_limit').set(maxDeviceSeries);
  }

  /**
   * The series of these label values, created at its first mention; the same object ever after, so callers may keep it. TypeError
   * for an unknown family, one of another type, a wrong number of labels, or a value that a closed label doesn't have. A look-up
   * takes 0.1 to 0.4 µs (measured, 2 cores), counting on a kept object nothing: keep it where it is used for every line.
   */
  counter(name: CounterName, ...labelValues: string[]): Counter {
    return plainFamily(this.#content.counters, name, 'counter').child(labelValues).metric;
  }

  /** As `counter`. */
  gauge(name: GaugeName, ...labelValues: string[]): Gauge {
    return plainFamily(this.#content.gauges, name, 'gauge').child(labelValues).metric;
  }

  /** As `counter`. */
  histogram(name: HistogramName, ...labelValues: string[]): Histogram {
    return plainFamily(this.#content.histograms, name, 'histogram').child(labelValues).metric;
  }

  /**
   * Adds the counter of an operator's rule, with all its series at 0; once declared, the same again does nothing. Returns what is wrong: the
   * name is taken, by the catalogue or by a counter with other labels. Label values that aren't listed count as `other`.
   */
  declareRuleCounter({ name, help, labels }: RuleCounter): string | null {
    const known = this.#content.counters.get(name);
    const wanted = Object.entries(labels ?? {}).map(([label, values]) => ({
      name: label,
      values: [...new Set([...values, OTHER])],
      otherwise: OTHER,
    }));
    if (known !== undefined) {
      const isSame = this.#ruleSpecs.includes(known.spec) && JSON.stringify(known.spec.labels) === JSON.stringify(wanted);
      return isSame ? null : `counter "${name}" is there already, expected a name of its own, or the same labels`;
    }
    if (SPECS.some((spec) => spec.name === name)) return `counter "${name}" is one of the watcher's own, expected another name`;
    const spec: FamilySpec = {
      name,
      type: 'counter',
      unit: 'matches',
      help: help.replaceAll('"', "'").replaceAll('\\', '/').replaceAll('\n', ' '),
      labels: wanted,
    };
    this.#ruleSpecs.push(spec);
    this.#createFamily(spec);
    return null;
  }

  /** One match of an operator's rule; `labelValues` in the order of its labels. TypeError where the counter wasn't declared. */
  countRule(name: string, labelValues: readonly string[]): void {
    plainFamily(this.#content.counters, name, 'counter').child(labelValues).metric.value++;
  }

  /**
   * The device's series, or the `_overflow` one if no more devices find room (each such call is counted) or ids aren't shown (not
   * counted). Don't keep it: `nowMs` (log time) is what keeps the device from expiring, and after that the object counts nowhere.
   * `labelValues` are the family's own labels behind `user_id` and `device_id`; all combinations of them come to exist at once.
   */
  deviceCounter(name: DeviceCounterName, userId: string, deviceId: string, nowMs: number, ...labelValues: string[]): Counter {
    return this.#deviceChild(deviceFamily(this.#content.counters, name, 'counter'), userId, deviceId, nowMs, labelValues);
  }

  /** As `deviceCounter`. */
  deviceHistogram(name: DeviceHistogramName, userId: string, deviceId: string, nowMs: number, ...labelValues: string[]): Histogram {
    return this.#deviceChild(deviceFamily(this.#content.histograms, name, 'histogram'), userId, deviceId, nowMs, labelValues);
  }

  /**
   * Makes a per-device gauge family hold exactly `rows`: series of devices that aren't among them end. Rows with no room are summed
   * in `_overflow` (counted), as are several rows of one label set. `nowMs` (log time) keeps the named devices from expiring.
   */
  replaceDeviceGauges(name: DeviceGaugeName, nowMs: number, rows: Iterable<DeviceGaugeValue>): void {
    const family = deviceFamily(this.#content.gauges, name, 'gauge');
    const current = new Map<Child<Gauge>, number>();
    for (const { userId, deviceId, labelValues, value } of rows) {
      const child = family.child([...this.#deviceLabels(family, userId, deviceId, nowMs), ...labelValues]);
      current.set(child, (current.get(child) ?? 0) + value);
    }
    for (const child of family.children()) if (!current.has(child)) family.delete(child.labelValues);
    for (const [child, value] of current) child.metric.set(value);
  }

  /**
   * Creates, at 0, all known series of a source, so that the first event of each kind shows in `increase()`. Call once a source at
   * start; families whose other labels are open come to exist at their first mention.
   */
  declareSource(source: string): void {
    for (const families of [this.#content.counters, this.#content.gauges, this.#content.histograms]) {
      for (const family of families.values()) if (family.labelNames[0] === 'source') family.createAll([source]);
    }
  }

  /** Ends the series of devices idle for deviceIdleMs before `nowMs` (log time). What they counted stays in `sums`. */
  expireIdleDevices(nowMs: number): void {
    for (const device of this.#content.devices.takeIdle(nowMs)) retireDevice(this.#content, device);
    this.#noteDeviceCount();
  }

  /** Every counter family, in the catalogue's order: all it ever counted, over all labels, expired devices too. */
  sums(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const [name, family] of this.#content.counters) {
      sums[name] = family.children().reduce((sum, child) => sum + child.metric.value, this.#content.retired.get(name) ?? 0);
    }
    return sums;
  }

  /** All families in the catalogue's order, children ordered by label values: the same content gives the same sequence. */
  *families(): Iterable<FamilySnapshot> {
    const { counters, gauges, histograms } = this.#content;
    for (const { name, help, type } of [...SPECS, ...this.#ruleSpecs]) {
      if (type === 'counter') yield { name, help, type, children: childrenOf(counters, name) };
      else if (type === 'gauge') yield { name, help, type, children: childrenOf(gauges, name) };
      else yield { name, help, type, children: childrenOf(histograms, name) };
    }
  }

  /** A copy of everything but the families of the process itself (store-dump.ts). */
  dump(): StoreDump {
    return dumpContent(this.#content);
  }

  /**
   * Makes the store hold what was dumped. What it held is forgotten, but series stay (at 0) that callers may keep. Returns a line
   * for each thing that has no place any more: a family or label value of another version, other buckets, devices beyond the bound
   * or under another `identifiers`. What counters left out so had counted still is in `sums`.
   */
  load(dump: StoreDump): readonly string[] {
    const leftOut = loadContent(this.#content, dump);
    this.#noteDeviceCount();
    return leftOut;
  }

  /** The content as rows of which only changed ones are written; for one reader, which keeps it. */
  keptRows(): KeptRows {
    return new MetricRows(this.#content, (dump) => this.load(dump));
  }

  #createFamily(spec: FamilySpec): void {
    const { name } = spec;
    const onRefused = (): void => this.#countRefusal(name);
    if (spec.type === 'counter') this.#content.counters.set(name, new Family(spec, () => new Counter(), onRefused));
    else if (spec.type === 'gauge') this.#content.gauges.set(name, new Family(spec, () => new Gauge(), onRefused));
    else this.#content.histograms.set(name, new Family(spec, () => new Histogram(spec.buckets ?? []), onRefused));
  }

  #countRefusal(name: string): void {
    this.counter('lotus_e2ee_watch_series_rejected_total', name).value++;
  }

  #deviceChild<T>(family: Family<T>, userId: string, deviceId: string, nowMs: number, labelValues: readonly string[]): T {
    const leading = this.#deviceLabels(family, userId, deviceId, nowMs);
    const sizeBefore = family.size;
    const child = family.child([...leading, ...labelValues]);
    if (family.size !== sizeBefore) family.createAll(leading);
    return child.metric;
  }

  #deviceLabels(family: Family<unknown>, userId: string, deviceId: string, nowMs: number): readonly string[] {
    if (this.#content.devices.isFull()) this.expireIdleDevices(nowMs);
    const device = this.#content.devices.admit(userId, deviceId, nowMs);
    this.#noteDeviceCount();
    if (device) return [device.userId, device.deviceId];
    if (this.#content.identifiers !== 'none') this.#countRefusal(family.spec.name);
    return [OVERFLOW, OVERFLOW];
  }

  #noteDeviceCount(): void {
    this.#deviceCount.value = this.#content.devices.size;
  }
}

function plainFamily<T>(families: ReadonlyMap<string, Family<T>>, name: string, type: string): Family<T> {
  const family = families.get(name);
  if (!family) throw new TypeError(`Cannot use metric "${name}": the catalogue has no ${type} of this name`);
  if (family.spec.isPerDevice)
    throw new TypeError(`Cannot use metric "${name}": it is per device, expected the device's user and device id`);
  return family;
}

function deviceFamily<T>(families: ReadonlyMap<string, Family<T>>, name: string, type: string): Family<T> {
  const family = families.get(name);
  if (!family?.spec.isPerDevice) throw new TypeError(`Cannot use metric "${name}": the catalogue has no per-device ${type} of this name`);
  return family;
}

function isBounded(spec: FamilySpec): boolean {
  return spec.isPerDevice === true || !spec.labels.every(isClosed);
}

function childrenOf<T>(families: ReadonlyMap<string, Family<T>>, name: string): readonly Child<T>[] {
  return families.get(name)?.children() ?? [];
}
