import type { Holdings, HoldingsOf } from './holdings.ts';
import type { LastingVectors } from './lasting-vectors.ts';
import { lingersAfterMs } from './lingering.ts';
import type { NodeVerdict } from './node-verdict.ts';
import type { ContainerVector, PodRecord } from './pods.ts';

/** A kubelet tells of a pod's containers within seconds; one that has not in this time is not there. */
const silentMs = 60_000;

/** What is gathered of a node while its pods are looked at one after another. */
export interface NodeDraft {
  holdings: Holdings;
  oldestAt: number;
  /** Claims that the node-lifecycle controller has marked a pod of it. */
  isMarked: boolean;
  /** Claims that a kubelet speaks of a pod of it. */
  hasSpoken: boolean;
  /** When the status of a living pod of it last changed. */
  spokenAt: number;
  /** When silence becomes telling; infinite where none is waited for. */
  silentAt: number;
  isSilent: boolean;
  /** When the end of a pod of it has lasted for long; infinite where none does. */
  lingersAt: number;
  hasLivingPod: boolean;
  hasReadyPod: boolean;
  /** Which DaemonSet it was last found to have a living pod of. */
  peopledBy: number;
  trouble: NodeTrouble | undefined;
}

/** Why a node does not hold the list, where a pod tells. */
export interface NodeTrouble {
  readonly verdict: NodeVerdict;
  readonly message: string;
}

interface Taking {
  readonly holdingsOf: HoldingsOf;
  /** Of the DaemonSet of the pod. */
  readonly lasting: LastingVectors;
  readonly now: number;
}

/** That of the node of a pod, which is begun with the first one. */
export function draftOf(
  pod: PodRecord,
  drafts: Map<string, NodeDraft>,
  { none }: HoldingsOf,
): NodeDraft {
  const known = drafts.get(pod.node);
  if (known !== undefined) return known;
  const draft: NodeDraft = {
    holdings: none,
    oldestAt: pod.createdAt,
    isMarked: false,
    hasSpoken: false,
    spokenAt: 0,
    silentAt: Number.POSITIVE_INFINITY,
    isSilent: false,
    lingersAt: Number.POSITIVE_INFINITY,
    hasLivingPod: false,
    hasReadyPod: false,
    peopledBy: -1,
    trouble: undefined,
  };
  drafts.set(pod.node, draft);
  return draft;
}

/** Adds what a pod tells of its node. The pods of a DaemonSet come oldest first. */
export function take(pod: PodRecord, draft: NodeDraft, { holdingsOf, lasting, now }: Taking): void {
  draft.oldestAt = Math.min(draft.oldestAt, pod.createdAt);
  const trouble = troubleOf(pod, now);
  if (trouble) {
    if (trouble.verdict === 'terminating') {
      draft.lingersAt = Math.min(draft.lingersAt, pod.goneAt + lingersAfterMs);
    }
    // Nobody is there to end a pod that has to go: it stays, and so does its mark.
    if (trouble.verdict === 'terminating' && isMarkedUnreachable(pod)) draft.isMarked = true;
    draft.trouble = worse(draft.trouble, trouble);
    return;
  }
  draft.hasLivingPod = true;
  if (pod.condition.isReady) draft.hasReadyPod = true;
  draft.spokenAt = Math.max(draft.spokenAt, pod.spokenAt);
  draft.holdings = holdingsOf.with(draft.holdings, lasting.of(pod));
  if (isUnspoken(pod.containers)) listen(draft, pod, now);
  else if (isMarkedUnreachable(pod)) draft.isMarked = true;
  else draft.hasSpoken = true;
}

function listen(draft: NodeDraft, pod: PodRecord, now: number): void {
  if (!pod.isScheduled || pod.scheduledAt === 0) return;
  const silentAt = pod.scheduledAt + silentMs;
  if (silentAt <= now) draft.isSilent = true;
  else draft.silentAt = Math.min(draft.silentAt, silentAt);
}

function isUnspoken(containers: ContainerVector): boolean {
  return containers.every(({ state }) => state === 'unknown');
}

/** Why a pod does not, or will not, hold anything; undefined for one that is or comes to life. */
function troubleOf(pod: PodRecord, now: number): NodeTrouble | undefined {
  const { phase, reason, message, unschedulable } = pod.condition;
  if (phase === 'Failed') return { verdict: endOf(reason, message), message: message || reason };
  if (pod.isTerminating) return { verdict: 'terminating', message: lingeringOf(pod, now) };
  if (unschedulable === '') return undefined;
  return { verdict: 'unscheduled', message: unschedulable };
}

/** That a pod does not end, once that has lasted for long; empty before. */
function lingeringOf({ goneAt, finalizers }: PodRecord, now: number): string {
  if (goneAt + lingersAfterMs > now) return '';
  const cause =
    finalizers.length === 0
      ? 'and its node does not end it'
      : `kept by its finalizers ${finalizers.join(', ')}`;
  return `the last pod has been terminating for more than a minute, ${cause}`;
}

function endOf(reason: string, message: string): NodeVerdict {
  if (/DiskPressure|ephemeral-storage|disk space/i.test(message)) return 'diskPressure';
  return reason === 'Evicted' ? 'evicted' : 'rejected';
}

/**
 * When a node falls silent its pods are turned not ready, while what their kubelet said last of the
 * containers stays. (kubernetes/kubernetes: pkg/controller/util/node/controller_utils.go, MarkPodsNotReady)
 */
function isMarkedUnreachable({ condition }: PodRecord): boolean {
  return !condition.isReady && condition.areContainersReady;
}

const troubles: readonly NodeVerdict[] = [
  'diskPressure',
  'evicted',
  'rejected',
  'unscheduled',
  'terminating',
];

function worse(known: NodeTrouble | undefined, trouble: NodeTrouble): NodeTrouble {
  if (!known) return trouble;
  return troubles.indexOf(trouble.verdict) < troubles.indexOf(known.verdict) ? trouble : known;
}
