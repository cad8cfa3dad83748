import type { Clock } from '../clock.ts';
import type { Exchange } from './exchange.ts';

/** Clocks that differ by less than this agree: a server tells whole seconds, and an answer takes time. */
const toleratedMs = 5_000;

/**
 * The wall clock of the API server, whose times stand in objects, as far as its answers tell it; the
 * machine's own one until they do, and where both agree. What is measured from a time in an object
 * would otherwise be wrong by as much as the two clocks differ.
 */
export class ServerClock implements Clock {
  readonly #own: Clock;
  #aheadMs = 0;

  constructor(own: Clock) {
    this.#own = own;
  }

  now(): number {
    return this.#own.now() + this.#aheadMs;
  }

  monotonic(): number {
    return this.#own.monotonic();
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#own.after(delayMs, callback);
  }

  /** Takes in an answer that has just come. */
  heard({ answeredAt, durationMs }: Pick<Exchange, 'answeredAt' | 'durationMs'>): void {
    if (answeredAt === undefined) return;
    const aheadMs = answeredAt - this.#own.now();
    // The server's time is some moment between the request and now.
    const vagueMs = toleratedMs + durationMs;
    if (Math.abs(aheadMs) < vagueMs) this.#aheadMs = 0;
    else if (Math.abs(aheadMs - this.#aheadMs) >= vagueMs) this.#aheadMs = aheadMs;
  }
}
