import type { KubeObject } from '../../../../src/kube/objects.ts';
import { podColumns } from './pod.ts';

const now = Date.parse('2026-01-01T01:00:00Z');

function aPod(status: object, spec: object = {}, metadata: object = {}): KubeObject {
  const containers = [{ name: 'a' }, { name: 'b' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    spec: { containers, ...spec },
    status: { phase: 'Pending', ...status },
  };
}

/** Ready, Status and Restarts, as kubectl shows them. */
function shown(pod: KubeObject): string {
  const cells = podColumns.slice(1, 4).map(({ cell }) => cell(pod, now));
  return cells.join(' ');
}

const running = { ready: true, restartCount: 0, state: { running: {} } };
const waiting = (reason: string) => ({ restartCount: 0, state: { waiting: { reason } } });
const ended = (exitCode: number, more: object = {}) => ({
  restartCount: 0,
  state: { terminated: { exitCode, ...more } },
});
const ready = [{ type: 'Ready', status: 'True' }];
const initContainers = [{ name: 'i' }, { name: 'j' }];

describe('the row of a pod', () => {
  it('is its phase as long as no container has anything to tell', () => {
    expect(shown(aPod({}))).toBe('0/2 Pending 0');
    expect(shown(aPod({ reason: 'Evicted', phase: 'Failed' }))).toBe('0/2 Evicted 0');
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }];
    expect(shown(aPod({ conditions }))).toBe('0/2 SchedulingGated 0');
  });

  it('counts the containers that are ready', () => {
    const containerStatuses = [running, { ...running, ready: false }];
    expect(shown(aPod({ phase: 'Running', containerStatuses }))).toBe('1/2 Running 0');
  });

  it('shows the reason of the first container that has one', () => {
    const containerStatuses = [waiting('ImagePullBackOff'), waiting('ErrImagePull')];
    expect(shown(aPod({ containerStatuses }))).toBe('0/2 ImagePullBackOff 0');
    const failed = [ended(1, { reason: 'Error' }), running];
    expect(shown(aPod({ containerStatuses: failed }))).toBe('1/2 Error 0');
    expect(shown(aPod({ containerStatuses: [ended(3)] }))).toBe('0/2 ExitCode:3 0');
    expect(shown(aPod({ containerStatuses: [ended(137, { signal: 9 })] }))).toBe('0/2 Signal:9 0');
  });

  it('looks past a container that completed', () => {
    const completed = ended(0, { reason: 'Completed' });
    const phase = 'Running';
    expect(shown(aPod({ phase, conditions: ready, containerStatuses: [completed, running] }))).toBe(
      '1/2 Running 0',
    );
    expect(shown(aPod({ phase, containerStatuses: [completed, running] }))).toBe('1/2 NotReady 0');
    const failed = [completed, ended(1, { reason: 'Error' })];
    expect(shown(aPod({ containerStatuses: failed }))).toBe('0/2 Error 0');
  });

  it('shows how far its init containers are', () => {
    const of = (...initContainerStatuses: readonly object[]) =>
      shown(aPod({ initContainerStatuses }, { initContainers }));
    expect(of(waiting('PodInitializing'))).toBe('0/2 Init:0/2 0');
    expect(of(ended(0), { restartCount: 0, state: { running: {} } })).toBe('0/2 Init:1/2 0');
    expect(of(waiting('ErrImagePull'))).toBe('0/2 Init:ErrImagePull 0');
    expect(of({ ...ended(2), restartCount: 4 })).toBe('0/2 Init:ExitCode:2 4');
  });

  it('counts sidecars among its containers', () => {
    const sidecars = [{ name: 's', restartPolicy: 'Always' }];
    const initContainerStatuses = [{ ...running, name: 's', started: true }];
    const containerStatuses = [running, running];
    const pod = aPod(
      { phase: 'Running', initContainerStatuses, containerStatuses },
      { initContainers: sidecars },
    );
    expect(shown(pod)).toBe('3/3 Running 0');
  });

  it('says how often containers were started again, and when the last had ended', () => {
    const lastState = { terminated: { finishedAt: '2026-01-01T00:57:00Z' } };
    const containerStatuses = [
      { ...running, restartCount: 2, lastState },
      { ...running, restartCount: 1 },
    ];
    expect(shown(aPod({ phase: 'Running', containerStatuses }))).toBe('2/2 Running 3 (3m ago)');
  });

  it('shows that it is going', () => {
    const going = { deletionTimestamp: '2026-01-01T00:59:00Z' };
    expect(shown(aPod({ phase: 'Running' }, {}, going))).toBe('0/2 Terminating 0');
    expect(shown(aPod({ phase: 'Succeeded' }, {}, going))).toBe('0/2 Succeeded 0');
    expect(shown(aPod({ reason: 'NodeLost' }, {}, going))).toBe('0/2 Unknown 0');
  });
});
