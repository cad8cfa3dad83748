import type { KubeObject } from '../kube/objects.ts';

/** How far a DaemonSet is with its present template, read from its own status. */
export interface Rollout {
  /** Images that its template holds. */
  readonly images: number;
  /** Nodes that should hold the images. */
  readonly desired: number;
  /** Nodes that hold every image of the present list. */
  readonly ready: number;
  /** Claims that every desired node runs a ready pod of the present template. */
  readonly complete: boolean;
  /** Claims that the numbers speak of the present spec. */
  readonly observed: boolean;
}

/**
 * Reads the status of a DaemonSet. The controller looks only at the oldest pod of each node
 * (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go, updateDaemonSetStatus), so a
 * surge roll counts a node as updated once its old pod is gone; "updated" and "available" overlap in
 * at least `updated + available - desired` nodes, and exactly so in a first roll-out and in a surge.
 */
export function rolloutOf(daemonSet: KubeObject): Rollout {
  const status = (daemonSet['status'] ?? {}) as DaemonSetStatus;
  const observed = (status.observedGeneration ?? 0) >= (daemonSet.metadata.generation ?? 1);
  const desired = status.desiredNumberScheduled ?? 0;
  const updated = status.updatedNumberScheduled ?? 0;
  const available = status.numberAvailable ?? 0;
  return {
    images: (daemonSet['spec'] as DaemonSetSpec).template.spec.containers.length,
    desired,
    ready: observed ? Math.max(0, updated + available - desired) : 0,
    complete: observed && updated >= desired && available >= desired,
    observed,
  };
}

/**
 * Claims that a DaemonSet has fewer pods of its present template than it needs. Nodes where an old pod
 * waits for its successor are among them, as the status counts only the older one.
 */
export function lacksPods(daemonSet: KubeObject): boolean {
  const status = (daemonSet['status'] ?? {}) as DaemonSetStatus;
  const desired = status.desiredNumberScheduled ?? 0;
  const current = status.currentNumberScheduled ?? 0;
  const updated = status.updatedNumberScheduled ?? 0;
  return Math.min(current, updated) < desired;
}

interface DaemonSetSpec {
  readonly template: { readonly spec: { readonly containers: readonly unknown[] } };
}

interface DaemonSetStatus {
  readonly observedGeneration?: number;
  readonly desiredNumberScheduled?: number;
  readonly currentNumberScheduled?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberAvailable?: number;
}

/** The furthest a roll-out has come, and since when it has not come further. */
export interface Progress {
  readonly uid: string;
  readonly generation: number;
  readonly desired: number;
  readonly ready: number;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/**
 * Follows a roll-out: the time starts anew with each change of the template and whenever more nodes
 * are ready than ever before. Pods that come and go are no progress, and neither are nodes: where
 * some have gone, as many others have to become ready before that counts as one.
 */
export function follow(
  before: Progress | undefined,
  daemonSet: KubeObject,
  monotonicNow: number,
): Progress {
  const { uid = '', generation = 0 } = daemonSet.metadata;
  const { desired, ready } = rolloutOf(daemonSet);
  const fresh = { uid, generation, desired, ready, since: monotonicNow };
  if (before?.uid !== uid || before.generation !== generation) return fresh;
  const best = before.desired === desired ? before.ready : Math.min(before.ready, ready);
  return ready > best ? fresh : { ...before, desired, ready: best };
}

/** How the puller's Deployment is doing. */
export interface Availability {
  readonly available: boolean;
  /** In the Deployment controller's words; empty where it has not spoken yet. */
  readonly message: string;
  /** Wall-clock milliseconds since when it has been unavailable; undefined while it is available. */
  readonly unavailableSince: number | undefined;
}

/** Reads the Available condition of a Deployment; one that has no status yet is as old as itself. */
export function availabilityOf(deployment: KubeObject): Availability {
  const status = (deployment['status'] ?? {}) as DeploymentStatus;
  const condition = status.conditions?.find((candidate) => candidate.type === 'Available');
  if (condition?.status === 'True') {
    return { available: true, message: '', unavailableSince: undefined };
  }
  const since = condition?.lastTransitionTime ?? deployment.metadata.creationTimestamp;
  return {
    available: false,
    message: condition?.message ?? '',
    unavailableSince: since === undefined ? undefined : Date.parse(since),
  };
}

interface DeploymentStatus {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
    readonly lastTransitionTime?: string;
  }[];
}
