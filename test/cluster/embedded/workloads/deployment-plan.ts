import { type IntOrPercent, scaled } from './counts.ts';
import { condition, transitioned, withCondition } from './pods.ts';
import {
  type Condition,
  type Deployment,
  type DeploymentStatus,
  nameOf,
  type ReplicaSet,
} from './shapes.ts';

/**
 * What the Deployment controller decides, as pure functions. The rules follow
 * kubernetes/kubernetes: pkg/controller/deployment/{rolling,recreate,sync,progress}.go.
 */

/** How many pods a ReplicaSet is to have. */
export interface Scaling {
  readonly replicaSet: ReplicaSet;
  readonly replicas: number;
}

/** How far a rolling update may leave the wanted number of pods; a Recreate has no leeway. */
export function leeway(deployment: Deployment): { surge: number; unavailable: number } {
  const { strategy } = deployment.spec;
  const replicas = wantedReplicas(deployment);
  if (strategy?.type === 'Recreate' || replicas === 0) return { surge: 0, unavailable: 0 };
  const asked = strategy?.rollingUpdate;
  const surge = scaled((asked?.maxSurge as IntOrPercent | undefined) ?? '25%', replicas, 'up');
  const unavailable = scaled(
    (asked?.maxUnavailable as IntOrPercent | undefined) ?? '25%',
    replicas,
    'down',
  );
  // Both may come to 0 by rounding; surge might not work because of a quota.
  return { surge, unavailable: surge === 0 ? Math.max(1, unavailable) : unavailable };
}

/** The number of pods that a Deployment asks for. */
export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

/** The pods a new ReplicaSet starts with, or grows to, beside the old ones. */
export function newReplicas(
  deployment: Deployment,
  current: number,
  others: readonly ReplicaSet[],
): number {
  const wanted = wantedReplicas(deployment);
  if (current >= wanted) return wanted;
  const total = current + sum(others, replicasOf);
  const room = Math.max(0, wanted + leeway(deployment).surge - total);
  return current + Math.min(room, wanted - current);
}

/** The next step of a rolling update: the new ReplicaSet grows, or else the old ones shrink. */
export function rollingStep(
  deployment: Deployment,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
): readonly Scaling[] {
  const replicas = newReplicas(deployment, replicasOf(current), old);
  if (replicas !== replicasOf(current)) return [{ replicaSet: current, replicas }];
  return shrinking(deployment, current, old);
}

/** Pods that are not available go first; of the others as many as the new ones make up for. */
function shrinking(
  deployment: Deployment,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
): readonly Scaling[] {
  const all = [...old, current];
  const leastAvailable = wantedReplicas(deployment) - leeway(deployment).unavailable;
  const pending = replicasOf(current) - availableOf(current);
  const removable = sum(all, replicasOf) - leastAvailable - pending;
  if (removable <= 0) return [];
  const oldest = old.toSorted((a, b) => createdAt(a).localeCompare(createdAt(b)));
  const cleaned = take(oldest, removable, (each) => replicasOf(each) - availableOf(each));
  const spare = Math.max(0, sum(all, availableOf) - leastAvailable);
  const shrunk = take(cleaned, spare, replicasOf);
  return shrunk
    .map((replicaSet) => ({ replicaSet, replicas: replicasOf(replicaSet) }))
    .filter(({ replicaSet, replicas }) => {
      const before = old.find((each) => nameOf(each) === nameOf(replicaSet));
      return before !== undefined && replicasOf(before) !== replicas;
    });
}

/** Takes up to `limit` pods from the ReplicaSets in turn, from each no more than it can give. */
function take(
  replicaSets: readonly ReplicaSet[],
  limit: number,
  givable: (replicaSet: ReplicaSet) => number,
): readonly ReplicaSet[] {
  let left = limit;
  return replicaSets.map((replicaSet) => {
    const taken = Math.max(0, Math.min(left, givable(replicaSet)));
    left -= taken;
    return withReplicas(replicaSet, replicasOf(replicaSet) - taken);
  });
}

/** The ReplicaSet, asking for another number of pods. */
export function withReplicas(replicaSet: ReplicaSet, replicas: number): ReplicaSet {
  return { ...replicaSet, spec: { ...replicaSet.spec, replicas } };
}

/** The number of pods that a ReplicaSet asks for. */
export function replicasOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec.replicas ?? 1;
}

function availableOf(replicaSet: ReplicaSet): number {
  return replicaSet.status?.availableReplicas ?? 0;
}

function createdAt(replicaSet: ReplicaSet): string {
  return `${replicaSet.metadata.creationTimestamp} ${nameOf(replicaSet)}`;
}

function sum(replicaSets: readonly ReplicaSet[], count: (each: ReplicaSet) => number): number {
  return replicaSets.reduce((total, each) => total + count(each), 0);
}

/** What the status is computed from. */
export interface Rollout {
  readonly deployment: Deployment;
  readonly current: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  /** Claims that the current ReplicaSet was made in this step. */
  readonly isNew: boolean;
  /** Now, as objects carry it. */
  readonly now: string;
}

/** The numbers and conditions of the status. */
export function deploymentStatus(rollout: Rollout): DeploymentStatus {
  const { deployment, current, old } = rollout;
  const all = current === undefined ? old : [...old, current];
  const available = sum(all, availableOf);
  const numbers: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: sum(all, (each) => each.status?.replicas ?? 0),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum(all, (each) => each.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(all, replicasOf) - available),
  };
  const present = deployment.status?.conditions?.filter(({ type }) => type !== 'ReplicaFailure');
  const said = [
    progressing(rollout, numbers),
    availability(rollout, available),
    replicaFailure(rollout),
  ].flatMap((each) => each ?? []);
  return { ...numbers, conditions: said.reduce<Condition[]>(withCondition, [...(present ?? [])]) };
}

function availability({ deployment, now }: Rollout, available: number): Condition {
  const isEnough = available >= wantedReplicas(deployment) - leeway(deployment).unavailable;
  const said = isEnough
    ? {
        status: 'True' as const,
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        status: 'False' as const,
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  return updated(condition(deployment, 'Available'), { type: 'Available', ...said }, now);
}

/** The Progressing condition: made, moved by progress, completed, or timed out. */
function progressing(rollout: Rollout, numbers: DeploymentStatus): Condition | undefined {
  const { deployment, current, isNew, now } = rollout;
  const previous = condition(deployment, 'Progressing');
  const named =
    current === undefined
      ? `Deployment "${nameOf(deployment)}"`
      : `ReplicaSet "${nameOf(current)}"`;
  const say = (status: 'True' | 'False', reason: string, message: string) =>
    updated(previous, { type: 'Progressing', status, reason, message }, now);
  if (isNew && current !== undefined) {
    return say('True', 'NewReplicaSetCreated', `Created new replica set "${nameOf(current)}"`);
  }
  const isDone = numbers.replicas === numbers.updatedReplicas;
  if (isDone && previous?.reason === 'NewReplicaSetAvailable') return previous;
  if (isComplete(deployment, numbers)) {
    return say('True', 'NewReplicaSetAvailable', `${named} has successfully progressed.`);
  }
  if (hasProgressed(deployment.status, numbers)) {
    const moved = say('True', 'ReplicaSetUpdated', `${named} is progressing.`);
    return { ...moved, lastUpdateTime: now };
  }
  if (isOverdue(rollout, previous)) {
    return say('False', 'ProgressDeadlineExceeded', `${named} has timed out progressing.`);
  }
  return previous;
}

/** Claims that every wanted pod is up to date and available, and no other is left. */
export function isComplete(deployment: Deployment, numbers: DeploymentStatus): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    numbers.updatedReplicas === wanted &&
    numbers.replicas === wanted &&
    numbers.availableReplicas === wanted &&
    (numbers.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(before: DeploymentStatus = {}, after: DeploymentStatus): boolean {
  const outdated = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) =>
    replicas - updatedReplicas;
  const { updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = after;
  return (
    updatedReplicas > (before.updatedReplicas ?? 0) ||
    outdated(after) < outdated(before) ||
    readyReplicas > (before.readyReplicas ?? 0) ||
    availableReplicas > (before.availableReplicas ?? 0)
  );
}

function isOverdue({ deployment, now }: Rollout, previous: Condition | undefined): boolean {
  if (previous === undefined || previous.reason === 'NewReplicaSetAvailable') return false;
  return Date.parse(now) > deadline(deployment, previous);
}

/** When a rollout that makes no progress counts as stuck, in milliseconds since the epoch. */
export function deadline(deployment: Deployment, previous: Condition): number {
  const seconds = deployment.spec.progressDeadlineSeconds ?? 600;
  return Date.parse(previous.lastUpdateTime ?? '') + seconds * 1000;
}

/** The failure to create pods, of the new ReplicaSet rather than of an old one. */
function replicaFailure({ current, old }: Rollout): Condition | undefined {
  const all = current === undefined ? old : [current, ...old];
  return all.flatMap((each) => condition(each, 'ReplicaFailure') ?? [])[0];
}

/** A condition of the same status and reason stays as it is, times included. */
function updated(
  previous: Condition | undefined,
  next: Omit<Condition, 'lastTransitionTime' | 'lastUpdateTime'>,
  now: string,
): Condition {
  if (previous?.status === next.status && previous.reason === next.reason) return previous;
  return { ...transitioned(previous, next, now), lastUpdateTime: now };
}
