/**
 * Rows of cells → aligned lines. In: columns and visible texts. Out: lines no wider than asked for; where the cells don't fit, the widest of the
 * columns that may shrink gives way, and what is cut ends in `…`.
 */
import { cutToWidth, displayWidth, padToWidth } from './terminal-text.ts';

export interface TableColumn {
  readonly title: string;
  /** Default left. */
  readonly align?: 'left' | 'right';
  /** Its cells may be cut, down to SMALLEST_COLUMN. Others must be short by nature: numbers, times. */
  readonly canShrink?: boolean;
  /** Applied to each cell after it has got its width; texts in it take no room (colours). */
  readonly style?: (cell: string, raw: string) => string;
}

/** Columns that a cut cell keeps at least. Chosen: the beginning of a user id. */
const SMALLEST_COLUMN = 8;
const GAP = '  ';

export interface TableLayout {
  /** Columns of the terminal that a line may take. */
  readonly width: number;
  readonly titleStyle?: (line: string) => string;
}

/** The titles' line and one line for each row; no row: none at all. Cells beyond `columns` are left out, missing ones empty. */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  { width, titleStyle = (line) => line }: TableLayout,
): string[] {
  if (rows.length === 0) return [];
  const widths = fitWidths(columns, rows, width);
  const renderRow = (cells: readonly string[], isTitle: boolean): string =>
    columns
      .map(({ align, style }, index) => {
        const raw = cells[index] ?? '';
        const cell = padToWidth(cutToWidth(raw, widths[index] ?? 0), widths[index] ?? 0, align);
        return isTitle || style === undefined ? cell : style(cell, raw);
      })
      .join(GAP)
      .trimEnd();
  return [
    titleStyle(
      renderRow(
        columns.map(({ title }) => title),
        true,
      ),
    ),
    ...rows.map((row) => renderRow(row, false)),
  ];
}

function fitWidths(columns: readonly TableColumn[], rows: readonly (readonly string[])[], width: number): number[] {
  const widths = columns.map(({ title }, index) => Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[index] ?? ''))));
  for (;;) {
    const excess = widths.reduce((sum, each) => sum + each, GAP.length * (columns.length - 1)) - width;
    if (excess <= 0) return widths;
    const shrinkable = widths.flatMap((each, index) =>
      columns[index]?.canShrink === true && each > SMALLEST_COLUMN ? [{ each, index }] : [],
    );
    const widest = shrinkable.sort((a, b) => b.each - a.each)[0];
    if (widest === undefined) return widths;
    const second = shrinkable[1]?.each ?? SMALLEST_COLUMN;
    // Down to the next one at once; one column a time where two are equally wide.
    widths[widest.index] = Math.max(SMALLEST_COLUMN, widest.each - excess, Math.min(second, widest.each - 1));
  }
}
