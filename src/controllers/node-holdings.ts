import { controllerOf, type KubeObject } from '../kube/objects.ts';
import type { Holding, NodeHoldings } from '../manifests/hand-over.ts';
import { unreachableNodes } from '../status/nodes.ts';
import {
  type ContainerRecord,
  type ContainerVector,
  holdsImage,
  isMadeFrom,
  isStuck,
  lives,
  type PodRecord,
} from '../status/pods.ts';
import { referencesOf } from '../status/rollout.ts';

/**
 * What each node holds for these DaemonSets and which of them can be reached, as their pods tell. `now`
 * is in wall-clock milliseconds.
 */
export function nodeHoldings(
  daemonSets: readonly KubeObject[],
  pods: readonly PodRecord[],
  now: number,
): readonly NodeHoldings[] {
  const unreachable = unreachableNodes({ daemonSets, pods, now });
  const templates = new Map(
    daemonSets.map((each) => [each.metadata.uid ?? '', new Set(referencesOf(each))] as const),
  );
  const present = pods.filter((pod) => templates.has(ownerUid(pod)) && pod.node !== '');
  const reader = new VectorReader();
  return [...Map.groupBy(present, ({ node }) => node)].map(([node, onNode]) => ({
    isReachable: !unreachable.has(node),
    byDaemonSet: new Map(
      [...Map.groupBy(onNode, ownerUid)].map(
        ([uid, ofDaemonSet]) =>
          [uid, holding(ofDaemonSet, templates.get(uid) ?? new Set(), reader)] as const,
      ),
    ),
  }));
}

function ownerUid(pod: PodRecord): string {
  return controllerOf(pod)?.uid ?? '';
}

/**
 * A change of the template leaves the oldest pod of a node alone while that is ready
 * (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go, podsShouldBeOnNode). A pod of a
 * former template that is not is about to be replaced, whatever it holds.
 */
function holding(
  pods: readonly PodRecord[],
  template: ReadonlySet<string>,
  reader: VectorReader,
): Holding {
  const living = pods.filter(lives).sort((a, b) => a.createdAt - b.createdAt);
  const ready = living.slice(0, 1).filter(({ condition }) => condition.isReady);
  const stuck = living.filter(
    ({ containers }) => isStuck(containers) && isMadeFrom(template, containers),
  );
  const heldBy = (some: readonly PodRecord[]) =>
    union(some.map(({ containers }) => reader.held(containers)));
  const onNode = living.filter(({ isScheduled }) => isScheduled);
  const held = union(onNode.map(({ containers }) => reader.mayHold(containers)));
  return {
    // An image of which nobody can tell what it is may be any of its DaemonSet's.
    held: held.has('') ? union([held, template]) : held,
    firm: heldBy(ready),
    kept: heldBy([...ready, ...stuck]),
  };
}

/** Mostly of one set, which is not copied then. */
function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [first, ...others] = sets;
  return first && others.length === 0 ? first : new Set(sets.flatMap((set) => [...set]));
}

/** Reads each distinct vector once: thousands of pods share a few. */
class VectorReader {
  readonly #held = new Map<ContainerVector, ReadonlySet<string>>();
  readonly #perhaps = new Map<ContainerVector, ReadonlySet<string>>();

  /** What a pod holds for certain. */
  held(containers: ContainerVector): ReadonlySet<string> {
    return remembered(this.#held, containers, holdsImage);
  }

  /**
   * The same, and what it may hold by now: a kubelet that starts containers one after another tells of
   * them when it has tried the last one (kubernetes/kubernetes: pkg/kubelet/kubelet.go, SyncPod), and
   * begins when the init containers are done.
   */
  mayHold(containers: ContainerVector): ReadonlySet<string> {
    const isBegun = containers.every(({ isInit, state }) => !isInit || state === 'done');
    return remembered(
      this.#perhaps,
      containers,
      (container) => holdsImage(container) || (isBegun && container.state !== 'failing'),
    );
  }
}

function remembered(
  known: Map<ContainerVector, ReadonlySet<string>>,
  containers: ContainerVector,
  isHeld: (container: ContainerRecord) => boolean,
): ReadonlySet<string> {
  const before = known.get(containers);
  if (before !== undefined) return before;
  const holders = containers.filter((container) => !container.isInit && isHeld(container));
  const held = new Set(holders.map(({ reference }) => reference));
  known.set(containers, held);
  return held;
}
