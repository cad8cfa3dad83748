import { controllerOf, type KubeObject } from '../kube/objects.ts';
import {
  isInPlace,
  type Roll,
  type RollObstacles,
  type RollStrategy,
} from '../manifests/roll-strategy.ts';
import { daemonSetCounts } from './daemon-set-counts.ts';
import { isMadeFrom, isStuck, lives, type PodRecord } from './pods.ts';
import { refusedPods, wouldFitInPlaceOf } from './refusal-words.ts';
import { isPresent, type RefusedPod } from './refusals.ts';
import { referencesOf, rolloutOf } from './rollout.ts';

/**
 * What has not moved for this long will not by itself: by then a kubelet has asked a registry twice
 * (kubernetes/kubernetes: pkg/kubelet/kubelet.go, imageBackOffPeriod), and a scheduler looked again.
 */
export const hopelessAfterMs = 30_000;

/**
 * A node that has refused a pod is given another after so long, which is how often a kubelet looks at its disk
 * (kubernetes/kubernetes: pkg/kubelet/kubelet.go, evictionMonitoringPeriod); one that has refused pods for long,
 * after a quarter of that time, and this at most: a try leaves one or two behind, and Kubernetes clears one away
 * every 15 minutes.
 */
const firstTryMs = 10_000;
const lastTryMs = 30 * 60_000;

/** What is known of a DaemonSet. */
export interface RollInput {
  readonly daemonSet: KubeObject;
  /** Those of its namespace, or more; undefined where they cannot be read. */
  readonly pods: readonly PodRecord[] | undefined;
  /** The names of nodes that do not answer; asked only while pods are replaced. */
  readonly unreachable: () => ReadonlySet<string>;
  /** The newest one of this DaemonSet. */
  readonly refusal: RefusedPod | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/**
 * What a quota keeps from a DaemonSet: nothing; pods beside the present ones, each of which would have the
 * place of a present one; or pods that nodes lack, or that have no room in such a place either.
 */
export type Shortage = 'none' | 'surge' | 'pods';

/** A roll, and in how many milliseconds it looks different by time alone; undefined if it never does. */
export interface SeenRoll {
  /** Undefined when no pod is left to be replaced. */
  readonly roll: Roll | undefined;
  /** Nodes that should have a pod. */
  readonly desired: number;
  /** Nodes that throw their pods out or do not let them in, as under disk pressure; 0 where pods cannot be read. */
  readonly refusing: number;
  /** Claims that pods of a former list live, or that pods cannot be read. */
  readonly replacesPods: () => boolean;
  readonly shortage: Shortage;
  readonly againMs: number | undefined;
}

/**
 * Reads from a DaemonSet and its pods how the replacing of its pods goes on. It is over when only nodes
 * are left that do not answer or refuse their pods: they have their own way back, and nobody waits for them.
 */
export function rollOf({ daemonSet, pods, unreachable, refusal, now }: RollInput): SeenRoll {
  const { updatedNumberScheduled, desiredNumberScheduled: desired } = daemonSetCounts(daemonSet);
  const { observed, changedAt } = rolloutOf(daemonSet);
  const { uid } = daemonSet.metadata;
  const own = pods?.filter((pod) => controllerOf(pod)?.uid === uid) ?? [];
  const present = presentStrategy(daemonSet);
  const replacesPods = () => {
    const isCurrent = isMadeBy(daemonSet);
    return pods === undefined || own.some((pod) => lives(pod) && !isCurrent(pod));
  };
  const seen = { desired, replacesPods };
  const over = () => {
    const silent = isInPlace(present) ? unreachable() : new Set<string>();
    const answering = own.filter(({ node }) => !silent.has(node));
    const shortage = shortageOf({ daemonSet, living: answering.filter(isPlaced), refusal });
    return { ...seen, roll: undefined, shortage, ...stillRefusing(answering, present, now) };
  };
  if (observed && desired <= updatedNumberScheduled) return over();
  const silent = unreachable();
  const lost = own.filter(({ node }) => silent.has(node));
  const nodes = refusingNodes(own);
  const refused = own.filter(({ node }) => nodes.has(node) && !silent.has(node));
  const passed = outdatedOf([...lost, ...refused], daemonSet);
  const outdated = Math.max(0, desired - updatedNumberScheduled - passed);
  if (observed && outdated === 0) return over();
  const refusing = nodes.size;
  // Until its controller has seen a new template, the numbers and the pods tell of the former one.
  if (!observed || pods === undefined) {
    const roll = { desired, outdated, present, obstacles: undefined };
    const shortage = shortageOf({ daemonSet, living: [], refusal });
    return { ...seen, roll, refusing, shortage, againMs: undefined };
  }
  const living = own.filter((pod) => isPlaced(pod) && !silent.has(pod.node));
  const calm = new Calm(own, now);
  const scene = { daemonSet, living, lost, refused, refusal, changedAt, calm };
  const obstacles = obstaclesOf(scene);
  const shortage = lastingShortage(scene, present);
  const roll = { desired, outdated, present, obstacles };
  return { ...seen, roll, refusing, shortage, againMs: calm.againMs };
}

/** How the pods of all DaemonSets of a puller are replaced. */
export interface RollsOnTheWay {
  /** Claims that some are replaced in place. */
  readonly isInPlace: boolean;
  /** Nodes that refuse their pods while some are replaced in place: then that is why. */
  readonly refusing: number;
  /** New pods that will get no further, and that others do not wait for. */
  readonly passed: number;
}

/** Adds up the rolls of DaemonSets. */
export function rollsOf({
  daemonSets,
  ...seen
}: Pick<RollInput, 'pods' | 'unreachable' | 'now'> & {
  readonly daemonSets: readonly KubeObject[];
}): RollsOnTheWay {
  const each = daemonSets.map((daemonSet) => rollOf({ ...seen, daemonSet, refusal: undefined }));
  const rolls = each.flatMap(({ roll }) => roll ?? []);
  const inPlace = each.filter(({ roll }) => isInPlace(roll?.present));
  const passed = rolls.map(({ obstacles }) =>
    obstacles === undefined ? 0 : obstacles.stuck + obstacles.stuckAlone + obstacles.crowded,
  );
  return {
    isInPlace: inPlace.length > 0,
    refusing: Math.max(0, ...inPlace.map(({ refusing }) => refusing)),
    passed: passed.reduce((sum, each) => sum + each, 0),
  };
}

interface Scene {
  readonly daemonSet: KubeObject;
  /** On nodes that answer. */
  readonly living: readonly PodRecord[];
  /** On nodes that do not; some of them are to go. */
  readonly lost: readonly PodRecord[];
  /** On nodes that refuse them. */
  readonly refused: readonly PodRecord[];
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
    lost: nodesWith(scene.lost).size,
    refusing: nodesWith(scene.refused).size,
    refused: scene.refused.filter(hasFailed).filter(isMadeBy(scene.daemonSet)).length,
    isQuotaFull: count('hopeful') === 0 && isQuotaFull(scene),
  };
}

function nodesWith(pods: readonly PodRecord[]): ReadonlySet<string> {
  return new Set(pods.map(({ node }) => node));
}

/** The nodes on which a pod has failed and none has begun. */
function refusingNodes(own: readonly PodRecord[]): ReadonlySet<string> {
  const failed = own.filter(hasFailed);
  return failed.length === 0 ? new Set() : nodesWithout(own.filter(hasBegun), failed);
}

/**
 * The same where nothing is replaced, for some time: only a surge makes a pod where failed ones are left, as
 * each of these is cleared away after a pause that grows to 15 minutes. While there is none a failed pod
 * can make way for another, and until somebody speaks of that, its node refuses pods.
 */
function stillRefusing(
  own: readonly PodRecord[],
  present: RollStrategy | undefined,
  now: number,
): Pick<SeenRoll, 'refusing' | 'againMs'> {
  const waits = [...Map.groupBy(own, ({ node }) => node).values()].flatMap((pods) => {
    if (pods.some(hasBegun)) return [];
    const leftMs = untilNextTry(pods.filter(hasFailed), now);
    if (leftMs > 0) return [leftMs];
    return isInPlace(present) && pods.some(isPlaced) ? [Number.POSITIVE_INFINITY] : [];
  });
  const againMs = Math.min(...waits);
  return { refusing: waits.length, againMs: Number.isFinite(againMs) ? againMs : undefined };
}

/** The longer a node has refused pods, the longer it is left alone. */
function untilNextTry(failed: readonly PodRecord[], now: number): number {
  const times = failed.map(({ createdAt }) => createdAt);
  const newest = times.reduce((latest, time) => Math.max(latest, time), 0);
  const oldest = times.reduce((earliest, time) => Math.min(earliest, time), newest);
  const pauseMs = Math.min(Math.max((newest - oldest) / 4, firstTryMs), lastTryMs);
  return newest + pauseMs - Math.max(now, newest);
}

function nodesWithout(
  begun: readonly PodRecord[],
  pods: readonly PodRecord[],
): ReadonlySet<string> {
  const fine = nodesWith(begun);
  return new Set([...nodesWith(pods)].filter((node) => node !== '' && !fine.has(node)));
}

function hasFailed({ condition }: PodRecord): boolean {
  return condition.phase === 'Failed';
}

/** Claims that a kubelet has let a pod in. */
function hasBegun(pod: PodRecord): boolean {
  return isPlaced(pod) && pod.containers.some(({ state }) => state !== 'unknown');
}

/**
 * On how many of the nodes that do not answer, or refuse their pods, a DaemonSet waits for a pod of its template.
 * What templates differ in besides their images is not seen: too few are told then, and never too many.
 */
function outdatedOf(absent: readonly PodRecord[], daemonSet: KubeObject): number {
  // It wants no pod on a node that does not answer, and counts none there, unless it tolerates that.
  const { numberMisscheduled } = daemonSetCounts(daemonSet);
  const isCurrent = isMadeBy(daemonSet);
  const nodes = nodesWith(absent.filter((pod) => !isCurrent(pod))).size;
  return Math.min(nodes, Math.max(0, nodesWith(absent).size - numberMisscheduled));
}

/** Tells pods that hold what the template of a DaemonSet does. */
function isMadeBy(daemonSet: KubeObject): (pod: PodRecord) => boolean {
  const template = new Set(referencesOf(daemonSet));
  return ({ containers }) => isMadeFrom(template, containers);
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
function isQuotaFull(scene: Scene): boolean {
  return shortageOf(scene) === 'surge' && hasStopped(scene);
}

/** In place each node lacks its pod for a moment, and a quota may hear late of the one that has gone. */
function lastingShortage(scene: Scene, present: RollStrategy | undefined): Shortage {
  const shortage = shortageOf(scene);
  if (shortage !== 'pods' || !isInPlace(present) || hasStopped(scene)) return shortage;
  return 'surge';
}

/** Claims that no pod has come, and none has got further, for long. */
function hasStopped({ living, changedAt, calm }: Scene): boolean {
  const movedAt = living.map(({ createdAt, heldAt }) => Math.max(createdAt, heldAt));
  return calm.since(Math.max(changedAt, ...movedAt));
}

function shortageOf({
  daemonSet,
  living,
  refusal,
}: Pick<Scene, 'daemonSet' | 'living' | 'refusal'>): Shortage {
  if (refusal === undefined || !isRefusedByQuota(daemonSet, refusal)) return 'none';
  const { currentNumberScheduled, desiredNumberScheduled } = daemonSetCounts(daemonSet);
  // A node that has no pod is not helped by another one's losing its own.
  if (currentNumberScheduled < desiredNumberScheduled) return 'pods';
  // Where the next pod takes more than the old one leaves, its node would be left without any.
  const old = living.filter(({ condition }) => condition.isReady);
  return old.every(({ cost }) => wouldFitInPlaceOf(refusal.message, cost)) ? 'surge' : 'pods';
}

function isRefusedByQuota(daemonSet: KubeObject, refusal: RefusedPod): boolean {
  return isPresent(daemonSet, refusal) && refusedPods(refusal.message, 1).isQuota;
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

/** Claims that a pod lives on a node, or is meant for one. */
function isPlaced(pod: PodRecord): boolean {
  return lives(pod) && pod.node !== '';
}

/** By how many pods at a time a DaemonSet replaces those of former templates; undefined where it does not. */
export function presentStrategy(daemonSet: KubeObject): RollStrategy | undefined {
  const { updateStrategy } = daemonSet['spec'] as DaemonSetSpec;
  const { maxSurge = 0, maxUnavailable = 1 } = updateStrategy?.rollingUpdate ?? {};
  return updateStrategy?.rollingUpdate && { maxSurge, maxUnavailable };
}

interface DaemonSetSpec {
  readonly updateStrategy?: { readonly rollingUpdate?: Partial<RollStrategy> };
}
