/** The limits of a back-off, in milliseconds. */
export interface BackOffLimits {
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * A delay that doubles with every failure, and begins anew where nothing failed for twice its
 * limit. (kubernetes/kubernetes: client-go/util/flowcontrol/backoff.go)
 */
export class BackOff {
  readonly #limits: BackOffLimits;
  #delayMs = 0;
  #countedAt = 0;

  constructor(limits: BackOffLimits) {
    this.#limits = limits;
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  /** Counts at `now` a failure of the time `failedAt`. */
  count(failedAt: number, now: number): void {
    const { firstMs, lastMs } = this.#limits;
    const isFirst = this.#delayMs === 0 || this.#isForgotten(failedAt);
    this.#delayMs = isFirst ? firstMs : Math.min(this.#delayMs * 2, lastMs);
    this.#countedAt = now;
  }

  /** How much longer to wait after a failure of the time `failedAt`. */
  remainingMs(failedAt: number, now: number): number {
    return this.#isForgotten(failedAt) ? 0 : Math.max(0, failedAt + this.#delayMs - now);
  }

  #isForgotten(failedAt: number): boolean {
    return failedAt - this.#countedAt > 2 * this.#limits.lastMs;
  }
}
