import { controllerOf, type KubeObject } from '../kube/objects.ts';
import { daemonSetCounts } from './daemon-set-counts.ts';
import type { NodeObservation } from './node-verdict.ts';
import { isMadeFrom, lives, type PodRecord } from './pods.ts';
import { referencesOf, templateGenerationOf } from './rollout.ts';

/** A DaemonSet whose controller has seen its template, and what is known of its pods. */
export interface RollEndInput {
  readonly daemonSet: KubeObject;
  /** Those of its namespace, or more, in the words of their templates. */
  readonly pods: readonly PodRecord[];
  /** The nodes that count, by name. */
  readonly nodes: ReadonlyMap<string, Pick<NodeObservation, 'verdict'>>;
}

/**
 * Claims that every node that answers runs a ready pod of the present template. The DaemonSet controller counts
 * silent nodes or does not, as it happens, and of each node the oldest pod alone (kubernetes/kubernetes:
 * pkg/controller/daemon/daemon_controller.go, updateDaemonSetStatus): that may be one that has failed, which
 * it clears away after up to 15 minutes, or one that does not end.
 */
export function isRolledOut({ daemonSet, pods, nodes }: RollEndInput): boolean {
  const { desiredNumberScheduled, currentNumberScheduled } = daemonSetCounts(daemonSet);
  if (currentNumberScheduled < desiredNumberScheduled) return false;
  const { uid } = daemonSet.metadata;
  const own = pods.filter((pod) => nodes.has(pod.node) && controllerOf(pod)?.uid === uid);
  const isPresent = presentPods(daemonSet, own);
  const isDone = (pod: PodRecord) =>
    nodes.get(pod.node)?.verdict === 'unreachable' ||
    (pod.condition.isReady && lives(pod) && isPresent(pod));
  const done = new Set(own.filter(isDone).map(({ node }) => node));
  return done.size >= desiredNumberScheduled && own.every(({ node }) => done.has(node));
}

/**
 * Tells pods of the present template, as the controller does (pkg/controller/daemon/util, IsPodUpdated). An edit
 * that is undone counts twice, and the pods that it has not reached are as the template again: there are such
 * where more nodes count as updated than have a pod of its generation.
 */
function presentPods(
  daemonSet: KubeObject,
  own: readonly PodRecord[],
): (pod: PodRecord) => boolean {
  const generation = templateGenerationOf(daemonSet);
  const newest = own.filter(({ templateGeneration }) => templateGeneration === generation);
  const { updatedNumberScheduled } = daemonSetCounts(daemonSet);
  const template = new Set(referencesOf(daemonSet));
  const isUndone = updatedNumberScheduled > new Set(newest.map(({ node }) => node)).size;
  return ({ templateGeneration, containers }) =>
    templateGeneration === generation || (isUndone && isMadeFrom(template, containers));
}
