import { holdOf } from '../api/findings.ts';
import { count, nounCount, printable } from '../api/text.ts';
import type { Finding, ImagePullerStatus, ImageStatus, PullerSpec } from '../api/types.ts';
import { isPullFailure, toldFailure } from './causes.ts';
import { type Claim, conditionOf, conditionTypes, reasons } from './conditions.ts';
import type { StartTrouble } from './idle-pods.ts';
import { essence } from './kubelet-words.ts';
import type { Lingering } from './lingering.ts';
import { spoken } from './node-names.ts';
import type { NodeVerdict } from './nodes.ts';
import type {
  Failing,
  FailureGroup,
  ImageObservation,
  NodeGroup,
  Observation,
} from './observation.ts';
import type { ContainerRecord } from './pods.ts';
import { refusedPods } from './refusal-words.ts';
import type { RollsOnTheWay } from './roll.ts';
import { lackOf } from './scheduler-words.ts';

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
  /** Claims that new nodes are given time. */
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
  // As old as their pods, all nodes look new when a cache is lost as a whole.
  const excuses = !observed.stalled && newNodes <= nodesReady;
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

/** One rule: what it objects to, or nothing. */
export type Check = (facts: Facts) => Claim | undefined;

/** What stands against Ready, or makes it True for a reason of its own; the first that speaks decides. */
export const readyChecks: readonly Check[] = [
  notInPlace,
  entriesSkipped,
  nothingToCache,
  cacheImpaired,
  nodesStillPulling,
  noNodeMatches,
];

/** What the spec or the API server stands in the way of. */
export function notInPlace({ findings, failure }: Facts): Claim | undefined {
  const held = holdOf(findings);
  if (held) {
    return {
      status: 'False',
      reason: held.reason,
      message: `nothing is changed until the spec is: ${held.message}`,
    };
  }
  if (!failure || failure.sparesCache) return undefined;
  return { status: 'False', reason: failure.reason, message: failure.message };
}

function entriesSkipped(facts: Facts): Claim | undefined {
  const findings = facts.findings.filter(
    ({ verdict, field }) => verdict === 'skip' && field === 'images',
  );
  const skipped = countOf(findings);
  if (skipped === 0) return undefined;
  const isValid = findings.every(({ reason }) => reason === reasons.registryNotAllowed);
  const { images } = facts.spec;
  const rest =
    images.length === 0 ? 'no image is left to cache' : `of the others, ${progressOf(facts)}`;
  return {
    status: 'False',
    reason: isValid ? reasons.registryNotAllowed : reasons.invalidImages,
    message: `${nounCount(skipped, 'entry', 'entries')} of spec.images had to be skipped, see Degraded; ${rest}`,
  };
}

function nothingToCache({ spec }: Facts): Claim | undefined {
  return spec.images.length === 0
    ? { status: 'True', reason: reasons.noImages, message: 'spec.images names no image' }
    : undefined;
}

function cacheImpaired(facts: Facts): Claim | undefined {
  const [worst, ...others] = impairments(facts);
  if (!worst) return undefined;
  const more = countOf(others);
  return {
    status: 'False',
    reason: worst.reason,
    message: more === 0 ? worst.message : `${worst.message}; and ${more} more, see Degraded`,
  };
}

function nodesStillPulling(facts: Facts): Claim | undefined {
  return isComplete(facts)
    ? undefined
    : { status: 'False', reason: reasons.imagesPulling, message: progressOf(facts) };
}

function noNodeMatches({ observation }: Facts): Claim | undefined {
  return observation.nodesDesired === 0
    ? {
        status: 'True',
        reason: reasons.noMatchingNodes,
        message:
          'no node takes pods of the cache now: none matches nodeSelector, affinity and tolerations, or those that do are not ready',
      }
    : undefined;
}

/** Claims that every node that counts holds the list. */
export function isComplete({ observation, lagging, missing, isSettled }: Facts): boolean {
  const { rollout, hasPods, nodesDesired } = observation;
  if (!hasPods) return rollout.complete;
  // Until the DaemonSet controller has seen a new template, it does not know for which nodes it is.
  const isKnown = rollout.observed || (isSettled && nodesDesired > 0);
  return isKnown && lagging.length === 0 && missing === 0;
}

/** All that keeps images from nodes and will not pass by itself, worst first. */
export function impairments(facts: Facts): readonly Complaint[] {
  return [
    ...sleeperFailing(facts),
    ...imagesFailing(facts),
    ...refused(facts),
    ...notStarting(facts),
    ...verdictComplaints.flatMap((each) => withoutPod(facts, each)),
    ...nobodyReachable(facts),
  ];
}

/** How many nodes fail, those that are given time aside. */
function blamed({ failing, failingExcused }: Failing, { excuses }: Facts): number {
  return failing - (excuses ? failingExcused : 0);
}

function sleeperFailing(facts: Facts): readonly Complaint[] {
  const { blocked, nodesDesired } = facts.observation;
  const [worst] = blocked.failures;
  if (!worst || blamed(blocked, facts) === 0) return [];
  const { reference } = worst.container;
  const message = `the image that brings sleep (${reference}): ${cannot(blocked.failing, nodesDesired)} ${attempt(worst.container)} it: ${toldFailure(worst.container)}${whereOf(worst, nodesDesired)}`;
  return [{ reason: reasons.imagesFailing, message }];
}

function imagesFailing(facts: Facts): readonly Complaint[] {
  const seen = new Map(facts.observation.images.map((each) => [each.image.reference, each]));
  return facts.rows.flatMap((row) => {
    const image = seen.get(row.reference);
    if (!image || blamed(image, facts) === 0) return [];
    return [{ reason: reasons.imagesFailing, message: failingSentence(row, image) }];
  });
}

/** `my_Image (registry.example/x:1): 2 of 40 nodes cannot pull it: 401 Unauthorized; check …`. */
function failingSentence(row: ImageStatus, image: ImageObservation): string {
  const { name, reference, reason = '', advice = reason } = row;
  const [worst] = image.failures;
  const where = worst ? whereOf(worst, image.desired) : '';
  const verb = worst ? attempt(worst.container) : 'pull';
  return `${name} (${reference}): ${cannot(image.failing, image.desired)} ${verb} it: ${advice}${where}`;
}

function whereOf({ nodes }: FailureGroup, of: number): string {
  return nodes.count < of ? ` (on ${spoken(nodes)})` : '';
}

/** What a kubelet was at when it failed: a container keeps the digest of a former run while it is pulled. */
function attempt({ reason, digest }: ContainerRecord): 'pull' | 'run' {
  const hasImage = digest !== '' || startReasons.test(reason);
  return hasImage && !isPullFailure(reason) ? 'run' : 'pull';
}

const startReasons =
  /^(?:Create|Run)Container|^(?:StartError|ContainerCannotRun|OOMKilled|CrashLoopBackOff)$/;

function refused({ observation, missing, lagging }: Facts): readonly Complaint[] {
  const waiting = lagging.filter(({ verdict }) => verdict === 'waiting');
  // A node whose old pod waits for its successor is not without a pod.
  const nodes = missing || waiting.reduce((sum, group) => sum + group.nodes.count, 0);
  if (nodes === 0) return [];
  const gets = `${someOf(nodes, observation.nodesDesired)} ${nodes === 1 ? 'gets' : 'get'}`;
  return observation.refusals.map((message) => {
    // One new pod is enough for a roll to go on: the old one makes room for the next.
    const { isQuota, says } = refusedPods(message, missing || 1);
    return {
      reason: isQuota ? reasons.quotaExceeded : reasons.podsRefused,
      message: `${gets} ${missing === 0 ? `no new pod: ${isQuota ? 'for one ' : ''}` : 'no pod: '}${says}`,
    };
  });
}

/** Told of a node that lacks images; where another pod holds them, it only keeps a roll from going on. */
function notStarting({ startTrouble, observation, excuses }: Facts): readonly Complaint[] {
  const node = observation.nodes.get(startTrouble?.node ?? '');
  const isHarmless = node?.verdict === 'holds' || (excuses && node?.isExcused);
  if (!startTrouble || !node || isHarmless) return [];
  return [{ reason: reasons.podsNotStarting, message: spokenTrouble(startTrouble) }];
}

function spokenTrouble({ node, reason, message }: StartTrouble): string {
  const speaker = { name: '', namespace: '', uid: '' };
  const failure = { reason, message: essence(message, speaker) };
  return `${node}: its pod does not start: ${toldFailure(failure)}`;
}

interface VerdictComplaint {
  readonly verdict: NodeVerdict;
  readonly reason: string;
  readonly says: (message: string) => string;
}

/** What is told of nodes that keep no pod, worst first. */
const verdictComplaints: readonly VerdictComplaint[] = [
  {
    verdict: 'unscheduled',
    reason: reasons.unschedulable,
    says: (message) => {
      const lack = lackOf(message);
      const remedy = /^Insufficient/.test(lack) ? '; make room there, or lower the requests' : '';
      return `no room for the cache: ${printable(lack, 200)}${remedy}`;
    },
  },
  {
    verdict: 'diskPressure',
    reason: reasons.diskPressure,
    says: (message) =>
      `no disk space left for the cache: ${printable(message, 200)}; free some, or cache less there`,
  },
  {
    verdict: 'evicted',
    reason: reasons.podsEvicted,
    says: (message) => `evicted the cache: ${printable(message, 200)}`,
  },
  {
    verdict: 'rejected',
    reason: reasons.podsRejected,
    says: (message) => `rejected the cache: ${printable(message, 200)}`,
  },
];

function withoutPod(
  { lagging, observation }: Facts,
  { verdict, reason, says }: VerdictComplaint,
): readonly Complaint[] {
  return lagging
    .filter((group) => group.verdict === verdict)
    .map(({ nodes, message }) => {
      const verb = verdict === 'evicted' || verdict === 'rejected' ? '' : hasOrHave(nodes.count);
      return {
        reason,
        message: `${someOf(nodes.count, observation.nodesDesired)} (${spoken(nodes)}) ${verb}${says(message)}`,
      };
    });
}

/** What keeps new pods from taking the place of old ones, as far as anybody tells. */
export function obstacleTo({ observation, startTrouble }: Facts): string {
  if (startTrouble) return spokenTrouble(startTrouble);
  const [crowded] = observation.crowded;
  if (crowded) {
    const { nodes, message } = crowded;
    return `no room for another pod on ${spoken(nodes)}: ${printable(lackOf(message), 200)}`;
  }
  const [refusal] = observation.refusals;
  if (refusal !== undefined) return refusedPods(refusal, 1).says;
  // Those that wait do so for others, and are more of them.
  const { lagging } = observation;
  const slowest = lagging.find(({ verdict }) => verdict !== 'waiting') ?? lagging[0];
  const whose = slowest ? `the pod's events on ${spoken(slowest.nodes)}` : "the pods' events";
  return `see ${whose} for the cause`;
}

function nobodyReachable({ observation }: Facts): readonly Complaint[] {
  const { unreachable, nodesDesired } = observation;
  if (nodesDesired === 0 || unreachable.count < nodesDesired) return [];
  const message =
    nodesDesired === 1
      ? `the selected node does not answer: ${spoken(unreachable)}`
      : `none of the ${nounCount(nodesDesired, 'selected node')} answers`;
  return [{ reason: reasons.nodesUnreachable, message }];
}

function hasOrHave(number: number): string {
  return number === 1 ? 'has ' : 'have ';
}

/** `2 of 40 nodes cannot`, or `none of 40 nodes can`. */
function cannot(some: number, of: number): string {
  if (some < of || of < 2) return `${someOf(some, of)} cannot`;
  return of === 2 ? 'neither of 2 nodes can' : `none of ${nounCount(of, 'node')} can`;
}

/** `2 of 40 nodes`, or `all 40 nodes`. */
function someOf(some: number, of: number): string {
  return some >= of && of > 0 ? all(of, 'node') : `${count(some)} of ${nounCount(of, 'node')}`;
}

/** A held spec has no say: what is cached then is what the DaemonSets still hold. */
export function imagesOf({ spec, findings, observation }: Observed): number {
  return holdOf(findings) ? observation.rollout.images : spec.images.length;
}

/** How many nodes hold the list. */
export function progressOf(facts: Facts): string {
  const { observation } = facts;
  const { rollout, nodesReady, nodesDesired, unreachable } = observation;
  const images = all(imagesOf(facts), 'image');
  if (rollout.identity === '' || (!rollout.observed && !facts.isSettled)) {
    return `${images} to be put on the nodes`;
  }
  const reachable = nodesDesired - unreachable.count;
  const nodes = nounCount(reachable, unreachable.count > 0 ? 'reachable node' : 'node');
  return `${count(nodesReady)} of ${nodes} ${holdsOrHold(nodesReady, reachable)} ${images}${asides(facts)}`;
}

/** Of nodes of which some do: `1 of 3 nodes holds`, `2 of 3 nodes hold`. */
export function holdsOrHold(some: number, of: number): 'holds' | 'hold' {
  return some === 1 || of === 1 ? 'holds' : 'hold';
}

/** Said of a cache that is complete. */
export function completeness(facts: Facts): string {
  const { unreachable, nodesDesired, nodesReady } = facts.observation;
  const reachable = nodesDesired - unreachable.count;
  const noun = unreachable.count > 0 ? 'reachable node' : 'node';
  const nodes =
    facts.observation.hasPods && nodesReady < reachable
      ? `${count(nodesReady)} of ${nounCount(reachable, noun)}`
      : all(reachable, noun);
  return `${all(facts.spec.images.length, 'image')} on ${nodes}${asides(facts)}`;
}

/** Nodes that are counted and named and hold nothing up. */
function asides({ observation, excuses }: Facts): string {
  const { unreachable, lagging, rolls } = observation;
  const parts = [...manner(rolls)];
  if (unreachable.count > 0) {
    const verb = unreachable.count === 1 ? 'is' : 'are';
    parts.push(
      `${nounCount(unreachable.count, 'node')} ${verb} unreachable: ${spoken(unreachable)}`,
    );
  }
  for (const { nodes } of excuses ? lagging.filter((group) => group.isExcused) : []) {
    const verb = nodes.count === 1 ? 'is' : 'are';
    parts.push(`${nounCount(nodes.count, 'node')} ${verb} new and not done: ${spoken(nodes)}`);
  }
  return parts.map((part) => `; ${part}`).join('');
}

/** How pods are replaced where that is not as usual. */
function manner({ isInPlace, passed }: RollsOnTheWay): readonly string[] {
  const parts: string[] = [];
  if (isInPlace) {
    parts.push(
      'there is no room for two pods at once, on a node or in the quota, or a node refuses its pods, so one node after another loses its images for a moment',
    );
  }
  if (passed > 0) {
    const lack = passed === 1 ? 'lacks an image or has no room' : 'lack an image or have no room';
    parts.push(`the roll-out goes on without ${nounCount(passed, 'new pod')} that ${lack}`);
  }
  return parts;
}

/** Of how many things these tell. */
export function countOf(complaints: readonly Complaint[]): number {
  return complaints.reduce((sum, { count: told = 1 }) => sum + told, 0);
}

/** `the image`, `all 3 images`. */
function all(number: number, noun: string): string {
  return number === 1 ? `the ${noun}` : `all ${nounCount(number, noun)}`;
}
