import { type IntOrPercent, scaled } from './counts.ts';
import { daemonTolerations, matchesNode, toleratesNode } from './node-fit.ts';
import { byAge, isAvailable, isDeleting, isReady, isTerminal } from './pods.ts';
import { type DaemonSet, type Node, nameOf, type Pod } from './shapes.ts';

/**
 * What the DaemonSet controller decides, as pure functions. The rules, their names and their order
 * follow kubernetes/kubernetes: pkg/controller/daemon/{daemon_controller,update}.go.
 */

/** On every pod of a DaemonSet: the hash of the template it was made from. */
export const hashLabel = 'controller-revision-hash';

/** Everything a decision depends on. */
export interface Observed {
  readonly daemonSet: DaemonSet;
  readonly nodes: readonly Node[];
  /** The DaemonSet's pods by the node they are for; a node without any has no entry. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  /** The hash of the present template: a pod that carries it is up to date. */
  readonly hash: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What is to be done next. */
export interface Plan {
  /** Names of nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
}

const nothing: Plan = { create: [], remove: [] };

/**
 * What a DaemonSet wants of a node: a pod (`run`), at most that one that is there stays (`keep`),
 * or no pod (`leave`).
 */
export type Placement = 'run' | 'keep' | 'leave';

/** NodeShouldRunDaemonPod. */
export function placement(daemonSet: DaemonSet, node: Node): Placement {
  const { spec } = daemonSet.spec.template;
  if (spec.nodeName && spec.nodeName !== nameOf(node)) return 'leave';
  if (!matchesNode(spec, node)) return 'leave';
  const tolerations = daemonTolerations(spec);
  if (toleratesNode(tolerations, node, ['NoSchedule', 'NoExecute'])) return 'run';
  return toleratesNode(tolerations, node, ['NoExecute']) ? 'keep' : 'leave';
}

/** One pod on every node that wants one, none elsewhere, superfluous ones removed. */
export function manage(observed: Observed): Plan {
  const names = new Set(observed.nodes.map(nameOf));
  const lost = [...observed.pods]
    .filter(([node]) => !names.has(node))
    .flatMap(([, pods]) => pods.filter((pod) => !pod.spec.nodeName));
  return merged([
    ...observed.nodes.map((node) => manageNode(observed, node)),
    { create: [], remove: lost },
  ]);
}

function manageNode(observed: Observed, node: Node): Plan {
  const pods = observed.pods.get(nameOf(node));
  const wanted = placement(observed.daemonSet, node);
  if (pods === undefined)
    return wanted === 'run' ? { create: [nameOf(node)], remove: [] } : nothing;
  const live = pods.filter((pod) => !isDeleting(pod));
  if (wanted === 'leave') return { create: [], remove: live };
  const running = live.filter((pod) => !isTerminal(pod)).sort(byAge);
  const superfluous = surges(observed.daemonSet)
    ? superfluousWhenSurging(observed, running)
    : running.slice(1);
  const isBare = running.length === 0 && wanted === 'run' && surges(observed.daemonSet);
  return {
    create: isBare ? [nameOf(node)] : [],
    remove: [...live.filter(isTerminal), ...superfluous],
  };
}

/**
 * Two pods may share a node only while the new one is not available and the old one is Ready; of
 * several of one kind the oldest stays.
 */
function superfluousWhenSurging(observed: Observed, running: readonly Pod[]): readonly Pod[] {
  if (running.length <= 1) return [];
  const isNew = (pod: Pod) => isUpdated(observed, pod);
  const [keptNew, ...otherNew] = running.filter(isNew);
  const [keptOld, ...otherOld] = running.filter((pod) => !isNew(pod));
  const others = [...otherNew, ...otherOld];
  if (keptNew === undefined || keptOld === undefined) return others;
  const mayShare = isReady(keptOld) && !available(observed, keptNew);
  return mayShare ? others : [...others, keptOld];
}

/** The next step of a rolling update; OnDelete has none. */
export function roll(observed: Observed): Plan {
  const strategy = observed.daemonSet.spec.updateStrategy;
  if (strategy?.type === 'OnDelete') return nothing;
  const limits = rollingLimits(observed);
  const nodes = nodesInRoll(observed);
  return limits.maxSurge === 0
    ? rollByRemoving(observed, nodes, limits.maxUnavailable)
    : rollBySurging(observed, nodes, limits);
}

interface Limits {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  readonly desired: number;
}

/** Both percentages are rounded up; where both come to 0, one pod may be unavailable. */
export function rollingLimits({ daemonSet, nodes }: Observed): Limits {
  const desired = nodes.filter((node) => placement(daemonSet, node) === 'run').length;
  const maxSurge = scaled(surgeOf(daemonSet), desired, 'up');
  const rolling = daemonSet.spec.updateStrategy?.rollingUpdate;
  const asked = scaled((rolling?.maxUnavailable as IntOrPercent | undefined) ?? 1, desired, 'up');
  const isStuck = desired > 0 && maxSurge === 0 && asked === 0;
  return { maxSurge, maxUnavailable: isStuck ? 1 : asked, desired };
}

interface NodeInRoll {
  readonly name: string;
  readonly old: Pod | undefined;
  readonly new: Pod | undefined;
  /** More than one pod of a kind: left to `manage`. */
  readonly isCrowded: boolean;
  readonly placement: Placement | undefined;
}

function nodesInRoll(observed: Observed): readonly NodeInRoll[] {
  const byName = new Map(
    observed.nodes.map((node) => [nameOf(node), placement(observed.daemonSet, node)]),
  );
  const names = new Set([
    ...observed.pods.keys(),
    ...[...byName].filter(([, wanted]) => wanted === 'run').map(([name]) => name),
  ]);
  return [...names].sort().map((name) => {
    const live = (observed.pods.get(name) ?? []).filter((pod) => !isDeleting(pod));
    const updated = live.filter((pod) => isUpdated(observed, pod));
    const outdated = live.filter((pod) => !isUpdated(observed, pod));
    return {
      name,
      old: outdated[0],
      new: updated[0],
      isCrowded: updated.length > 1 || outdated.length > 1,
      placement: byName.get(name),
    };
  });
}

/**
 * Without surge: an old pod that is not available goes at once, and of the available ones as many
 * as maxUnavailable allows.
 */
function rollByRemoving(
  observed: Observed,
  nodes: readonly NodeInRoll[],
  maxUnavailable: number,
): Plan {
  const isCandidate = (node: NodeInRoll) =>
    !node.isCrowded &&
    node.new === undefined &&
    node.old !== undefined &&
    available(observed, node.old);
  const isUpToDate = (node: NodeInRoll) =>
    !node.isCrowded &&
    node.old === undefined &&
    node.new !== undefined &&
    available(observed, node.new);
  const candidates = nodes.filter(isCandidate);
  const unavailable = nodes.filter((node) => !isCandidate(node) && !isUpToDate(node));
  const broken = unavailable.filter((node) => !node.isCrowded && node.new === undefined);
  const allowed = Math.max(0, maxUnavailable - unavailable.length);
  return {
    create: [],
    remove: [...broken, ...candidates.slice(0, allowed)].flatMap(({ old }) => old ?? []),
  };
}

/**
 * With surge: a node whose old pod is not available gets a new one at once, of the others at most
 * maxSurge wait for theirs at a time; an old pod goes when its successor is available.
 */
function rollBySurging(
  observed: Observed,
  nodes: readonly NodeInRoll[],
  { maxSurge, desired }: Limits,
): Plan {
  const isUp = (pod: Pod | undefined) => pod !== undefined && available(observed, pod);
  const orderly = nodes.filter((node) => !node.isCrowded);
  const surged = orderly.filter((node) => node.old !== undefined && node.new !== undefined);
  const waiting = orderly.filter((node) => node.old !== undefined && node.new === undefined);
  const surging = nodes.length - orderly.length + surged.filter((node) => !isUp(node.new)).length;
  const availableNodes = orderly.filter((node) => isUp(node.old ?? node.new)).length;

  const broken = waiting.filter((node) => !isUp(node.old));
  const healthy = waiting.filter((node) => isUp(node.old));
  const candidates = healthy.filter((node) => node.placement === 'run');
  // A node that no longer wants its pod keeps it until enough others have theirs.
  const sunset = healthy
    .filter((node) => node.placement !== 'run')
    .slice(0, Math.max(0, availableNodes - desired));
  return {
    create: [
      ...broken.filter((node) => node.placement === 'run'),
      ...candidates.slice(0, Math.max(0, maxSurge - surging)),
    ].map(({ name }) => name),
    remove: [
      ...surged.filter((node) => isUp(node.new)),
      ...broken.filter((node) => node.placement !== 'run'),
      ...sunset,
    ].flatMap(({ old }) => old ?? []),
  };
}

/** The numbers of the status: of several pods on a node the first one counts. */
export function statusNumbers(observed: Observed): Record<string, number> {
  const { daemonSet, nodes, pods } = observed;
  const placed = nodes.map((node) => ({
    isDesired: placement(daemonSet, node) === 'run',
    pod: [...(pods.get(nameOf(node)) ?? [])].sort(byAge)[0],
  }));
  const desired = placed.filter(({ isDesired }) => isDesired);
  const current = desired.flatMap(({ pod }) => pod ?? []);
  const ready = current.filter(isReady);
  const numberAvailable = ready.filter((pod) => available(observed, pod)).length;
  return {
    observedGeneration: daemonSet.metadata.generation ?? 0,
    desiredNumberScheduled: desired.length,
    currentNumberScheduled: current.length,
    numberMisscheduled: placed.filter(({ isDesired, pod }) => !isDesired && pod).length,
    numberReady: ready.length,
    updatedNumberScheduled: current.filter((pod) => isUpdated(observed, pod)).length,
    numberAvailable,
    numberUnavailable: desired.length - numberAvailable,
  };
}

function surgeOf(daemonSet: DaemonSet): IntOrPercent {
  const strategy = daemonSet.spec.updateStrategy;
  if (strategy?.type === 'OnDelete') return 0;
  return (strategy?.rollingUpdate?.maxSurge as IntOrPercent | undefined) ?? 0;
}

/** Claims that a node may hold an old and a new pod at once. */
function surges(daemonSet: DaemonSet): boolean {
  return scaled(surgeOf(daemonSet), 1, 'up') > 0;
}

function isUpdated({ hash }: Observed, pod: Pod): boolean {
  return pod.metadata.labels?.[hashLabel] === hash;
}

function available({ daemonSet, now }: Observed, pod: Pod): boolean {
  return isAvailable(pod, daemonSet.spec.minReadySeconds ?? 0, now);
}

function merged(plans: readonly Plan[]): Plan {
  return {
    create: plans.flatMap(({ create }) => create),
    remove: plans.flatMap(({ remove }) => remove),
  };
}
