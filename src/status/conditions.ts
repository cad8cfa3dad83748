import type { Condition, ImagePullerStatus } from '../api/types.ts';

/**
 * The conditions of a KubernetesImagePuller. The first three are always present, from the first status
 * on, and all carry the generation they speak of (Kubernetes API conventions, "Typical status
 * properties"). The last two are present only while they are True, as kstatus wants it: to it
 * Reconciling means "in progress" and Stalled "failed" (kubernetes-sigs/cli-utils:
 * pkg/kstatus/status/generic.go).
 */
export const conditionTypes = {
  /** Normally True: every image of the list is on every selected node. */
  ready: 'Ready',
  /** Normally False: True while nodes are still pulling. */
  progressing: 'Progressing',
  /** Normally False: True when something is wrong that will not mend itself. */
  degraded: 'Degraded',
  /** The spec is not reached yet, and somebody is at work. Never beside Stalled. */
  reconciling: 'Reconciling',
  /** The spec is not reached, and will not be by itself. */
  stalled: 'Stalled',
} as const;

/**
 * Reasons that do not come from a finding about the spec (those are in api/reasons.ts). The peer's
 * own reasons are kept where they mean the same.
 */
export const reasons = {
  /** Ready True: all images are on all selected nodes. */
  allResourcesReady: 'AllResourcesReady',
  /** Ready True: the list is empty on purpose, so there is nothing to cache. */
  noImages: 'NoImages',
  /** Ready True: no node takes pods: none matches the spec, or those that do are not ready. */
  noMatchingNodes: 'NoMatchingNodes',
  /** Ready False, Progressing True: nodes are pulling. */
  imagesPulling: 'ImagesPulling',
  /** Ready False, Degraded True: an image cannot be pulled or started somewhere. */
  imagesFailing: 'ImagesFailing',
  /** Ready False, Degraded True: a ResourceQuota has no room for pods of the cache. */
  quotaExceeded: 'QuotaExceeded',
  /** Ready False, Degraded True: the API server admits no pods of the cache. */
  podsRefused: 'PodsRefused',
  /** Ready False, Degraded True: nodes have no room for their pod. */
  unschedulable: 'Unschedulable',
  /** Ready False, Degraded True: nodes are short of disk space and keep no pod. */
  diskPressure: 'DiskPressure',
  /** Ready False, Degraded True: nodes have thrown their pod out. */
  podsEvicted: 'PodsEvicted',
  /** Ready False, Degraded True: nodes have not let their pod in. */
  podsRejected: 'PodsRejected',
  /** Ready False, Degraded True: a node cannot set its pod up, so that no container of it is made. */
  podsNotStarting: 'PodsNotStarting',
  /** Ready False, Degraded True: no selected node answers. */
  nodesUnreachable: 'NodesUnreachable',
  /** Progressing True: pods are replaced, and every node keeps its images meanwhile. */
  podsRolling: 'PodsRolling',
  /** Degraded True: the operator may not read pods, so it cannot tell where an image is missing. */
  podsUnreadable: 'PodsUnreadable',
  /** Ready False: entries of the list had to be skipped. */
  invalidImages: 'InvalidImages',
  /** Ready False: the same, and only because the operator's settings allow other registries. */
  registryNotAllowed: 'RegistryNotAllowed',
  /** Progressing and Degraded False: nothing is left to do, nothing is wrong. */
  reconcileComplete: 'ReconcileComplete',
  /** Progressing False, Degraded True: the roll-out has not advanced for too long. */
  rolloutStalled: 'RolloutStalled',
  /** Degraded True: the puller's pod is not available. The cache does not depend on it. */
  deploymentNotAvailable: 'DeploymentNotAvailable',
  /** Ready False, Degraded True: an object of that name belongs to somebody else. Nothing is touched. */
  nameConflict: 'NameConflict',
  /** Ready False, Degraded True: the operator lacks a right; the message names it. */
  forbidden: 'Forbidden',
  /** Ready False, Degraded True: the API server refused what should exist, in its own words. */
  rejected: 'Rejected',
  /**
   * Ready False, Degraded True: an object of that name, or the namespace, is being deleted, or a node waits for
   * the end of its last pod. Degraded True alone: a DaemonSet does not go that was deleted.
   */
  waitingForDeletion: 'WaitingForDeletion',
  /**
   * Degraded True: somebody keeps changing back what the operator applies, which is put right at
   * growing intervals. Ready is left to the DaemonSet, unless that is the object in dispute.
   */
  contended: 'Contended',
  /** Ready False, Degraded True: something failed that is being tried again. */
  reconcileError: 'ReconcileError',
} as const;

/** One of {@link conditionTypes}. */
export type ConditionType = (typeof conditionTypes)[keyof typeof conditionTypes];

/** The condition of this type; undefined where the status has none. */
export function conditionOf(
  { conditions = [] }: Pick<ImagePullerStatus, 'conditions'>,
  type: ConditionType,
): Condition | undefined {
  return conditions.find((each) => each.type === type);
}

/** Ready, where it says that every image is on every node. */
export function completeOf(status: Pick<ImagePullerStatus, 'conditions'>): Condition | undefined {
  const ready = conditionOf(status, conditionTypes.ready);
  return ready?.status === 'True' && ready.reason === reasons.allResourcesReady ? ready : undefined;
}

/** The longest message we write: the API server ends them at 32,768, a reader long before. */
export const messageLimit = 1024;

/** What a condition is to say, before it is known when it began to. */
export interface Claim {
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
}

/** A condition as the API has it; the transition time moves only when the status changes. */
export function condition(
  type: string,
  claim: Claim,
  { previous, generation, now }: ConditionContext,
): Condition {
  const before = previous?.find((candidate) => candidate.type === type);
  return {
    type,
    status: claim.status,
    reason: claim.reason,
    message: cut(claim.message, messageLimit),
    lastTransitionTime:
      before?.status === claim.status && before.lastTransitionTime
        ? before.lastTransitionTime
        : timestamp(now),
    observedGeneration: generation,
  };
}

/** A time as the API has it: in whole seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** What a condition depends on beside what it says. */
export interface ConditionContext {
  readonly previous: readonly Condition[] | undefined;
  readonly generation: number;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** Shortens a text to at most `limit` characters, with an ellipsis where something is missing. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 3)}...`;
}
