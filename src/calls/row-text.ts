/** Rows of this stage as text. */
import { readRow, writeRow } from '../kept-rows.ts';

export const toRow = writeRow;

/** undefined for a text that is no row. */
export function fromRow(text: string): unknown {
  try {
    return readRow(text);
  } catch {
    return undefined;
  }
}
