import type { KubeObject } from '../kube/objects.ts';
import { isInPlace } from '../manifests/roll-strategy.ts';
import { daemonSetCounts } from './daemon-set-counts.ts';
import { isGoing } from './lingering.ts';
import type { NodeDraft } from './node-draft.ts';
import type { NodeObservation, NodeVerdict } from './node-verdict.ts';
import { lives, type PodRecord } from './pods.ts';
import { presentStrategy } from './roll.ts';
import { rolloutOf } from './rollout.ts';
import type { Soonest } from './soonest.ts';

/**
 * Of a node that the DaemonSet controller counts no more: a kubelet that lives tells of a pull that fails
 * before that, as it waits for five minutes at most between two (kubernetes/kubernetes:
 * pkg/kubelet/kubelet.go, MaxContainerBackOff).
 */
const forsakenMs = 6 * 60_000;

/**
 * Nodes with pods of some DaemonSets only, where others have one wherever they want one: a node that is tainted
 * keeps the pods that it has until they are replaced, and gets no others (kubernetes/kubernetes:
 * pkg/controller/daemon/update.go). The DaemonSet controller counts them no more.
 *
 * @param owned the pods of each DaemonSet
 */
export function unservedNodes(
  owned: readonly (readonly PodRecord[])[],
  daemonSets: readonly KubeObject[],
): readonly string[] {
  if (daemonSets.every((each) => misscheduled(each) === 0)) return [];
  const peopled = daemonSets.map((daemonSet, at) => ({
    daemonSet,
    nodes: new Set((owned[at] ?? []).filter(lives).map(({ node }) => node)),
  }));
  const keepers = peopled.filter(({ daemonSet }) => misscheduled(daemonSet) > 0);
  const wherever = peopled.filter(({ daemonSet, nodes }) => isOnAll(nodes.size, daemonSet));
  const kept = new Set(keepers.flatMap(({ nodes }) => [...nodes]));
  return [...kept].filter((node) => wherever.some(({ nodes }) => !nodes.has(node)));
}

/** Claims that a DaemonSet which has pods on so many nodes has one wherever it wants one. */
function isOnAll(nodes: number, daemonSet: KubeObject): boolean {
  const { observed, desired } = rolloutOf(daemonSet);
  return observed && !isGoing(daemonSet) && nodes >= desired + misscheduled(daemonSet);
}

/** What it depends on which nodes are forsaken. */
interface Forsaking {
  /** How many nodes have pods that are not wanted there, and nobody knows which. */
  readonly unexplained: number;
  /** Wall-clock milliseconds of the server. */
  readonly now: number;
  /** Learns when another node counts as forsaken by time alone. */
  readonly again: Soonest;
}

const lacking: ReadonlySet<NodeVerdict> = new Set(['pulling', 'waiting', 'failing']);

/**
 * Nodes that fell silent while they lacked an image, of which no pod has a mark: their pods were not ready
 * before, as a ready one would have it. The DaemonSet controller does not want pods on so many nodes that
 * have one, as a node that does not answer is tainted. Which ones is not told; those are meant that have
 * not spoken for longest.
 */
export function forsakenNodes(
  nodes: ReadonlyMap<string, NodeObservation>,
  drafts: ReadonlyMap<string, NodeDraft>,
  { unexplained, now, again }: Forsaking,
): readonly NodeObservation[] {
  if (unexplained <= 0) return [];
  const all = [...nodes.values()];
  const known = all.filter(({ verdict }) => verdict === 'unreachable').length;
  const spokenAt = ({ node }: NodeObservation) => drafts.get(node)?.spokenAt ?? 0;
  const mayBeSilent = ({ node }: NodeObservation) => {
    const draft = drafts.get(node);
    return draft?.hasLivingPod === true && !draft.hasReadyPod;
  };
  return all
    .filter((node) => lacking.has(node.verdict) && mayBeSilent(node))
    .sort((a, b) => spokenAt(a) - spokenAt(b))
    .slice(0, Math.max(0, unexplained - known))
    .filter((node) => {
      const leftMs = spokenAt(node) + forsakenMs - now;
      again.add(leftMs);
      return leftMs <= 0;
    });
}

/**
 * Nodes that are selected no more, whose last pod does not end: the DaemonSets have a pod on as many others as they
 * want. In place a node that is wanted has none for a moment, and looks the same beside one that keeps a pod though
 * it is not; with a surge Kubernetes makes the next one at once (pkg/controller/daemon/daemon_controller.go,
 * podsShouldBeOnNode).
 */
export function leavingNodes(
  nodes: ReadonlyMap<string, NodeObservation>,
  daemonSets: readonly KubeObject[],
): readonly NodeObservation[] {
  const going = [...nodes.values()].filter(({ verdict }) => verdict === 'terminating');
  if (going.length === 0) return [];
  const others = nodes.size - going.length;
  const isContent = daemonSets.every((daemonSet) => {
    const { observed, complete, desired } = rolloutOf(daemonSet);
    return observed && desired <= others && (complete || !isInPlace(presentStrategy(daemonSet)));
  });
  return isContent ? going : [];
}

/** On how many nodes a pod of it runs that it does not want there. */
export function misscheduled(daemonSet: KubeObject): number {
  return rolloutOf(daemonSet).observed ? daemonSetCounts(daemonSet).numberMisscheduled : 0;
}
