/**
 * The tables of this stage as rows: which prefix is whose, and what a row must be to be read. In: the stage. Out: its `KeptRows`.
 */
import type { BoundedRows } from './bounded-rows.ts';
import type { Calls, CallTotals } from './calls.ts';
import type { Client } from './client-directory.ts';
import { fromRow, toRow } from './row-text.ts';

const TOTALS = 'totals';

interface Table {
  readonly prefix: string;
  changedRows(): Iterable<readonly [string, string | null]>;
  markCommitted(): void;
  restore(key: string, row: unknown): boolean;
}

export class KeptTables {
  readonly #calls: Calls;
  #tables: readonly Table[] | null = null;
  #committedTotals = '';
  #pendingTotals = '';

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  *changedRows(): Iterable<readonly [key: string, text: string | null]> {
    const totals = toRow(this.#calls.totals);
    this.#pendingTotals = totals;
    if (totals !== this.#committedTotals) yield [TOTALS, totals];
    for (const table of this.#all()) yield* table.changedRows();
  }

  markCommitted(): void {
    this.#committedTotals = this.#pendingTotals;
    for (const table of this.#all()) table.markCommitted();
  }

  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    const problems: string[] = [];
    for (const [key, text] of rows) if (!this.#restore(key, fromRow(text))) problems.push(`row "${key}" of calls can't be read`);
    const { delayedEvents, timeouts, drops, chronicle, episodes, book, toDevice, sends, clients, troubles, redactions } = this.#calls;
    for (const indexed of [delayedEvents, episodes, book, toDevice]) indexed.settleRestored();
    for (const { rows: plain } of [timeouts, drops, chronicle, sends, clients, troubles, redactions]) plain.settleRestored();
    return problems;
  }

  #restore(key: string, row: unknown): boolean {
    if (key === TOTALS) return this.#restoreTotals(row);
    const slash = key.indexOf('/');
    const table = this.#all().find(({ prefix }) => prefix === key.slice(0, slash));
    return slash > 0 && table !== undefined && table.restore(key.slice(slash + 1), row);
  }

  #restoreTotals(row: unknown): boolean {
    if (!isObject(row) || !isObject(row['clientTimeouts'])) return false;
    this.#calls.totals = { ...this.#calls.totals, ...(row as unknown as CallTotals) };
    return true;
  }

  /** Made at first use: the stage isn't whole when this object is. */
  #all(): readonly Table[] {
    const { delayedEvents, timeouts, drops, chronicle, episodes, book, toDevice, sends, clients, troubles, redactions } = this.#calls;
    this.#tables ??= [
      tableOf(delayedEvents.rows, hasNumbers('sequence', 'clientHash', 'restarts')),
      tableOf(timeouts.rows, hasNumbers('sequence', 'timeMs', 'durationMs')),
      tableOf(drops.rows, hasNumbers('event', 'timeMs')),
      tableOf(chronicle.rows, isNumber),
      tableOf(episodes.rows, hasNumbers('firstMs', 'lastMs', 'count')),
      tableOf(book.rows, hasNumbers('sequence', 'firstMs', 'lastMs', 'delayMs')),
      tableOf(toDevice.waiting, hasNumbers('sequence', 'idHash', 'storedMs')),
      tableOf(toDevice.early, isNumber),
      tableOf(sends.rows, isNumber),
      tableOf(clients.rows, isClient),
      tableOf(troubles.rows, hasNumbers('timeMs')),
      tableOf(redactions.rows, hasNumbers('timeMs', 'position')),
    ];
    return this.#tables;
  }
}

function tableOf<V, K extends string | number>(rows: BoundedRows<V, K>, isValue: (value: unknown) => value is V): Table {
  return {
    prefix: rows.prefix,
    changedRows: () => rows.changedRows(),
    markCommitted: () => rows.markCommitted(),
    restore: (key, row) => rows.restore(key, row, isValue),
  };
}

/** An object with these fields as numbers: enough to tell a row of this table from garbage; the rest is our own writing. */
function hasNumbers<V>(...fields: readonly string[]): (value: unknown) => value is V {
  return (value): value is V => isObject(value) && fields.every((field) => isNumber(value[field]));
}

function isClient(value: unknown): value is Client {
  return isObject(value) && typeof value['userId'] === 'string' && (value['deviceId'] === null || typeof value['deviceId'] === 'string');
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
