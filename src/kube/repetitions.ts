import type { Clock } from '../clock.ts';
import { isRecent, type Repaired, untilNextRepair } from './repair-pace.ts';

/**
 * How often we did to objects what goes beyond an apply, under whatever uid they had: made one anew, or took
 * something away that nobody has applied. Where somebody undoes it each time, it waits for growing intervals.
 */
export class Repetitions {
  readonly #clock: Clock;
  /** None that is older than the time after which an object counts as calm. */
  readonly #known = new Map<string, Repaired>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long to leave the object as it is, in milliseconds; 0 where it may be done now. */
  untilNext(id: string): number {
    const known = this.#of(id);
    return known ? untilNextRepair(known, this.#clock.monotonic()) : 0;
  }

  /** It is done now. */
  count(id: string): void {
    const count = (this.#of(id)?.count ?? 0) + 1;
    for (const each of this.#known.keys()) {
      if (this.#of(each) === undefined) this.#known.delete(each);
    }
    this.#known.set(id, { count, lastAt: this.#clock.monotonic() });
  }

  #of(id: string): Repaired | undefined {
    const known = this.#known.get(id);
    return known && isRecent(known, this.#clock.monotonic()) ? known : undefined;
  }
}
