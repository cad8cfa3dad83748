/** The soonest of some times to come. */
export class Soonest {
  /** In how many milliseconds it is; undefined if none is to come. */
  ms: number | undefined;

  /** Those that are past, or never come, count for nothing. */
  add(ms: number): void {
    if (ms > 0 && ms < Number.POSITIVE_INFINITY) this.ms = Math.min(this.ms ?? ms, ms);
  }
}
