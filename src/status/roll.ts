import { controllerOf, type KubeObject } from '../kube/objects.ts';
import {
  isInPlace,
  type Roll,
  type RollObstacles,
  type RollStrategy,
} from '../manifests/roll-strategy.ts';
import { isStuck, type PodRecord } from './pods.ts';
import { refusedPods, wouldFitInPlaceOf } from './refusal-words.ts';
import { rolloutOf } from './rollout.ts';

/**
 * What has not moved for this long will not by itself: by then a kubelet has asked a registry twice
 * (kubernetes/kubernetes: pkg/kubelet/kubelet.go, imageBackOffPeriod), and a scheduler looked again.
 */
export const hopelessAfterMs = 30_000;

/** A pod that could not be created, in the words of an Event. */
export interface RefusedPod {
  readonly message: string;
  /** Wall-clock milliseconds by the cluster's clock. */
  readonly at: number;
}

/** What is known of a DaemonSet. */
export interface RollInput {
  readonly daemonSet: KubeObject;
  /** Those of its namespace, or more; undefined where they cannot be read. */
  readonly pods: readonly PodRecord[] | undefined;
  /** The newest one of this DaemonSet. */
  readonly refusal: RefusedPod | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** A roll, and in how many milliseconds it looks different by time alone; undefined if it never does. */
export interface SeenRoll {
  /** Undefined when no pod is left to be replaced. */
  readonly roll: Roll | undefined;
  readonly againMs: number | undefined;
}

/** Reads from a DaemonSet and its pods how the replacing of its pods goes on. */
export function rollOf({ daemonSet, pods, refusal, now }: RollInput): SeenRoll {
  const { updatedNumberScheduled = 0, desiredNumberScheduled: desired = 0 } = statusOf(daemonSet);
  const { observed, changedAt } = rolloutOf(daemonSet);
  const outdated = Math.max(0, desired - updatedNumberScheduled);
  if (observed && outdated === 0) return { roll: undefined, againMs: undefined };
  const present = presentStrategy(daemonSet);
  // Until its controller has seen a new template, the numbers and the pods tell of the former one.
  if (!observed || pods === undefined) {
    return { roll: { desired, outdated, present, obstacles: undefined }, againMs: undefined };
  }
  const { uid } = daemonSet.metadata;
  const living = pods.filter((pod) => controllerOf(pod)?.uid === uid && lives(pod));
  const calm = new Calm(living, now);
  const obstacles = obstaclesOf({ daemonSet, living, refusal, changedAt, calm });
  return { roll: { desired, outdated, present, obstacles }, againMs: calm.againMs };
}

/** How the pods of all DaemonSets of a puller are replaced. */
export interface RollsOnTheWay {
  /** Claims that some are replaced in place. */
  readonly isInPlace: boolean;
  /** New pods that will get no further, and that others do not wait for. */
  readonly passed: number;
}

/** Adds up the rolls of DaemonSets. */
export function rollsOf({
  daemonSets,
  pods,
  now,
}: Pick<RollInput, 'pods' | 'now'> & {
  readonly daemonSets: readonly KubeObject[];
}): RollsOnTheWay {
  const rolls = daemonSets.flatMap(
    (daemonSet) => rollOf({ daemonSet, pods, refusal: undefined, now }).roll ?? [],
  );
  const passed = rolls.map(({ obstacles }) =>
    obstacles === undefined ? 0 : obstacles.stuck + obstacles.stuckAlone + obstacles.crowded,
  );
  return {
    isInPlace: rolls.some(({ present }) => isInPlace(present)),
    passed: passed.reduce((sum, each) => sum + each, 0),
  };
}

interface Scene {
  readonly daemonSet: KubeObject;
  readonly living: readonly PodRecord[];
  readonly refusal: RefusedPod | undefined;
  readonly changedAt: number;
  readonly calm: Calm;
}

function obstaclesOf(scene: Scene): RollObstacles {
  const byNode = Map.groupBy(scene.living, ({ node }) => node);
  const kinds = [...byNode.values()].flatMap((pods) => kindsOf(pods, scene.calm));
  const count = (kind: Kind) => kinds.filter((each) => each === kind).length;
  return {
    stuck: count('stuck'),
    stuckAlone: count('stuckAlone'),
    crowded: count('crowded'),
    isQuotaFull: count('hopeful') === 0 && isQuotaFull(scene),
  };
}

/** What is to be expected of a pod that is not ready. */
type Kind = 'hopeful' | keyof Pick<RollObstacles, 'stuck' | 'stuckAlone' | 'crowded'>;

/**
 * Of the pods of one node. Two share it only while the older one is ready and the newer one is not
 * (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go, podsShouldBeOnNode).
 */
function kindsOf(onNode: readonly PodRecord[], calm: Calm): readonly Kind[] {
  const hasOld = onNode.length > 1 && onNode.some(({ condition }) => condition.isReady);
  return onNode
    .filter(({ condition }) => !condition.isReady)
    .map(({ condition, containers, createdAt }) => {
      const isCrowded = hasOld && condition.unschedulable !== '';
      if (!isCrowded && !isStuck(containers)) return 'hopeful';
      if (!calm.since(createdAt)) return 'hopeful';
      if (isCrowded) return 'crowded';
      return hasOld ? 'stuck' : 'stuckAlone';
    });
}

/** Only while nothing moves is a refusal what holds up the roll. */
function isQuotaFull({ daemonSet, living, refusal, changedAt, calm }: Scene): boolean {
  if (!isRefusedByQuota(daemonSet, refusal)) return false;
  const { currentNumberScheduled = 0, desiredNumberScheduled = 0 } = statusOf(daemonSet);
  // A node without any pod gets none by another one's losing its own.
  if (currentNumberScheduled < desiredNumberScheduled) return false;
  // Where the next pod takes more than the old one leaves, its node would be left without any.
  const old = living.filter(({ condition }) => condition.isReady);
  const message = refusal?.message ?? '';
  if (!old.every(({ cost }) => wouldFitInPlaceOf(message, cost))) return false;
  const movedAt = living.map(({ createdAt, heldAt }) => Math.max(createdAt, heldAt));
  return calm.since(Math.max(changedAt, ...movedAt));
}

/** Claims that a quota has refused a pod of the DaemonSet since that was changed: Events tell of the past too. */
export function isRefusedByQuota(daemonSet: KubeObject, refusal: RefusedPod | undefined): boolean {
  return (
    refusal !== undefined &&
    refusal.at >= rolloutOf(daemonSet).changedAt &&
    refusedPods(refusal.message, 1).isQuota
  );
}

/** Tells what has lasted from what may pass, and when the next will have lasted. */
class Calm {
  againMs: number | undefined;
  readonly #now: number;

  /** A clock that is behind the server's is set by the newest of its times that were seen. */
  constructor(pods: readonly PodRecord[], now: number) {
    this.#now = pods.reduce((latest, { createdAt }) => Math.max(latest, createdAt), now);
  }

  since(time: number): boolean {
    const leftMs = time + hopelessAfterMs - this.#now;
    if (leftMs > 0) this.againMs = Math.min(this.againMs ?? leftMs, leftMs);
    return leftMs <= 0;
  }
}

function lives({ isTerminating, condition, node }: PodRecord): boolean {
  return !isTerminating && condition.phase !== 'Failed' && node !== '';
}

function statusOf(daemonSet: KubeObject): DaemonSetStatus {
  return (daemonSet['status'] ?? {}) as DaemonSetStatus;
}

function presentStrategy(daemonSet: KubeObject): RollStrategy | undefined {
  const { updateStrategy } = daemonSet['spec'] as DaemonSetSpec;
  const { maxSurge = 0, maxUnavailable = 1 } = updateStrategy?.rollingUpdate ?? {};
  return updateStrategy?.rollingUpdate && { maxSurge, maxUnavailable };
}

interface DaemonSetSpec {
  readonly updateStrategy?: { readonly rollingUpdate?: Partial<RollStrategy> };
}

interface DaemonSetStatus {
  readonly desiredNumberScheduled?: number;
  readonly currentNumberScheduled?: number;
  readonly updatedNumberScheduled?: number;
}
