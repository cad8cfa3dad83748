import type { KubeObject } from '../../../src/kube/objects.ts';
import { isEqual } from './json.ts';
import type { Rules } from './kinds.ts';

const specChanged = (live: KubeObject, next: KubeObject) => !isEqual(live['spec'], next['spec']);

/** The rules of the built-in kinds that have any, by kind. */
export const builtInRules: Readonly<Record<string, Rules>> = {
  Namespace: { status: true },
  Node: { status: true },
  Pod: {
    status: true,
    changesGeneration: specChanged,
    gracePeriodSeconds: podGracePeriod,
  },
  Deployment: {
    status: true,
    changesGeneration: (live, next) =>
      specChanged(live, next) || !isEqual(live.metadata.annotations, next.metadata.annotations),
  },
  ReplicaSet: { status: true, changesGeneration: specChanged },
  DaemonSet: { status: true, changesGeneration: specChanged },
  CustomResourceDefinition: { status: true, changesGeneration: specChanged },
  PodDisruptionBudget: { status: true, changesGeneration: specChanged },
  NetworkPolicy: { changesGeneration: specChanged },
};

/** kubernetes/kubernetes: pkg/registry/core/pod/strategy.go, CheckGracefulDelete. */
function podGracePeriod(pod: KubeObject, requested: number | undefined): number {
  const spec = (pod['spec'] ?? {}) as { nodeName?: string; terminationGracePeriodSeconds?: number };
  const phase = (pod['status'] as { phase?: string } | undefined)?.phase;
  if (!spec.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
  return requested ?? spec.terminationGracePeriodSeconds ?? 30;
}
