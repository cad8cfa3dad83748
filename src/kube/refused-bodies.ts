import type { Clock } from '../clock.ts';
import { WaitingError } from '../errors.ts';
import { bodyHash as hashOf } from './body-hash.ts';
import type { ApiError } from './client.ts';
import type { KubeObject } from './objects.ts';

/** How long a body that was refused is not sent again: at first and at most. */
const firstDelayMs = 10_000;
const maxDelayMs = 5 * 60_000;

/** The server does not take a body; it is asked again in a while, as nobody tells us when it would. */
export class RefusedError extends WaitingError {
  /** What the server said. */
  override readonly cause: ApiError;
  /** Claims that the server was asked just now. */
  readonly isNews: boolean;

  constructor(cause: ApiError, retryAfterMs: number, isNews: boolean) {
    super('Refused', retryAfterMs, cause.message);
    this.cause = cause;
    this.isNews = isNews;
  }
}

interface Refusal {
  readonly bodyHash: string;
  readonly error: ApiError;
  readonly delayMs: number;
  readonly until: number;
}

/**
 * Bodies that the server has refused. Many events make us look at an object, and hardly one of them
 * changes the server's mind: the same body for the same object is sent again at growing intervals.
 * Forgetting costs a request at most.
 */
export class RefusedBodies {
  readonly #clock: Clock;
  readonly #capacity: number;
  /** What was refused longest ago comes first. */
  readonly #refusals = new Map<string, Refusal>();

  /** `capacity` is the number of objects that are remembered. */
  constructor(clock: Clock, capacity = 1000) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  /** What the server said to this body, while it is not to be asked again. */
  of(id: string, body: KubeObject): RefusedError | undefined {
    const known = this.#refusals.get(id);
    // Hardly any body was refused, and each look at an object asks.
    if (known === undefined) return undefined;
    const leftMs = known.until - this.#clock.monotonic();
    if (leftMs <= 0 || known.bodyHash !== hashOf(body)) return undefined;
    return new RefusedError(known.error, leftMs, false);
  }

  /** Remembers that the server refused the body; returns that for the caller to throw. */
  refused(id: string, body: KubeObject, error: ApiError): RefusedError {
    const bodyHash = hashOf(body);
    const known = this.#refusals.get(id);
    const isAgain = known?.bodyHash === bodyHash;
    const delayMs = isAgain ? Math.min(maxDelayMs, known.delayMs * 2) : firstDelayMs;
    const until = this.#clock.monotonic() + delayMs;
    this.#refusals.delete(id);
    this.#refusals.set(id, { bodyHash, error, delayMs, until });
    const [oldest] = this.#refusals.keys();
    if (this.#refusals.size > this.#capacity && oldest !== undefined) this.taken(oldest);
    return new RefusedError(error, delayMs, true);
  }

  /** The server has taken a body for the object. */
  taken(id: string): void {
    this.#refusals.delete(id);
  }
}
