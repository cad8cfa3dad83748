import { holdOf } from '../api/findings.ts';
import type { Finding, ImagePullerStatus, PullerSpec } from '../api/types.ts';
import {
  type Claim,
  type ConditionContext,
  condition,
  conditionTypes,
  messageLimit,
  reasons,
} from './conditions.ts';
import type { Rollout } from './rollout.ts';

/** Everything a status is made of: what was asked for, what was found wrong, what was seen. */
export interface Observed {
  readonly spec: PullerSpec;
  readonly findings: readonly Finding[];
  /** The source of `sleep` in effect. */
  readonly sleeperImage: string;
  /** The DaemonSet's own numbers; undefined while there is none. */
  readonly rollout: Rollout | undefined;
  /** Claims that the roll-out has not advanced within its deadline. */
  readonly stalled: boolean;
  /** Set when the puller's Deployment has been unavailable for longer than a start takes. */
  readonly pullerUnavailable: string | undefined;
  /** Set when what should exist could not be made so. */
  readonly failure: Failure | undefined;
}

/** Why the desired objects are not in place. */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  /** Claims that the cache does not suffer from it, so that Ready is left to the DaemonSet. */
  readonly sparesCache?: boolean;
}

/** Something to tell in a message, and of how many things it tells. */
interface Complaint {
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
}

/** The status of a puller: a pure function of what was seen and of when conditions last turned. */
export function summarize(observed: Observed, context: ConditionContext): ImagePullerStatus {
  return {
    imagePullerImage: observed.sleeperImage,
    observedGeneration: context.generation,
    imagesDesired: imagesOf(observed),
    nodesDesired: observed.rollout?.desired ?? 0,
    nodesReady: observed.rollout?.ready ?? 0,
    conditions: [
      condition(conditionTypes.ready, ready(observed), context),
      condition(conditionTypes.progressing, progressing(observed), context),
      condition(conditionTypes.degraded, degraded(observed), context),
    ],
  };
}

/** One rule: what it objects to, or nothing. */
type Check = (observed: Observed) => Claim | undefined;

/** What stands against Ready, or makes it True for a reason of its own; the first that speaks decides. */
const readyChecks: readonly Check[] = [
  notInPlace,
  entriesSkipped,
  nothingToCache,
  nodesStillPulling,
  noNodeMatches,
];

function ready(observed: Observed): Claim {
  for (const check of readyChecks) {
    const claim = check(observed);
    if (claim) return { ...claim, message: withRemarks(claim.message, mended(observed)) };
  }
  const nodes = observed.rollout?.desired ?? 0;
  return {
    status: 'True',
    reason: reasons.allResourcesReady,
    message: withRemarks(
      `${all(observed.spec.images.length, 'image')} on ${all(nodes, 'node')}`,
      mended(observed),
    ),
  };
}

function notInPlace({ findings, failure }: Observed): Claim | undefined {
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

function entriesSkipped(observed: Observed): Claim | undefined {
  const skipped = countOf(
    observed.findings.filter(({ verdict, field }) => verdict === 'skip' && field === 'images'),
  );
  if (skipped === 0) return undefined;
  const { images } = observed.spec;
  const rest =
    images.length === 0 ? 'no image is left to cache' : `of the others, ${progressOf(observed)}`;
  return {
    status: 'False',
    reason: reasons.invalidImages,
    message: `${count(skipped, 'entry', 'entries')} of spec.images had to be skipped, see Degraded; ${rest}`,
  };
}

function nothingToCache({ spec }: Observed): Claim | undefined {
  return spec.images.length === 0
    ? { status: 'True', reason: reasons.noImages, message: 'spec.images names no image' }
    : undefined;
}

function nodesStillPulling(observed: Observed): Claim | undefined {
  return observed.rollout?.complete
    ? undefined
    : { status: 'False', reason: reasons.imagesPulling, message: progressOf(observed) };
}

function noNodeMatches({ rollout }: Observed): Claim | undefined {
  return rollout?.desired === 0
    ? {
        status: 'True',
        reason: reasons.noMatchingNodes,
        message: 'no node matches nodeSelector, affinity and tolerations',
      }
    : undefined;
}

function progressing(observed: Observed): Claim {
  const blocked = notInPlace(observed);
  if (blocked) return { ...blocked, status: 'False' };
  if (observed.stalled) {
    return { status: 'False', reason: reasons.rolloutStalled, message: progressOf(observed) };
  }
  if (observed.spec.images.length > 0 && !observed.rollout?.complete) {
    return { status: 'True', reason: reasons.imagesPulling, message: progressOf(observed) };
  }
  return {
    status: 'False',
    reason: reasons.reconcileComplete,
    message: 'every object is as it should be',
  };
}

/** All that is wrong, worst first: the first gives the reason, all of them the message. */
function degraded(observed: Observed): Claim {
  const complaints = [...failures(observed), ...badValues(observed), ...ailments(observed)];
  const [worst] = complaints;
  return worst
    ? {
        status: 'True',
        reason: worst.reason,
        message: complaints.length === 1 ? worst.message : worstOf(complaints),
      }
    : { status: 'False', reason: reasons.reconcileComplete, message: 'nothing is wrong' };
}

function failures({ failure }: Observed): readonly Complaint[] {
  return failure ? [failure] : [];
}

/** Findings that cost the user something; what was merely mended stands in Ready's message. */
function badValues({ findings }: Observed): readonly Complaint[] {
  return findings.filter(({ verdict }) => verdict !== 'fix' && verdict !== 'note');
}

function ailments(observed: Observed): readonly Complaint[] {
  return [
    ...(observed.stalled
      ? [
          {
            reason: reasons.rolloutStalled,
            message: `the roll-out does not advance: ${progressOf(observed)}; see the pods' events for the cause`,
          },
        ]
      : []),
    ...(observed.pullerUnavailable === undefined
      ? []
      : [
          {
            reason: reasons.deploymentNotAvailable,
            message: `the puller's Deployment ${observed.spec.deploymentName} is not available: ${observed.pullerUnavailable}`,
          },
        ]),
  ];
}

function mended({ findings }: Observed): readonly Complaint[] {
  return findings.filter(({ verdict }) => verdict === 'fix' || verdict === 'note');
}

function withRemarks(message: string, remarks: readonly Complaint[]): string {
  if (remarks.length === 0) return message;
  const whole = sentence(message);
  return `${whole} ${worstOf(remarks, messageLimit - whole.length - 1)}`;
}

/** At most ten messages in at most `limit` characters, whole ones only, and how many more there are. */
export function worstOf(complaints: readonly Complaint[], limit = messageLimit): string {
  const more = (shown: number) => {
    const rest = countOf(complaints.slice(shown));
    return rest === 0 ? '' : ` ... and ${rest} more`;
  };
  let text = '';
  let shown = 0;
  for (const { message, count: told = 1 } of complaints.slice(0, 10)) {
    const longer = shown === 0 ? sentence(message) : `${text} ${sentence(message)}`;
    if (told > 1 || (longer.length + more(shown + 1).length > limit && shown > 0)) break;
    text = longer;
    shown += 1;
  }
  return `${text}${more(shown)}`;
}

function countOf(complaints: readonly Complaint[]): number {
  return complaints.reduce((sum, { count: told = 1 }) => sum + told, 0);
}

/** Our own messages are phrases, those of others often whole sentences; several are read as prose. */
function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

/** A held spec has no say: what is cached then is what the DaemonSet still holds. */
function imagesOf({ spec, findings, rollout }: Observed): number {
  return holdOf(findings) ? (rollout?.images ?? 0) : spec.images.length;
}

function progressOf(observed: Observed): string {
  const { rollout } = observed;
  const images = all(imagesOf(observed), 'image');
  if (!rollout?.observed) return `${images} to be put on the nodes`;
  return `${rollout.ready} of ${count(rollout.desired, 'node')} ${rollout.ready === 1 ? 'holds' : 'hold'} ${images}`;
}

function all(number: number, noun: string): string {
  return number === 1 ? `the ${noun}` : `all ${number} ${noun}s`;
}

function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
