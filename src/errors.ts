import { types } from 'node:util';

/**
 * What can go wrong in a way that somebody branches on. Everything else is thrown as it came and
 * retried by the work queue with a growing delay.
 */

/** Normalises what was caught; anything that is not an Error is wrapped and kept as the cause. */
export function asError(thrown: unknown): Error {
  // Node's own errors belong to another realm where a test runner gives each test file its own.
  if (thrown instanceof Error || types.isNativeError(thrown)) return thrown;
  return new Error(String(thrown), { cause: thrown });
}

/**
 * Trying again cannot help before something outside changes: the work queue drops the key and waits
 * for the next event or resync. `reason` is the condition reason the user sees.
 */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Nothing is wrong yet something is awaited: look again after `retryAfterMs`, without counting a failure. */
export class WaitingError extends Error {
  override readonly name = 'WaitingError';
  readonly reason: string;
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A setting of the operator is wrong; the message names the variable. Ends the process at start. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** A mistake on the command line or in a file given there; the message is for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
