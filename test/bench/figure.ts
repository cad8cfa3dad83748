import Table from 'cli-table3';

/** One line of the result: what was measured, what was asked for, and what it came to. */
export interface Figure {
  readonly what: string;
  readonly asked: string;
  readonly measured: string;
  /** The same of the Go operator: see go-operator.ts. */
  readonly go?: string;
}

/** The value below which this share (0 to 1) of the values lies; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[index] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Figures as a table for people; figures of a part stand below its name. */
export function tableOf(parts: ReadonlyMap<string, readonly Figure[]>): string {
  const table = new Table({
    head: ['figure', 'asked', 'measured', 'Go operator'],
    style: { head: [], border: [] },
  });
  for (const [part, figures] of parts) {
    table.push([{ content: part, colSpan: 4 }]);
    for (const { what, asked, measured, go = '-' } of figures) {
      table.push([what, asked, measured, go]);
    }
  }
  return table.toString();
}

/** `1,234 ms`, `12.3 s`. */
export const spoken = {
  ms: (ms: number) => (ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`),
  seconds: (seconds: number) => `${seconds.toFixed(1)} s`,
  megabytes: (bytes: number) => `${Math.round(bytes / 1e6)} MB`,
};
