import type { Clock } from '../../src/clock.ts';

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Whose steps are taken: those of a dead one are dropped, those of a paused one wait. */
export interface Actor {
  state: 'running' | 'paused' | 'dead';
  /** Steps that are to come: its timers, and what is on its way to it. */
  pending: number;
}

interface Step {
  readonly due: number;
  readonly order: number;
  readonly actor: Actor | undefined;
  readonly run: () => void;
}

/** Steps that are taken while time stands almost still: more than that is a loop without end. */
const mostStepsPerSecond = 800;

/**
 * Takes every step there is, one after another, in the order in which they are due: timers, requests
 * that arrive, answers, events of watches. Who wants an order that depends on the seed draws the
 * delays of its steps from that. Time passes between steps only.
 */
export class Scheduler {
  /** The latest first, so that the next one is taken from the end. */
  readonly #steps: Step[] = [];
  readonly #held = new Map<Actor, Step[]>();
  readonly #startMs: number;
  #elapsed = 0;
  #order = 0;
  #second = 0;
  #stepsThisSecond = 0;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.#elapsed;
  }

  /** Takes a step after this long; returns its cancellation. */
  after(delayMs: number, run: () => void, actor?: Actor): () => void {
    const due = this.#elapsed + Math.max(0, delayMs);
    const step = { due, order: this.#order++, actor, run };
    this.#insert(step);
    return () => this.#remove(step);
  }

  /** The time of an actor, whose timers are late by what `lagMs` says. */
  clock(actor?: Actor, lagMs: () => number = () => 0): Clock {
    return {
      now: () => Math.floor(this.#startMs + this.#elapsed),
      monotonic: () => this.#elapsed,
      after: (delayMs, callback) => this.after(delayMs + lagMs(), callback, actor),
    };
  }

  /** Lets time pass until the condition holds, for so long at most; claims that it came true. */
  async until(condition: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#elapsed + limitMs;
    await settle();
    while (!condition()) {
      const next = this.#steps.at(-1);
      if (next === undefined || next.due > end) {
        this.#elapsed = Math.max(this.#elapsed, end);
        return condition();
      }
      this.#steps.pop();
      this.#elapsed = Math.max(this.#elapsed, next.due);
      this.#count();
      await this.#take(next);
    }
    return true;
  }

  /** Lets this much time pass. */
  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms);
  }

  /** What has waited for the actor is taken now, in its order. */
  resume(actor: Actor): void {
    actor.state = 'running';
    const held = this.#held.get(actor) ?? [];
    this.#held.delete(actor);
    for (const step of held) this.#insert({ ...step, due: this.#elapsed });
    actor.pending -= held.length;
  }

  async #take(step: Step): Promise<void> {
    const { actor, run } = step;
    if (actor?.state === 'paused') {
      this.#held.set(actor, [...(this.#held.get(actor) ?? []), step]);
      return;
    }
    if (actor !== undefined) actor.pending -= 1;
    if (actor?.state === 'dead') return;
    run();
    await settle();
  }

  #count(): void {
    const second = Math.floor(this.#elapsed / 1000);
    this.#stepsThisSecond = second === this.#second ? this.#stepsThisSecond + 1 : 1;
    this.#second = second;
    if (this.#stepsThisSecond > mostStepsPerSecond) throw new HotLoopError(this.#elapsed);
  }

  #insert(step: Step): void {
    if (step.actor !== undefined) step.actor.pending += 1;
    let [low, high] = [0, this.#steps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#steps[middle] as Step; // within the bounds
      if (isLater(other, step)) low = middle + 1;
      else high = middle;
    }
    this.#steps.splice(low, 0, step);
  }

  #remove(step: Step): void {
    const held = step.actor && this.#held.get(step.actor);
    for (const steps of [this.#steps, held ?? []]) {
      const index = steps.indexOf(step);
      if (index < 0) continue;
      steps.splice(index, 1);
      if (step.actor !== undefined) step.actor.pending -= 1;
    }
  }
}

/** Something goes on without end while no time passes. */
export class HotLoopError extends Error {
  override readonly name = 'HotLoopError';

  constructor(elapsedMs: number) {
    super(`more than ${mostStepsPerSecond} steps within a second, at ${elapsedMs.toFixed(3)} ms`);
  }
}

function isLater(one: Step, other: Step): boolean {
  return one.due > other.due || (one.due === other.due && one.order > other.order);
}

/** Nothing in the simulation waits for I/O, so whatever is ready has run once this resolves. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
