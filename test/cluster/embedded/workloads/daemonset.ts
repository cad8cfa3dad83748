import type { V1Affinity } from '@kubernetes/client-node';
import {
  daemonSets,
  type Key,
  keyOf,
  pods as podResource,
  splitKey,
} from '../../../../src/kube/objects.ts';
import type { Change, ControlPlane } from '../control-plane.ts';
import { BackOff } from './back-off.ts';
import { createPod, removePod } from './create-pod.ts';
import {
  hashLabel,
  manage,
  type Observed,
  type Plan,
  roll,
  statusNumbers,
} from './daemonset-plan.ts';
import { EventRecorder } from './events.ts';
import { daemonTolerations } from './node-fit.ts';
import { claim, controllerName } from './ownership.ts';
import { isAvailable, isDeleting, isReady, isTerminal, targetNode } from './pods.ts';
import {
  type DaemonSet,
  find,
  listOf,
  type Node,
  nameOf,
  nodes as nodeResource,
  type Pod,
  uidOf,
} from './shapes.ts';
import { SyncLoop } from './sync-loop.ts';
import { templateHash } from './template.ts';
import { writeStatus } from './write-status.ts';

/** What a sync works with. */
interface Parts {
  readonly controlPlane: ControlPlane;
  readonly loop: SyncLoop;
  readonly recorder: EventRecorder;
  /** By DaemonSet and node: how long the next failed pod there is left alone. */
  readonly failures: Map<string, FailedPods>;
  readonly pace: Pace;
}

/** How fast pods are made. */
interface Pace {
  readonly everyMs: number;
  /** When the next one may be, in monotonic milliseconds. */
  dueAt: number;
}

interface FailedPods {
  readonly backOff: BackOff;
  at: number;
}

/** Of failed pods, which a kubelet may reject as fast as they are made. */
const failedPodLimits = { firstMs: 1000, lastMs: 900_000 } as const;

/**
 * Keeps one pod of each DaemonSet on every node that it wants, and makes one in so many milliseconds at
 * most; returns what stops it.
 */
export function startDaemonSets(controlPlane: ControlPlane, podEveryMs = 0): () => void {
  const recorder = new EventRecorder(controlPlane, 'daemonset-controller');
  const loop = new SyncLoop(controlPlane.clock, (key) => sync(parts, key));
  const pace = { everyMs: podEveryMs, dueAt: 0 };
  const parts: Parts = { controlPlane, loop, recorder, failures: new Map(), pace };
  const markAll = () => {
    for (const daemonSet of controlPlane.list(daemonSets)) loop.mark(keyOf(daemonSet));
  };
  const unsubscribe = [
    controlPlane.onChange(daemonSets, ({ object }) => loop.mark(keyOf(object))),
    controlPlane.onChange(nodeResource, markAll),
    controlPlane.onChange(podResource, (change) => {
      for (const key of concerned(controlPlane, change)) loop.mark(key);
    }),
  ];
  markAll();
  return () => {
    for (const end of unsubscribe) end();
    loop.stop();
  };
}

/** The DaemonSet that controls the pod; for an orphan all of its namespace, as one may adopt it. */
function concerned(controlPlane: ControlPlane, { object }: Change): readonly Key[] {
  const { namespace = '', ownerReferences = [] } = object.metadata;
  const name = controllerName(object, 'DaemonSet');
  if (name !== undefined) return [`${namespace}/${name}`];
  return ownerReferences.length > 0 ? [] : controlPlane.list(daemonSets, namespace).map(keyOf);
}

function sync(parts: Parts, key: Key): void {
  const { controlPlane, loop } = parts;
  const daemonSet = find<DaemonSet>(controlPlane, daemonSets, splitKey(key));
  if (daemonSet === undefined || isDeleting(daemonSet)) return;
  try {
    step(parts, observe(controlPlane, daemonSet));
  } finally {
    const after = observe(controlPlane, daemonSet);
    writeStatus(controlPlane, daemonSets, daemonSet, {
      ...daemonSet.status,
      ...statusNumbers(after),
    });
    revisitWhenAvailable(loop, key, after);
  }
}

/** The roll goes on only when what `manage` found to do is done and seen. */
function step(parts: Parts, observed: Observed): void {
  const managed = withoutEarly(parts, observed, manage(observed));
  carryOut(parts, observed, managed);
  if (managed.create.length + managed.remove.length > 0) return;
  carryOut(parts, observed, roll(observed));
}

/** Failed pods go after a while that grows with their number; what is said of each is told. */
function withoutEarly(parts: Parts, { daemonSet }: Observed, plan: Plan): Plan {
  const remove = plan.remove.filter((pod) => {
    if (pod.status?.phase !== 'Failed') return true;
    const waitMs = failureWait(parts, `${uidOf(daemonSet)} ${targetNode(pod)}`);
    if (waitMs > 0) parts.loop.markAfter(keyOf(daemonSet), waitMs);
    else tellFailed(parts, daemonSet, pod);
    return waitMs === 0;
  });
  return { ...plan, remove };
}

/** How long a failed pod is still left alone; counts it where it is not. */
function failureWait({ controlPlane, failures }: Parts, key: string): number {
  const now = controlPlane.clock.monotonic();
  const known = failures.get(key);
  const waitMs = known?.backOff.remainingMs(known.at, now) ?? 0;
  if (waitMs > 0) return waitMs;
  const counted = known ?? { backOff: new BackOff(failedPodLimits), at: now };
  counted.backOff.count(now, now);
  counted.at = now;
  failures.set(key, counted);
  return 0;
}

function tellFailed({ recorder }: Parts, daemonSet: DaemonSet, pod: Pod): void {
  const name = `${pod.metadata.namespace}/${nameOf(pod)}`;
  recorder.record({
    about: daemonSet,
    type: 'Warning',
    reason: 'FailedDaemonPod',
    message: `Found failed daemon pod ${name} on node ${targetNode(pod)}, will try to kill it`,
  });
}

function observe(controlPlane: ControlPlane, daemonSet: DaemonSet): Observed {
  const pods = claim<Pod>(controlPlane, podResource, daemonSet).filter(
    (pod) => !(isTerminal(pod) && isDeleting(pod)),
  );
  const placed = pods.filter((pod) => targetNode(pod) !== undefined);
  return {
    daemonSet,
    nodes: listOf<Node>(controlPlane, nodeResource),
    pods: Map.groupBy(placed, (pod) => targetNode(pod) ?? ''),
    hash: templateHash(daemonSet.spec.template),
    now: controlPlane.clock.now(),
  };
}

function carryOut(parts: Parts, { daemonSet, hash }: Observed, plan: Plan): void {
  const { controlPlane, recorder } = parts;
  for (const pod of plan.remove) removePod(controlPlane, daemonSet, pod, recorder);
  const { spec } = daemonSet.spec.template;
  const labels = {
    [hashLabel]: hash,
    'pod-template-generation': templateGeneration(daemonSet),
  };
  for (const node of plan.create) {
    if (!isDue(parts, daemonSet)) return;
    createPod(controlPlane, daemonSet, {
      recorder,
      labels,
      spec: {
        ...spec,
        tolerations: daemonTolerations(spec),
        affinity: pinned(spec.affinity, node),
      },
    });
  }
}

/** Claims that a pod may be made now; otherwise the DaemonSet has its turn later. */
function isDue({ controlPlane: { clock }, loop, pace }: Parts, daemonSet: DaemonSet): boolean {
  const now = clock.monotonic();
  if (now < pace.dueAt) {
    loop.markAfter(keyOf(daemonSet), pace.dueAt - now);
    return false;
  }
  pace.dueAt = now + pace.everyMs;
  return true;
}

/** The API server counts changes of the template in an annotation; the generation stands in for it. */
function templateGeneration({ metadata }: DaemonSet): string {
  return (
    metadata.annotations?.['deprecated.daemonset.template.generation'] ??
    String(metadata.generation ?? 1)
  );
}

/** The affinity with its required node affinity replaced by the name of one node. */
function pinned(affinity: V1Affinity | undefined, node: string): V1Affinity {
  return {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] },
        ],
      },
    },
  };
}

/** A pod becomes available by the mere passing of time: nothing else would wake the controller. */
function revisitWhenAvailable(loop: SyncLoop, key: Key, observed: Observed): void {
  const minReadySeconds = observed.daemonSet.spec.minReadySeconds ?? 0;
  const isWaiting = (pod: Pod) => isReady(pod) && !isAvailable(pod, minReadySeconds, observed.now);
  if ([...observed.pods.values()].flat().some(isWaiting)) {
    loop.markAfter(key, minReadySeconds * 1000);
  }
}
