import type { V1Container } from '@kubernetes/client-node';
import { timestamp } from '../writer.ts';
import { condition, transitioned, withCondition } from './pods.ts';
import type {
  Condition,
  ContainerState,
  ContainerStatus,
  Pod,
  PodPhase,
  PodStatus,
  TerminatedState,
  WaitingState,
} from './shapes.ts';

/**
 * The status that a kubelet reports of what runs on its node, as pure functions. The rules follow
 * kubernetes/kubernetes: pkg/kubelet/kubelet_pods.go and pkg/kubelet/status/generate.go. Left out
 * are sidecars (restartable init containers), ephemeral containers and probes: a container that
 * runs is ready.
 */

/** What the container runtime knows of one container. */
export interface ContainerRecord {
  /** What runs, or ran last; absent before the first start. */
  readonly instance?: Instance;
  /** Why the next start does not come about; absent while nobody tried or nothing is wrong. */
  readonly waiting?: WaitingState;
  readonly restartCount: number;
  /** The end of the instance before. */
  readonly lastExit?: TerminatedState;
}

/** One start of a container, and its end if it had one. */
export interface Instance {
  readonly containerID: string;
  /** One name of the image; not always the one that the container asked for. */
  readonly image: string;
  /** `repository@digest`. */
  readonly imageID: string;
  readonly startedAt: string;
  readonly exit?: TerminatedState;
}

/** The containers of a pod by name; one that nobody tried to start is missing. */
export type ContainerRecords = ReadonlyMap<string, ContainerRecord>;

/** The status of a pod at a time (milliseconds), with the conditions of others left alone. */
export function podStatus(pod: Pod, records: ContainerRecords, now: number): PodStatus {
  const { initContainers = [], containers } = pod.spec;
  const idle: WaitingState = {
    reason: initContainers.length > 0 ? 'PodInitializing' : 'ContainerCreating',
  };
  const statusOf = (container: V1Container) =>
    containerStatus(container, records.get(container.name), idle);
  const initStatuses = initContainers.map((each) => {
    const status = statusOf(each);
    return { ...status, ready: status.state.terminated?.exitCode === 0 };
  });
  // Unlike those of init containers, these are listed by name.
  const statuses = containers.map(statusOf).sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...pod.status,
    phase: phase(pod, initStatuses, statuses),
    conditions: conditions(pod, initStatuses, statuses, timestamp(now)),
    startTime: pod.status?.startTime ?? timestamp(now),
    ...(initStatuses.length > 0 && { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
  };
}

/** Why a pod has ended for good though its containers did not. */
export interface PodFailure {
  readonly reason: string;
  readonly message: string;
}

/** The status of a pod whose containers the kubelet has killed for good. */
export function evictedStatus(
  status: PodStatus,
  { reason, message }: PodFailure,
  now: number,
): PodStatus {
  const said: readonly Omit<Condition, 'lastTransitionTime'>[] = [
    { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message },
    { type: 'PodReadyToStartContainers', status: 'False' },
    { type: 'Ready', status: 'False', reason: 'PodFailed' },
    { type: 'ContainersReady', status: 'False', reason: 'PodFailed' },
  ];
  const conditions = said
    .map((each) => transitioned(condition({ status }, each.type), each, timestamp(now)))
    .reduce<Condition[]>(withCondition, [...(status.conditions ?? [])]);
  return { ...status, phase: 'Failed', reason, message, conditions };
}

function containerStatus(
  container: V1Container,
  record: ContainerRecord | undefined,
  idle: WaitingState,
): ContainerStatus {
  const instance = record?.instance;
  const isRunning = instance !== undefined && instance.exit === undefined;
  const lastExit =
    record?.waiting === undefined ? record?.lastExit : (instance?.exit ?? record.lastExit);
  return {
    name: container.name,
    image: instance?.image ?? container.image ?? '',
    imageID: instance?.imageID ?? '',
    ...(instance && { containerID: instance.containerID }),
    ready: isRunning,
    started: isRunning,
    restartCount: record?.restartCount ?? 0,
    state: state(record, idle),
    lastState: lastExit === undefined ? {} : { terminated: lastExit },
  };
}

function state(record: ContainerRecord | undefined, idle: WaitingState): ContainerState {
  if (record?.waiting !== undefined) return { waiting: record.waiting };
  const instance = record?.instance;
  if (instance === undefined) return { waiting: idle };
  return instance.exit === undefined
    ? { running: { startedAt: instance.startedAt } }
    : { terminated: instance.exit };
}

function phase(
  pod: Pod,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
): PodPhase {
  const policy = pod.spec.restartPolicy ?? 'Always';
  const initFailed = initStatuses.some(({ state: { terminated } }) => terminated?.exitCode);
  if (initFailed && policy === 'Never') return 'Failed';
  if (initStatuses.some(({ ready }) => !ready)) return 'Pending';
  const neverStarted = ({ state: { waiting }, lastState }: ContainerStatus) =>
    waiting !== undefined && lastState.terminated === undefined;
  if (statuses.some(neverStarted)) return 'Pending';
  if (policy === 'Always' || statuses.some(({ state: { terminated } }) => !terminated)) {
    return 'Running';
  }
  const succeeded = statuses.every(({ state: { terminated } }) => terminated?.exitCode === 0);
  if (succeeded) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

function conditions(
  pod: Pod,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
  now: string,
): readonly Condition[] {
  const ready = unmet('ContainersNotReady', 'unready', statuses);
  const said: readonly Omit<Condition, 'lastTransitionTime'>[] = [
    { type: 'PodReadyToStartContainers', status: 'True' },
    {
      type: 'Initialized',
      ...unmet('ContainersNotInitialized', 'incomplete', initStatuses),
    },
    { type: 'Ready', ...ready },
    { type: 'ContainersReady', ...ready },
  ];
  return said
    .map((each) => transitioned(condition(pod, each.type), each, now))
    .reduce<Condition[]>(withCondition, [...(pod.status?.conditions ?? [])]);
}

/** True where all containers are ready, or else which are not. */
function unmet(
  reason: string,
  adjective: string,
  statuses: readonly ContainerStatus[],
): Pick<Condition, 'status' | 'reason' | 'message'> {
  const names = statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  if (names.length === 0) return { status: 'True' };
  const message = `containers with ${adjective} status: [${names.join(' ')}]`;
  return { status: 'False', reason, message };
}
