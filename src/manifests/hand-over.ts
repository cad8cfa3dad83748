import type { PullerSpec } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { cachedReferences, keptSelector } from './daemon-set.ts';
import { shardOfAnnotation, standInName, successorSinceAnnotation } from './names.ts';
import { type Part, partsOf } from './shards.ts';

/**
 * A DaemonSet of a name that is wanted no more waits for its successors this long and no longer, counted
 * from when they took over: each bears the time, so that a restart of the operator does not put it off.
 */
export const successorDeadlineMs = 30 * 60_000;

/** A DaemonSet that the puller controls, as it is now. */
export interface PresentDaemonSet {
  readonly object: KubeObject;
  readonly rollout: {
    /** Claims that its pods are managed by its present template and not by a former one. */
    readonly observed: boolean;
    /** Claims that every node runs a ready pod of that template. */
    readonly complete: boolean;
  };
}

/** What a node holds for a puller. */
export interface NodeHoldings {
  readonly isReachable: boolean;
  /** By the uid of the DaemonSet whose pods hold it. */
  readonly byDaemonSet: ReadonlyMap<string, Holding>;
}

/** The references that the pods of one DaemonSet hold on one node. */
export interface Holding {
  /** All that they hold, or may hold for all that is told. */
  readonly held: ReadonlySet<string>;
  /**
   * Those of them that stay whatever changes in the DaemonSet: a pod that is not ready is replaced at
   * once by the next change of the template.
   */
  readonly firm: ReadonlySet<string>;
  /**
   * These, and those in a pod of the present template that will not get ready by waiting, as it lacks
   * images which cannot be had: it stays as long as the template does.
   */
  readonly kept: ReadonlySet<string>;
}

/** What a hand-over depends on. */
export interface HandOverInput {
  readonly spec: Pick<PullerSpec, 'daemonsetName' | 'images'>;
  readonly present: readonly PresentDaemonSet[];
  /**
   * Asked only while something changes hands. Undefined where pods cannot be read: a DaemonSet then
   * counts as holding its references once its roll-out is complete.
   */
  readonly nodes: () => readonly NodeHoldings[] | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** The next step of a hand-over; when nothing changes hands, the parts of the list and nothing else. */
export interface HandOver {
  /** Every DaemonSet that should exist, with what it holds for itself and still for others. */
  readonly parts: readonly Part[];
  /** DaemonSets that should exist no more and hold nothing that would be missed. */
  readonly released: readonly KubeObject[];
  /** Milliseconds until one of them is released though its successors do not hold everything. */
  readonly againMs: number | undefined;
}

/**
 * Decides who holds what while a list is split or merged, or its DaemonSets get other names. A
 * reference that changes its DaemonSet stays in the former one until, on every reachable node where
 * that one holds it, the new one does; and then leaves it together with all others, as each step rolls
 * every pod, and without any node losing what stays by that. What is written is a function of the list
 * and of what is there: any edit in the middle, and any restart, begins from where things are.
 */
export function handOver(input: HandOverInput): HandOver {
  const present = input.present.map(giverOf);
  const parts = namedParts(input.spec, present);
  const scene = sceneOf(input, parts, present);
  const next = parts.flatMap((part) => nextOf(part, scene));
  const wanted = new Set(next.map(({ name }) => name));
  const leaving = present
    .filter(({ name }) => !wanted.has(name))
    .map((giver) => ({ giver, waitMs: untilReleased(giver, scene) }));
  const waits = leaving.map(({ waitMs }) => waitMs).filter((ms) => ms > 0 && Number.isFinite(ms));
  return {
    parts: next.map((part) => ({ ...part, ...successionOf(part, scene) })),
    released: leaving.filter(({ waitMs }) => waitMs === 0).map(({ giver }) => giver.object),
    againMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

/** A present DaemonSet, read. */
interface Giver extends PresentDaemonSet {
  readonly name: string;
  readonly uid: string;
  /** What its template holds. */
  readonly references: ReadonlySet<string>;
}

function giverOf(present: PresentDaemonSet): Giver {
  const { name = '', uid = '' } = present.object.metadata;
  return { ...present, name, uid, references: new Set(cachedReferences(present.object)) };
}

/**
 * The parts of the list under the names that they can have now. A selector cannot be changed: where
 * one does not fit, a stand-in takes over what that DaemonSet holds until the name is free.
 */
function namedParts(spec: HandOverInput['spec'], present: readonly Giver[]): readonly Part[] {
  return partsOf(spec).map((part) => {
    const bearer = present.find(({ name }) => name === part.name);
    if (bearer === undefined) return part;
    const selector = keptSelector(bearer.object);
    return selector === undefined
      ? { name: standInName(part.name), images: part.images }
      : { ...part, selector };
  });
}

/** Everything that the rules look at. */
interface Scene {
  readonly spec: HandOverInput['spec'];
  readonly now: number;
  readonly present: ReadonlyMap<string, Giver>;
  /** The name of the DaemonSet that each reference of the list belongs to. */
  readonly ownerOf: ReadonlyMap<string, string>;
  /** The names of the DaemonSets of which something of their own changes in this very step. */
  readonly edited: ReadonlySet<string>;
  /** The DaemonSets of former names: those that wait for no longer than {@link successorDeadlineMs}. */
  readonly former: readonly Giver[];
  /** Since when the parts of the list take over from those, in wall-clock milliseconds. */
  readonly succeedSince: number;
  readonly nodes: HandOverInput['nodes'];
}

function sceneOf(input: HandOverInput, parts: readonly Part[], givers: readonly Giver[]): Scene {
  const { spec, now, nodes } = input;
  const present = new Map(givers.map((giver) => [giver.name, giver]));
  const owners = parts.flatMap(({ name, images }) =>
    images.map(({ reference }) => [reference, name] as const),
  );
  const ownerOf = new Map(owners);
  const edited = parts.filter((part) => isEdited(part, present.get(part.name), ownerOf));
  const names = new Set(parts.map(({ name }) => name));
  const former = givers.filter((giver) => !names.has(giver.name) && isOfFormerName(giver, spec));
  let asked: ReturnType<HandOverInput['nodes']> | 'not yet' = 'not yet';
  return {
    spec,
    now,
    present,
    ownerOf,
    edited: new Set(edited.map(({ name }) => name)),
    former,
    succeedSince: sinceWhen(givers, former, input),
    nodes: () => {
      if (asked === 'not yet') asked = nodes();
      return asked;
    },
  };
}

/** Claims that its deletion has begun: its pods go as well, sooner or later. */
function isGoing({ object }: Giver): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Claims that a part gets references of its own, or that what it holds has left the list. */
function isEdited(part: Part, giver: Giver | undefined, ownerOf: Scene['ownerOf']): boolean {
  if (giver === undefined) return true;
  const { references } = giver;
  return (
    part.images.some(({ reference }) => !references.has(reference)) ||
    [...references].some((reference) => !ownerOf.has(reference))
  );
}

/**
 * A part with the references of the list that belong to others and that it cannot let go yet. Letting
 * go replaces its pods, and those that are not ready at once (kubernetes/kubernetes:
 * pkg/controller/daemon/update.go, rollingUpdate): it waits for them, or for the next edit, which does
 * the same. Where waiting is in vain, a stand-in holds meanwhile what they do.
 */
function nextOf(part: Part, scene: Scene): readonly Part[] {
  const giver = scene.present.get(part.name);
  const foreign = giver === undefined ? [] : referencesForOthers(giver, scene);
  if (giver === undefined || foreign.length === 0) return [part];
  const held = new Set([...referencesOf(part), ...foreign]);
  const images = scene.spec.images.filter(({ reference }) => held.has(reference));
  const whole = { ...part, images };
  if (!foreign.every((each) => isHandedOver(each, giver, scene))) return [whole];
  if (scene.edited.has(part.name)) return [part];
  const standIn = standInFor(part, scene);
  switch (riskOf(part, giver, scene)) {
    case 'none':
      // It is needed until the pods that it stands in for are there again.
      return scene.present.has(standIn.name) ? [part, standIn] : [part];
    case 'passing':
      return [whole];
    case 'lasting':
      return [whole, standIn];
  }
}

function referencesOf({ images }: Part): readonly string[] {
  return images.map(({ reference }) => reference);
}

function standInFor({ name, images }: Part, { spec }: Scene): Part {
  return { name: standInName(name), shardOf: spec.daemonsetName, images };
}

/**
 * What the nodes would lose of a part that nobody else holds if its pods were replaced now: nothing,
 * or something that pods hold which are about to be ready, or which will not be.
 */
function riskOf(part: Part, giver: Giver, scene: Scene): 'none' | 'passing' | 'lasting' {
  if (giver.rollout.complete) return 'none';
  const nodes = scene.nodes();
  if (nodes === undefined || !areAllKnown(nodes, giver)) return 'passing';
  const own = referencesOf(part);
  const standIn = scene.present.get(standInName(part.name));
  const isStandIn = standIn !== undefined && !isGoing(standIn) && isSame(standIn.references, own);
  let risk: 'none' | 'passing' = 'none';
  for (const { isReachable, byDaemonSet } of nodes) {
    const holding = byDaemonSet.get(giver.uid);
    if (!isReachable || holding === undefined) continue;
    const others = isStandIn ? byDaemonSet.get(standIn.uid)?.kept : undefined;
    const risked = own.filter(
      (each) => holding.held.has(each) && !holding.firm.has(each) && !others?.has(each),
    );
    if (risked.some((each) => holding.kept.has(each))) return 'lasting';
    if (risked.length > 0) risk = 'passing';
  }
  return risk;
}

function isSame(set: ReadonlySet<string>, list: readonly string[]): boolean {
  return set.size === list.length && list.every((each) => set.has(each));
}

/** What a DaemonSet holds of the list and does not own. */
function referencesForOthers({ name, references }: Giver, { ownerOf }: Scene): readonly string[] {
  return [...references].filter((reference) => (ownerOf.get(reference) ?? name) !== name);
}

/** Milliseconds until a DaemonSet that is not wanted may go: 0 is now, Infinity not by time alone. */
function untilReleased(giver: Giver, scene: Scene): number {
  const waits = referencesForOthers(giver, scene)
    .filter((reference) => !isHandedOver(reference, giver, scene))
    .map((reference) => untilDeadline(reference, giver, scene));
  return Math.max(0, ...waits);
}

/** Until there is something that could take its place, no time lets it go. */
function untilDeadline(reference: string, giver: Giver, scene: Scene): number {
  const receiver = receiverOf(reference, scene);
  if (!receiver?.references.has(reference) || isGoing(receiver)) return Infinity;
  if (!scene.former.includes(giver)) return Infinity;
  return Math.max(0, scene.succeedSince + successorDeadlineMs - scene.now);
}

/** The deadline is for other names alone: what was split is one cache, and loses nothing by waiting. */
function isOfFormerName({ object }: Giver, { daemonsetName }: Scene['spec']): boolean {
  return shardOf(object) !== daemonsetName || keptSelector(object) === undefined;
}

/**
 * Since when the name of today takes over, as the last that bears it has it. Changes of the list do not count:
 * whoever edits it again and again would put the deadline off for ever. Where another name has taken over
 * meanwhile, or one that leaves now, what came before that is over.
 */
function sinceWhen(
  givers: readonly Giver[],
  former: readonly Giver[],
  { spec, now }: HandOverInput,
): number {
  const isOfToday = (giver: Giver) =>
    recordOf(giver).name === spec.daemonsetName && !former.includes(giver);
  const last = (some: readonly Giver[]) =>
    Math.max(...some.map((giver) => recordOf(giver).time).filter(Number.isFinite));
  const since = last(givers.filter(isOfToday));
  const before = last(givers.filter((giver) => !isOfToday(giver)));
  // A clock may have been set back: what is recorded now has to be the later one all the same.
  return since > before ? since : Math.max(now, before + 1);
}

/** Which `daemonsetName` a DaemonSet took over for, and when. */
interface Succession {
  readonly name: string;
  /** Wall-clock milliseconds; NaN where it took over nothing. */
  readonly time: number;
}

function recordOf({ object }: Giver): Succession {
  const [name = '', time = ''] = (
    object.metadata.annotations?.[successorSinceAnnotation] ?? ''
  ).split(' ');
  return { name, time: Date.parse(time) };
}

/** What a part bears while it takes over from a DaemonSet of a former name. */
function successionOf({ name }: Part, scene: Scene): Pick<Part, 'successorSince'> {
  const succeeds = scene.former.some((giver) =>
    referencesForOthers(giver, scene).some((reference) => scene.ownerOf.get(reference) === name),
  );
  const since = new Date(scene.succeedSince).toISOString();
  return succeeds ? { successorSince: `${scene.spec.daemonsetName} ${since}` } : {};
}

function receiverOf(reference: string, { ownerOf, present }: Scene): Giver | undefined {
  return present.get(ownerOf.get(reference) ?? '');
}

/** Claims that on every reachable node where the giver holds a reference its new owner does too. */
function isHandedOver(reference: string, giver: Giver, scene: Scene): boolean {
  const receiver = receiverOf(reference, scene);
  if (!receiver?.references.has(reference) || !receiver.rollout.observed) return false;
  if (isGoing(receiver)) return false;
  const nodes = scene.nodes();
  if (receiver.rollout.complete)
    return !nodes?.some((node) => mayComeTo(node, reference, receiver));
  const staying = scene.edited.has(receiver.name) ? 'firm' : 'kept';
  return (
    nodes !== undefined &&
    areAllKnown(nodes, giver) &&
    nodes.every(
      ({ isReachable, byDaemonSet }) =>
        !isReachable ||
        !byDaemonSet.get(giver.uid)?.held.has(reference) ||
        byDaemonSet.get(receiver.uid)?.[staying].has(reference) === true,
    )
  );
}

/**
 * Claims that a pod of a receiver which is complete is not known to hold the reference yet: counts may be seen
 * before the pods that they are of. It is not asked of nodes that the receiver does not serve.
 */
function mayComeTo(node: NodeHoldings, reference: string, { uid }: Giver): boolean {
  const holding = node.byDaemonSet.get(uid);
  return node.isReachable && holding?.held.has(reference) === true && !holding.kept.has(reference);
}

/** Claims that we see as many pods as the DaemonSet has: what we do not see could hold something. */
function areAllKnown(nodes: readonly NodeHoldings[], { uid, object }: Giver): boolean {
  const { currentNumberScheduled = 0 } = (object['status'] ?? {}) as {
    readonly currentNumberScheduled?: number;
  };
  return nodes.filter(({ byDaemonSet }) => byDaemonSet.has(uid)).length >= currentNumberScheduled;
}

/** The `daemonsetName` that a DaemonSet was made for. */
function shardOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[shardOfAnnotation] ?? metadata.name;
}
