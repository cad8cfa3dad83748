import { controllerOf, type KubeObject } from '../kube/objects.ts';
import type { ContainerVector, PodRecord } from './pods.ts';

/** A pod makes its first container within seconds, unless it pulls or cannot. */
const idleAfterMs = 60_000;

/** What keeps a pod from making its first container. */
export interface StartTrouble {
  readonly node: string;
  /** Of the newest Event about the pod: one word, and the kubelet's message. Not escaped. */
  readonly reason: string;
  readonly message: string;
}

/** Pods that do not begin, and in how many milliseconds there may be more; undefined if nothing changes. */
export interface IdlePods {
  /** Those that have said nothing for longest come first. */
  readonly pods: readonly PodRecord[];
  readonly againMs: number | undefined;
}

/**
 * The pods of these DaemonSets that are on their node and of which for a minute no container was made,
 * while none says why: they pull a large image, or cannot be set up, which only Events tell. `now` is in
 * wall-clock milliseconds.
 */
export function idlePods(
  daemonSets: readonly KubeObject[],
  pods: readonly PodRecord[],
  now: number,
): IdlePods {
  const owners = new Set(daemonSets.map(({ metadata }) => metadata.uid));
  const waiting = pods
    .filter((pod) => isWaiting(pod) && owners.has(controllerOf(pod)?.uid))
    .sort((a, b) => a.spokenAt - b.spokenAt || (a.metadata.name < b.metadata.name ? -1 : 1));
  const isIdle = ({ spokenAt }: PodRecord) => spokenAt + idleAfterMs <= now;
  const next = waiting.find((pod) => !isIdle(pod));
  return {
    pods: waiting.filter(isIdle),
    againMs: next && next.spokenAt + idleAfterMs - now,
  };
}

function isWaiting({ condition, containers, isScheduled, isTerminating }: PodRecord): boolean {
  const { isReady, phase } = condition;
  if (isReady || !isScheduled || isTerminating || phase === 'Failed') return false;
  return hasNotBegun(containers);
}

/** A kubelet that has not said a word of them is not there: that is told by other means. */
function hasNotBegun(containers: ContainerVector): boolean {
  return (
    containers.some(({ state }) => state === 'waiting') &&
    containers.every(
      ({ state, digest }) => digest === '' && (state === 'waiting' || state === 'unknown'),
    )
  );
}
