import { controllerOf, type KubeObject, type OwnerReference } from '../kube/objects.ts';
import { detached, InternPool } from './intern.ts';
import { essence, type Speaker } from './kubelet-words.ts';
import { type Cost, isSidecar, podCost, type Resources } from './pod-cost.ts';

/**
 * How a container is doing: `running`; `waiting` while it is pulled, made or started and nothing is
 * wrong; `failing`; `done`, of an init container for which those behind it wait no more: it has ended
 * well, or has started and stays beside them; `unknown` while its kubelet has not spoken of it.
 */
export type ContainerState = 'running' | 'waiting' | 'failing' | 'done' | 'unknown';

/** One container of a pod. Equal ones are one object. */
export interface ContainerRecord {
  readonly name: string;
  /**
   * What the pod's spec asks for, which may not be what its template did (rewrites.ts); the kubelet's own
   * `image` may be another name of the same content.
   */
  readonly reference: string;
  readonly isInit: boolean;
  readonly state: ContainerState;
  /**
   * Why it waits or fails, as the kubelet has it, except that a reason which alternates with its
   * back-off is always told the same: `ErrImagePull` also while ImagePullBackOff, and how the last run
   * ended also while CrashLoopBackOff.
   */
  readonly reason: string;
  /** The essence of the kubelet's message (kubelet-words.ts). Not escaped. */
  readonly message: string;
  /** `sha256:…` of what it runs, or ran last; empty while it never ran. */
  readonly digest: string;
}

/** The containers of a pod, init containers first. Pods that say the same share one array. */
export type ContainerVector = readonly ContainerRecord[];

/** What a pod's status says of it as a whole. Equal ones are one object. */
export interface PodCondition {
  readonly phase: string;
  /** Why it was ended (`Evicted`, `NodeAffinity`, `OutOfmemory`); empty for pods that live. */
  readonly reason: string;
  readonly message: string;
  /** Claims that the condition Ready is True; the node-lifecycle controller turns it off too. */
  readonly isReady: boolean;
  /** Claims that the condition ContainersReady is True: the kubelet's own last word. */
  readonly areContainersReady: boolean;
  /** What the scheduler says of a pod that it finds no room for; empty otherwise. */
  readonly unschedulable: string;
}

/** What is kept of a pod of a cache: a few hundred bytes instead of 70 kB. */
export interface PodRecord extends KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    /** The controlling owner alone, or nothing. */
    readonly ownerReferences: readonly OwnerReference[];
  };
  /** How often the template of its DaemonSet had changed when it was made from it; 0 where that is not told. */
  readonly templateGeneration: number;
  /** Where it runs, or which it is meant for while it has no place; empty where neither is told. */
  readonly node: string;
  /** Claims that the scheduler has given it to its node. */
  readonly isScheduled: boolean;
  /** Claims that its deletion has begun. */
  readonly isTerminating: boolean;
  /** When its deletion should have come to its end, by the API server's clock; 0 where none has begun. */
  readonly goneAt: number;
  /** What its deletion waits for, once that has begun. Not escaped. */
  readonly finalizers: readonly string[];
  /** Wall-clock milliseconds by the API server's clock. */
  readonly createdAt: number;
  /** The same, by the scheduler's clock; 0 while it has no node. */
  readonly scheduledAt: number;
  /** The same, by the node's clock: since when all its containers run; 0 while not all do. */
  readonly heldAt: number;
  /** When its status last changed, by the API server's clock where that is told. */
  readonly spokenAt: number;
  readonly condition: PodCondition;
  readonly containers: ContainerVector;
  /** What it takes from its node and of a quota. Equal ones are one object. */
  readonly cost: Cost;
}

/** Given by the DaemonSet controller (kubernetes/kubernetes: pkg/controller/daemon/util, CreatePodTemplate). */
const templateGenerationLabel = 'pod-template-generation';

const none: readonly string[] = [];

const containerPool = new InternPool<ContainerRecord>();
const vectorPool = new InternPool<ContainerVector>();
const conditionPool = new InternPool<PodCondition>();
const ownerPool = new InternPool<Ownership>();
const costPool = new InternPool<Cost>();

/**
 * What is to be kept of a pod, for a reflector. What many pods have in common exists once, and goes
 * with the last of them.
 */
export function projectPod(pod: KubeObject): PodRecord {
  const { name = '', uid = '', resourceVersion = '' } = pod.metadata;
  const { creationTimestamp, deletionTimestamp, finalizers = none } = pod.metadata;
  const spec = (pod['spec'] ?? {}) as PodSpec;
  const status = (pod['status'] ?? {}) as PodStatus;
  const { namespace, ownerReferences } = ownershipOf(pod);
  const speaker = { name, namespace, uid };
  const conditions = status.conditions ?? [];
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: { name, namespace, uid, resourceVersion, ownerReferences },
    templateGeneration: Number(pod.metadata.labels?.[templateGenerationLabel] ?? 0),
    node: spec.nodeName ?? intendedNode(spec),
    isScheduled: spec.nodeName !== undefined,
    isTerminating: deletionTimestamp !== undefined,
    goneAt: milliseconds(deletionTimestamp),
    finalizers: deletionTimestamp === undefined ? none : finalizers.map(detached),
    createdAt: milliseconds(creationTimestamp),
    scheduledAt: trueSince(conditions, 'PodScheduled'),
    heldAt: trueSince(conditions, 'ContainersReady'),
    spokenAt: spokenAt(pod, conditions),
    condition: conditionOf(status, speaker),
    containers: containersOf(spec, status, speaker),
    cost: costOf(spec),
  };
}

/** Claims that a pod is there to hold something: it has not failed, and is not on its way out. */
export function lives({ condition, isTerminating }: PodRecord): boolean {
  return condition.phase !== 'Failed' && !isTerminating;
}

/** Claims that the node of a container holds its image: it runs, or is between two runs. */
export function holdsImage({ state, digest }: ContainerRecord): boolean {
  // A container that is started again, after a restart of its node say, keeps the digest of its last run.
  return state === 'running' || (state === 'waiting' && digest !== '');
}

/** Claims that all containers of a pod run but some that fail, and that some do: it holds what can be had. */
export function isStuck(containers: ContainerVector): boolean {
  const cached = containers.filter(({ isInit }) => !isInit);
  return (
    cached.some(({ state }) => state === 'failing') &&
    cached.every(({ state }) => state === 'failing' || state === 'running')
  );
}

/** Claims that a pod has a container for each of these images and for no others. */
export function isMadeFrom(template: ReadonlySet<string>, containers: ContainerVector): boolean {
  const cached = containers.filter(({ isInit }) => !isInit);
  return (
    cached.length === template.size && cached.every(({ reference }) => template.has(reference))
  );
}

/**
 * Seconds from a pod's place on a node to the start of its last container, which is what its pulls
 * took; undefined while it does not run. Two machines' clocks are compared, so it is never negative.
 */
export function secondsToHold({ scheduledAt, heldAt }: PodRecord): number | undefined {
  if (scheduledAt === 0 || heldAt === 0) return undefined;
  return Math.max(0, heldAt - scheduledAt) / 1000;
}

function costOf({ resources, initContainers = [], containers = [] }: PodSpec): Cost {
  const each = (list: readonly Container[]) =>
    list.map((container) => [container.resources, container.restartPolicy]);
  const key = JSON.stringify([resources, each(initContainers), each(containers)]);
  return costPool.intern(key, () =>
    podCost({ ...(resources && { resources }), initContainers, containers }),
  );
}

interface Ownership {
  readonly namespace: string;
  readonly ownerReferences: readonly OwnerReference[];
}

function ownershipOf(pod: KubeObject): Ownership {
  const { namespace = '' } = pod.metadata;
  const owner = controllerOf(pod);
  const key = `${namespace}\0${owner?.uid}\0${owner?.name}\0${owner?.kind}\0${owner?.apiVersion}`;
  return ownerPool.intern(key, () => ({ namespace, ownerReferences: owner ? [owner] : [] }));
}

/** DaemonSet pods are bound to their node by its name (kubernetes/kubernetes: pkg/controller/daemon/util). */
function intendedNode({ affinity }: PodSpec): string {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = required?.nodeSelectorTerms?.flatMap(({ matchFields = [] }) => matchFields) ?? [];
  return fields.find(({ key }) => key === 'metadata.name')?.values?.[0] ?? '';
}

function conditionOf(status: PodStatus, speaker: Speaker): PodCondition {
  const { phase = '', reason = '', message = '', conditions = [] } = status;
  const isTrue = (type: string) =>
    conditions.some((each) => each.type === type && each.status === 'True');
  const unplaced = conditions.find(
    (each) => each.type === 'PodScheduled' && each.reason === 'Unschedulable',
  );
  const isReady = isTrue('Ready');
  const areContainersReady = isTrue('ContainersReady');
  const ended = phase === 'Failed' ? essence(message, speaker) : '';
  const unschedulable = unplaced
    ? essence(unplaced.message ?? '', speaker) || 'no reason given'
    : '';
  const key = [phase, reason, ended, isReady, areContainersReady, unschedulable].join('\0');
  return conditionPool.intern(key, () => ({
    phase,
    reason,
    message: detached(ended),
    isReady,
    areContainersReady,
    unschedulable: detached(unschedulable),
  }));
}

function containersOf(spec: PodSpec, status: PodStatus, speaker: Speaker): ContainerVector {
  const statuses = new Map<string, ContainerStatus>();
  for (const each of status.initContainerStatuses ?? []) statuses.set(each.name, each);
  for (const each of status.containerStatuses ?? []) statuses.set(each.name, each);
  const record = (isInit: boolean) => (container: Container) =>
    containerRecord(container, { isInit, status: statuses.get(container.name), speaker });
  const containers = [
    ...(spec.initContainers ?? []).map(record(true)),
    ...(spec.containers ?? []).map(record(false)),
  ];
  const key = containers.map((each) => containerPool.numberOf(each)).join();
  return vectorPool.intern(key, () => containers);
}

interface Spoken {
  readonly isInit: boolean;
  readonly status: ContainerStatus | undefined;
  readonly speaker: Speaker;
}

function containerRecord(
  container: Container,
  { isInit, status, speaker }: Spoken,
): ContainerRecord {
  const { name, image: reference = '' } = container;
  const digest = digestOf(status?.imageID ?? '');
  const {
    state,
    reason = '',
    message = '',
  } = isInit && isSidecar(container)
    ? sidecarState(status, digest !== '')
    : stateOf(status, isInit, digest !== '');
  const essential = message === '' ? '' : essence(message, speaker);
  const key = [name, reference, isInit, state, reason, essential, digest].join('\0');
  return containerPool.intern(key, () => ({
    name,
    reference,
    isInit,
    state,
    reason,
    message: detached(essential),
    digest: detached(digest),
  }));
}

interface Told {
  readonly state: ContainerState;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

/** One that has started lets those behind it begin, and is started again for as long as the pod lives. */
function sidecarState(status: ContainerStatus | undefined, hasDigest: boolean): Told {
  return status?.started && status.state?.running
    ? { state: 'done' }
    : stateOf(status, false, hasDigest);
}

function stateOf(status: ContainerStatus | undefined, isInit: boolean, hasDigest: boolean): Told {
  const { running, waiting, terminated } = status?.state ?? {};
  if (running) return { state: 'running' };
  if (terminated) {
    if (isInit && terminated.exitCode === 0) return { state: 'done' };
    const told = ended(terminated);
    // It is started again: what ran once has its image, and has not failed before it ends again and again.
    return hasDigest && !isInit && hasRun(terminated) ? { ...told, state: 'waiting' } : told;
  }
  if (waiting) return waitingState(waiting, status?.lastState?.terminated);
  return { state: 'unknown' };
}

/**
 * Reasons of a container that waits though nothing is wrong (kubernetes/kubernetes:
 * pkg/kubelet/kubelet_pods.go).
 */
const calmReasons: ReadonlySet<string> = new Set(['', 'ContainerCreating', 'PodInitializing']);

function waitingState(waiting: Waiting, lastEnd: Terminated | undefined): Told {
  const { reason = '', message } = waiting;
  if (calmReasons.has(reason)) return { state: 'waiting', reason };
  if (reason === 'ImagePullBackOff') return { state: 'failing', reason: 'ErrImagePull', message };
  if (lastEnd && (reason === 'CrashLoopBackOff' || reason === 'RunContainerError')) {
    return { ...ended(lastEnd), state: 'failing' };
  }
  return { state: 'failing', reason, message };
}

/** Ends of containers that did not even start (kubernetes/kubernetes: pkg/kubelet/kuberuntime; containerd). */
const failedStarts: ReadonlySet<string> = new Set(['StartError', 'ContainerCannotRun']);

function hasRun({ reason = '' }: Terminated): boolean {
  return !failedStarts.has(reason);
}

/**
 * Ends that tell no more than that it ended: the user knows them by what the kubelet says next. Unknown is
 * what containerd says of all containers after a restart of their node.
 */
const plainEnds: ReadonlySet<string> = new Set(['', 'Error', 'Completed', 'Unknown']);

/** A container that ends is started again; one that ends by itself without a fault is, in calm. */
function ended({ exitCode = 0, reason = '', message = '' }: Terminated): Told {
  if (!plainEnds.has(reason)) return { state: 'failing', reason, message };
  const how = `exit code ${exitCode}${message === '' ? '' : `: ${message}`}`;
  const state = exitCode === 0 ? 'waiting' : 'failing';
  return { state, reason: 'CrashLoopBackOff', message: how };
}

/** The part behind the `@`: the repository before it may be that of another image of the same content. */
function digestOf(imageId: string): string {
  return /(?:^|[@/])(sha(?:256|384|512):[0-9a-f]{64,128})$/.exec(imageId)?.[1] ?? '';
}

/** By its managed fields, as conditions do not move with each container that starts. */
function spokenAt({ metadata }: KubeObject, conditions: readonly Condition[]): number {
  const writes =
    metadata.managedFields?.filter(({ subresource }) => subresource === 'status') ?? [];
  const times = [
    metadata.creationTimestamp,
    ...writes.map(({ time }) => time),
    ...(writes.length === 0 ? conditions.map((each) => each.lastTransitionTime) : []),
  ];
  return Math.max(...times.map(milliseconds));
}

function trueSince(conditions: readonly Condition[], type: string): number {
  const condition = conditions.find((each) => each.type === type && each.status === 'True');
  return milliseconds(condition?.lastTransitionTime);
}

function milliseconds(timestamp: string | null | undefined): number {
  const time = timestamp ? Date.parse(timestamp) : 0;
  return Number.isNaN(time) ? 0 : time;
}

/** The fields of core/v1 Pod that are read. */
interface PodSpec {
  readonly nodeName?: string;
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: {
        readonly nodeSelectorTerms?: readonly {
          readonly matchFields?: readonly {
            readonly key: string;
            readonly values?: readonly string[];
          }[];
        }[];
      };
    };
  };
  readonly resources?: Resources;
  readonly initContainers?: readonly Container[];
  readonly containers?: readonly Container[];
}

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly resources?: Resources;
  readonly restartPolicy?: string;
}

interface PodStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly Condition[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string | null;
}

interface ContainerStatus {
  readonly name: string;
  readonly imageID?: string;
  readonly started?: boolean;
  readonly state?: State;
  readonly lastState?: State;
}

interface State {
  readonly running?: object;
  readonly waiting?: Waiting;
  readonly terminated?: Terminated;
}

interface Waiting {
  readonly reason?: string;
  readonly message?: string;
}

interface Terminated {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
}
