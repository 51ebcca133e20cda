/**
 * A metric store's content as rows for the state database: one row a series, a device, and a family's retired count.
 *
 * In: the content. Out: the rows whose value isn't that of the last commit. Values are compared at a commit (10,000 series: 1 ms), so counting costs nothing
 * more. Families that speak of the process itself have no rows.
 */
import type { KeptRows } from '../kept-rows.ts';
import type { DeviceEntry, IdentifierMode } from './device-directory.ts';
import type { Child, Family } from './family.ts';
import { type Counter, countOf, type Gauge } from './instruments.ts';
import { DUMP_VERSION, type HistogramRow, histogramRow, type StoreContent, type StoreDump, type ValueRow } from './store-dump.ts';

/** What the last commit had of one row: `value` changes with the row. */
interface Mark {
  readonly key: string;
  readonly value: number;
  /** Number of the last pass that came across it. */
  pass: number;
}

type Kind = 'counter' | 'gauge' | 'histogram' | 'device' | 'retired' | 'identifiers';
type Row = readonly [key: string, text: string | null];

export class MetricRows implements KeptRows {
  readonly stage = 'metrics';
  readonly #content: StoreContent;
  readonly #load: (dump: StoreDump) => readonly string[];
  /** By the thing itself: a child, a device's entry, or a family's name. */
  readonly #committed = new Map<object | string, Mark>();
  #pending: readonly (readonly [object | string, Mark | null])[] = [];
  /** Rows of the database that nothing stands for any more. */
  #orphans: readonly string[] = [];
  #pass = 0;

  constructor(content: StoreContent, load: (dump: StoreDump) => readonly string[]) {
    this.#content = content;
    this.#load = load;
  }

  changedRows(): readonly Row[] {
    const pass = ++this.#pass;
    const pending: [object | string, Mark | null][] = [];
    const rows: Row[] = [];
    let knownCount = 0;
    for (const [thing, value, keyOf, textOf] of currentRows(this.#content)) {
      const mark = this.#committed.get(thing);
      if (mark !== undefined) {
        mark.pass = pass;
        knownCount++;
        if (mark.value === value) continue;
      }
      const key = mark?.key ?? keyOf();
      rows.push([key, textOf()]);
      pending.push([thing, { key, value, pass }]);
    }
    const gone: Row[] = this.#orphans.map((key) => [key, null]);
    if (knownCount < this.#committed.size)
      for (const [thing, mark] of this.#committed) {
        if (mark.pass === pass) continue;
        gone.push([mark.key, null]);
        pending.push([thing, null]);
      }
    this.#pending = pending;
    // Deletions first: a device that was let go and came back has a row of the same key.
    return [...gone, ...rows];
  }

  markCommitted(): void {
    for (const [thing, mark] of this.#pending)
      if (mark === null) this.#committed.delete(thing);
      else this.#committed.set(thing, mark);
    this.#pending = [];
    this.#orphans = [];
  }

  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    const problems: string[] = [];
    const texts = new Map<string, string>();
    const parsed: ParsedRow[] = [];
    for (const [key, text] of rows) {
      texts.set(key, text);
      try {
        const [kind, ...names] = JSON.parse(key) as [Kind, ...string[]];
        parsed.push({ kind, names, value: JSON.parse(text) as unknown });
      } catch (error) {
        problems.push(`Cannot read row ${key} of the metrics: ${String(error)}`);
      }
    }
    if (parsed.length > 0) problems.push(...this.#load(toDump(parsed, this.#content.identifiers)));
    this.#committed.clear();
    for (const [thing, value, keyOf, textOf] of currentRows(this.#content)) {
      const key = keyOf();
      // A row whose value another one was added to (both lost their place to `_overflow`) has to be written again.
      if (texts.get(key) === textOf()) this.#committed.set(thing, { key, value, pass: 0 });
      texts.delete(key);
    }
    this.#orphans = [...texts.keys()];
    return problems;
  }
}

/** Thing, value that changes with the row, key, text. */
type CurrentRow = readonly [thing: object | string, value: number, keyOf: () => string, textOf: () => string];

function* currentRows({ counters, gauges, histograms, devices, identifiers, retired }: StoreContent): Iterable<CurrentRow> {
  // One that never changes: under another mode the rows of devices mean nothing.
  yield ['identifiers', 0, () => rowKey('identifiers'), () => JSON.stringify(identifiers)];
  yield* valueRows('counter', counters);
  yield* valueRows('gauge', gauges);
  for (const [name, child] of lasting(histograms)) {
    const { metric, labelValues } = child;
    yield [child, countOf(metric), () => rowKey('histogram', name, ...labelValues), () => JSON.stringify(histogramRow(name, child))];
  }
  for (const device of devices.entries()) yield deviceRow(device);
  for (const [name, value] of retired) yield [`retired ${name}`, value, () => rowKey('retired', name), () => JSON.stringify(value)];
}

function* valueRows(kind: 'counter' | 'gauge', families: ReadonlyMap<string, Family<Counter | Gauge>>): Iterable<CurrentRow> {
  for (const [name, child] of lasting(families)) {
    const { labelValues, metric } = child;
    yield [child, metric.value, () => rowKey(kind, name, ...labelValues), () => JSON.stringify(metric.value)];
  }
}

function deviceRow(device: DeviceEntry): CurrentRow {
  const { userId, deviceId, lastUsedMs } = device;
  return [device, lastUsedMs, () => rowKey('device', userId, deviceId), () => JSON.stringify(lastUsedMs)];
}

function* lasting<T>(families: ReadonlyMap<string, Family<T>>): Iterable<readonly [string, Child<T>]> {
  for (const [name, family] of families) if (!family.spec.isPerProcess) for (const child of family.children()) yield [name, child];
}

function rowKey(kind: Kind, ...names: readonly string[]): string {
  return JSON.stringify([kind, ...names]);
}

interface ParsedRow {
  readonly kind: Kind;
  readonly names: readonly string[];
  readonly value: unknown;
}

function toDump(rows: readonly ParsedRow[], identifiers: IdentifierMode): StoreDump {
  const of = (wanted: Kind) => rows.filter(({ kind }) => kind === wanted);
  const toValue = ({ names: [name = '', ...labels], value }: ParsedRow): ValueRow => ({ name, labels, value: Number(value) });
  return {
    version: DUMP_VERSION,
    identifiers: (of('identifiers')[0]?.value as IdentifierMode | undefined) ?? identifiers,
    devices: of('device').map(({ names: [userId = '', deviceId = ''], value }) => ({ userId, deviceId, lastUsedMs: Number(value) })),
    counters: of('counter').map(toValue),
    gauges: of('gauge').map(toValue),
    histograms: of('histogram').map(({ value }) => value as HistogramRow),
    retired: Object.fromEntries(of('retired').map(({ names: [name = ''], value }) => [name, Number(value)])),
  };
}
