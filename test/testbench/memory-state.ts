/** The state database's part in a test: keeps the rows that changed, text by text, as SQLite would. In: stages. Out: the same rows at a restart. */
import type { KeptRows } from '../../src/kept-rows.ts';

export class MemoryState {
  readonly stages = new Map<string, Map<string, string>>();

  /** Takes what changed, in order. Returns how many rows that were. */
  commit(kept: readonly KeptRows[]): number {
    let count = 0;
    for (const stage of kept) {
      const rows = this.stages.get(stage.stage) ?? new Map<string, string>();
      this.stages.set(stage.stage, rows);
      for (const [key, text] of stage.changedRows()) {
        count++;
        if (text === null) rows.delete(key);
        else rows.set(key, text);
      }
      stage.markCommitted();
    }
    return count;
  }

  /** Gives all rows back, in the order of their keys as the database does. Returns what was wrong. */
  restore(kept: readonly KeptRows[]): readonly string[] {
    return kept.flatMap((stage) => stage.restoreRows([...(this.stages.get(stage.stage) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))));
  }
}
