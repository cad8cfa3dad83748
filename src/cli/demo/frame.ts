import { count, nounCount, printable } from '../../api/text.ts';
import type { Condition } from '../../api/types.ts';
import { unspoken } from '../conditions-line.ts';
import type { Role, Style } from '../style.ts';
import { columnGap, columns, cut, shortened } from '../text.ts';
import { type CopyState, completeNodes, countCopies, type Grid, type GridRow } from './grid.ts';

/** Where a frame has to fit in, in characters and lines. */
export interface Extent {
  readonly width: number;
  /** Without a bound every image has a line of its own. */
  readonly height?: number;
}

/** Images and nodes as a table, a line for each image; without the line end of the last. */
export function gridTable(grid: Grid, { width, height }: Extent, style: Style): string {
  const { rows, left } = chosen(grid.rows, height);
  const copiesWidth = widthOfCopies(grid.nodes.length, width);
  const counts = rows.map((row) => countOf(row, grid.nodes.length));
  const countWidth = Math.max(0, ...counts.map((text) => text.length));
  const names = shortened(
    rows.map(({ image: { names } }) => printable(names[0] ?? '', 1000)),
    Math.max(8, width - copiesWidth - countWidth - 2 * columnGap),
    style.ellipsis,
  );
  const lines = columns(
    rows.map((row, index) => [
      names[index] ?? '',
      copies(row, copiesWidth, style),
      counts[index] ?? '',
    ]),
  );
  const others = left.length === 0 ? [] : [style.paint('quiet', othersOf(left))];
  return [...lines, ...others].join('\n');
}

/** A line for each condition, cut to the width. */
export function conditionLines(
  conditions: readonly Condition[],
  { width }: Extent,
  style: Style,
): string {
  if (conditions.length === 0) return style.paint('quiet', unspoken);
  const [type = 0, status = 0, reason = 0] = (['type', 'status', 'reason'] as const).map((key) =>
    Math.max(...conditions.map((condition) => condition[key].length)),
  );
  return conditions
    .map((condition) => {
      const head = `${condition.type.padEnd(type)}  ${condition.status.padEnd(status)}  `;
      const rest = `${condition.reason.padEnd(reason)}  ${condition.message}`;
      const line = cut(printable(head + rest, 2000), width, style.ellipsis);
      return style.paint(roleOf(condition), line.slice(0, head.length)) + line.slice(head.length);
    })
    .join('\n');
}

const meanings = {
  missing: 'missing',
  pulled: 'pulled to the disk',
  held: 'held by a running container',
  failing: 'failing',
} as const satisfies Record<CopyState, string>;

/** What the signs of a grid mean, in full where the width allows it. */
export function legend({ width }: Extent, style: Style): string {
  const states = ['missing', 'pulled', 'held', 'failing'] as const;
  const length = states.reduce((sum, state) => sum + meanings[state].length + 2 + columnGap, 0);
  return states
    .map((state) => [sign(state, style), length <= width ? meanings[state] : state])
    .map(([sign, text = '']) => `${sign} ${style.paint('quiet', text)}`)
    .join(' '.repeat(columnGap));
}

/** How far it is, in one line of plain text: `[####......] 42 of 85 copies, 2 of 5 nodes complete`. */
export function progressLine(grid: Grid): string {
  const { held, pulled, failing } = countCopies(grid);
  const all = grid.rows.length * grid.nodes.length;
  if (all === 0) return 'there is nothing to pull';
  const here = held + pulled;
  const bar = '#'.repeat(Math.floor((here / all) * barWidth));
  const failed = failing === 0 ? '' : `, ${count(failing)} failing`;
  const nodes = `${count(completeNodes(grid).length)} of ${nounCount(grid.nodes.length, 'node')}`;
  return `[${bar.padEnd(barWidth, '.')}] ${count(here)} of ${count(all)} copies${failed}, ${nodes} complete`;
}

/** Whether what a condition says is good news: Ready is normally True, the others are not. */
export function roleOf({ type, status }: Pick<Condition, 'type' | 'status'>): Role {
  if (type === 'Ready') return status === 'True' ? 'good' : 'waiting';
  if (status !== 'True') return 'quiet';
  return type === 'Degraded' ? 'bad' : 'waiting';
}

const barWidth = 20;

/**
 * The rows there is room for, in their order, and the others. Failures are worth most, then what is
 * under way, then what has not begun; what is complete can be summed up.
 */
function chosen(
  rows: readonly GridRow[],
  height = Number.POSITIVE_INFINITY,
): { readonly rows: readonly GridRow[]; readonly left: readonly GridRow[] } {
  if (rows.length <= height) return { rows, left: [] };
  const byInterest = [...rows].sort((a, b) => interest(b) - interest(a));
  const shown = new Set(byInterest.slice(0, Math.max(0, height - 1)));
  return {
    rows: rows.filter((row) => shown.has(row)),
    left: rows.filter((row) => !shown.has(row)),
  };
}

function interest(row: GridRow): number {
  const { failing, pulled, held, missing } = countCopies({ rows: [row] });
  if (failing > 0) return 3;
  if (pulled + held > 0 && missing > 0) return 2;
  return missing > 0 ? 1 : 0;
}

function othersOf(rows: readonly GridRow[]): string {
  const { missing, failing } = countCopies({ rows });
  const state = missing + failing === 0 ? ', on every node' : '';
  return `and ${nounCount(rows.length, 'more image')}${state}`;
}

/** A sign for each node as long as names keep most of the width; from then on a bar. */
function widthOfCopies(nodes: number, width: number): number {
  const spaced = Math.max(0, 2 * nodes - 1);
  if (spaced <= width / 3) return spaced;
  return nodes <= width / 2 ? nodes : Math.floor(width / 3);
}

function copies({ copies }: GridRow, width: number, style: Style): string {
  if (copies.length > width) return bar(copies, width, style);
  const separator = copies.length === width ? '' : ' ';
  return copies.map((state) => sign(state, style)).join(separator);
}

const inBars: readonly CopyState[] = ['failing', 'held', 'pulled', 'missing'];

/** Signs in proportion to the nodes; the first and the last are exact, so one failure is seen. */
function bar(copies: readonly CopyState[], width: number, style: Style): string {
  const sorted = inBars.flatMap((state) => copies.filter((copy) => copy === state));
  const step = (copies.length - 1) / Math.max(1, width - 1);
  return Array.from({ length: width }, (_, index) => sorted[Math.round(index * step)])
    .map((state) => sign(state, style))
    .join('');
}

const roles: Readonly<Record<CopyState, Role>> = {
  missing: 'quiet',
  pulled: 'waiting',
  held: 'good',
  failing: 'bad',
};

function sign(state: CopyState = 'missing', { signs, paint }: Style): string {
  return paint(roles[state], signs[state]);
}

function countOf({ copies }: GridRow, nodes: number): string {
  const present = copies.filter((state) => state === 'held' || state === 'pulled').length;
  return `${present}/${nodes}`;
}
