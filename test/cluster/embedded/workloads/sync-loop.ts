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
  readonly #later = new Map<Key, { readonly due: number; readonly cancel: () => void }>();
  #cancelRun: (() => void) | undefined;
  #isStopped = false;

  constructor(clock: Clock, sync: (key: Key) => void) {
    this.#clock = clock;
    this.#sync = sync;
  }

  mark(key: Key): void {
    if (this.#isStopped) return;
    this.#dirty.add(key);
    this.#cancelRun ??= this.#clock.after(0, () => this.#run());
  }

  /** Marks the key later; of several times asked for, the first one counts. */
  markAfter(key: Key, delayMs: number): void {
    if (this.#isStopped) return;
    const due = this.#clock.monotonic() + delayMs;
    const present = this.#later.get(key);
    if (present !== undefined && present.due <= due) return;
    present?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#later.delete(key);
      this.mark(key);
    });
    this.#later.set(key, { due, cancel });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRun?.();
    for (const { cancel } of this.#later.values()) cancel();
    this.#later.clear();
  }

  #run(): void {
    this.#cancelRun = undefined;
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
}
