import type { Clock } from '../../../../src/clock.ts';
import type { Key } from '../../../../src/kube/objects.ts';
import { StatusError } from '../status-error.ts';

/** The limits of client-go's default rate limiter (util/workqueue/default_rate_limiters.go). */
const firstRetryMs = 5;
const lastRetryMs = 1_000_000;

/**
 * A controller's loop: keys that changed are synced one after another, each once however often it
 * was marked. A sync that the API server refuses is repeated with a growing delay; any other error
 * is a mistake in the model and ends the process.
 */
export class SyncLoop {
  readonly #clock: Clock;
  readonly #sync: (key: Key) => void;
  readonly #dirty = new Set<Key>();
  readonly #failures = new Map<Key, number>();
  readonly #timers = new Set<() => void>();
  #scheduled = false;
  #stopped = false;

  constructor(clock: Clock, sync: (key: Key) => void) {
    this.#clock = clock;
    this.#sync = sync;
  }

  mark(key: Key): void {
    this.#dirty.add(key);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#later(0, () => this.#run());
  }

  markAfter(key: Key, delayMs: number): void {
    this.#later(delayMs, () => this.mark(key));
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #run(): void {
    this.#scheduled = false;
    const keys = [...this.#dirty];
    this.#dirty.clear();
    for (const key of keys) this.#syncOrRetry(key);
  }

  #syncOrRetry(key: Key): void {
    try {
      this.#sync(key);
      this.#failures.delete(key);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      this.markAfter(key, Math.min(firstRetryMs * 2 ** failures, lastRetryMs));
    }
  }

  #later(delayMs: number, callback: () => void): void {
    if (this.#stopped) return;
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }
}
