import { controllerOf, type KubeObject } from '../kube/objects.ts';
import { timeOf } from './event-time.ts';
import type { PodRecord } from './pods.ts';
import { appliedAt } from './rollout.ts';

/** A pod that could not be created, in the words of an Event. */
export interface RefusedPod {
  readonly message: string;
  /** Wall-clock milliseconds by the cluster's clock. */
  readonly at: number;
}

/** The newest refusal of pods of a DaemonSet. */
export interface Refusal extends RefusedPod {
  /** Of the DaemonSet. */
  readonly uid: string;
}

/** The newest refusal of pods of a DaemonSet, and on how many nodes it has none. */
export interface MissedPods extends RefusedPod {
  readonly missing: number;
}

/**
 * Claims that a pod was refused to a DaemonSet as it is at present. Events tell of the past, too, for as long
 * as the server keeps them, and what was refused before our last change may have room by now: where it has
 * not, a change makes its controller try at once, and a new Event comes.
 */
export function isPresent(daemonSet: KubeObject, { at }: Pick<RefusedPod, 'at'>): boolean {
  return at >= appliedAt(daemonSet);
}

/** What is known of the pods that a DaemonSet lacks. */
export interface RefusalInput {
  readonly daemonSet: KubeObject;
  /** FailedCreate Events about it. */
  readonly events: readonly KubeObject[];
  /** Those of its namespace, or more; undefined where they cannot be read. */
  readonly pods: readonly PodRecord[] | undefined;
}

/**
 * The newest pod that was refused to a DaemonSet and may be so still. One that was refused before our last
 * change is past when pods were made since: while none was, the refusal may last without a newer Event, as
 * client-go writes 25 about an object and then one every five minutes (kubernetes/client-go:
 * tools/record/events_cache.go).
 */
export function newestRefusal({ daemonSet, events, pods }: RefusalInput): RefusedPod | undefined {
  const newest = events.map(refusalOf).reduce<RefusedPod | undefined>(later, undefined);
  if (newest === undefined || isPresent(daemonSet, newest)) return newest;
  return pods === undefined || newestOf(daemonSet, pods) > newest.at ? undefined : newest;
}

function refusalOf(event: KubeObject): RefusedPod {
  return { message: String(event['message'] ?? ''), at: Date.parse(`${timeOf(event)}Z`) };
}

function later(one: RefusedPod | undefined, other: RefusedPod): RefusedPod {
  return one !== undefined && one.at > other.at ? one : other;
}

/** When the last pod of a DaemonSet was made; 0 where it has none. */
function newestOf({ metadata }: KubeObject, pods: readonly PodRecord[]): number {
  const own = pods.filter((pod) => controllerOf(pod)?.uid === metadata.uid);
  return own.reduce((latest, { createdAt }) => Math.max(latest, createdAt), 0);
}
