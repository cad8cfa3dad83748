import type { KubeObject } from '../kube/objects.ts';
import { fieldManager } from '../manifests/names.ts';
import { templateContainers } from '../manifests/template-images.ts';
import { daemonSetCounts } from './daemon-set-counts.ts';

/** How far DaemonSets are with their present templates, read from their own status. */
export interface Rollout {
  /** Tells DaemonSets and their templates from others; empty where there is none. */
  readonly identity: string;
  /** When we changed the last of them, in milliseconds by the API server's clock; 0 where it is not told. */
  readonly changedAt: number;
  /** Images that the templates hold. */
  readonly images: number;
  /** Nodes that should hold the images. */
  readonly desired: number;
  /** Nodes that hold every image of the present list, as far as counts tell: never too many. */
  readonly ready: number;
  /** Claims that every desired node runs a ready pod of the present template. */
  readonly complete: boolean;
  /** Claims that the numbers speak of the present spec. */
  readonly observed: boolean;
  /** Pods that should be and that are ready, over all DaemonSets: what an advance is measured by. */
  readonly pods: { readonly desired: number; readonly ready: number };
}

/**
 * Reads the status of a DaemonSet. The controller looks only at the oldest pod of each node
 * (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go, updateDaemonSetStatus), so a
 * surge roll counts a node as updated once its old pod is gone. "Updated" and "available" are among the nodes
 * that have a pod at all, "current", so they overlap in at least `updated + available - current` nodes:
 * exactly so in a first roll-out, where all that have one are updated, and in a surge, where all are
 * available. A node that is both outdated and not available, as a silent one, makes it less.
 */
export function rolloutOf(daemonSet: KubeObject): Rollout {
  const {
    observedGeneration,
    desiredNumberScheduled: desired,
    currentNumberScheduled: current,
    updatedNumberScheduled: updated,
    numberAvailable: available,
  } = daemonSetCounts(daemonSet);
  const observed = observedGeneration >= (daemonSet.metadata.generation ?? 1);
  const ready = observed ? Math.max(0, updated + available - current) : 0;
  return {
    identity: `${daemonSet.metadata.uid} ${daemonSet.metadata.generation}`,
    changedAt: appliedAt(daemonSet),
    images: referencesOf(daemonSet).length,
    desired,
    ready,
    complete: observed && updated >= desired && available >= desired,
    observed,
    pods: { desired, ready },
  };
}

/**
 * The roll-out of all DaemonSets of a puller, each of which has a part of the list for the same nodes.
 * Without any, nothing is observed and nothing complete.
 */
export function rolloutOfAll(daemonSets: readonly KubeObject[]): Rollout {
  const parts = daemonSets.map(rolloutOf);
  const sum = (number: (part: Rollout) => number) =>
    parts.reduce((total, part) => total + number(part), 0);
  const some = parts.length > 0;
  return {
    identity: parts
      .map(({ identity }) => identity)
      .sort()
      .join(),
    changedAt: Math.max(0, ...parts.map(({ changedAt }) => changedAt)),
    images: new Set(daemonSets.flatMap(referencesOf)).size,
    desired: Math.max(0, ...parts.map(({ desired }) => desired)),
    ready: some ? Math.min(...parts.map(({ ready }) => ready)) : 0,
    complete: some && parts.every(({ complete }) => complete),
    observed: some && parts.every(({ observed }) => observed),
    pods: { desired: sum(({ pods }) => pods.desired), ready: sum(({ pods }) => pods.ready) },
  };
}

/**
 * Claims that no pod of a former template is left, by the word of the controller: of each node it counts the oldest
 * pod. An edit that is undone counts twice, and leaves pods that are as the present template again.
 */
export function hasNoFormerPods(daemonSet: KubeObject): boolean {
  const { updatedNumberScheduled, desiredNumberScheduled, numberMisscheduled } =
    daemonSetCounts(daemonSet);
  const { observed } = rolloutOf(daemonSet);
  return observed && updatedNumberScheduled >= desiredNumberScheduled && numberMisscheduled === 0;
}

/** The images that the template of a DaemonSet holds, those of others' containers too, by the references that we gave it. */
export function referencesOf(daemonSet: KubeObject): readonly string[] {
  return templateContainers(daemonSet).map(({ image = '' }) => image);
}

/** How often the template of a DaemonSet has changed (kubernetes/api: apps/v1/types.go); 0 where that is not told. */
export function templateGenerationOf({ metadata }: KubeObject): number {
  return Number(metadata.annotations?.['deprecated.daemonset.template.generation'] ?? 0);
}

/** When our own fields of an object last changed, by the server's clock, to the second; 0 where it is not told. */
export function appliedAt({ metadata }: KubeObject): number {
  const ours = metadata.managedFields?.find(
    ({ manager, operation }) => manager === fieldManager && operation === 'Apply',
  );
  return ours?.time === undefined ? 0 : Date.parse(ours.time);
}

/**
 * Claims that a DaemonSet has fewer pods of its present template than it needs. Nodes where an old pod
 * waits for its successor are among them, as the status counts only the older one.
 */
export function lacksPods(daemonSet: KubeObject): boolean {
  const { desiredNumberScheduled, currentNumberScheduled, updatedNumberScheduled } =
    daemonSetCounts(daemonSet);
  return Math.min(currentNumberScheduled, updatedNumberScheduled) < desiredNumberScheduled;
}

/** The furthest a roll-out has come, and since when it has not come further. */
export interface Progress {
  readonly identity: string;
  readonly desired: number;
  readonly ready: number;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/**
 * Follows a roll-out: the time starts anew with each change of a template and whenever more pods
 * are ready than ever before. Pods that come and go are no progress, and neither are nodes: where
 * some have gone, as many others have to become ready before that counts as one.
 */
export function follow(
  before: Progress | undefined,
  { identity, pods: { desired, ready } }: Rollout,
  monotonicNow: number,
): Progress {
  const fresh = { identity, desired, ready, since: monotonicNow };
  if (before?.identity !== identity) return fresh;
  const best = before.desired === desired ? before.ready : Math.min(before.ready, ready);
  return ready > best ? fresh : { ...before, desired, ready: best };
}
