import { pods as podResource } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { timestamp } from '../writer.ts';
import { condition, isDeleting, transitioned, withCondition } from './pods.ts';
import { added, requestsOf, schedule, usageOf } from './scheduling.ts';
import {
  type Condition,
  find,
  listOf,
  type Node,
  nameOf,
  nodes as nodeResource,
  type Pod,
} from './shapes.ts';
import { SyncLoop } from './sync-loop.ts';
import { writeStatus } from './write-status.ts';

/** Binds pods to nodes, and says which fit nowhere; returns what stops it. */
export function startScheduler(controlPlane: ControlPlane): () => void {
  // Every change can make room or need it: one round looks at all pods that wait.
  const round = 'all';
  const loop = new SyncLoop(controlPlane.clock, () => scheduleAll(controlPlane));
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

function scheduleAll(controlPlane: ControlPlane): void {
  const pods = listOf<Pod>(controlPlane, podResource);
  const waiting = pods.filter(isWaiting);
  if (waiting.length === 0) return;
  const nodes = listOf<Node>(controlPlane, nodeResource);
  const usage = usageOf(pods);
  for (const pod of waiting) {
    if ((pod.spec.schedulingGates?.length ?? 0) > 0) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates';
      say(controlPlane, pod, { status: 'False', reason: 'SchedulingGated', message });
      continue;
    }
    const decision = schedule(pod, nodes, usage);
    if ('unschedulable' in decision) {
      const message = decision.unschedulable;
      say(controlPlane, pod, { status: 'False', reason: 'Unschedulable', message });
      continue;
    }
    const { node } = decision;
    usage.set(node, added([usage.get(node) ?? {}, requestsOf(pod)]));
    const spec = { ...pod.spec, nodeName: node };
    controlPlane.update(podResource, { ...pod, spec });
    say(controlPlane, pod, { status: 'True' });
  }
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
