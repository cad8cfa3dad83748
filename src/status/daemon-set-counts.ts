import type { KubeObject } from '../kube/objects.ts';

/** What a DaemonSet's controller counts (apps/v1 DaemonSetStatus); all of it 0 before it has spoken. */
export interface DaemonSetCounts {
  /** The generation that the others are about. */
  readonly observedGeneration: number;
  /** Nodes that should have a pod. */
  readonly desiredNumberScheduled: number;
  /** Of these, nodes that have one. */
  readonly currentNumberScheduled: number;
  /** Nodes whose oldest pod is of the present template. */
  readonly updatedNumberScheduled: number;
  /** Nodes whose oldest pod is available. */
  readonly numberAvailable: number;
  /** Nodes that have a pod and should not. */
  readonly numberMisscheduled: number;
}

const unspoken: DaemonSetCounts = {
  observedGeneration: 0,
  desiredNumberScheduled: 0,
  currentNumberScheduled: 0,
  updatedNumberScheduled: 0,
  numberAvailable: 0,
  numberMisscheduled: 0,
};

/** Reads the counts of a DaemonSet. */
export function daemonSetCounts(daemonSet: KubeObject): DaemonSetCounts {
  return { ...unspoken, ...(daemonSet['status'] as Partial<DaemonSetCounts> | undefined) };
}
