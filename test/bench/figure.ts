/** One line of the result: what was measured, what was asked for, and what it came to. */
export interface Figure {
  readonly what: string;
  readonly asked: string;
  readonly measured: string;
  /** The same of the Go operator: see go-operator.ts. */
  readonly go?: string;
}

/**
 * The figures of a part, each as soon as it is known, so that whatever comes to grief later takes none
 * along. Some parts return what goes on to the next one.
 */
export type Figures<Result = void> = AsyncGenerator<Figure, Result, undefined>;

/** The value below which this share (0 to 1) of the values lies; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[index] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Characters of each column; with the gaps between them a line has no more than 120. */
const columns = { what: 49, asked: 13, measured: 26, go: 26 } as const;
const gap = '  ';
const lineWidth = 120;

/** Figures as a table for people; figures of a part stand below its name. */
export function tableOf(parts: ReadonlyMap<string, readonly Figure[]>): string {
  const head = { what: 'figure', asked: 'asked', measured: 'measured', go: 'Go operator' };
  const body = [...parts].flatMap(([part, figures]) => [
    '',
    ...wrapped(part, lineWidth),
    ...figures.flatMap(linesOf),
  ]);
  return [...linesOf(head), '─'.repeat(lineWidth), ...body.slice(1)].join('\n');
}

/** One figure as a row of the table, whose cells go on in the next lines where they are long. */
export function linesOf({ what, asked, measured, go = '-' }: Figure): readonly string[] {
  const cells = [
    wrapped(what, columns.what),
    wrapped(asked, columns.asked),
    wrapped(measured, columns.measured),
    wrapped(go, columns.go),
  ];
  const widths = Object.values(columns);
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, column) => (lines[line] ?? '').padEnd(widths[column] ?? 0))
      .join(gap)
      .trimEnd(),
  );
}

/** Between words where that is possible. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).flatMap((long) => pieces(long, width))) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}

function pieces(word: string, width: number): readonly string[] {
  return word.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
}

/** `1234 ms`, `12.3 s`. */
export const spoken = {
  ms: (ms: number) => (ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`),
  seconds: (seconds: number) => `${seconds.toFixed(1)} s`,
  megabytes: (bytes: number) => `${Math.round(bytes / 1e6)} MB`,
};
