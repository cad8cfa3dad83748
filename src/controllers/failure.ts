import { kind, type SpecField } from '../api/types.ts';
import { TerminalError, WaitingError } from '../errors.ts';
import { ContendedError, NotOursError } from '../kube/applier.ts';
import { type ApiError, isApiError } from '../kube/client.ts';
import { configMaps, daemonSets, type Resource } from '../kube/objects.ts';
import { errorChain } from '../log.ts';
import type { Failure } from '../status/checks.ts';
import { reasons } from '../status/conditions.ts';

/** The field that names a child; ServiceAccount, Role, RoleBinding and report follow deploymentName. */
const nameFields: ReadonlyMap<Resource, SpecField> = new Map([
  [daemonSets, 'daemonsetName'],
  [configMaps, 'configMapName'],
]);

/** A refusal stays one until somebody changes something that we may not see; we ask again this often. */
const refusalRetryMs = 5 * 60_000;

/** How an error is told to the user of the puller of that name. */
export function failureOf(error: Error, pullerName: string): Failure {
  if (error instanceof NotOursError) return conflict(error, pullerName);
  if (error instanceof ContendedError) {
    const sparesCache = error.resource !== daemonSets;
    return { reason: reasons.contended, message: error.message, sparesCache };
  }
  if (error instanceof TerminalError || error instanceof WaitingError) {
    return { reason: error.reason, message: error.message };
  }
  if (!isApiError(error) || !isRefusal(error)) {
    return { reason: reasons.reconcileError, message: errorChain(error) };
  }
  return { reason: refusalReason(error), message: error.message };
}

/** Claims that an error may pass by itself: nobody has refused anything, and nothing is awaited. */
export function isTransient(error: Error): boolean {
  return failureOf(error, '').reason === reasons.reconcileError;
}

/** How an error is told to the work queue: what cannot get better by itself is not hurried. */
export function retryOf(error: Error, refusedMs = refusalRetryMs): Error {
  if (error instanceof NotOursError) {
    return new TerminalError(reasons.nameConflict, error.message, { cause: error });
  }
  if (isApiError(error) && isRefusal(error)) {
    const reason = refusalReason(error);
    return new WaitingError(reason, refusedMs, error.message, { cause: error });
  }
  return error;
}

/** The server understood the request and does not follow it; only somebody else can change that. */
export function isRefusal(error: ApiError): boolean {
  return error.code === 403 || isBadBody(error);
}

function refusalReason(error: ApiError): string {
  const causes = error.status.details?.causes ?? [];
  if (causes.some(({ reason }) => reason === 'NamespaceTerminating')) {
    return reasons.waitingForDeletion;
  }
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

/** What a puller of this name has left behind goes by itself; what is somebody else's does not. */
function conflict(error: NotOursError, pullerName: string): Failure {
  if (error.owner?.kind === kind && error.owner.name === pullerName) {
    return {
      reason: reasons.waitingForDeletion,
      message:
        `${error.resource.kind} ${error.objectName} belonged to a puller of this name that was deleted: ` +
        'waiting for garbage collection',
    };
  }
  const field = nameFields.get(error.resource) ?? 'deploymentName';
  return {
    reason: reasons.nameConflict,
    message: `${error.message}; choose another spec.${field}, or remove that object`,
  };
}
