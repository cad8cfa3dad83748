import type { KubeObject } from '../../../../src/kube/objects.ts';
import { asList, asObject, asObjects, at, type JsonObject } from '../json.ts';
import { ageColumn, since } from './age.ts';
import { type Column, column, nameColumn, wide } from './column.ts';

/** What the containers of a pod add up to. */
interface Summary {
  readonly ready: number;
  readonly total: number;
  readonly status: string;
  readonly restarts: number;
  /** When a container that was started again had ended; undefined where none has. */
  readonly restartedAt: string | undefined;
}

/** The columns of a pod (kubernetes/kubernetes: pkg/printers/internalversion/printers.go, printPod). */
export const podColumns: readonly Column[] = [
  nameColumn,
  column('Ready', (pod) => {
    const { ready, total } = summary(pod);
    return `${ready}/${total}`;
  }),
  column('Status', (pod) => summary(pod).status),
  column('Restarts', (pod, now) => {
    const { restarts, restartedAt } = summary(pod);
    const isDated = restarts > 0 && restartedAt !== undefined;
    return isDated ? `${restarts} (${since(restartedAt, now)} ago)` : String(restarts);
  }),
  ageColumn,
  wide('IP', (pod) => at(asObjects(at(pod, 'status', 'podIPs'))[0], 'ip') || none),
  wide('Node', (pod) => at(pod, 'spec', 'nodeName') || none),
  wide('Nominated Node', (pod) => at(pod, 'status', 'nominatedNodeName') || none),
  wide('Readiness Gates', readinessGates),
];

const none = '<none>';

function summary(pod: KubeObject): Summary {
  const init = initSummary(pod);
  const total = asList(at(pod, 'spec', 'containers')).length + sidecarsOf(pod).size;
  const isInitialized = init.status === undefined || hasCondition(pod, 'Initialized');
  if (!isInitialized) {
    const status = deletionStatus(pod) ?? init.status ?? '';
    return { ready: init.ready, total, status, ...restartsOf(statuses(pod, 'init')) };
  }
  const main = statuses(pod, 'main');
  const sidecars = statuses(pod, 'init').filter(({ name }) => sidecarsOf(pod).has(String(name)));
  return {
    ready: init.ready + main.filter(isRunningAndReady).length,
    total,
    status: deletionStatus(pod) ?? mainStatus(pod, main, init.status ?? ownStatus(pod)),
    ...restartsOf([...sidecars, ...main]),
  };
}

function statuses(pod: KubeObject, which: 'init' | 'main'): readonly JsonObject[] {
  const field = which === 'init' ? 'initContainerStatuses' : 'containerStatuses';
  return asObjects(at(pod, 'status', field));
}

/** Init containers that go on running beside the others, by name. */
function sidecarsOf(pod: KubeObject): ReadonlySet<string> {
  const restarted = asObjects(at(pod, 'spec', 'initContainers')).filter(
    ({ restartPolicy }) => restartPolicy === 'Always',
  );
  return new Set(restarted.map(({ name }) => String(name)));
}

/** Ready sidecars, and the status of the init container that the pod waits for, if it does. */
function initSummary(pod: KubeObject): { readonly ready: number; readonly status?: string } {
  const sidecars = sidecarsOf(pod);
  let ready = 0;
  for (const [index, container] of statuses(pod, 'init').entries()) {
    if (at(container, 'state', 'terminated', 'exitCode') === 0) continue;
    if (sidecars.has(String(container['name'])) && container['started'] === true) {
      ready += Number(container['ready'] === true);
      continue;
    }
    const count = asList(at(pod, 'spec', 'initContainers')).length;
    return { ready, status: `Init:${initReason(container) ?? `${index}/${count}`}` };
  }
  return { ready };
}

function initReason({ state }: JsonObject): string | undefined {
  const { terminated, waiting } = asObject(state);
  if (terminated !== undefined) return terminationReason(asObject(terminated));
  const reason = at(waiting, 'reason');
  return reason && reason !== 'PodInitializing' ? String(reason) : undefined;
}

function terminationReason({ reason, signal, exitCode }: JsonObject): string {
  if (reason) return String(reason);
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

/** Why the pod as a whole is as it is, its containers apart. */
function ownStatus(pod: KubeObject): string {
  const isGated = asObjects(at(pod, 'status', 'conditions')).some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  if (isGated) return 'SchedulingGated';
  return String(at(pod, 'status', 'reason') || (at(pod, 'status', 'phase') ?? ''));
}

/** The first container that has something to tell decides; one that completed yields to the others. */
function mainStatus(pod: KubeObject, containers: readonly JsonObject[], status: string): string {
  const told = containers.map(reasonOf).find((reason) => reason !== undefined) ?? status;
  if (told !== 'Completed') return told;
  const isRunning = containers.some(isRunningAndReady);
  if (isRunning && hasCondition(pod, 'Ready')) return 'Running';
  const failed = containers.find(({ state }) => at(state, 'terminated', 'exitCode'));
  if (failed !== undefined) return terminationReason(asObject(at(failed, 'state', 'terminated')));
  return isRunning ? 'NotReady' : told;
}

function reasonOf({ state }: JsonObject): string | undefined {
  const { waiting, terminated } = asObject(state);
  const reason = at(waiting, 'reason');
  if (reason) return String(reason);
  return terminated === undefined ? undefined : terminationReason(asObject(terminated));
}

function isRunningAndReady({ ready, state }: JsonObject): boolean {
  return ready === true && at(state, 'running') !== undefined;
}

function hasCondition(pod: KubeObject, wanted: string): boolean {
  return asObjects(at(pod, 'status', 'conditions')).some(
    ({ type, status }) => type === wanted && status === 'True',
  );
}

function deletionStatus(pod: KubeObject): string | undefined {
  if (pod.metadata.deletionTimestamp === undefined) return undefined;
  if (at(pod, 'status', 'reason') === 'NodeLost') return 'Unknown';
  const phase = at(pod, 'status', 'phase');
  return phase === 'Succeeded' || phase === 'Failed' ? undefined : 'Terminating';
}

function restartsOf(containers: readonly JsonObject[]) {
  const ends = containers.map(({ lastState }) => at(lastState, 'terminated', 'finishedAt'));
  return {
    restarts: containers.reduce((sum, { restartCount }) => sum + Number(restartCount ?? 0), 0),
    restartedAt: ends
      .filter((end) => typeof end === 'string')
      .sort()
      .at(-1),
  };
}

function readinessGates(pod: KubeObject): string {
  const gates = asObjects(at(pod, 'spec', 'readinessGates'));
  if (gates.length === 0) return none;
  const open = gates.filter(({ conditionType }) => hasCondition(pod, String(conditionType)));
  return `${open.length}/${gates.length}`;
}
