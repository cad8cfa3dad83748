import { holdOf } from '../api/findings.ts';
import type { Finding, ImagePullerStatus, ImageStatus, PullerSpec } from '../api/types.ts';
import { conditionOf, conditionTypes } from './conditions.ts';
import type { StartTrouble } from './idle-pods.ts';
import type { Lingering } from './lingering.ts';
import type { NodeGroup, Observation } from './observation.ts';

/** Everything a status is made of: what was asked for, what was found wrong, what was seen. */
export interface Observed {
  readonly spec: PullerSpec;
  readonly findings: readonly Finding[];
  /** The source of `sleep` in effect. */
  readonly sleeperImage: string;
  readonly observation: Observation;
  /** What keeps one of the pods from making its first container, where Events tell. */
  readonly startTrouble: StartTrouble | undefined;
  /** DaemonSets that are to go and do not. */
  readonly lingering: readonly Lingering[];
  /** Claims that the roll-out has not advanced within its deadline. */
  readonly stalled: boolean;
  /** Set when the operator may not read pods: the server's own words. */
  readonly podsUnreadable: string | undefined;
  /** Claims that the puller has no pod yet, or none any more to leave its room to the cache. */
  readonly isPullerToCome: boolean;
  /** Set when the puller's Deployment has been unavailable for longer than a start takes. */
  readonly pullerUnavailable: string | undefined;
  /** Set when what should exist could not be made so. */
  readonly failure: Failure | undefined;
}

/** Why the desired objects are not in place. */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  /** Claims that the cache does not suffer from it, so that Ready is left to the nodes. */
  readonly sparesCache?: boolean;
  /** Claims that it has lasted for so long that it will not pass by itself. */
  readonly isFinal?: boolean;
}

/** Something to tell in a message, and of how many things it tells. */
export interface Complaint {
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
}

/** What was observed, and what follows from it for every check alike. */
export interface Facts extends Observed {
  /** Claims that the cache was complete since the list last changed. */
  readonly isSettled: boolean;
  /** The images, failing ones first. */
  readonly rows: readonly ImageStatus[];
  /** Claims that nodes are given time whose pods are new. */
  readonly excuses: boolean;
  /** Nodes that do not hold the list, and should. */
  readonly lagging: readonly NodeGroup[];
  /** Nodes without a pod, and that is not because they are new. */
  readonly missing: number;
}

/**
 * Claims that the cache was complete since the spec last changed: from then on it takes a loss, and not
 * only new pods, to make it incomplete.
 */
export function isSettled(stored: ImagePullerStatus, generation: number): boolean {
  const ready = conditionOf(stored, conditionTypes.ready);
  return ready?.status === 'True' && ready.observedGeneration === generation;
}

/** Draws the conclusions that more than one check needs. */
export function factsOf(
  observed: Observed,
  isSettled: boolean,
  rows: readonly ImageStatus[],
): Facts {
  const { lagging, missing, refusals, nodesReady } = observed.observation;
  const young = lagging.filter((group) => group.isExcused);
  const newNodes = young.reduce((sum, { nodes }) => sum + nodes.count, missing);
  // As old as their pods, all nodes look new when a cache is lost as a whole: that nobody holds it tells, and
  // until as many do again as are new they are counted. Else any number of nodes can come.
  const isKept = isSettled ? newNodes === 0 || nodesReady > 0 : newNodes <= nodesReady;
  const excuses = !observed.stalled && isKept;
  const isAwaited = excuses && isSettled && refusals.length === 0;
  return {
    ...observed,
    isSettled,
    rows,
    excuses,
    lagging: excuses ? lagging.filter((group) => !group.isExcused) : lagging,
    missing: isAwaited ? 0 : missing,
  };
}

/** Claims that every node that counts holds the list. */
export function isComplete({ observation, lagging, missing, isSettled }: Facts): boolean {
  const { rollout, hasPods, nodesDesired } = observation;
  if (!hasPods) return rollout.complete;
  // Until the DaemonSet controller has seen a new template, it does not know for which nodes it is.
  const isKnown = rollout.observed || (isSettled && nodesDesired > 0);
  return isKnown && lagging.length === 0 && missing === 0;
}

/** A held spec has no say: what is cached then is what the DaemonSets still hold. */
export function imagesOf({ spec, findings, observation }: Observed): number {
  return holdOf(findings) ? observation.rollout.images : spec.images.length;
}

/** Of how many things these tell. */
export function countOf(complaints: readonly Complaint[]): number {
  return complaints.reduce((sum, { count: told = 1 }) => sum + told, 0);
}
