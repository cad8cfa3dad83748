import type { CachedImage } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { templateContainers } from '../manifests/template-images.ts';
import { daemonSetCounts } from './daemon-set-counts.ts';
import type { Holdings } from './holdings.ts';
import { isGoing } from './lingering.ts';
import { type NodeNames, NodeTally } from './node-names.ts';
import { type NodeObservation, type NodeVerdict, namesOfUnreachable } from './node-verdict.ts';
import { nodesOf } from './nodes.ts';
import { type ContainerRecord, holdsImage, type PodRecord } from './pods.ts';
import type { MissedPods, Refusal } from './refusals.ts';
import { type RollsOnTheWay, rollsOf } from './roll.ts';
import { isRolledOut } from './roll-end.ts';
import { type Rollout, rolloutOfAll } from './rollout.ts';

/** What an observation is made of. */
export interface ObservationInput {
  /** The list, sorted by reference; {@link listOf} where the spec has no say. */
  readonly images: readonly CachedImage[];
  /** The DaemonSets of the puller, all of them. */
  readonly daemonSets: readonly KubeObject[];
  /** Those of its namespace, or more: what is nobody's is left out. Undefined where they cannot be read. */
  readonly pods: readonly PodRecord[] | undefined;
  /** Why pods do not come into being, one at most of each DaemonSet. */
  readonly refusals: readonly Refusal[];
  /** Claims that the cache was complete since the list last changed ({@link isSettled} in facts.ts). */
  readonly isSettled: boolean;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** Where the images of a list are, and what keeps them from being where they should. */
export interface Observation {
  /** Claims that pods were read; the counts are the DaemonSets' own otherwise, and `nodes` empty. */
  readonly hasPods: boolean;
  readonly rollout: Rollout;
  /** How the pods of former templates are replaced. */
  readonly rolls: RollsOnTheWay;
  readonly nodesDesired: number;
  /** Reachable nodes that hold every image of the list. */
  readonly nodesReady: number;
  /** In the order of the list; empty without pods. */
  readonly images: readonly ImageObservation[];
  /** Nodes where an init container fails, which keeps everything behind it from starting. */
  readonly blocked: Failing;
  /** Reachable nodes that do not hold the list, by what keeps them from it. */
  readonly lagging: readonly NodeGroup[];
  /** Nodes that hold the list, and have no room for the next pod of a roll-out. */
  readonly crowded: readonly NodeGroup[];
  readonly unreachable: NodeNames;
  /** Nodes without any pod: it was refused, or not made yet. */
  readonly missing: number;
  /** Why, of each DaemonSet that could not get pods. */
  readonly refusals: readonly MissedPods[];
  readonly nodes: ReadonlyMap<string, NodeObservation>;
  /** In how many milliseconds something changes by time alone; undefined if nothing does. */
  readonly againMs: number | undefined;
}

/** Nodes on which something fails. */
export interface Failing {
  readonly failing: number;
  /** Of these, new nodes: that is no fault yet. */
  readonly failingExcused: number;
  /** Most nodes first. */
  readonly failures: readonly FailureGroup[];
}

/** One image on all nodes. Unreachable ones count as desired, and as nothing else. */
export interface ImageObservation extends Failing {
  readonly image: CachedImage;
  readonly desired: number;
  readonly cached: number;
  readonly pulling: number;
  /** New nodes among all that do not hold it. */
  readonly lackingExcused: number;
  /** What the nodes hold, most nodes first; more than one entry: they do not hold the same. */
  readonly digests: readonly { readonly digest: string; readonly nodes: number }[];
}

/** Nodes on which a container fails in one way. */
export interface FailureGroup {
  readonly container: ContainerRecord;
  readonly nodes: NodeNames;
}

/** Nodes that do not hold the list for one reason. */
export interface NodeGroup {
  readonly verdict: NodeVerdict;
  /** Claims that they are new. */
  readonly isExcused: boolean;
  readonly message: string;
  readonly nodes: NodeNames;
}

/** Adds up what DaemonSets and pods say. */
export function observation(input: ObservationInput): Observation {
  const staying = input.daemonSets.filter((each) => !isGoing(each));
  // What is about to go rolls no more, and its pods are missed nowhere, unless nothing else is there.
  const rolling = staying.length === 0 ? input.daemonSets : staying;
  const rollout = rolloutOfAll(rolling);
  return input.pods === undefined
    ? byDaemonSets({ ...input, daemonSets: rolling }, rollout)
    : byPods({ ...input, rolling, pods: input.pods }, rollout);
}

/** Claims that a node is about to get images. */
export function isMoving({ lagging, missing }: Pick<Observation, 'lagging' | 'missing'>): boolean {
  return (
    missing > 0 || lagging.some(({ verdict }) => verdict === 'pulling' || verdict === 'waiting')
  );
}

/** The list of what the DaemonSets hold, where the spec cannot be followed. */
export function listOf(daemonSets: readonly KubeObject[]): readonly CachedImage[] {
  const images = new Map<string, CachedImage>();
  for (const { name: container, image: reference = '' } of daemonSets.flatMap(templateContainers)) {
    if (!images.has(reference)) images.set(reference, { container, reference, names: [container] });
  }
  return [...images.values()].sort((a, b) => (a.reference < b.reference ? -1 : 1));
}

const nobody: NodeNames = { count: 0, first: [] };

function byDaemonSets(input: ObservationInput, rollout: Rollout): Observation {
  const { refusals, daemonSets } = input;
  return {
    hasPods: false,
    rollout,
    rolls: rollsOf({ ...input, unreachable: () => new Set() }),
    nodesDesired: rollout.desired,
    nodesReady: rollout.ready,
    images: [],
    blocked: new Failures().told(),
    lagging: [],
    crowded: [],
    unreachable: nobody,
    missing: Math.max(0, ...daemonSets.map(unpeopled)),
    refusals: missedPods(refusals, daemonSets, daemonSets.map(unpeopled)),
    nodes: new Map(),
    againMs: undefined,
  };
}

function unpeopled(daemonSet: KubeObject): number {
  const { desiredNumberScheduled, currentNumberScheduled } = daemonSetCounts(daemonSet);
  return desiredNumberScheduled - currentNumberScheduled;
}

/** Of these DaemonSets alone: on how many nodes each has no pod is told in their order. */
function missedPods(
  refusals: readonly Refusal[],
  daemonSets: readonly KubeObject[],
  missing: readonly number[],
): readonly MissedPods[] {
  const byUid = new Map(daemonSets.map(({ metadata }, at) => [metadata.uid, missing[at] ?? 0]));
  return refusals.flatMap(({ uid, ...refusal }) => {
    const missed = byUid.get(uid);
    return missed === undefined ? [] : [{ ...refusal, missing: missed }];
  });
}

interface InputWithPods extends ObservationInput {
  readonly pods: readonly PodRecord[];
  /** Those that are not about to go, where there are any. */
  readonly rolling: readonly KubeObject[];
}

function byPods(input: InputWithPods, rollout: Rollout): Observation {
  const { images, daemonSets, rolling, pods, refusals, isSettled, now } = input;
  const references = images.map(({ reference }) => reference);
  const { changedAt } = rollout;
  const { nodes, peopled, againMs } = nodesOf({
    references,
    daemonSets: [...rolling, ...daemonSets.filter((each) => !rolling.includes(each))],
    pods,
    isSettled,
    changedAt,
    now,
  });
  const counts = countsOf(nodes.values());
  // The DaemonSet controller forgets a node that fell silent, or does not, as it happens.
  const nodesDesired = Math.max(rollout.desired, nodes.size);
  const peopledByAll = Math.min(nodesDesired, ...peopled.slice(0, rolling.length));
  return {
    hasPods: true,
    rollout: { ...rollout, complete: isComplete(input, rollout, nodes) },
    rolls: rollsOf({
      ...input,
      daemonSets: rolling,
      unreachable: () => namesOfUnreachable(nodes.values()),
    }),
    nodesDesired,
    nodesReady: counts.ready,
    images: images.map((image, index) =>
      imageObservation({ image, index, desired: nodesDesired, shares: counts.shares }),
    ),
    blocked: blockedOf(counts.shares),
    lagging: counts.lagging,
    crowded: counts.crowded,
    unreachable: counts.unreachable,
    missing: rolling.length === 0 ? 0 : nodesDesired - peopledByAll,
    refusals: missedPods(
      refusals,
      rolling,
      peopled.map((nodes) => Math.max(0, nodesDesired - nodes)),
    ),
    nodes,
    againMs,
  };
}

/** A roll-out is over when its DaemonSets say so, or when pods tell that it is. */
function isComplete(
  { rolling, pods }: InputWithPods,
  { complete, observed }: Rollout,
  nodes: ReadonlyMap<string, NodeObservation>,
): boolean {
  if (complete || !observed) return complete;
  return rolling.every((daemonSet) => isRolledOut({ daemonSet, pods, nodes }));
}

/** Nodes with the same holdings. */
interface Share {
  readonly holdings: Holdings;
  readonly settled: NodeTally;
  readonly excused: NodeTally;
}

interface Counts {
  readonly ready: number;
  readonly unreachable: NodeNames;
  readonly lagging: readonly NodeGroup[];
  readonly crowded: readonly NodeGroup[];
  /** Of reachable nodes. */
  readonly shares: readonly Share[];
}

function countsOf(nodes: Iterable<NodeObservation>): Counts {
  const shares = new Map<Holdings, Share>();
  const unreachable = new NodeTally();
  const lagging = new NodeGroups();
  const crowded = new NodeGroups();
  let ready = 0;
  for (const node of nodes) {
    if (node.verdict === 'unreachable') {
      unreachable.add(node.node);
      continue;
    }
    if (node.verdict === 'holds') ready += 1;
    else lagging.add(node);
    if (node.nextPod !== '')
      crowded.add({ ...node, verdict: 'unscheduled', message: node.nextPod });
    const { settled, excused } = shareOf(shares, node.holdings);
    (node.isExcused ? excused : settled).add(node.node);
  }
  return {
    ready,
    unreachable,
    lagging: lagging.sorted(),
    crowded: crowded.sorted(),
    shares: [...shares.values()],
  };
}

/** Nodes by what is said of them. */
class NodeGroups {
  readonly #groups = new Map<string, NodeGroup & { readonly nodes: NodeTally }>();

  add({ node, verdict, isExcused, message }: NodeObservation): void {
    const key = `${verdict} ${isExcused} ${message}`;
    const group = this.#groups.get(key) ?? { verdict, isExcused, message, nodes: new NodeTally() };
    this.#groups.set(key, group);
    group.nodes.add(node);
  }

  /** Most nodes first, then in alphabetical order. */
  sorted(): readonly NodeGroup[] {
    return [...this.#groups]
      .sort(([a, one], [b, other]) => other.nodes.count - one.nodes.count || (a < b ? -1 : 1))
      .map(([, group]) => group);
  }
}

function shareOf(shares: Map<Holdings, Share>, holdings: Holdings): Share {
  const known = shares.get(holdings);
  if (known !== undefined) return known;
  const share = { holdings, settled: new NodeTally(), excused: new NodeTally() };
  shares.set(holdings, share);
  return share;
}

interface ImageInput {
  readonly image: CachedImage;
  readonly index: number;
  readonly desired: number;
  readonly shares: readonly Share[];
}

function imageObservation({ image, index, desired, shares }: ImageInput): ImageObservation {
  const digests = new Map<string, number>();
  const failures = new Failures();
  let cached = 0;
  let pulling = 0;
  let lackingExcused = 0;
  for (const share of shares) {
    const container = share.holdings.images[index];
    const state = stateOf(container);
    const nodes = share.settled.count + share.excused.count;
    if (state !== 'cached') lackingExcused += share.excused.count;
    if (state === 'pulling') pulling += nodes;
    if (container === undefined) continue;
    if (state === 'failing') failures.add(container, share);
    if (state !== 'cached') continue;
    cached += nodes;
    count(digests, container.digest, nodes);
  }
  return {
    image,
    desired,
    cached,
    pulling,
    lackingExcused,
    ...failures.told(),
    digests: [...digests]
      .map(([digest, nodes]) => ({ digest, nodes }))
      .sort((a, b) => b.nodes - a.nodes || (a.digest < b.digest ? -1 : 1)),
  };
}

function stateOf(container: ContainerRecord | undefined) {
  if (container === undefined) return 'absent';
  if (holdsImage(container)) return 'cached';
  return container.state === 'failing' ? 'failing' : 'pulling';
}

function count(digests: Map<string, number>, digest: string, nodes: number): void {
  if (digest !== '') digests.set(digest, (digests.get(digest) ?? 0) + nodes);
}

function blockedOf(shares: readonly Share[]): Failing {
  const failures = new Failures();
  for (const share of shares) {
    if (share.holdings.blocked) failures.add(share.holdings.blocked, share);
  }
  return failures.told();
}

/** Failures that read the same, whatever else differs between their containers. */
class Failures {
  readonly #nodes = new Map<ContainerRecord, NodeTally>();
  #failing = 0;
  #failingExcused = 0;

  add(container: ContainerRecord, { settled, excused }: Share): void {
    const nodes = this.#nodes.get(container) ?? new NodeTally();
    this.#nodes.set(container, nodes);
    nodes.addAll(settled);
    nodes.addAll(excused);
    this.#failing += settled.count + excused.count;
    this.#failingExcused += excused.count;
  }

  told(): Failing {
    return {
      failing: this.#failing,
      failingExcused: this.#failingExcused,
      failures: this.#sorted(),
    };
  }

  #sorted(): readonly FailureGroup[] {
    const groups = new Map<string, { container: ContainerRecord; nodes: NodeTally }>();
    for (const [container, nodes] of this.#nodes) {
      const key = `${container.reason}\0${container.message}`;
      const group = groups.get(key);
      if (group !== undefined) group.nodes.addAll(nodes);
      else groups.set(key, { container, nodes });
    }
    return [...groups]
      .sort(([a, one], [b, other]) => other.nodes.count - one.nodes.count || (a < b ? -1 : 1))
      .map(([, group]) => group);
  }
}
