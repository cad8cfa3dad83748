import type { KubeObject } from '../../../../src/kube/objects.ts';
import type { Condition, Pod } from './shapes.ts';

/** Claims about pods that several controllers share. */

/** The condition of this type; undefined where the object has none. */
export function condition(
  object: { readonly status?: { readonly conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((each) => each.type === type);
}

/** Replaces the condition of the same type, or adds it at the end. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  added: Condition,
): Condition[] {
  const present = conditions ?? [];
  return present.some(({ type }) => type === added.type)
    ? present.map((each) => (each.type === added.type ? added : each))
    : [...present, added];
}

/** A condition as it is to be stored: the transition time moves only with the status. */
export function transitioned(
  previous: Condition | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
  now: string,
): Condition {
  const kept = previous?.status === next.status ? previous.lastTransitionTime : undefined;
  return { ...next, lastTransitionTime: kept ?? now };
}

/** Claims that the pod's Ready condition is True. */
export function isReady(pod: Pod): boolean {
  return condition(pod, 'Ready')?.status === 'True';
}

/** Claims that the pod has been Ready for `minReadySeconds` at `now` (milliseconds). */
export function isAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  const ready = condition(pod, 'Ready');
  if (ready?.status !== 'True') return false;
  if (minReadySeconds === 0) return true;
  return Date.parse(ready.lastTransitionTime ?? '') + minReadySeconds * 1000 <= now;
}

/** Claims that somebody has asked for the object's deletion. */
export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Claims that the pod has ended for good. */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** The node a pod runs on or, before it is bound, the one its affinity pins it to. */
export function targetNode(pod: Pod): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName;
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
      ?.nodeSelectorTerms ?? [];
  return terms
    .flatMap((term) => term.matchFields ?? [])
    .find(({ key, operator }) => key === 'metadata.name' && operator === 'In')?.values?.[0];
}

/** Bound pods first, then the oldest, then by name: the order in which controllers keep pods. */
export function byAge(a: Pod, b: Pod): number {
  const bound = Number(Boolean(b.spec.nodeName)) - Number(Boolean(a.spec.nodeName));
  return bound || ageOf(a).localeCompare(ageOf(b));
}

// Creation times are of one length and in whole seconds, so that text order is time order.
function ageOf({ metadata }: KubeObject): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name ?? ''}`;
}
