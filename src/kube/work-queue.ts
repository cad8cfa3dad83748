import type { Clock } from '../clock.ts';
import type { Key } from './objects.ts';

/** What a {@link WorkQueue} is timed and watched by. */
export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1): spreads retries, so that keys that failed together do not return together. */
  readonly random: () => number;
  readonly observer?: QueueObserver;
}

/** Told of what happens to keys; its methods must not throw. */
export interface QueueObserver {
  /** A key that did not wait yet needs work. */
  added(): void;
  /** A key that failed is to come back. */
  retried(): void;
  /** A worker has taken a key that waited this long. */
  taken(waitedMs: number): void;
}

/** How many keys wait for a worker, are worked on, and wait for their time. */
export interface QueueSizes {
  readonly queued: number;
  readonly processing: number;
  readonly delayed: number;
}

/** First back-off of a key and its cap: a fault that ended is noticed within half a minute. */
const firstBackoffMs = 5;
const maxBackoffMs = 30_000;
/** A retry comes up to this share earlier than its back-off, or later than the server asks for. */
const jitter = 0.2;
/** A server may ask for any pause; longer than this nobody wants to wait for it. */
const maxAskedMs = 120_000;
/** The longest delay that Node's timers know. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Keys that need work, each at most once (the algorithm of kubernetes/client-go:
 * util/workqueue/queue.go). It promises that a key is never handed out twice at once, that an
 * `add` during the work on a key leads to another round, that adds of a waiting key are one, and
 * that nothing is accepted after `shutDown`.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #observer: QueueObserver | undefined;
  /** Since when keys need work, whether they wait in `#order` or are worked on at the moment. */
  readonly #dirty = new Map<Key, number>();
  readonly #processing = new Set<Key>();
  /** Keys to hand out, oldest first: dirty and not processing. */
  readonly #order = new Set<Key>();
  readonly #waiters: ((key: Key | undefined) => void)[] = [];
  readonly #dueAt = new Map<Key, number>();
  readonly #failures = new Map<Key, number>();
  /** Until when the server wants to hear nothing of a key, whatever happens to it. */
  readonly #notBefore = new Map<Key, number>();
  #timer: { readonly dueAt: number; readonly cancel: () => void } | undefined;
  #shutDown = false;

  constructor({ clock, random, observer }: WorkQueueOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#observer = observer;
  }

  get sizes(): QueueSizes {
    return {
      queued: this.#order.size,
      processing: this.#processing.size,
      delayed: this.#dueAt.size,
    };
  }

  /** The key needs work: now, or once more when the work on it that goes on has ended. */
  add(key: Key): void {
    if (this.#shutDown || this.#dirty.has(key)) return;
    const isIdle = !this.#processing.has(key);
    const waitMs = isIdle ? this.#untilAllowed(key) : 0;
    if (waitMs > 0) {
      this.addAfter(key, waitMs);
      return;
    }
    this.#dirty.set(key, this.#clock.monotonic());
    this.#observer?.added();
    if (isIdle) this.#offer(key);
  }

  /** Adds the key after `delayMs`, however long; of several delays the one that ends first counts. */
  addAfter(key: Key, delayMs: number): void {
    if (this.#shutDown) return;
    if (!(delayMs > 0)) {
      this.add(key);
      return;
    }
    const dueAt = this.#clock.monotonic() + delayMs;
    if (dueAt >= (this.#dueAt.get(key) ?? Number.POSITIVE_INFINITY)) return;
    this.#dueAt.set(key, dueAt);
    this.#wakeAt(dueAt);
  }

  /**
   * Adds the key after its back-off, which doubles with each call up to 30 s until `forget`. Where
   * the server asked for a pause (`atLeastMs`, of which 120 s count), no `add` brings the key back
   * before. Returns the delay in milliseconds.
   */
  addRateLimited(key: Key, atLeastMs = 0): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const backoffMs = Math.min(maxBackoffMs, firstBackoffMs * 2 ** failures);
    const spread = jitter * this.#random();
    const askedMs = Math.min(atLeastMs, maxAskedMs);
    if (askedMs > 0) this.#notBefore.set(key, this.#clock.monotonic() + askedMs);
    const delayMs = Math.max(askedMs * (1 + spread), backoffMs * (1 - spread));
    this.#observer?.retried();
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** The key is well again: its next back-off is the first one. */
  forget(key: Key): void {
    this.#failures.delete(key);
    this.#notBefore.delete(key);
  }

  /** The next key, as soon as there is one; undefined once shut down and drained. */
  get(): Promise<Key | undefined> {
    const [key] = this.#order;
    if (key !== undefined) {
      this.#order.delete(key);
      this.#take(key);
      return Promise.resolve(key);
    }
    if (this.#shutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The work on a key that `get` handed out has ended, however it ended. */
  done(key: Key): void {
    if (!this.#processing.delete(key) || !this.#dirty.has(key)) return;
    const waitMs = this.#shutDown ? 0 : this.#untilAllowed(key);
    if (waitMs > 0) {
      this.#dirty.delete(key);
      this.addAfter(key, waitMs);
    } else {
      this.#offer(key);
    }
  }

  /** Accepts nothing more and drops what waits for its time; what is queued is still handed out. */
  shutDown(): void {
    this.#shutDown = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueAt.clear();
    for (const resolve of this.#waiters.splice(0)) resolve(undefined);
  }

  #untilAllowed(key: Key): number {
    return (this.#notBefore.get(key) ?? 0) - this.#clock.monotonic();
  }

  #offer(key: Key): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#order.add(key);
      return;
    }
    this.#take(key);
    waiter(key);
  }

  #take(key: Key): void {
    const now = this.#clock.monotonic();
    this.#observer?.taken(now - (this.#dirty.get(key) ?? now));
    this.#dirty.delete(key);
    this.#processing.add(key);
  }

  #wakeAt(dueAt: number): void {
    if (this.#timer !== undefined && this.#timer.dueAt <= dueAt) return;
    this.#timer?.cancel();
    // A longer delay is waited for in several steps.
    const delayMs = Math.min(Math.max(0, dueAt - this.#clock.monotonic()), maxTimerMs);
    this.#timer = { dueAt, cancel: this.#clock.after(delayMs, () => this.#addDue()) };
  }

  #addDue(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [key, dueAt] of this.#dueAt) {
      if (dueAt <= now) {
        this.#dueAt.delete(key);
        this.add(key);
      } else {
        next = Math.min(next, dueAt);
      }
    }
    if (this.#dueAt.size > 0) this.#wakeAt(next);
  }
}
