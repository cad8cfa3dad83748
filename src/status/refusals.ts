import type { KubeObject } from '../kube/objects.ts';
import { timeOf } from './event-time.ts';
import { appliedAt } from './rollout.ts';

/** A pod that could not be created, in the words of an Event. */
export interface RefusedPod {
  readonly message: string;
  /** Wall-clock milliseconds by the cluster's clock. */
  readonly at: number;
}

/**
 * Claims that a pod was refused to a DaemonSet as it is at present. Events tell of the past, too, for as long
 * as the server keeps them, and what was refused before our last change may have room by now: where it has
 * not, a change makes its controller try at once, and a new Event comes.
 */
export function isPresent(daemonSet: KubeObject, { at }: Pick<RefusedPod, 'at'>): boolean {
  return at >= appliedAt(daemonSet);
}

/** The newest pod that was refused to a DaemonSet as it is at present, by FailedCreate Events about it. */
export function newestRefusal(
  daemonSet: KubeObject,
  events: readonly KubeObject[],
): RefusedPod | undefined {
  const refusals = events.map(refusalOf).filter((refusal) => isPresent(daemonSet, refusal));
  return refusals.sort((a, b) => a.at - b.at).at(-1);
}

function refusalOf(event: KubeObject): RefusedPod {
  return { message: String(event['message'] ?? ''), at: Date.parse(`${timeOf(event)}Z`) };
}
