import { createLogUpdate } from 'log-update';
import { printable } from '../../api/text.ts';
import type { Condition } from '../../api/types.ts';
import { conditionsLine, unspoken } from '../conditions-line.ts';
import type { Output } from '../output.ts';
import type { Style } from '../style.ts';
import { cut } from '../text.ts';
import { conditionLines, type Extent, gridTable, legend, progressLine } from './frame.ts';
import type { Grid } from './grid.ts';

/** The cluster at one moment. */
export interface Snapshot {
  readonly grid: Grid;
  readonly conditions: readonly Condition[];
  /** The reason for which the puller's spec is held; undefined where it is followed. */
  readonly heldFor: string | undefined;
  /** Since the puller was applied. */
  readonly elapsedMs: number;
}

/** A snapshot among others. */
export interface Look extends Snapshot {
  /** Since something moved. */
  readonly stillMs: number;
}

/** Shows how the nodes fill. */
export interface View {
  show(look: Look): void;
  /** Takes away what is only of the moment and leaves the grid as it was last shown. */
  close(): void;
}

/** Of text that no terminal bounds, and of wide terminals: longer lines are hard to read. */
const defaultWidth = 100;
const mostWidth = 140;

/** How wide text may be on a stream. */
export function widthOf({ isTTY, columns }: Output): number {
  return isTTY && columns ? Math.min(columns, mostWidth) : defaultWidth;
}

/** A view that draws over itself on a terminal, and one that adds lines anywhere else. */
export function viewOn(output: Output, style: Style): View {
  return output.isTTY ? new LiveView(output, style) : new PlainView(output, style);
}

/** A standstill that lasts for so long is told. */
const worthTellingMs = 5000;

/** Lines of a live frame beside those of the grid: title, legend, three conditions, the cursor's. */
const otherLines = 6;

class LiveView implements View {
  readonly #output: Output;
  readonly #style: Style;
  readonly #update;
  #last: Look | undefined;

  constructor(output: Output, style: Style) {
    this.#output = output;
    this.#style = style;
    this.#update = createLogUpdate(output);
  }

  show(look: Look): void {
    this.#last = look;
    const { grid, conditions } = look;
    const width = widthOf(this.#output);
    const height = Math.max(3, (this.#output.rows ?? 24) - otherLines);
    this.#update(
      [
        this.#title(look, width),
        ...tableAndLegend(grid, { width, height }, this.#style),
        conditionLines(conditions, { width }, this.#style),
      ].join('\n'),
    );
  }

  close(): void {
    this.#update.clear();
    this.#update.done();
    if (this.#last) writeGrid(this.#output, this.#last.grid, this.#style);
  }

  #title(look: Look, width: number): string {
    const { elapsedMs, stillMs } = look;
    const still = stillMs < worthTellingMs ? '' : `, still for ${seconds(stillMs)}`;
    const text = `${seconds(elapsedMs).padStart(5)}${still}  ${progressOf(look)}`;
    return cut(text, width, this.#style.ellipsis);
  }
}

/** Counts that move are told at most so often; conditions that turn are told at once. */
const countsEveryMs = 1000;

/** Lines of plain text, each of which says something new; no counts before the operator has spoken. */
class PlainView implements View {
  readonly #output: Output;
  readonly #style: Style;
  #conditions = '';
  #progress = '';
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #isStill = false;
  #last: Look | undefined;

  constructor(output: Output, style: Style) {
    this.#output = output;
    this.#style = style;
  }

  show(look: Look): void {
    this.#last = look;
    const conditions = printable(conditionsLine(look.conditions), 1000);
    const progress = progressOf(look);
    const hasTurned = conditions !== this.#conditions;
    const isDue = conditions !== '' && look.elapsedMs - this.#toldAtMs >= countsEveryMs;
    if (progress !== this.#progress && (hasTurned || isDue)) {
      this.#progress = progress;
      this.#toldAtMs = look.elapsedMs;
      this.#tell(look, progress);
    }
    if (hasTurned) {
      this.#conditions = conditions;
      this.#tell(look, conditions);
    }
    const isStill = look.stillMs >= worthTellingMs;
    if (isStill && !this.#isStill) this.#tell(look, stillness(look));
    this.#isStill = isStill;
  }

  close(): void {
    if (this.#last) writeGrid(this.#output, this.#last.grid, this.#style);
  }

  #tell({ elapsedMs }: Look, text: string): void {
    this.#output.write(`${seconds(elapsedMs).padStart(5)}  ${text}\n`);
  }
}

function stillness({ conditions }: Snapshot): string {
  return conditions.length === 0 ? unspoken : 'nothing moves any more';
}

function progressOf({ grid, heldFor }: Snapshot): string {
  return heldFor === undefined ? progressLine(grid) : `the spec is held for ${heldFor}`;
}

/** Nothing where there is nothing to show. */
function tableAndLegend(grid: Grid, extent: Extent, style: Style): readonly string[] {
  const isEmpty = grid.rows.length === 0 || grid.nodes.length === 0;
  return isEmpty ? [] : [gridTable(grid, extent, style), legend(extent, style)];
}

function writeGrid(output: Output, grid: Grid, style: Style): void {
  const lines = tableAndLegend(grid, { width: widthOf(output) }, style);
  output.write(lines.length === 0 ? '\n' : `\n${lines.join('\n')}\n\n`);
}

function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)} s`;
}
