import type { KubeObject } from '../kube/objects.ts';
import type { PullerState } from '../manifests/deployment.ts';
import { appliedAt } from '../status/rollout.ts';

/** By then a quota's controller has counted a pod no more that was told to end. */
const countedAfterMs = 10_000;

/** What the place of the puller in a quota depends on. */
export interface PlaceInput {
  /** Those of the puller, as they are now: one, or two while its name changes. */
  readonly deployments: readonly KubeObject[];
  /** Claims that a quota refuses pods of the cache. */
  readonly isRefused: boolean;
  /** Claims that the cache cannot have the pods it needs while others hold what they hold. */
  readonly isShort: boolean;
  /** Claims that old pods of the cache go before new ones come. */
  readonly isInPlace: boolean;
  /** Claims that not everything is known that could be a reason to rest. */
  readonly isUnclear: boolean;
  /** Claims that the first pods of the cache are still being made. */
  readonly isFilling: boolean;
}

/**
 * Whether the puller has its pod. The cache is worth more than its freshness: what the pods of the cache
 * leave is for their successors, so a puller without a pod does not try to get one while a quota refuses
 * such pods or they are replaced in place. One that has its pod takes nothing from anybody and keeps it,
 * unless the cache lacks pods for it. What cannot be seen changes nothing. A new puller comes after the first
 * pods of the cache: of a quota nobody knows before it refuses one.
 */
export function placeOfPuller(input: PlaceInput): PullerState {
  const { deployments, isRefused, isShort, isInPlace, isUnclear, isFilling } = input;
  if (isShort || ((isRefused || isInPlace) && !deployments.some(hasPod))) return 'rests';
  if (isFilling && deployments.length === 0) return 'waits';
  return isUnclear && deployments.length > 0 && deployments.every(isToRest) ? 'rests' : 'works';
}

/** Claims that a Deployment has no pod and that its controllers will not make one. */
export function isAtRest(deployment: KubeObject): boolean {
  const { observedGeneration = 0, replicas = 0 } = statusOf(deployment);
  const isObserved = observedGeneration >= (deployment.metadata.generation ?? 1);
  return isToRest(deployment) && isObserved && replicas === 0;
}

/** That the puller has made room, or does so now. */
export interface MadeRoom {
  /** Different each time that it has; undefined as long as the room may still be taken. */
  readonly mark: string | undefined;
  /** Milliseconds until it may be had; undefined where there is no such time. */
  readonly againMs: number | undefined;
}

/**
 * What a puller that gave way has left to the cache. Its pod ends at once, but those who count what a quota
 * holds hear of it later. One that never had a pod has left nothing.
 *
 * @param now wall-clock milliseconds
 */
export function roomMade(deployments: readonly KubeObject[], now: number): MadeRoom {
  const generations = deployments.map(({ metadata }) => metadata.generation ?? 1);
  const none = { mark: undefined, againMs: undefined };
  if (!deployments.every(isAtRest) || Math.max(1, ...generations) === 1) return none;
  const leftMs = Math.max(...deployments.map(appliedAt)) + countedAfterMs - now;
  return leftMs > 0 ? { ...none, againMs: leftMs } : { ...none, mark: generations.join() };
}

/** Claims that a Deployment has its pod, and is to keep it. */
export function hasPod(deployment: KubeObject): boolean {
  return !isToRest(deployment) && (statusOf(deployment).replicas ?? 0) > 0;
}

function isToRest(deployment: KubeObject): boolean {
  return (deployment['spec'] as { readonly replicas?: number }).replicas === 0;
}

function statusOf(deployment: KubeObject): DeploymentStatus {
  return (deployment['status'] ?? {}) as DeploymentStatus;
}

interface DeploymentStatus {
  readonly observedGeneration?: number;
  /** Pods that are there and are not to go. */
  readonly replicas?: number;
}
