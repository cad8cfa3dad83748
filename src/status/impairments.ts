import { nounCount, printable } from '../api/text.ts';
import type { ImageStatus } from '../api/types.ts';
import { toldFailure } from './causes.ts';
import { reasons } from './conditions.ts';
import type { Complaint, Facts } from './facts.ts';
import { attempts, causesAmong, toldCauses } from './failure-words.ts';
import type { StartTrouble } from './idle-pods.ts';
import { essence } from './kubelet-words.ts';
import { spoken } from './node-names.ts';
import type { NodeVerdict } from './node-verdict.ts';
import type { Failing, ImageObservation, NodeGroup, Observation } from './observation.ts';
import { refusedPods, toldRefusals } from './refusal-words.ts';
import { lackOf, remedyFor } from './scheduler-words.ts';
import { cannot, someOf } from './spoken-counts.ts';
import { usualPuller } from './standing-cost.ts';

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
  const causes = causesAmong(blocked.failures);
  const [worst] = causes;
  if (!worst || blamed(blocked, facts) === 0) return [];
  const { reference } = worst.container;
  const message = `the image that brings sleep (${reference}): ${cannot(blocked.failing, nodesDesired)} ${attempts(causes)} it: ${toldCauses(causes, { of: nodesDesired })}`;
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
  const causes = causesAmong(image.failures);
  return `${name} (${reference}): ${cannot(image.failing, image.desired)} ${attempts(causes)} it: ${toldCauses(causes, { of: image.desired, advice })}`;
}

function refused({ observation, lagging, isPullerToCome }: Facts): readonly Complaint[] {
  const { refusals, nodesDesired } = observation;
  const waiting = lagging.filter(({ verdict }) => verdict === 'waiting');
  const nodes = waiting.reduce((sum, group) => sum + group.nodes.count, 0);
  const reasonsOfAll = toldRefusals(refusals, isPullerToCome ? [usualPuller] : []);
  return reasonsOfAll.flatMap(({ isQuota, missing, says }) => {
    if (missing === 0 && nodes === 0) return [];
    const get = nodes === 1 ? 'gets' : 'get';
    // A node whose old pod waits for its successor is not without a pod. One new pod is enough for a roll to
    // go on: the old one makes room for the next.
    const effect =
      missing > 0
        ? absence(missing, observation)
        : `${someOf(nodes, nodesDesired)} ${get} no new pod: ${isQuota ? 'for one ' : ''}`;
    return [
      {
        reason: isQuota ? reasons.quotaExceeded : reasons.podsRefused,
        message: `${effect}${says}; ${triedAgain}`,
      },
    ];
  });
}

/** What a DaemonSet controller makes of a refusal (kubernetes/client-go: util/workqueue/default_rate_limiters.go). */
const triedAgain =
  'Kubernetes tries again within 17 minutes, or as soon as the DaemonSet is annotated';

/** Of several DaemonSets a node may have the pods of some. */
function absence(missing: number, { nodesDesired, rollout }: Observation): string {
  const { desired } = rollout.pods;
  return desired > nodesDesired
    ? `${someOf(missing, desired, 'pod')} ${missing === 1 ? 'is' : 'are'} refused: `
    : `${someOf(missing, nodesDesired)} ${missing === 1 ? 'gets' : 'get'} no pod: `;
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
      const remedy = remedyFor(lack);
      return `no room for the cache: ${printable(lack, 200)}${remedy && `; ${remedy}`}`;
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
  {
    verdict: 'terminating',
    reason: reasons.waitingForDeletion,
    says: (message) => `no pod of the cache: ${printable(message, 200)}`,
  },
];

function withoutPod(
  { lagging, observation }: Facts,
  { verdict, reason, says }: VerdictComplaint,
): readonly Complaint[] {
  // Of pods that have just been deleted there is nothing to tell.
  const isTold = ({ message }: NodeGroup) => verdict !== 'terminating' || message !== '';
  return lagging
    .filter((group) => group.verdict === verdict && isTold(group))
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
  if (refusal !== undefined) return refusedPods(refusal.message, 1).says;
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
