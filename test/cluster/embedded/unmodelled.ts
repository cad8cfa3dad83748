import type { Kind } from './kinds.ts';
import { qualified, StatusError } from './status-error.ts';

/** What a model cannot do, said to the people who try it with kubectl. */
const model = 'this cluster is a model in one process';
const runsNothing = `${model}: its containers run no programs`;
const scaled = (resource: string) =>
  `${model} without the subresource scale: set spec.replicas, as with kubectl patch ${resource} NAME -p '{"spec":{"replicas":2}}'`;

/** Subresources of a real server that the model lacks, and why; by `resource.group/subresource`. */
const unmodelled: Readonly<Record<string, string>> = {
  'pods/log': `${runsNothing}, so there are no logs; kubectl describe pod tells how it fares`,
  'pods/exec': `${runsNothing}, so there is nothing to run a command in`,
  'pods/attach': `${runsNothing}, so there is nothing to attach to`,
  'pods/portforward': `${runsNothing}, so there is no port to forward to`,
  'pods/ephemeralcontainers': `${runsNothing}, so there is nothing to debug`,
  'pods/eviction': `${model} without evictions: kubectl delete pod removes a pod`,
  'pods/binding': `${model} that places every pod itself`,
  'pods/resize': `${model} without the resizing of pods in place`,
  'serviceaccounts/token': `${model}: its tokens are those in its kubeconfigs, and it issues no others`,
  'nodes/proxy': `${model}: its nodes are no machines, and have nothing to connect to`,
  'deployments.apps/scale': scaled('deployment'),
  'replicasets.apps/scale': scaled('replicaset'),
};

/** The refusal of a subresource that a real server has; undefined of one that no server has. */
export function refusalOfUnmodelled(kind: Kind, subresource: string): StatusError | undefined {
  const message = unmodelled[`${qualified(kind)}/${subresource}`];
  return message === undefined ? undefined : new StatusError(501, 'NotImplemented', message);
}
