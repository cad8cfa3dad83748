import type { Clock } from '../clock.ts';

/** Nothing was heard for longer than allowed. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/**
 * Aborts its signal when nothing was heard for a while, or when the caller's own signal is aborted.
 * To be disposed of: it listens to the caller's signal, which may live much longer.
 */
export class TimeLimit implements Disposable {
  readonly #clock: Clock;
  readonly #outer: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #passOn = () => this.#controller.abort(this.#outer?.reason);
  #limitMs: number;
  #heardAt: number;
  #cancel: () => void;

  constructor(clock: Clock, limitMs: number, outer?: AbortSignal) {
    this.#clock = clock;
    this.#outer = outer;
    this.#limitMs = limitMs;
    this.#heardAt = clock.monotonic();
    this.#cancel = clock.after(limitMs, () => this.#check());
    outer?.addEventListener('abort', this.#passOn, { once: true });
    if (outer?.aborted) this.#passOn();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something was heard. Cheap: no timer is touched. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  /** Something was heard, and from now on silence is allowed for this long. */
  allow(limitMs: number): void {
    this.#limitMs = limitMs;
    this.heard();
    this.#cancel();
    this.#cancel = this.#clock.after(limitMs, () => this.#check());
  }

  /** Aborts the signal now. */
  end(): void {
    this.#controller.abort();
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#outer?.removeEventListener('abort', this.#passOn);
  }

  #check(): void {
    const leftMs = this.#heardAt + this.#limitMs - this.#clock.monotonic();
    if (leftMs > 0) {
      this.#cancel = this.#clock.after(leftMs, () => this.#check());
      return;
    }
    this.#controller.abort(new TimeLimitError(`no answer within ${this.#limitMs / 1000} s`));
  }
}
