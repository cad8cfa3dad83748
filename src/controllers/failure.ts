import { TerminalError, WaitingError } from '../errors.ts';
import { type ApiError, isForWantOfRight, isOfEndingNamespace, isRefusal } from '../kube/client.ts';
import { RefusedError } from '../kube/refused-bodies.ts';
import { errorChain } from '../log.ts';
import { reasons } from '../status/conditions.ts';
import type { Failure } from '../status/facts.ts';
import { conflictFailure, NameConflictError } from './conflicts.ts';

/** A refusal stays one until somebody changes something that we may not see; we ask again this often. */
const refusalRetryMs = 5 * 60_000;

/** Why something beside the cache could not be written, whose DaemonSets are what they should be. */
export class BesideCacheError extends Error {
  override readonly name = 'BesideCacheError';
  override readonly cause: Error;

  constructor(cause: Error) {
    super(cause.message, { cause });
    this.cause = cause;
  }
}

/** How soon a puller is looked at again of which something is not known yet. */
const syncRetryMs = 250;

/** What a run waits for while caches fill. */
export function notSynced(message: string): WaitingError {
  return new WaitingError('CachesNotSynced', syncRetryMs, message);
}

/** How an error is told to the user of the puller. */
export function failureOf(error: Error): Failure {
  if (error instanceof BesideCacheError) {
    return { ...failureOf(error.cause), sparesCache: true };
  }
  if (error instanceof NameConflictError) return conflictFailure(error);
  if (error instanceof RefusedError) return failureOf(error.cause);
  if (error instanceof TerminalError || error instanceof WaitingError) {
    return { reason: error.reason, message: error.message };
  }
  if (!isRefusal(error)) {
    return { reason: reasons.reconcileError, message: errorChain(error) };
  }
  return { reason: refusalReason(error), message: error.message };
}

/** Claims that an error may pass by itself: nobody has refused anything, and nothing is awaited. */
export function isTransient(error: Error): boolean {
  return failureOf(error).reason === reasons.reconcileError;
}

/** How an error is told to the work queue: what cannot get better by itself is not hurried. */
export function retryOf(error: Error, refusedMs = refusalRetryMs): Error {
  if (error instanceof BesideCacheError) return retryOf(error.cause);
  if (error instanceof NameConflictError) {
    return new TerminalError(failureOf(error).reason, error.message, { cause: error });
  }
  if (error instanceof RefusedError) return retryOf(error.cause, error.retryAfterMs);
  if (isRefusal(error)) {
    const reason = refusalReason(error);
    return new WaitingError(reason, refusedMs, error.message, { cause: error });
  }
  return error;
}

/** What the server has just refused, not what it is known to refuse. */
export function newRefusal(error: Error): ApiError | undefined {
  if (error instanceof BesideCacheError) return newRefusal(error.cause);
  if (error instanceof RefusedError) return error.isNews ? error.cause : undefined;
  return isRefusal(error) ? error : undefined;
}

/** The same error, for the work queue to look again in so many milliseconds at the latest. */
export function noLaterThan(againMs: number | undefined, error: Error): Error {
  if (againMs === undefined) return error;
  const isLater =
    error instanceof TerminalError ||
    (error instanceof WaitingError && error.retryAfterMs > againMs);
  return isLater ? new WaitingError(error.reason, againMs, error.message, { cause: error }) : error;
}

function refusalReason(error: ApiError): string {
  if (isOfEndingNamespace(error)) return reasons.waitingForDeletion;
  return isForWantOfRight(error) ? reasons.forbidden : reasons.rejected;
}
