import { TerminalError, WaitingError } from '../errors.ts';
import { ContendedError } from '../kube/applier.ts';
import { type ApiError, isApiError, isOfEndingNamespace } from '../kube/client.ts';
import { daemonSets } from '../kube/objects.ts';
import { errorChain } from '../log.ts';
import { reasons } from '../status/conditions.ts';
import type { Failure } from '../status/facts.ts';
import { conflictFailure, NameConflictError } from './conflicts.ts';

/** A refusal stays one until somebody changes something that we may not see; we ask again this often. */
const refusalRetryMs = 5 * 60_000;

/** How soon a puller is looked at again of which something is not known yet. */
const syncRetryMs = 250;

/** What a run waits for while caches fill. */
export function notSynced(message: string): WaitingError {
  return new WaitingError('CachesNotSynced', syncRetryMs, message);
}

/** How an error is told to the user of the puller. */
export function failureOf(error: Error): Failure {
  if (error instanceof NameConflictError) return conflictFailure(error);
  if (error instanceof ContendedError) {
    const sparesCache = error.resource !== daemonSets;
    return { reason: reasons.contended, message: error.message, sparesCache };
  }
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
  if (error instanceof NameConflictError) {
    return new TerminalError(failureOf(error).reason, error.message, { cause: error });
  }
  if (isRefusal(error)) {
    const reason = refusalReason(error);
    return new WaitingError(reason, refusedMs, error.message, { cause: error });
  }
  return error;
}

/** The same error, for the work queue to look again in so many milliseconds at the latest. */
export function noLaterThan(againMs: number | undefined, error: Error): Error {
  if (againMs === undefined) return error;
  const isLater =
    error instanceof TerminalError ||
    (error instanceof WaitingError && error.retryAfterMs > againMs);
  return isLater ? new WaitingError(error.reason, againMs, error.message, { cause: error }) : error;
}

/** The server understood the request and does not follow it; only somebody else can change that. */
export function isRefusal(error: unknown): error is ApiError {
  return isApiError(error) && (error.code === 403 || isBadBody(error));
}

function refusalReason(error: ApiError): string {
  if (isOfEndingNamespace(error)) return reasons.waitingForDeletion;
  return isBadBody(error) ? reasons.rejected : reasons.forbidden;
}

/**
 * The server does not take the body. One that it cannot type it answers with 500 and no reason, the
 * single place where the text decides (seen on Kubernetes 1.36).
 */
function isBadBody({ code, status }: ApiError): boolean {
  return (
    code === 422 ||
    code === 400 ||
    (code === 500 && status.message?.includes('failed to create typed patch object') === true)
  );
}
