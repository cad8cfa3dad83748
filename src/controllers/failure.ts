import { kind, type SpecField } from '../api/types.ts';
import { TerminalError, WaitingError } from '../errors.ts';
import { NotOursError } from '../kube/applier.ts';
import { isApiError } from '../kube/client.ts';
import { configMaps, daemonSets, type Resource } from '../kube/objects.ts';
import { errorChain } from '../log.ts';
import { reasons } from '../status/conditions.ts';
import type { Failure } from '../status/summarize.ts';

/** The field that names a child; ServiceAccount, Role, RoleBinding and report follow deploymentName. */
const nameFields: ReadonlyMap<Resource, SpecField> = new Map([
  [daemonSets, 'daemonsetName'],
  [configMaps, 'configMapName'],
]);

/** A refusal stays one until somebody changes something that we may not see; we ask again this often. */
const refusalRetryMs = 5 * 60_000;

/** How an error is told to the user of the puller of that name. */
export function failureOf(error: Error, pullerName: string): Failure {
  if (error instanceof NotOursError) {
    return { reason: reasons.nameConflict, message: conflictMessage(error, pullerName) };
  }
  if (error instanceof TerminalError || error instanceof WaitingError) {
    return { reason: error.reason, message: error.message };
  }
  if (isApiError(error, 403)) return { reason: reasons.forbidden, message: error.message };
  if (isRefused(error)) return { reason: reasons.rejected, message: error.message };
  return { reason: reasons.reconcileError, message: errorChain(error) };
}

/** Claims that an error may pass by itself: nobody has refused anything, and nothing is awaited. */
export function isTransient(error: Error): boolean {
  return failureOf(error, '').reason === reasons.reconcileError;
}

/** How an error is told to the work queue: what cannot get better by itself is not hurried. */
export function retryOf(error: Error): Error {
  if (error instanceof NotOursError) {
    return new TerminalError(reasons.nameConflict, error.message, { cause: error });
  }
  if (isApiError(error, 403) || isRefused(error)) {
    const reason = isRefused(error) ? reasons.rejected : reasons.forbidden;
    return new WaitingError(reason, refusalRetryMs, error.message, { cause: error });
  }
  return error;
}

function conflictMessage(error: NotOursError, pullerName: string): string {
  if (error.owner?.kind === kind && error.owner.name === pullerName) {
    return (
      `${error.resource.kind} ${error.objectName} belonged to a puller of this name that was deleted: ` +
      'waiting for garbage collection'
    );
  }
  const field = nameFields.get(error.resource) ?? 'deploymentName';
  return `${error.message}; choose another spec.${field}, or remove that object`;
}

/** The most useful of several failures: one that names a rule comes before one that may pass. */
export function worstFailure(errors: readonly Error[]): Error | undefined {
  return (
    errors.find((error) => error instanceof NotOursError) ??
    errors.find((error) => isRefused(error)) ??
    errors[0]
  );
}

/**
 * The server understood the body and does not take it. One that it cannot type it answers with 500
 * and no reason, the single place where the text decides (seen on Kubernetes 1.36).
 */
function isRefused(error: Error): boolean {
  if (!isApiError(error)) return false;
  return (
    error.code === 422 ||
    error.code === 400 ||
    (error.code === 500 &&
      error.status.message?.includes('failed to create typed patch object') === true)
  );
}
