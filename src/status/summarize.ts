import { holdOf } from '../api/findings.ts';
import { printable } from '../api/text.ts';
import type { Condition, ImagePullerStatus } from '../api/types.ts';
import { notInPlace, readyChecks } from './checks.ts';
import {
  type Claim,
  completeOf,
  condition,
  conditionTypes,
  messageLimit,
  reasons,
  timestamp,
} from './conditions.ts';
import {
  type Complaint,
  countOf,
  type Facts,
  factsOf,
  imagesOf,
  isComplete,
  isSettled,
  type Observed,
} from './facts.ts';
import { imageRows, listed, type RowContext } from './image-rows.ts';
import { impairments, obstacleTo } from './impairments.ts';
import { isMoving } from './observation.ts';
import { completeness, progressOf } from './progress.ts';

/** What a status depends on beside what was observed. */
export interface SummaryContext {
  /**
   * The status that is stored: conditions keep the time they turned at, failures when they began. It may
   * have more rows of images than a status has room for, where these are remembered.
   */
  readonly previous: ImagePullerStatus;
  readonly generation: number;
  /** Wall-clock milliseconds. */
  readonly now: number;
  /** An image that fails for longer than this does not mend itself. */
  readonly progressDeadlineMs: number;
}

/** A status, and what it is made of as far as it has no room for that. */
export interface Summary {
  readonly status: ImagePullerStatus;
  /** The rows of all images, failing ones first, and the numbers of nodes that they are read with. */
  readonly seen: Required<RowContext['previous']>;
  /** All that is wrong, worst first. */
  readonly complaints: readonly Complaint[];
}

/** The status of a puller: a pure function of what was seen and of what was said before. */
export function summary(observed: Observed, context: SummaryContext): Summary {
  const { previous, generation, now } = context;
  const { observation } = observed;
  const rows = imageRows(observation, { previous, now });
  const facts = factsOf(observed, isSettled(previous, generation), rows);
  const claims = { previous: previous.conditions, generation, now };
  const conditions = conditionsOf(facts, context).map(([type, claim]) =>
    condition(type, claim, claims),
  );
  const status = {
    imagePullerImage: observed.sleeperImage,
    observedGeneration: generation,
    imagesDesired: imagesOf(observed),
    ...(observation.hasPods && {
      imagesReady: imagesReady(facts),
      imagesFailing: rows.filter(({ nodesFailing }) => nodesFailing > 0).length,
    }),
    nodesDesired: observation.nodesDesired,
    nodesReady: observation.nodesReady,
    nodesUnreachable: observation.unreachable.count,
    ...lastComplete(conditions, context),
    ...(observation.hasPods && { images: listed(rows) }),
    conditions,
  };
  const { nodesDesired, nodesUnreachable } = status;
  const seen = { images: rows, nodesDesired, nodesUnreachable };
  return { status, seen, complaints: [...complaintsOf(facts), ...stalledByImage(facts, context)] };
}

/**
 * In how many milliseconds a failure that is told now has lasted for so long that Stalled is due;
 * undefined if none will.
 */
export function stalledInMs(
  { images = [] }: ImagePullerStatus,
  { now, progressDeadlineMs }: Pick<SummaryContext, 'now' | 'progressDeadlineMs'>,
): number | undefined {
  const left = images
    .flatMap(({ failingSince }) => (failingSince === undefined ? [] : [Date.parse(failingSince)]))
    .map((since) => since + progressDeadlineMs - now)
    .filter((ms) => ms > 0);
  return left.length === 0 ? undefined : Math.min(...left);
}

function conditionsOf(facts: Facts, context: SummaryContext): readonly [string, Claim][] {
  const readyClaim = ready(facts);
  const progressingClaim = progressing(facts, context);
  const stalledClaim = readyClaim.status === 'True' ? undefined : stalled(facts, context);
  const isReconciling =
    readyClaim.status !== 'True' && progressingClaim.status === 'True' && !stalledClaim;
  return [
    [conditionTypes.ready, readyClaim],
    [conditionTypes.progressing, progressingClaim],
    [conditionTypes.degraded, degraded(facts)],
    ...(isReconciling
      ? [[conditionTypes.reconciling, { ...readyClaim, status: 'True' }] as [string, Claim]]
      : []),
    ...(stalledClaim ? [[conditionTypes.stalled, stalledClaim] as [string, Claim]] : []),
  ];
}

function ready(facts: Facts): Claim {
  for (const check of readyChecks) {
    const claim = check(facts);
    if (claim) return { ...claim, message: withRemarks(claim.message, mended(facts)) };
  }
  return {
    status: 'True',
    reason: reasons.allResourcesReady,
    message: withRemarks(completeness(facts), mended(facts)),
  };
}

function progressing(facts: Facts, context: SummaryContext): Claim {
  const blocked = notInPlace(facts);
  if (blocked) return { ...blocked, status: 'False' };
  if (facts.stalled) {
    return { status: 'False', reason: reasons.rolloutStalled, message: progressOf(facts) };
  }
  if (facts.spec.images.length === 0) return nothingLeft(facts);
  const stuck = longFailing(facts, context);
  if (stuck) return { status: 'False', reason: stuck.reason, message: progressOf(facts) };
  if (!isComplete(facts)) {
    return { status: 'True', reason: reasons.imagesPulling, message: progressOf(facts) };
  }
  if (facts.observation.lagging.length > 0) {
    return { status: 'True', reason: reasons.imagesPulling, message: progressOf(facts) };
  }
  if (!facts.observation.rollout.complete) {
    return { status: 'True', reason: reasons.podsRolling, message: progressOf(facts) };
  }
  return nothingLeft(facts);
}

function nothingLeft({ failure }: Facts): Claim {
  const { reason, message } = failure ?? {
    reason: reasons.reconcileComplete,
    message: 'every object is as it should be',
  };
  return { status: 'False', reason, message };
}

/** A name is taken, and a body refused, until somebody changes something: that is known at once. */
const finalReasons: ReadonlySet<string> = new Set([reasons.nameConflict, reasons.rejected]);

/** What will not mend itself; asked only while Ready is not True. */
function stalled(facts: Facts, context: SummaryContext): Claim | undefined {
  const { failure } = facts;
  const blocked = notInPlace(facts);
  if (blocked) {
    const isFinal = failure?.isFinal || finalReasons.has(failure?.reason ?? '');
    return holdOf(facts.findings) || isFinal ? { ...blocked, status: 'True' } : undefined;
  }
  // What keeps the images from a node tells more than that the roll-out waits for it.
  const causes = facts.stalled ? impairments(facts) : longFailures(facts, context);
  const [worst] = [...causes, ...rolloutStalled(facts, causes), ...skipped(facts)];
  return worst && { status: 'True', reason: worst.reason, message: worst.message };
}

/** Entries that were left out are left out for good, once the others are in place. */
function skipped(facts: Facts): readonly Complaint[] {
  const finding = facts.findings.find(
    ({ verdict, field }) => verdict === 'skip' && field === 'images',
  );
  return finding && (facts.spec.images.length === 0 || isComplete(facts)) ? [finding] : [];
}

/** Set when some image fails for good and nobody is pulling any more. */
function longFailing(facts: Facts, context: SummaryContext): Complaint | undefined {
  return isMoving(facts) ? undefined : longFailures(facts, context)[0];
}

function longFailures(facts: Facts, { now, progressDeadlineMs }: SummaryContext) {
  const isLong = facts.rows.some(
    ({ failingSince }) =>
      failingSince !== undefined && now - Date.parse(failingSince) >= progressDeadlineMs,
  );
  return isLong ? impairments(facts).filter(({ reason }) => reason === reasons.imagesFailing) : [];
}

/** That nothing moves any more is told also where Stalled has the reason of an image. */
function stalledByImage(facts: Facts, context: SummaryContext): readonly Complaint[] {
  const claim = facts.stalled ? undefined : stalled(facts, context);
  return claim?.reason === reasons.imagesFailing
    ? [{ reason: reasons.rolloutStalled, message: claim.message }]
    : [];
}

function complaintsOf(facts: Facts): readonly Complaint[] {
  const { lost, defaulted } = badValues(facts);
  return [...failures(facts), ...lost, ...ailments(facts), ...defaulted];
}

/** All that is wrong, worst first: the first gives the reason, all of them the message. */
function degraded(facts: Facts): Claim {
  const complaints = complaintsOf(facts);
  const [worst] = complaints;
  const excused = excusedOf(facts);
  if (worst) {
    return { status: 'True', reason: worst.reason, message: joined([...complaints, ...excused]) };
  }
  const message =
    excused.length === 0
      ? 'nothing is wrong'
      : `nothing is wrong but on nodes whose pods are new: ${joined(excused)}`;
  return { status: 'False', reason: reasons.reconcileComplete, message };
}

/** What would be told as well if no node were given time. */
function excusedOf(facts: Facts): readonly Complaint[] {
  const { lagging } = facts.observation;
  if (lagging.length === facts.lagging.length) return [];
  const told = new Set(impairments(facts).map(({ message }) => message));
  const all = impairments({ ...facts, excuses: false, lagging });
  return all.filter(({ message }) => !told.has(message));
}

function joined(complaints: readonly Complaint[]): string {
  const [first] = complaints;
  return first && complaints.length === 1 ? first.message : worstOf(complaints);
}

function failures({ failure }: Facts): readonly Complaint[] {
  return failure ? [failure] : [];
}

/**
 * Findings that cost the user something: what is not followed, and what a default stands in for, which is
 * milder than images that nodes lack. What was merely mended stands in Ready's message.
 */
function badValues({ findings }: Facts) {
  const lost = findings.filter(({ verdict }) => verdict === 'hold' || verdict === 'skip');
  const defaulted = findings.filter(({ verdict }) => verdict === 'default');
  return { lost, defaulted };
}

function ailments(facts: Facts): readonly Complaint[] {
  const causes = impairments(facts);
  return [
    ...causes,
    ...rolloutStalled(facts, causes),
    ...facts.lingering.map(({ name, finalizers }) => ({
      reason: reasons.waitingForDeletion,
      message: `the deletion of DaemonSet ${name} has waited for more than a minute for its finalizers ${printable(finalizers.join(', '), 200)}`,
    })),
    ...(facts.podsUnreadable === undefined
      ? []
      : [
          {
            reason: reasons.podsUnreadable,
            message: `the operator may not read pods, so nobody can tell where an image is missing: ${facts.podsUnreadable}`,
          },
        ]),
    ...(facts.pullerUnavailable === undefined
      ? []
      : [
          {
            reason: reasons.deploymentNotAvailable,
            message: `the puller's Deployment ${facts.spec.deploymentName} is not available: ${facts.pullerUnavailable}`,
          },
        ]),
  ];
}

/** Where causes are told before it, nobody needs to look for one. */
function rolloutStalled(facts: Facts, causes: readonly Complaint[]): readonly Complaint[] {
  if (!facts.stalled) return [];
  const obstacle = causes.length === 0 ? `; ${obstacleTo(facts)}` : '';
  return [
    {
      reason: reasons.rolloutStalled,
      message: `the roll-out does not advance: ${progressOf(facts)}${obstacle}`,
    },
  ];
}

/** An image is there when some node answers, and none lacks it that does and is not given time. */
function imagesReady(facts: Facts): number {
  const { observation, excuses, missing } = facts;
  const { images, unreachable } = observation;
  const awaited = observation.missing - missing;
  return images.filter(({ cached, desired, lackingExcused }) => {
    const forgiven = unreachable.count + awaited + (excuses ? lackingExcused : 0);
    return desired > unreachable.count && cached + forgiven >= desired;
  }).length;
}

/**
 * Whether this is the moment in which the cache became, or was last known to be, complete. Kept in the
 * status alone, so that it outlives the operator.
 */
function lastComplete(
  conditions: readonly Condition[],
  { previous, now }: SummaryContext,
): Pick<ImagePullerStatus, 'lastCompleteTime'> {
  const was = completeOf(previous) !== undefined;
  const is = completeOf({ conditions }) !== undefined;
  const { lastCompleteTime } = previous;
  if (was !== is || (is && lastCompleteTime === undefined)) {
    return { lastCompleteTime: timestamp(now) };
  }
  return lastCompleteTime === undefined ? {} : { lastCompleteTime };
}

function mended({ findings }: Facts): readonly Complaint[] {
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
    const longer = shown === 0 ? sentence(message) : `${text} ${capital(sentence(message))}`;
    if (told > 1 || (longer.length + more(shown + 1).length > limit && shown > 0)) break;
    text = longer;
    shown += 1;
  }
  return `${text}${more(shown)}`;
}

/** A sentence that begins with a word of ours; names are left as their owners write them. */
function capital(text: string): string {
  return text.replace(
    /^(?:the|all|none|neither|no) /,
    (word) => word[0]?.toUpperCase() + word.slice(1),
  );
}

/** Our own messages are phrases, those of others often whole sentences; several are read as prose. */
function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
