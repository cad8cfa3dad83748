import type { Style } from '../style.ts';
import { columnGap, columns, cut, shortened } from '../text.ts';

/** A column of a table. */
export interface Column {
  readonly heading: string;
  /** What becomes of cells that there is no room for; left out, they are never cut. */
  readonly cut?: 'end' | 'alike';
  /** Claims that it may be left out where others have no room; of several the last goes first. */
  readonly isSpare?: boolean;
  /** Painted after it was cut. */
  readonly paint?: (text: string, row: number) => string;
}

/** Where a table has to fit in. */
interface Frame {
  readonly width: number;
  readonly style: Style;
}

/** No column is made narrower than this for the sake of others. */
function leastWidth(width: number): number {
  return Math.min(16, Math.max(8, Math.floor(width / 5)));
}

/**
 * A table with a line for the headings and one for each row, at most so wide: spare columns are left out,
 * and those that may be cut give way, the widest first. Of a column of names that would look alike the
 * middle is cut.
 */
export function fitted(
  table: readonly Column[],
  rows: readonly (readonly string[])[],
  frame: Frame,
): readonly string[] {
  const { width, style } = frame;
  const spare = spareOf(table, rows, width);
  if (spare !== -1) {
    const others = <Cell>(cells: readonly Cell[]) => cells.filter((_, index) => index !== spare);
    return fitted(others(table), rows.map(others), frame);
  }
  const widths = widthsOf(table, rows, width);
  const cells = table.map((column, index) => {
    const texts = rows.map((row) => row[index] ?? '');
    const kept = keptOf(texts, column, widths[index] ?? 0, style.ellipsis);
    return kept.map((text, row) => column.paint?.(text, row) ?? text);
  });
  return columns([
    table.map(({ heading }) => style.paint('heading', heading)),
    ...rows.map((_, row) => cells.map((column) => column[row] ?? '')),
  ]);
}

function keptOf(
  texts: readonly string[],
  column: Column,
  width: number,
  ellipsis: string,
): readonly string[] {
  if (column.cut === 'alike') return shortened(texts, width, ellipsis);
  return column.cut === 'end' ? texts.map((text) => cut(text, width, ellipsis)) : texts;
}

/** The column that has to go as even the cut ones have no room; -1 where none has to, or none can. */
function spareOf(
  table: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): number {
  const total = sum(widthsOf(table, rows, width)) + columnGap * (table.length - 1);
  return total <= width ? -1 : table.findLastIndex(({ isSpare }) => isSpare);
}

function widthsOf(
  table: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly number[] {
  const widths = table.map(({ heading }, index) =>
    rows.reduce((most, row) => Math.max(most, (row[index] ?? '').length), heading.length),
  );
  let excess = sum(widths) + columnGap * (table.length - 1) - width;
  while (excess > 0) {
    const widest = widestOf(table, widths, leastWidth(width));
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function widestOf(
  table: readonly Column[],
  widths: readonly number[],
  least: number,
): number | undefined {
  const candidates = [...widths.keys()].filter(
    (index) => table[index]?.cut !== undefined && (widths[index] ?? 0) > least,
  );
  return candidates.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
