import type { Style } from '../style.ts';
import { columnGap, columns, cut, shortened } from '../text.ts';

/** A column of a table. */
export interface Column {
  readonly heading: string;
  /** What becomes of cells that there is no room for; left out, they are never cut. */
  readonly cut?: 'end' | 'alike';
  /** Painted after it was cut. */
  readonly paint?: (text: string, row: number) => string;
}

/** No column is made narrower than this for the sake of others. */
const leastWidth = 16;

/**
 * A table with a line for the headings and one for each row, at most so wide: columns that may be cut
 * give way, the widest first. Of a column of names that would look alike the middle is cut.
 */
export function fitted(
  table: readonly Column[],
  rows: readonly (readonly string[])[],
  { width, style }: { readonly width: number; readonly style: Style },
): readonly string[] {
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

function widthsOf(
  table: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly number[] {
  const widths = table.map(({ heading }, index) =>
    rows.reduce((most, row) => Math.max(most, (row[index] ?? '').length), heading.length),
  );
  const gaps = columnGap * (table.length - 1);
  let excess = widths.reduce((sum, each) => sum + each, gaps) - width;
  while (excess > 0) {
    const widest = widestOf(table, widths);
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function widestOf(table: readonly Column[], widths: readonly number[]): number | undefined {
  const candidates = [...widths.keys()].filter(
    (index) => table[index]?.cut !== undefined && (widths[index] ?? 0) > leastWidth,
  );
  return candidates.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
}
