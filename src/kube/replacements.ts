import type { Clock } from '../clock.ts';
import { calmMs, repairDelayMs } from './apply-memory.ts';

interface Replaced {
  readonly count: number;
  readonly lastAt: number;
}

/**
 * How often objects were made anew because of a field that cannot be changed, under whatever uid. One
 * that somebody brings back each time is made anew at growing intervals.
 */
export class Replacements {
  readonly #clock: Clock;
  /** None that is older than the time after which an object counts as calm. */
  readonly #replaced = new Map<string, Replaced>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long to leave the object as it is, in milliseconds; 0 where it may be made anew now. */
  untilNext(id: string): number {
    const known = this.#of(id);
    if (known === undefined) return 0;
    return Math.max(0, known.lastAt + repairDelayMs(known.count) - this.#clock.monotonic());
  }

  /** The object is made anew now. */
  count(id: string): void {
    const count = (this.#of(id)?.count ?? 0) + 1;
    for (const each of this.#replaced.keys()) {
      if (this.#of(each) === undefined) this.#replaced.delete(each);
    }
    this.#replaced.set(id, { count, lastAt: this.#clock.monotonic() });
  }

  #of(id: string): Replaced | undefined {
    const known = this.#replaced.get(id);
    return known && this.#clock.monotonic() - known.lastAt <= calmMs ? known : undefined;
  }
}
