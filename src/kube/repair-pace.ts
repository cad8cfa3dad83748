/** How long a repair that is undone again and again waits: at first and at most. */
const firstDelayMs = 1_000;
const maxDelayMs = 60_000;
/** An object that needed no repair for this long is contested no more. */
const calmMs = 10 * 60_000;

/** How often something was put right, and when last, in monotonic milliseconds. */
export interface Repaired {
  readonly count: number;
  readonly lastAt: number;
}

/** How long to leave alone what was put right so often, in milliseconds from now; 0 where it may be done again. */
export function untilNextRepair({ count, lastAt }: Repaired, now: number): number {
  const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (count - 1));
  return Math.max(0, lastAt + delayMs - now);
}

/** Claims that the last repair is not so long ago that it says nothing of the next. */
export function isRecent({ lastAt }: Repaired, now: number): boolean {
  return now - lastAt <= calmMs;
}
