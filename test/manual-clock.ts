import type { Clock } from '../src/clock.ts';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that only moves when a test moves it. */
export class ManualClock implements Clock {
  #elapsed = 0;
  #wallOffset: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** `startMs` is the wall-clock time at the beginning; monotonic time begins at 0. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallOffset = startMs;
  }

  now(): number {
    return this.#wallOffset + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { due: this.#elapsed + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How long each waiting timer still has to wait, the next one first. */
  get waits(): readonly number[] {
    return [...this.#timers].sort(byDue).map((timer) => timer.due - this.#elapsed);
  }

  /**
   * Lets this much time pass: runs the timers that become due, in the order they are due, each at
   * its own time, and lets promises and I/O callbacks that are ready run after each of them.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.callback();
      await settle();
    }
    this.#elapsed = Math.max(this.#elapsed, end);
  }

  /**
   * Lets this much time pass while nothing runs, as when the process is stopped: timers that become
   * due meanwhile run late, when time passes again.
   */
  stall(ms: number): void {
    this.#elapsed += ms;
  }

  /** Lets time pass up to the next timer and runs it; false where none waits. */
  async advanceToNext(): Promise<boolean> {
    await settle();
    const [wait] = this.waits;
    if (wait === undefined) return false;
    await this.advance(wait);
    return true;
  }

  /** Steps the wall clock, as an administrator or NTP does; monotonic time and timers stay. */
  stepWallClock(ms: number): void {
    this.#wallOffset += ms;
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || byDue(timer, next) < 0) next = timer;
    }
    return next !== undefined && next.due <= end ? next : undefined;
  }
}

const byDue = (a: Timer, b: Timer) => a.due - b.due || a.order - b.order;

/** Resolves when every promise and I/O callback that is ready by now has run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets I/O go on until the condition holds; throws where it does not within 10 s of real time. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${condition}`);
    await settle();
  }
}
