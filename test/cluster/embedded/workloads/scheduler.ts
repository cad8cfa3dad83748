import { type KubeObject, pods as podResource } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { timestamp } from '../writer.ts';
import type { Surroundings } from './pod-affinity.ts';
import { condition, isDeleting, transitioned, withCondition } from './pods.ts';
import { Scene, schedule } from './scheduling.ts';
import {
  type Condition,
  find,
  listOf,
  type Node,
  nameOf,
  namespaces as namespaceResource,
  nodes as nodeResource,
  type Pod,
} from './shapes.ts';
import { SyncLoop } from './sync-loop.ts';
import { writeStatus } from './write-status.ts';

/** Binds pods to nodes, and says which fit nowhere; returns what stops it. */
export function startScheduler(controlPlane: ControlPlane): () => void {
  // Every change can make room or need it: one round looks at all pods that wait.
  const round = 'all';
  const loop = new SyncLoop(controlPlane.clock, () => {
    if (scheduleAll(controlPlane)) loop.mark(round);
  });
  const unsubscribe = [
    controlPlane.onChange(nodeResource, () => loop.mark(round)),
    controlPlane.onChange(podResource, ({ type, object }) => {
      if (type === 'DELETED' || isWaiting(object as Pod)) loop.mark(round);
    }),
  ];
  loop.mark(round);
  return () => {
    for (const end of unsubscribe) end();
    loop.stop();
  };
}

function isWaiting(pod: Pod): boolean {
  return !pod.spec.nodeName && !isDeleting(pod);
}

/** Claims that some pods have got nodes and others none: those may be drawn to them. */
function scheduleAll(controlPlane: ControlPlane): boolean {
  const pods = listOf<Pod>(controlPlane, podResource);
  const waiting = pods.filter(isWaiting);
  if (waiting.length === 0) return false;
  const scene = new Scene(surroundingsIn(controlPlane), pods);
  const bound = waiting.filter((pod) => bindOrSay(controlPlane, pod, scene));
  return bound.length > 0 && bound.length < waiting.length;
}

function surroundingsIn(controlPlane: ControlPlane): Surroundings {
  const labelsOfNamespace = (name: string) =>
    find<KubeObject>(controlPlane, namespaceResource, { name })?.metadata.labels;
  return { nodes: listOf<Node>(controlPlane, nodeResource), labelsOfNamespace };
}

/** Claims that the pod has got a node; where there is none for it, that is said. */
function bindOrSay(controlPlane: ControlPlane, pod: Pod, scene: Scene): boolean {
  if ((pod.spec.schedulingGates?.length ?? 0) > 0) {
    const message = 'Scheduling is blocked due to non-empty scheduling gates';
    say(controlPlane, pod, { status: 'False', reason: 'SchedulingGated', message });
    return false;
  }
  const decision = schedule(pod, scene);
  if ('unschedulable' in decision) {
    const message = decision.unschedulable;
    say(controlPlane, pod, { status: 'False', reason: 'Unschedulable', message });
    return false;
  }
  const bound = { ...pod, spec: { ...pod.spec, nodeName: decision.node } };
  scene.add(bound);
  controlPlane.update(podResource, bound);
  say(controlPlane, pod, { status: 'True' });
  return true;
}

/** The pod is read again: its kubelet may have written in between. */
function say(
  controlPlane: ControlPlane,
  pod: Pod,
  said: Pick<Condition, 'status' | 'reason' | 'message'>,
): void {
  const { namespace } = pod.metadata;
  const live = find<Pod>(controlPlane, podResource, { namespace, name: nameOf(pod) });
  if (live === undefined) return;
  const type = 'PodScheduled';
  const now = timestamp(controlPlane.clock.now());
  const next = transitioned(condition(live, type), { type, ...said }, now);
  const conditions = withCondition(live.status?.conditions, next);
  writeStatus(controlPlane, podResource, live, { phase: 'Pending', ...live.status, conditions });
}
