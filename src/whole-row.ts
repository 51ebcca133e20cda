/**
 * A small stage's whole state as one row for the state database: written when its text is another one than at the last commit.
 */
import type { KeptRows } from './kept-rows.ts';

/** What the stage gives and takes: plain data that JSON carries without loss. */
export interface Dumpable<T> {
  dump(): T;
  restore(dump: T): void;
}

const KEY = '';

export class WholeRow<T> implements KeptRows {
  readonly stage: string;
  readonly #of: Dumpable<T>;
  #committed: string | undefined;
  #pending: string | undefined;

  constructor(stage: string, of: Dumpable<T>) {
    this.stage = stage;
    this.#of = of;
  }

  changedRows(): readonly (readonly [string, string])[] {
    const text = JSON.stringify(this.#of.dump());
    this.#pending = text;
    return text === this.#committed ? [] : [[KEY, text]];
  }

  markCommitted(): void {
    this.#committed = this.#pending;
  }

  restoreRows(rows: Iterable<readonly [key: string, text: string]>): readonly string[] {
    const problems: string[] = [];
    for (const [, text] of rows) {
      try {
        this.#of.restore(JSON.parse(text) as T);
        this.#committed = text;
      } catch (error) {
        problems.push(`Cannot go on with the state of ${this.stage}: ${String(error)}`);
      }
    }
    return problems;
  }
}
