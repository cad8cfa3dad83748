/** Time as a collaborator: everything that waits or reads the clock gets one of these handed in. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch: for timestamps that people and objects see. */
  now(): number;
  /** Monotonic time in milliseconds: for intervals, immune to steps of the wall clock. */
  monotonic(): number;
  /** Calls back once after `delayMs` (at most 2^31-1, the limit of Node's timers); returns its cancellation. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The machine's own clock. Its timers do not keep the process alive by themselves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs` of the clock's time, or at once when the signal is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
