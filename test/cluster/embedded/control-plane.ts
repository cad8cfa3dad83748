import type { Clock } from '../../../src/clock.ts';
import type { KubeObject, Resource } from '../../../src/kube/objects.ts';

/**
 * The API server as the controllers inside the cluster see it: no HTTP, no RBAC, the same
 * validation, defaulting, resourceVersions and watch order as everybody else gets.
 */
export interface ControlPlane {
  readonly clock: Clock;
  get(resource: Resource, namespace: string, name: string): KubeObject | undefined;
  /** Live snapshots, not to be modified; sorted by namespace and name. */
  list(resource: Resource, namespace?: string): readonly KubeObject[];
  /** Throws a `StatusError` (409 AlreadyExists, 422 Invalid, 404 for a missing namespace …). */
  create(resource: Resource, object: KubeObject): KubeObject;
  /** Replaces spec and metadata; 409 where the resourceVersion is given and is not the live one. */
  update(resource: Resource, object: KubeObject): KubeObject;
  /** Replaces the status only. */
  updateStatus(resource: Resource, object: KubeObject): KubeObject;
  /** Honours finalizers, propagation and, for pods, the grace period. False where it was gone. */
  remove(resource: Resource, namespace: string, name: string, options?: RemoveOptions): boolean;
  /** Called after each commit, in order, never re-entrantly; returns the unsubscription. */
  onChange(resource: Resource, handler: (change: Change) => void): () => void;
}

export interface RemoveOptions {
  readonly uid?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}
