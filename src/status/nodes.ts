import { controllerOf, type KubeObject } from '../kube/objects.ts';
import { type Holdings, HoldingsOf } from './holdings.ts';
import { LastingVectors } from './lasting-vectors.ts';
import { draftOf, type NodeDraft, type NodeTrouble, take } from './node-draft.ts';
import { type NodeObservation, type NodeVerdict, namesOfUnreachable } from './node-verdict.ts';
import { forsakenNodes, leavingNodes, misscheduled, unservedNodes } from './passed-nodes.ts';
import { lives, type PodRecord } from './pods.ts';
import { Soonest } from './soonest.ts';

/** A node is as young as its oldest pod, and may take this long to get its images. */
const youngMs = 10 * 60_000;

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
  const { daemonSets } = input;
  const now = serverNow(input);
  const holdingsOf = new HoldingsOf(input.references);
  const drafts = new Map<string, NodeDraft>();
  const owned = podsByOwner(input);
  const peopled = owned.map((pods, owner) => {
    const lasting = new LastingVectors(daemonSets[owner] as KubeObject);
    let nodes = 0;
    for (const pod of pods) {
      const draft = draftOf(pod, drafts, holdingsOf);
      take(pod, draft, { holdingsOf, lasting, now });
      if (!lives(pod) || draft.peopledBy === owner) continue;
      draft.peopledBy = owner;
      nodes += 1;
    }
    return nodes;
  });
  const again = new Soonest();
  const nodes = new Map<string, NodeObservation>();
  for (const [node, draft] of drafts)
    nodes.set(node, judged(node, draft, { ...input, now, again }));
  // One that is silent has other troubles: a ready pod of it would have been turned not ready.
  const unserved = unservedNodes(owned, daemonSets).filter((node) => drafts.get(node)?.hasReadyPod);
  for (const node of unserved) nodes.delete(node);
  const unexplained = Math.max(0, ...daemonSets.map(misscheduled)) - unserved.length;
  for (const node of forsakenNodes(nodes, drafts, { unexplained, now, again })) {
    nodes.set(node.node, { ...node, verdict: 'unreachable', isExcused: false });
  }
  for (const { silentAt, lingersAt } of drafts.values()) {
    again.add(silentAt - now);
    again.add(lingersAt - now);
  }
  for (const { node } of leavingNodes(nodes, daemonSets)) nodes.delete(node);
  return { nodes, peopled, againMs: again.ms };
}

/** The nodes that do not answer, by the words of these pods. */
export function unreachableNodes(
  input: Pick<NodeInput, 'daemonSets' | 'pods' | 'now'>,
): ReadonlySet<string> {
  const { nodes } = nodesOf({ ...input, references: [], isSettled: true, changedAt: 0 });
  return namesOfUnreachable(nodes.values());
}

/** A clock that is behind the server's is set by the newest of its times that were seen. */
function serverNow({ pods, now }: NodeInput): number {
  return pods.reduce((latest, { createdAt }) => Math.max(latest, createdAt), now);
}

/**
 * The pods of each DaemonSet, in their order: those that its uid owns, whatever their labels say. Where nodes
 * have more than one, oldest first.
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

interface Judging extends NodeInput {
  readonly again: Soonest;
}

function judged(node: string, draft: NodeDraft, input: Judging): NodeObservation {
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

function verdictOn(draft: NodeDraft, images: number): NodeTrouble {
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
