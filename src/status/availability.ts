import type { KubeObject } from '../kube/objects.ts';
import { refusedPods } from './refusal-words.ts';

/** How the puller's Deployment is doing. */
export interface Availability {
  readonly available: boolean;
  /** Why not, as far as its controller tells; empty where that has not spoken yet. */
  readonly message: string;
  /** Wall-clock milliseconds since when it has been unavailable; undefined while it is available. */
  readonly unavailableSince: number | undefined;
}

/**
 * Reads the Available condition of a Deployment; one that has no status yet is as old as itself. Where its pod
 * is refused, the condition ReplicaFailure has the reason (kubernetes/kubernetes:
 * pkg/controller/replicaset/replica_set_utils.go).
 */
export function availabilityOf(deployment: KubeObject): Availability {
  const status = (deployment['status'] ?? {}) as DeploymentStatus;
  const find = (type: string) => status.conditions?.find((condition) => condition.type === type);
  const condition = find('Available');
  if (condition?.status === 'True') {
    return { available: true, message: '', unavailableSince: undefined };
  }
  const since = condition?.lastTransitionTime ?? deployment.metadata.creationTimestamp;
  const refusal = find('ReplicaFailure');
  return {
    available: false,
    message:
      refusal?.status === 'True' && refusal.message !== undefined
        ? refusedPods(refusal.message, 1).says
        : (condition?.message ?? ''),
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
