import { type Key, keyOf, pods as podResource, splitKey } from '../../../../src/kube/objects.ts';
import type { Change, ControlPlane } from '../control-plane.ts';
import { StatusError } from '../status-error.ts';
import { timestamp } from '../writer.ts';
import { createPod, removePod } from './create-pod.ts';
import { EventRecorder } from './events.ts';
import { includesLabels } from './labels.ts';
import { claim, controllerName } from './ownership.ts';
import {
  byAge,
  condition,
  isAvailable,
  isDeleting,
  isReady,
  isTerminal,
  transitioned,
} from './pods.ts';
import {
  type Condition,
  find,
  type Pod,
  type ReplicaSet,
  type ReplicaSetStatus,
  replicaSets,
} from './shapes.ts';
import { SyncLoop } from './sync-loop.ts';
import { writeStatus } from './write-status.ts';

/** What a sync works with. */
interface Parts {
  readonly controlPlane: ControlPlane;
  readonly loop: SyncLoop;
  readonly recorder: EventRecorder;
}

/** Keeps the number of pods that each ReplicaSet asks for; returns what stops it. */
export function startReplicaSets(controlPlane: ControlPlane): () => void {
  const recorder = new EventRecorder(controlPlane, 'replicaset-controller');
  const loop = new SyncLoop(controlPlane.clock, (key) => sync(parts, key));
  const parts: Parts = { controlPlane, loop, recorder };
  const unsubscribe = [
    controlPlane.onChange(replicaSets, ({ object }) => loop.mark(keyOf(object))),
    controlPlane.onChange(podResource, (change) => {
      for (const key of concerned(controlPlane, change)) loop.mark(key);
    }),
  ];
  for (const replicaSet of controlPlane.list(replicaSets)) loop.mark(keyOf(replicaSet));
  return () => {
    for (const end of unsubscribe) end();
    loop.stop();
  };
}

/** The ReplicaSet that controls the pod; for an orphan all of its namespace, as one may adopt it. */
function concerned(controlPlane: ControlPlane, { object }: Change): readonly Key[] {
  const { namespace = '', ownerReferences = [] } = object.metadata;
  const name = controllerName(object, 'ReplicaSet');
  if (name !== undefined) return [`${namespace}/${name}`];
  return ownerReferences.length > 0 ? [] : controlPlane.list(replicaSets, namespace).map(keyOf);
}

function sync(parts: Parts, key: Key): void {
  const { controlPlane, loop } = parts;
  const replicaSet = find<ReplicaSet>(controlPlane, replicaSets, splitKey(key));
  if (replicaSet === undefined || isDeleting(replicaSet)) return;
  let refusal: StatusError | undefined;
  try {
    scale(parts, replicaSet);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    refusal = error;
  }
  const pods = activePods(controlPlane, replicaSet);
  const now = controlPlane.clock.now();
  const status = statusOf(replicaSet, pods, { refusal, now });
  writeStatus(controlPlane, replicaSets, replicaSet, status);
  const { minReadySeconds = 0 } = replicaSet.spec;
  if (pods.some((pod) => isReady(pod) && !isAvailable(pod, minReadySeconds, now))) {
    loop.markAfter(key, minReadySeconds * 1000);
  }
  if (refusal !== undefined) throw refusal;
}

function activePods(controlPlane: ControlPlane, replicaSet: ReplicaSet): readonly Pod[] {
  return claim<Pod>(controlPlane, podResource, replicaSet).filter(
    (pod) => !isTerminal(pod) && !isDeleting(pod),
  );
}

function scale({ controlPlane, recorder }: Parts, replicaSet: ReplicaSet): void {
  const pods = activePods(controlPlane, replicaSet);
  const missing = (replicaSet.spec.replicas ?? 1) - pods.length;
  for (let made = 0; made < missing; made += 1) {
    createPod(controlPlane, replicaSet, {
      recorder,
      labels: {},
      spec: replicaSet.spec.template.spec,
    });
  }
  for (const pod of leastUseful(pods).slice(0, Math.max(0, -missing))) {
    removePod(controlPlane, replicaSet, pod, recorder);
  }
}

/** Unbound before bound, not Ready before Ready, younger before older. */
export function leastUseful(pods: readonly Pod[]): readonly Pod[] {
  return pods.toSorted(
    (a, b) =>
      Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName)) ||
      Number(isReady(a)) - Number(isReady(b)) ||
      byAge(b, a),
  );
}

interface Circumstances {
  readonly refusal: StatusError | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

function statusOf(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  { refusal, now }: Circumstances,
): ReplicaSetStatus {
  const { template, minReadySeconds = 0 } = replicaSet.spec;
  const wanted = template.metadata?.labels;
  const failure = refusal && failureCondition(replicaSet, refusal.message, now);
  return {
    observedGeneration: replicaSet.metadata.generation ?? 0,
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter((pod) => includesLabels(pod.metadata.labels ?? {}, wanted))
      .length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
    ...(failure && { conditions: [failure] }),
  };
}

/** Once said, a failure keeps its words until it is over. */
function failureCondition(replicaSet: ReplicaSet, message: string, now: number): Condition {
  return (
    condition(replicaSet, 'ReplicaFailure') ??
    transitioned(
      undefined,
      { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message },
      timestamp(now),
    )
  );
}
