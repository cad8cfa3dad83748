import type { Cache } from '../kube/cache.ts';
import { controllerOf, type KubeObject } from '../kube/objects.ts';
import type { Holding, NodeHoldings } from '../manifests/hand-over.ts';
import { unreachableNodes } from '../status/nodes.ts';
import { type ContainerVector, holdsImage, isStuck, type PodRecord } from '../status/pods.ts';

/** The pods of a namespace; undefined while they cannot be read. */
export function podsIn(namespace: string, pods: Cache): readonly PodRecord[] | undefined {
  const isReadable = pods.hasSynced(namespace) && pods.lastError(namespace) === undefined;
  // The reflector projects them.
  return isReadable ? (pods.list(namespace) as readonly PodRecord[]) : undefined;
}

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
  const isOurs = new Set(daemonSets.map(({ metadata }) => metadata.uid));
  const present = pods.filter((pod) => isOurs.has(ownerUid(pod)) && pod.node !== '');
  const reader = new VectorReader();
  return [...Map.groupBy(present, ({ node }) => node)].map(([node, onNode]) => ({
    isReachable: !unreachable.has(node),
    byDaemonSet: new Map(
      [...Map.groupBy(onNode, ownerUid)].map(
        ([uid, ofDaemonSet]) => [uid, holding(ofDaemonSet, reader)] as const,
      ),
    ),
  }));
}

function ownerUid(pod: PodRecord): string {
  return controllerOf(pod)?.uid ?? '';
}

/**
 * A change of the template leaves the oldest pod of a node alone while that is ready
 * (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go, podsShouldBeOnNode). A pod that
 * lacks nothing but images which cannot be had gets no better by waiting, and so counts as well.
 */
function holding(pods: readonly PodRecord[], reader: VectorReader): Holding {
  const living = pods
    .filter(({ isTerminating, condition }) => !isTerminating && condition.phase !== 'Failed')
    .sort((a, b) => a.createdAt - b.createdAt);
  const staying = living.filter(
    ({ containers, condition }, at) => (at === 0 && condition.isReady) || isStuck(containers),
  );
  const heldBy = ({ containers }: PodRecord) => reader.held(containers);
  return { held: union(living.map(heldBy)), kept: union(staying.map(heldBy)) };
}

/** Mostly of one set, which is not copied then. */
function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [first, ...others] = sets;
  return first && others.length === 0 ? first : new Set(sets.flatMap((set) => [...set]));
}

/** Reads each distinct vector once: thousands of pods share a few. */
class VectorReader {
  readonly #held = new Map<ContainerVector, ReadonlySet<string>>();

  held(containers: ContainerVector): ReadonlySet<string> {
    const known = this.#held.get(containers);
    if (known !== undefined) return known;
    const holders = containers.filter((container) => !container.isInit && holdsImage(container));
    const held = new Set(holders.map(({ reference }) => reference));
    this.#held.set(containers, held);
    return held;
  }
}
