import { holdOf } from '../../api/findings.ts';
import { parseSpec } from '../../api/parse.ts';
import { type Reason, reasons } from '../../api/reasons.ts';
import type {
  CachedImage,
  Condition,
  ImagePullerStatus,
  ImageStatus,
  ParsedSpec,
  RawSpec,
} from '../../api/types.ts';
import { statusOf } from '../../controllers/subject.ts';
import { isControlledBy, type KubeObject } from '../../kube/objects.ts';
import { type ConditionType, conditionOf, conditionTypes } from '../../status/conditions.ts';
import { isSettled } from '../../status/facts.ts';
import { imageRows } from '../../status/image-rows.ts';
import {
  type ImageObservation,
  listOf,
  type Observation,
  observation,
} from '../../status/observation.ts';
import type { PodRecord } from '../../status/pods.ts';
import { newestRefusal, type Refusal } from '../../status/refusals.ts';
import { readPods } from '../../status/rewrites.ts';
import { lacksPods } from '../../status/rollout.ts';
import { type StandingCost, standingCost } from '../../status/standing-cost.ts';
import { queries, type Reading, type Seen } from './seen.ts';

/**
 * What is to become of a puller: it is `ready`; it is `stuck` until somebody does something; or it is
 * `underway`, also where the operator has not spoken of the present spec yet.
 */
export type Outcome = 'ready' | 'stuck' | 'underway';

/** What is to be told of a puller. */
export interface PullerReport {
  readonly namespace: string;
  readonly name: string;
  readonly outcome: Outcome;
  /** The operator's words; empty before it has spoken. */
  readonly conditions: readonly Condition[];
  /** Claims that these words are about an earlier spec. */
  readonly isOutdated: boolean;
  /** Claims that it was deleted and is only not gone yet. */
  readonly isTerminating: boolean;
  /** The images that it is about, sorted by reference. */
  readonly list: readonly CachedImage[];
  /** Where the images are. Without a right to read DaemonSets, the counts are the operator's. */
  readonly observation: Observation;
  /** Failing ones first. Those of the operator's status, which has no more than 100, without pods. */
  readonly images: readonly ImageReport[];
  /** Undefined where the DaemonSets cannot be read, and where the puller has no workload at all. */
  readonly cost: StandingCost | undefined;
}

/** What is to be told of an image. */
export interface ImageReport {
  /** As the operator tells it in the status. */
  readonly row: ImageStatus;
  /** Undefined where pods cannot be read. */
  readonly seen: ImageObservation | undefined;
}

/**
 * Nodes that neither have an image nor are pulling or failing to: their pod waits, is one of another
 * list, cannot be heard, or is not there.
 */
export function otherNodes({ row, seen }: ImageReport, desired: number): number {
  return Math.max(0, desired - row.nodesReady - row.nodesFailing - (seen?.pulling ?? 0));
}

/** What is to be told. */
export interface Report {
  /** By namespace and name. */
  readonly pullers: readonly PullerReport[];
  /** What could not be read and what that means, in sentences. */
  readonly unread: readonly string[];
}

/** No operator allows more; how much less it allows, its status tells. */
const maxImages = 10_000;

/**
 * Puts together what was seen, by the functions that the operator uses.
 *
 * @param losses what it takes away where a kind cannot be read
 */
export function report(seen: Seen, now: number, losses: Losses = pullerLosses): Report {
  return {
    pullers: seen.pullers.objects.map((puller) => pullerReport(puller, seen, now)).sort(byKey),
    unread: unread(seen, losses),
  };
}

/** `namespace/name`. */
export function keyOf({ namespace, name }: PullerReport): string {
  return `${namespace}/${name}`;
}

function byKey(a: PullerReport, b: PullerReport): number {
  return keyOf(a) < keyOf(b) ? -1 : 1;
}

function pullerReport(puller: KubeObject, seen: Seen, now: number): PullerReport {
  const { namespace = '', name = '', uid = '', generation = 0 } = puller.metadata;
  const status = statusOf(puller);
  const isOwned = (object: KubeObject) => isControlledBy(object, uid);
  const daemonSets = seen.daemonSets.objects.filter(isOwned);
  const deployment = seen.deployments.objects.find(isOwned);
  const { conditions = [], observedGeneration = 0 } = status;
  const isOutdated = conditions.length > 0 && observedGeneration < generation;
  const isCurrent = conditions.length > 0 && !isOutdated;
  const isTerminating = puller.metadata.deletionTimestamp !== undefined;
  const parsed = parseSpec((puller['spec'] ?? {}) as RawSpec, { maxImages });
  const canTell = seen.daemonSets.error === undefined || daemonSets.length > 0;
  const images = imagesOf(parsed, { status, isCurrent }, daemonSets);
  const pods = canTell ? readOf(seen.pods) : undefined;
  const observed = observation({
    images,
    daemonSets,
    pods: pods && readPods(daemonSets, pods).pods,
    refusals: daemonSets.filter(lacksPods).flatMap((each) => refusalsOf(each, pods, seen)),
    isSettled: isSettled(status, generation),
    now,
  });
  return {
    namespace,
    name,
    outcome: isTerminating || isOutdated ? 'underway' : outcomeOf(conditions),
    conditions,
    isOutdated,
    isTerminating,
    list: images,
    observation: canTell ? observed : { ...observed, ...countsOf(status) },
    images: imageReports(observed, status, now),
    cost:
      // Before any of them is there, nodes are not counted yet.
      canTell && (daemonSets.length > 0 || deployment !== undefined)
        ? standingCost({ spec: { ...parsed.spec, images }, daemonSets, deployment })
        : undefined,
  };
}

function imageReports(
  observed: Observation,
  previous: ImagePullerStatus,
  now: number,
): readonly ImageReport[] {
  if (!observed.hasPods) return (previous.images ?? []).map((row) => ({ row, seen: undefined }));
  const seen = new Map(observed.images.map((each) => [each.image.reference, each]));
  return imageRows(observed, { previous, now }).map((row) => ({
    row,
    seen: seen.get(row.reference),
  }));
}

/**
 * The list that counts, as the operator has read it where it has spoken of this spec: it alone knows what
 * its settings refuse. Otherwise as the spec is read by itself; one that is not followed has no say.
 */
function imagesOf(
  { spec, findings }: ParsedSpec,
  { status, isCurrent }: Word,
  daemonSets: readonly KubeObject[],
): readonly CachedImage[] {
  const { reason = '' } = conditionOf(status, conditionTypes.ready) ?? {};
  const isHeld = isCurrent ? reasons[reason as Reason] === 'hold' : holdOf(findings) !== undefined;
  const held = listOf(daemonSets);
  if (isHeld) return held;
  const { imagesDesired = spec.images.length, images = [] } = status;
  if (!isCurrent || imagesDesired >= spec.images.length) return spec.images;
  // A long table does not name them all.
  const taken = new Set([...images, ...held].map(({ reference }) => reference));
  return spec.images.filter(({ reference }) => taken.has(reference));
}

/** What the operator says, and whether that is about the present spec. */
interface Word {
  readonly status: ImagePullerStatus;
  readonly isCurrent: boolean;
}

function countsOf({ nodesDesired = 0, nodesReady = 0 }: ImagePullerStatus) {
  return { nodesDesired, nodesReady };
}

/** What was once read stays true enough to be told. */
function readOf<Read extends KubeObject>({
  objects,
  error,
}: Reading<Read>): readonly Read[] | undefined {
  return error === undefined || objects.length > 0 ? objects : undefined;
}

/** Stalled speaks for itself; where it is not said, what is wrong while nothing moves is for good. */
function outcomeOf(conditions: readonly Condition[]): Outcome {
  const { ready, stalled, degraded, progressing } = conditionTypes;
  const isTrue = (type: ConditionType) => conditionOf({ conditions }, type)?.status === 'True';
  if (isTrue(ready)) return 'ready';
  return isTrue(stalled) || (isTrue(degraded) && !isTrue(progressing)) ? 'stuck' : 'underway';
}

/** What the DaemonSet controller said last of the pods that it could not create. */
function refusalsOf(
  daemonSet: KubeObject,
  pods: readonly PodRecord[] | undefined,
  { events }: Seen,
): readonly Refusal[] {
  const about = (events.objects as readonly CreateEvent[]).filter(
    ({ involvedObject }) => involvedObject?.uid === daemonSet.metadata.uid,
  );
  const newest = newestRefusal({ daemonSet, events: about, pods });
  return newest === undefined ? [] : [{ ...newest, uid: daemonSet.metadata.uid ?? '' }];
}

/** core/v1 Event, as far as it is read. */
interface CreateEvent extends KubeObject {
  readonly involvedObject?: { readonly uid?: string };
}

/** What is missing for want of each kind; those that are left out take nothing away. */
export type Losses = Partial<Readonly<Record<keyof Seen, string>>>;

const pullerLosses: Losses = {
  daemonSets: 'the counts are those of the operator, and costs are not told',
  deployments: "the costs have the puller's own pod as it usually is",
  pods: "the images are told as in the operator's status, the nodes only counted",
  events: 'why pods are missing is not told',
};

/** What is missing where one node is asked about. */
export const nodeLosses: Losses = {
  daemonSets: 'whose the pods on the node are is not known',
  pods: 'what the pods on the node hold is not known',
};

function unread(seen: Seen, losses: Losses): readonly string[] {
  return (Object.keys(queries) as (keyof Seen)[]).flatMap((kind) => {
    const { objects, error } = seen[kind];
    if (error === undefined) return [];
    const outdated = `what is told of ${queries[kind].resource.plural} may be outdated`;
    const loss = objects.length > 0 || kind === 'pullers' ? outdated : losses[kind];
    return loss === undefined ? [] : [`${loss}: ${error.message}`];
  });
}
