import type { PullerSpec } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { cachedReferences, keptSelector } from './daemon-set.ts';
import { shardOfAnnotation, standInName } from './names.ts';
import { type Part, partsOf } from './shards.ts';

/** A DaemonSet of a name that is wanted no more waits for its successors this long and no longer. */
export const successorDeadlineMs = 30 * 60_000;

/** A DaemonSet that the puller controls, as it is now. */
export interface PresentDaemonSet {
  readonly object: KubeObject;
  readonly rollout: {
    /** Claims that its pods are managed by its present template and not by a former one. */
    readonly observed: boolean;
    /** Claims that every node runs a ready pod of that template. */
    readonly complete: boolean;
    /** When we last changed it, in wall-clock milliseconds by the server's clock; 0 where nobody knows. */
    readonly changedAt: number;
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
  readonly held: ReadonlySet<string>;
  /**
   * Those of them that stay whatever else changes in the DaemonSet: a pod that is not ready yet is
   * replaced at once by the next change of the template.
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
 * every pod. What is written is a function of the list and of what is there: any edit in the middle,
 * and any restart, begins from where things are.
 */
export function handOver(input: HandOverInput): HandOver {
  const present = input.present.map(giverOf);
  const parts = namedParts(input.spec, present);
  const scene = sceneOf(input, parts, present);
  const wanted = new Set(parts.map(({ name }) => name));
  const leaving = present
    .filter(({ name }) => !wanted.has(name))
    .map((giver) => ({ giver, waitMs: untilReleased(giver, scene) }));
  const waits = leaving.map(({ waitMs }) => waitMs).filter((ms) => ms > 0 && Number.isFinite(ms));
  return {
    parts: parts.map((part) => withWhatItStillHolds(part, scene)),
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
  readonly nodes: HandOverInput['nodes'];
}

function sceneOf(
  { spec, now, nodes }: HandOverInput,
  parts: readonly Part[],
  present: readonly Giver[],
): Scene {
  const owners = parts.flatMap(({ name, images }) =>
    images.map(({ reference }) => [reference, name] as const),
  );
  let asked: ReturnType<HandOverInput['nodes']> | 'not yet' = 'not yet';
  return {
    spec,
    now,
    present: new Map(present.map((giver) => [giver.name, giver])),
    ownerOf: new Map(owners),
    nodes: () => {
      if (asked === 'not yet') asked = nodes();
      return asked;
    },
  };
}

/** A part with the references of the list that belong to others and that it cannot let go yet. */
function withWhatItStillHolds(part: Part, scene: Scene): Part {
  const giver = scene.present.get(part.name);
  const foreign = giver === undefined ? [] : referencesForOthers(giver, scene);
  if (giver === undefined || foreign.every((each) => isHandedOver(each, giver, scene))) return part;
  const held = new Set([...part.images.map(({ reference }) => reference), ...foreign]);
  return { ...part, images: scene.spec.images.filter(({ reference }) => held.has(reference)) };
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

/** The deadline is for other names alone: what was split is one cache, and loses nothing by waiting. */
function untilDeadline(reference: string, giver: Giver, scene: Scene): number {
  const receiver = receiverOf(reference, scene);
  const isOfThisSplit = shardOf(giver.object) === scene.spec.daemonsetName;
  const isBlocked = keptSelector(giver.object) === undefined;
  if (receiver === undefined || (isOfThisSplit && !isBlocked)) return Infinity;
  const { object, rollout } = receiver;
  const changedAt = rollout.changedAt || Date.parse(object.metadata.creationTimestamp ?? '');
  return Math.max(0, changedAt + successorDeadlineMs - scene.now);
}

function receiverOf(reference: string, { ownerOf, present }: Scene): Giver | undefined {
  return present.get(ownerOf.get(reference) ?? '');
}

/** Claims that on every reachable node where the giver holds a reference its new owner does too. */
function isHandedOver(reference: string, giver: Giver, scene: Scene): boolean {
  const receiver = receiverOf(reference, scene);
  if (!receiver?.references.has(reference) || !receiver.rollout.observed) return false;
  if (receiver.rollout.complete) return true;
  const nodes = scene.nodes();
  return (
    nodes !== undefined &&
    areAllKnown(nodes, giver) &&
    nodes.every(
      ({ isReachable, byDaemonSet }) =>
        !isReachable ||
        !byDaemonSet.get(giver.uid)?.held.has(reference) ||
        byDaemonSet.get(receiver.uid)?.kept.has(reference) === true,
    )
  );
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
