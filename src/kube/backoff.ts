/** Growing delays: each twice the one before up to a limit, of which a random half is taken off. */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #failures = 0;

  /** `random` answers like Math.random. */
  constructor(initialMs: number, maxMs: number, random: () => number) {
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** How long to wait before the next attempt, in milliseconds. */
  next(): number {
    const full = Math.min(this.#initialMs * 2 ** this.#failures, this.#maxMs);
    this.#failures += 1;
    return full * (0.5 + 0.5 * this.#random());
  }

  /** Begins anew, after something went well. */
  reset(): void {
    this.#failures = 0;
  }
}
