/**
 * Devices as rows for the state database. In: the table. Out: one row a device that changed since the last commit, one with what is the table's as a
 * whole, one for each poisoned claim and each finished incident; and the same way back.
 */
import type { Incident } from '../incident.ts';
import { readRow, writeRow } from '../kept-rows.ts';
import type { BoundedList } from './bounded-list.ts';
import { DeviceTally, type DeviceTraffic } from './device.ts';
import type { DeviceTable } from './device-table.ts';
import type { Divergence } from './divergence.ts';
import { IdRanges } from './id-ranges.ts';
import type { PoisonedClaim } from './key-health.ts';
import type { ServerStartsDump } from './server-starts.ts';
import type { StormClusterDump } from './storm-cluster.ts';

/** What is the table's as a whole. Devices' keys begin with `[`. */
const TOTALS_KEY = '';
/** `poisoned 12`, `finished 3`: by number, which only grows. */
const LIST_KEY = /^(poisoned|finished) (\d+)$/;

type Row = readonly [key: string, text: string | null];

interface StoredTotals {
  readonly unattributed: DeviceTable['unattributed'];
  readonly unattributedTimes: DeviceTable['unattributedTimes'];
  readonly evicted: number;
  readonly claims: DeviceTable['claims'];
  readonly nowMs: number;
  readonly starts: ServerStartsDump;
  readonly storms: StormClusterDump;
}

export class DeviceRows {
  readonly #table: DeviceTable;
  readonly #fresh = new DeviceTally('', '');
  readonly #changed = new Set<DeviceTally>();
  /** Keys of rows whose device was forgotten. */
  readonly #forgotten = new Set<string>();
  #committedTotals = '';
  #pendingTotals = '';
  readonly #poisoned: ListRows<PoisonedClaim>;
  readonly #finished: ListRows<Incident>;

  constructor(table: DeviceTable) {
    this.#table = table;
    this.#poisoned = new ListRows('poisoned', table.poisoned);
    this.#finished = new ListRows('finished', table.finished);
  }

  touch(device: DeviceTally): void {
    this.#changed.add(device);
  }

  forget(device: DeviceTally): void {
    this.#changed.delete(device);
    this.#forgotten.add(rowKey(device));
  }

  *changed(): Iterable<Row> {
    for (const key of this.#forgotten) yield [key, null];
    // Behind them: a device that was forgotten may have been heard of again.
    for (const device of this.#changed) yield [rowKey(device), writeRow(storedForm(device, this.#fresh))];
    this.#pendingTotals = writeRow(this.#totals());
    if (this.#pendingTotals !== this.#committedTotals) yield [TOTALS_KEY, this.#pendingTotals];
    yield* this.#poisoned.changed();
    yield* this.#finished.changed();
  }

  markCommitted(): void {
    this.#poisoned.markCommitted();
    this.#finished.markCommitted();
    this.#changed.clear();
    this.#forgotten.clear();
    this.#committedTotals = this.#pendingTotals;
  }

  /** Least recently heard of first, as far as the rows tell. @param add makes the device, or finds it */
  restore(rows: Iterable<readonly [key: string, text: string]>, add: (userId: string, deviceId: string) => DeviceTally): readonly string[] {
    const problems: string[] = [];
    const devices: { readonly names: readonly [userId: string, deviceId: string]; readonly stored: StoredDevice }[] = [];
    let totals: StoredTotals | null = null;
    for (const [key, text] of rows) {
      try {
        const [, list, number] = LIST_KEY.exec(key) ?? [];
        if (key === TOTALS_KEY) totals = readRow(text) as StoredTotals;
        else if (list === 'poisoned') this.#poisoned.put(Number(number), readRow(text) as PoisonedClaim);
        else if (list === 'finished') this.#finished.put(Number(number), readRow(text) as Incident);
        else devices.push({ names: JSON.parse(key) as [string, string], stored: readRow(text) as StoredDevice });
      } catch (error) {
        problems.push(`Cannot read row ${key} of the devices: ${String(error)}`);
      }
    }
    for (const { names, stored } of devices.sort((a, b) => (a.stored.heard ?? 0) - (b.stored.heard ?? 0)))
      restoreDevice(add(...names), stored);
    if (totals !== null) this.#restoreTotals(totals);
    this.#poisoned.restore();
    this.#finished.restore();
    this.#pendingTotals = writeRow(this.#totals());
    return problems;
  }

  #totals(): StoredTotals {
    const { unattributed, unattributedTimes, evicted, claims, nowMs, starts, storms } = this.#table;
    return { unattributed, unattributedTimes, evicted, claims, nowMs, starts: starts.dump(), storms: storms.dump() };
  }

  #restoreTotals({ unattributed, unattributedTimes, evicted, claims, nowMs, starts, storms }: StoredTotals): void {
    const table = this.#table;
    Object.assign(table.unattributed, unattributed);
    Object.assign(table.unattributedTimes, unattributedTimes);
    Object.assign(table.claims, claims);
    table.evicted = evicted;
    table.nowMs = nowMs;
    table.starts.load(starts, (userId, deviceId) => table.find(userId, deviceId));
    table.storms.load(storms);
  }
}

/** A list that grows at its end and is cut at its beginning, one row an entry. */
class ListRows<T> {
  readonly #name: string;
  readonly #list: BoundedList<T>;
  /** Numbers of the committed rows: [from, to). */
  #from = 0;
  #to = 0;
  readonly #restored: [number, T][] = [];

  constructor(name: string, list: BoundedList<T>) {
    this.#name = name;
    this.#list = list;
  }

  *changed(): Iterable<Row> {
    const { dropped, entries } = this.#list;
    for (let number = this.#from; number < Math.min(this.#to, dropped); number++) yield [`${this.#name} ${number}`, null];
    for (let number = Math.max(this.#to, dropped); number < dropped + entries.length; number++)
      yield [`${this.#name} ${number}`, writeRow(entries[number - dropped])];
  }

  markCommitted(): void {
    this.#from = this.#list.dropped;
    this.#to = this.#list.dropped + this.#list.entries.length;
  }

  put(number: number, entry: T): void {
    this.#restored.push([number, entry]);
  }

  /** A number that is missing was left out: the others keep their order. */
  restore(): void {
    this.#restored.sort(([a], [b]) => a - b);
    this.#list.restore(
      this.#restored.map(([, entry]) => entry),
      (this.#restored.at(-1)?.[0] ?? -1) + 1,
    );
    this.#restored.length = 0;
  }
}

/** Fields of a device that are plain data. Its names stand in the row's key. */
const PLAIN_FIELDS = [
  'heard',
  'claimsOneTime',
  'claimsFallback',
  'startEpoch',
  'highWater',
  'lastAcceptedMs',
  'lastAcceptedLow',
  'lastAcceptedHigh',
  'hasPublishedIdentity',
  'loginMs',
  'isWhole',
  'flags',
] as const satisfies readonly (keyof DeviceTally)[];

type Rare = NonNullable<DeviceTally['rare']>;

/** What is as in a device that was never heard of is left out: 100,000 healthy ones are most of the database. */
type StoredDevice = Partial<Pick<DeviceTally, (typeof PLAIN_FIELDS)[number] | 'keyUploads'>> & {
  readonly held?: readonly number[];
  readonly claimed?: readonly number[];
  readonly traffic?: DeviceTraffic;
  readonly rare?: StoredRare;
};

interface StoredRare extends Omit<Rare, 'conflictKeyIds' | 'newKeyHashes' | 'claimedBefore' | 'divergence'> {
  readonly conflictKeyIds: readonly string[];
  readonly newKeyHashes: readonly number[];
  readonly claimedBefore: readonly number[] | null;
  readonly divergence: StoredDivergence | null;
}

interface StoredDivergence extends Omit<Divergence, 'fresh' | 'orphans'> {
  readonly fresh: readonly number[];
  readonly orphans: readonly number[];
}

function rowKey({ userId, deviceId }: DeviceTally): string {
  return JSON.stringify([userId, deviceId]);
}

function storedForm(device: DeviceTally, fresh: DeviceTally): StoredDevice {
  const { keyUploads, held, claimed, traffic, rare } = device;
  const stored: Record<string, unknown> = {};
  for (const field of PLAIN_FIELDS) if (!Object.is(device[field], fresh[field])) stored[field] = device[field];
  if (Object.values(keyUploads).some((count) => count > 0)) stored['keyUploads'] = keyUploads;
  if (!held.isEmpty) stored['held'] = held.bounds();
  if (!claimed.isEmpty) stored['claimed'] = claimed.bounds();
  if (traffic !== null) stored['traffic'] = traffic;
  if (rare !== null) stored['rare'] = storedRare(rare);
  return stored;
}

function storedRare({ conflictKeyIds, newKeyHashes, claimedBefore, divergence, ...plain }: Rare): StoredRare {
  return {
    ...plain,
    conflictKeyIds: [...conflictKeyIds],
    newKeyHashes: [...newKeyHashes],
    claimedBefore: claimedBefore?.bounds() ?? null,
    divergence: divergence && { ...divergence, fresh: divergence.fresh.bounds(), orphans: divergence.orphans.bounds() },
  };
}

function restoreDevice(device: DeviceTally, { held, claimed, rare, ...plain }: StoredDevice): void {
  Object.assign(device, plain);
  if (held !== undefined) device.held = IdRanges.from(held);
  if (claimed !== undefined) device.claimed = IdRanges.from(claimed);
  if (rare === undefined) return;
  device.rare = {
    ...rare,
    conflictKeyIds: new Set(rare.conflictKeyIds),
    newKeyHashes: new Set(rare.newKeyHashes),
    claimedBefore: rare.claimedBefore && IdRanges.from(rare.claimedBefore),
    divergence: rare.divergence && restoreDivergence(rare.divergence),
  };
}

function restoreDivergence({ fresh, orphans, ...plain }: StoredDivergence): Divergence {
  return { ...plain, fresh: IdRanges.from(fresh), orphans: IdRanges.from(orphans) };
}
