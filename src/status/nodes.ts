import type { KubeObject } from '../kube/objects.ts';
import { controllerOf } from '../kube/objects.ts';
import { isInPlace } from '../manifests/roll-strategy.ts';
import { daemonSetCounts } from './daemon-set-counts.ts';
import { type Holdings, HoldingsOf } from './holdings.ts';
import { isGoing, lingersAfterMs } from './lingering.ts';
import { type ContainerVector, lives, type PodRecord } from './pods.ts';
import { presentStrategy } from './roll.ts';
import { rolloutOf } from './rollout.ts';

/**
 * What a node is to us, who may not read nodes: `holds` every image of the list; `waiting`, as pods of
 * it lack some of the list; `pulling`; `failing`, with an image that does not come; `unscheduled`, as
 * its pod has no room; `evicted` and `diskPressure`, as the node has thrown its pod out; `rejected`, as
 * it did not let it in; `terminating`; or `unreachable`.
 */
export type NodeVerdict =
  | 'holds'
  | 'waiting'
  | 'pulling'
  | 'failing'
  | 'unscheduled'
  | 'evicted'
  | 'diskPressure'
  | 'rejected'
  | 'terminating'
  | 'unreachable';

/** One node, by the words of its pods. */
export interface NodeObservation {
  readonly node: string;
  readonly verdict: NodeVerdict;
  /**
   * What the scheduler or the node says of `unscheduled`, `evicted`, `diskPressure` and `rejected`; what keeps the
   * pod of one that is `terminating`, once that has lasted for long.
   */
  readonly message: string;
  /** What the scheduler says of a further pod of a node that holds the list; empty otherwise. */
  readonly nextPod: string;
  /** Claims that it does not hold the list because it is new: that is no fault. */
  readonly isExcused: boolean;
  /** What its pods hold; of an unreachable node, what they held when it last spoke. */
  readonly holdings: Holdings;
}

/** A node is as young as its oldest pod, and may take this long to get its images. */
const youngMs = 10 * 60_000;

/** A kubelet tells of a pod's containers within seconds; one that has not in this time is not there. */
const silentMs = 60_000;

/**
 * Of a node that the DaemonSet controller counts no more: a kubelet that lives tells of a pull that fails
 * before that, as it waits for five minutes at most between two (kubernetes/kubernetes:
 * pkg/kubelet/kubelet.go, MaxContainerBackOff).
 */
const forsakenMs = 6 * 60_000;

/** What the verdicts on nodes depend on. */
export interface NodeInput {
  /** The images of the list. */
  readonly references: readonly string[];
  readonly daemonSets: readonly KubeObject[];
  readonly pods: readonly PodRecord[];
  /** Claims that the cache was complete since the list last changed. */
  readonly isSettled: boolean;
  /** When the DaemonSets last changed, in milliseconds by the API server's clock. */
  readonly changedAt: number;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** The verdicts on all nodes, by name. */
export interface Nodes {
  readonly nodes: ReadonlyMap<string, NodeObservation>;
  /** For each DaemonSet, on how many nodes a pod of it lives. */
  readonly peopled: readonly number[];
  /** In how many milliseconds a verdict changes by time alone; undefined if none does. */
  readonly againMs: number | undefined;
}

/** Judges every node that has a pod, or is meant to have one. */
export function nodesOf(input: NodeInput): Nodes {
  const now = serverNow(input);
  const holdingsOf = new HoldingsOf(input.references);
  const drafts = new Map<string, Draft>();
  const owned = podsByOwner(input);
  const peopled = owned.map((pods, owner) => {
    let nodes = 0;
    for (const pod of pods) {
      const draft = draftOf(pod, drafts, holdingsOf);
      take(pod, draft, { holdingsOf, now });
      if (!lives(pod) || draft.peopledBy === owner) continue;
      draft.peopledBy = owner;
      nodes += 1;
    }
    return nodes;
  });
  const again = new Soonest();
  const nodes = new Map<string, NodeObservation>();
  const judging = { ...input, now, again };
  for (const [node, draft] of drafts) nodes.set(node, judged(node, draft, judging));
  // One that is silent has other troubles: a ready pod of it would have been turned not ready.
  const unserved = unservedNodes(owned, input).filter((node) => drafts.get(node)?.hasReadyPod);
  for (const node of unserved) nodes.delete(node);
  const unexplained = Math.max(0, ...input.daemonSets.map(misscheduled)) - unserved.length;
  for (const node of forsaken(nodes, drafts, { ...judging, unexplained })) {
    nodes.set(node.node, { ...node, verdict: 'unreachable', isExcused: false });
  }
  for (const { silentAt, lingersAt } of drafts.values()) {
    again.add(silentAt - now);
    again.add(lingersAt - now);
  }
  for (const { node } of leaving(nodes, input)) nodes.delete(node);
  return { nodes, peopled, againMs: again.ms };
}

/** The nodes that do not answer, by the words of these pods. */
export function unreachableNodes(
  input: Pick<NodeInput, 'daemonSets' | 'pods' | 'now'>,
): ReadonlySet<string> {
  const { nodes } = nodesOf({ ...input, references: [], isSettled: true, changedAt: 0 });
  return namesOfUnreachable(nodes.values());
}

/** The names of those among nodes that do not answer. */
export function namesOfUnreachable(nodes: Iterable<NodeObservation>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { node, verdict } of nodes) if (verdict === 'unreachable') names.add(node);
  return names;
}

/** A clock that is behind the server's is set by the newest of its times that were seen. */
function serverNow({ pods, now }: NodeInput): number {
  return pods.reduce((latest, { createdAt }) => Math.max(latest, createdAt), now);
}

/**
 * The pods of each DaemonSet: those that its uid owns, whatever their labels say. Where nodes have
 * more than one, oldest first.
 */
function podsByOwner({ daemonSets, pods }: NodeInput): readonly (readonly PodRecord[])[] {
  const byOwner = new Map<string, PodRecord[]>();
  for (const { metadata } of daemonSets) byOwner.set(metadata.uid ?? '', []);
  for (const pod of pods) {
    if (pod.node !== '') byOwner.get(controllerOf(pod)?.uid ?? '')?.push(pod);
  }
  const owned = [...byOwner.values()];
  for (const each of owned) {
    if (nodesWith(each) < each.length) each.sort(byAge);
  }
  return owned;
}

/** Times are in whole seconds: the name decides among pods of one, so that a status does not flicker. */
function byAge(a: PodRecord, b: PodRecord): number {
  return a.createdAt - b.createdAt || (a.metadata.name < b.metadata.name ? -1 : 1);
}

function nodesWith(pods: readonly PodRecord[]): number {
  return new Set(pods.map(({ node }) => node)).size;
}

/** What is gathered of a node while its pods are looked at one after another. */
interface Draft {
  holdings: Holdings;
  oldestAt: number;
  /** Claims that the node-lifecycle controller has marked a pod of it. */
  isMarked: boolean;
  /** Claims that a kubelet speaks of a pod of it. */
  hasSpoken: boolean;
  /** When the status of a living pod of it last changed. */
  spokenAt: number;
  /** When silence becomes telling; infinite where none is waited for. */
  silentAt: number;
  isSilent: boolean;
  /** When the end of a pod of it has lasted for long; infinite where none does. */
  lingersAt: number;
  hasLivingPod: boolean;
  hasReadyPod: boolean;
  /** Which DaemonSet it was last found to have a living pod of. */
  peopledBy: number;
  trouble: Trouble | undefined;
}

interface Trouble {
  readonly verdict: NodeVerdict;
  readonly message: string;
}

interface Taking {
  readonly holdingsOf: HoldingsOf;
  readonly now: number;
}

function draftOf(pod: PodRecord, drafts: Map<string, Draft>, { none }: HoldingsOf): Draft {
  const known = drafts.get(pod.node);
  if (known !== undefined) return known;
  const draft: Draft = {
    holdings: none,
    oldestAt: pod.createdAt,
    isMarked: false,
    hasSpoken: false,
    spokenAt: 0,
    silentAt: Number.POSITIVE_INFINITY,
    isSilent: false,
    lingersAt: Number.POSITIVE_INFINITY,
    hasLivingPod: false,
    hasReadyPod: false,
    peopledBy: -1,
    trouble: undefined,
  };
  drafts.set(pod.node, draft);
  return draft;
}

function take(pod: PodRecord, draft: Draft, { holdingsOf, now }: Taking): void {
  draft.oldestAt = Math.min(draft.oldestAt, pod.createdAt);
  const trouble = troubleOf(pod, now);
  if (trouble) {
    if (trouble.verdict === 'terminating') {
      draft.lingersAt = Math.min(draft.lingersAt, pod.goneAt + lingersAfterMs);
    }
    // Nobody is there to end a pod that has to go: it stays, and so does its mark.
    if (trouble.verdict === 'terminating' && isMarkedUnreachable(pod)) draft.isMarked = true;
    draft.trouble = worse(draft.trouble, trouble);
    return;
  }
  draft.hasLivingPod = true;
  if (pod.condition.isReady) draft.hasReadyPod = true;
  draft.spokenAt = Math.max(draft.spokenAt, pod.spokenAt);
  draft.holdings = holdingsOf.with(draft.holdings, pod.containers);
  if (isUnspoken(pod.containers)) listen(draft, pod, now);
  else if (isMarkedUnreachable(pod)) draft.isMarked = true;
  else draft.hasSpoken = true;
}

function listen(draft: Draft, pod: PodRecord, now: number): void {
  if (!pod.isScheduled || pod.scheduledAt === 0) return;
  const silentAt = pod.scheduledAt + silentMs;
  if (silentAt <= now) draft.isSilent = true;
  else draft.silentAt = Math.min(draft.silentAt, silentAt);
}

function isUnspoken(containers: ContainerVector): boolean {
  return containers.every(({ state }) => state === 'unknown');
}

/** Why a pod does not, or will not, hold anything; undefined for one that is or comes to life. */
function troubleOf(pod: PodRecord, now: number): Trouble | undefined {
  const { phase, reason, message, unschedulable } = pod.condition;
  if (phase === 'Failed') return { verdict: endOf(reason, message), message: message || reason };
  if (pod.isTerminating) return { verdict: 'terminating', message: lingeringOf(pod, now) };
  if (unschedulable === '') return undefined;
  return { verdict: 'unscheduled', message: unschedulable };
}

/** That a pod does not end, once that has lasted for long; empty before. */
function lingeringOf({ goneAt, finalizers }: PodRecord, now: number): string {
  if (goneAt + lingersAfterMs > now) return '';
  const cause =
    finalizers.length === 0
      ? 'and its node does not end it'
      : `kept by its finalizers ${finalizers.join(', ')}`;
  return `the last pod has been terminating for more than a minute, ${cause}`;
}

function endOf(reason: string, message: string): NodeVerdict {
  if (/DiskPressure|ephemeral-storage|disk space/i.test(message)) return 'diskPressure';
  return reason === 'Evicted' ? 'evicted' : 'rejected';
}

/**
 * When a node falls silent its pods are turned not ready, while what their kubelet said last of the
 * containers stays. (kubernetes/kubernetes: pkg/controller/util/node/controller_utils.go, MarkPodsNotReady)
 */
function isMarkedUnreachable({ condition }: PodRecord): boolean {
  return !condition.isReady && condition.areContainersReady;
}

const troubles: readonly NodeVerdict[] = [
  'diskPressure',
  'evicted',
  'rejected',
  'unscheduled',
  'terminating',
];

function worse(known: Trouble | undefined, trouble: Trouble): Trouble {
  if (!known) return trouble;
  return troubles.indexOf(trouble.verdict) < troubles.indexOf(known.verdict) ? trouble : known;
}

interface Judging extends NodeInput {
  readonly again: Soonest;
}

interface JudgingAll extends Judging {
  /** How many nodes have pods that are not wanted there, and nobody knows which. */
  readonly unexplained: number;
}

function judged(node: string, draft: Draft, input: Judging): NodeObservation {
  const { holdings, oldestAt } = draft;
  const { verdict, message } = verdictOn(draft, input.references.length);
  const leftMs = oldestAt + youngMs - input.now;
  // In the first minutes of a new list all pods are new, however old their nodes are.
  const isExcused =
    verdict !== 'holds' &&
    verdict !== 'unreachable' &&
    !thrownOut.has(verdict) &&
    leftMs > 0 &&
    (input.isSettled || oldestAt > input.changedAt + youngMs);
  if (isExcused) input.again.add(leftMs);
  const { trouble } = draft;
  const isCrowded = verdict === 'holds' && trouble?.verdict === 'unscheduled';
  const nextPod = isCrowded ? trouble.message : '';
  return { node, verdict, message, nextPod, isExcused, holdings };
}

/** Of a node that once had a pod: as old as that one is, it is not new. */
const thrownOut: ReadonlySet<NodeVerdict> = new Set(['diskPressure', 'evicted']);

function verdictOn(draft: Draft, images: number): Trouble {
  const { holdings, trouble } = draft;
  if (draft.isMarked || (draft.isSilent && !draft.hasSpoken)) {
    return { verdict: 'unreachable', message: '' };
  }
  if (holdings.held === images && images > 0) return { verdict: 'holds', message: '' };
  // A pod that is gone tells nothing of a node that has another.
  if (trouble && (trouble.verdict === 'unscheduled' || !draft.hasLivingPod)) return trouble;
  return { verdict: hopeOf(holdings), message: '' };
}

function hopeOf({ failing, blocked, absent }: Holdings): NodeVerdict {
  if (failing > 0 || blocked !== undefined) return 'failing';
  return absent > 0 ? 'waiting' : 'pulling';
}

/**
 * Nodes with pods of some DaemonSets only, where others have one wherever they want one: a node that is tainted
 * keeps the pods that it has until they are replaced, and gets no others (kubernetes/kubernetes:
 * pkg/controller/daemon/update.go). The DaemonSet controller counts them no more.
 */
function unservedNodes(
  owned: readonly (readonly PodRecord[])[],
  { daemonSets }: NodeInput,
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

const lacking: ReadonlySet<NodeVerdict> = new Set(['pulling', 'waiting', 'failing']);

/**
 * Nodes that fell silent while they lacked an image, of which no pod has a mark: their pods were not ready
 * before, as a ready one would have it. The DaemonSet controller does not want pods on so many nodes that
 * have one, as a node that does not answer is tainted. Which ones is not told; those are meant that have
 * not spoken for longest.
 */
function forsaken(
  nodes: ReadonlyMap<string, NodeObservation>,
  drafts: ReadonlyMap<string, Draft>,
  { unexplained, now, again }: JudgingAll,
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
function leaving(
  nodes: ReadonlyMap<string, NodeObservation>,
  { daemonSets }: NodeInput,
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
function misscheduled(daemonSet: KubeObject): number {
  return rolloutOf(daemonSet).observed ? daemonSetCounts(daemonSet).numberMisscheduled : 0;
}

/** The soonest of some times to come. */
class Soonest {
  ms: number | undefined;

  add(ms: number): void {
    if (ms > 0 && ms < Number.POSITIVE_INFINITY) this.ms = Math.min(this.ms ?? ms, ms);
  }
}
