/**
 * One commit, in as many parts as it takes: first where the sources stand, then the stages' rows, then the end of the transaction.
 *
 * In: the stages and positions as they stand. Out: a transaction, or nothing. Invariant (the caller's to keep): nothing is applied to the stages between the first part
 * and the last, so all rows are of one moment. The transaction begins with the first thing to write: where nothing changed, nothing is written.
 */
import type { KeptRows } from '../../src/kept-rows.ts';
import type { StateDatabase, Writing } from './state-database.ts';

export interface StateCommitOptions {
  readonly database: StateDatabase;
  readonly kept: readonly KeptRows[];
  /** Those that changed. */
  readonly positions: readonly (readonly [source: string, position: string])[];
  /** Wall clock. */
  readonly nowMs: () => number;
}

export class StateCommit {
  readonly #options: StateCommitOptions;
  readonly #rows: Iterator<readonly [stage: string, key: string, text: string | null]>;
  #writing: Writing | undefined;
  #phase: 'positions' | 'rows' | 'end' = 'positions';

  constructor(options: StateCommitOptions) {
    this.#options = options;
    this.#rows = rowsOf(options.kept);
  }

  /** Something is, or was, to be written. */
  get hasChanges(): boolean {
    return this.#writing !== undefined;
  }

  /**
   * Goes on until `isEnough`, which is asked after each row; true: all is done, and the stages know it. Throws SQLite's error: then nothing of the commit is
   * written, all of it is still changed, and there is no going on.
   */
  advance(isEnough: () => boolean): boolean {
    try {
      if (this.#phase === 'positions') this.#writePositions();
      if (this.#phase === 'rows') this.#writeRows(isEnough);
      // A part of its own: with many rows it takes as long as another one.
      if (this.#phase !== 'end' || isEnough()) return false;
      this.#writing?.commit(this.#options.nowMs());
    } catch (error) {
      this.#writing?.rollback();
      throw error;
    }
    for (const stage of this.#options.kept) stage.markCommitted();
    return true;
  }

  #writePositions(): void {
    for (const [source, position] of this.#options.positions) this.#begun().position(source, position);
    this.#phase = 'rows';
  }

  #writeRows(isEnough: () => boolean): void {
    do {
      const next = this.#rows.next();
      if (next.done === true) {
        this.#phase = 'end';
        return;
      }
      this.#begun().row(...next.value);
    } while (!isEnough());
  }

  #begun(): Writing {
    this.#writing ??= this.#options.database.begin();
    return this.#writing;
  }
}

function* rowsOf(kept: readonly KeptRows[]): Generator<readonly [stage: string, key: string, text: string | null], undefined> {
  for (const stage of kept) for (const [key, text] of stage.changedRows()) yield [stage.stage, key, text];
}
