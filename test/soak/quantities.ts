import { type Slope, slopeOf } from './slope.ts';

/** Something that must not grow in an operator. */
export interface Quantity {
  readonly name: string;
  readonly mean: number;
  /** By a minute. */
  readonly slope: Slope;
  /** Claims that it grows, with 95 % confidence, by more than chance or one more connection explain. */
  readonly grows: boolean;
}

/**
 * What is measured, from which minute on and for how many at least, and what growth over the whole run
 * tells of a leak: an edit every two seconds leaks far more, and one flat series in forty seems to grow by
 * less.
 */
const measured = [
  { name: 'handles', fromMinute: 1, allowed: 3, atLeastMinutes: 0 },
  { name: 'sockets', fromMinute: 1, allowed: 3, atLeastMinutes: 0 },
  { name: 'timers', fromMinute: 1, allowed: 3, atLeastMinutes: 0 },
  // Of each pod that was deleted a cache remembers 200 bytes, until it lists all pods once an hour.
  { name: 'heap (MB)', fromMinute: 5, allowed: 2, atLeastMinutes: 20 },
  { name: 'memory (MB)', fromMinute: 5, allowed: 2, atLeastMinutes: 20 },
] as const;

/** What an operator takes at a moment. */
export type Sample = Readonly<Record<(typeof measured)[number]['name'], number>> & {
  readonly atMinute: number;
};

/** How each quantity went in a run of so many minutes; memory only where that is long enough to tell. */
export function quantitiesOf(samples: readonly Sample[], minutes: number): readonly Quantity[] {
  return measured
    .filter(({ fromMinute, atLeastMinutes }) => minutes - fromMinute >= atLeastMinutes)
    .map(({ name, fromMinute, allowed }) => {
      const points = samples
        .filter(({ atMinute }) => atMinute >= fromMinute)
        .map((sample) => ({ x: sample.atMinute, y: sample[name] }));
      const slope = slopeOf(points);
      const mean = points.reduce((sum, { y }) => sum + y, 0) / points.length;
      return { name, mean, slope, grows: slope.least * (minutes - fromMinute) > allowed };
    });
}
