import { aPod } from './builders.ts';
import { type ContainerRecord, type Instance, podStatus } from './pod-status.ts';
import { condition } from './pods.ts';
import type { Pod } from './shapes.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const instance: Instance = {
  containerID: 'containerd://1',
  image: 'quay.io/a:1',
  imageID: 'quay.io/a@sha256:1',
  startedAt: '2026-01-01T00:00:00Z',
};
const running: ContainerRecord = { instance, restartCount: 0 };
const waiting = (reason: string): ContainerRecord => ({ waiting: { reason }, restartCount: 0 });
const ended = (exitCode: number): ContainerRecord => ({
  instance: {
    ...instance,
    exit: {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: '2026-01-01T00:00:00Z',
      finishedAt: '2026-01-01T00:00:00Z',
      containerID: 'containerd://1',
    },
  },
  restartCount: 0,
});

function aPendingPod(spec: Partial<Pod['spec']> = {}): Pod {
  const { status: _status, ...pod } = aPod('p');
  const containers = ['b', 'a'].map((name) => ({ name, image: `quay.io/${name}:1` }));
  return { ...pod, spec: { containers, ...spec } };
}

function status(records: Record<string, ContainerRecord>, pod = aPendingPod()) {
  return podStatus(pod, new Map(Object.entries(records)), now);
}

describe('the status of a pod', () => {
  it('begins with every container waiting for its creation, listed by name', () => {
    const { phase, containerStatuses, conditions } = status({});
    expect(phase).toBe('Pending');
    expect(containerStatuses?.map(({ name, state, imageID }) => [name, state, imageID])).toEqual([
      ['a', { waiting: { reason: 'ContainerCreating' } }, ''],
      ['b', { waiting: { reason: 'ContainerCreating' } }, ''],
    ]);
    expect(conditions).toContainEqual({
      type: 'Ready',
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [a b]',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
  });

  it('is Running and Ready when all containers run', () => {
    const result = status({ a: running, b: running });
    expect(result.phase).toBe('Running');
    expect(condition({ status: result }, 'Ready')?.status).toBe('True');
    expect(result.containerStatuses?.[0]).toEqual({
      name: 'a',
      image: 'quay.io/a:1',
      imageID: 'quay.io/a@sha256:1',
      containerID: 'containerd://1',
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
      lastState: {},
    });
  });

  it('stays Pending while one container has never started, whatever the others do', () => {
    const { phase, containerStatuses } = status({ a: running, b: waiting('ImagePullBackOff') });
    expect(phase).toBe('Pending');
    expect(containerStatuses?.map(({ ready }) => ready)).toEqual([true, false]);
  });

  it('holds everything back until the init containers are through', () => {
    const pod = aPendingPod({ initContainers: [{ name: 'i', image: 'quay.io/i:1' }] });
    const before = status({ i: waiting('ErrImagePull') }, pod);
    expect(before.initContainerStatuses?.[0]?.state).toEqual({
      waiting: { reason: 'ErrImagePull' },
    });
    expect(before.containerStatuses?.[0]?.state).toEqual({
      waiting: { reason: 'PodInitializing' },
    });
    expect(condition({ status: before }, 'Initialized')?.status).toBe('False');
    const after = status({ i: ended(0), a: running, b: running }, pod);
    expect(after.initContainerStatuses?.[0]?.ready).toBe(true);
    expect([after.phase, condition({ status: after }, 'Initialized')?.status]).toEqual([
      'Running',
      'True',
    ]);
  });

  it('shows a crash first as the end of the container, then as the wait for its restart', () => {
    const crashed = ended(1);
    const exit = crashed.instance?.exit;
    expect(status({ a: crashed, b: running }).containerStatuses?.[0]).toMatchObject({
      state: { terminated: exit },
      lastState: {},
    });
    const backingOff = { ...crashed, ...waiting('CrashLoopBackOff') };
    const result = status({ a: backingOff, b: running });
    expect(result.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: exit },
      ready: false,
    });
    expect(result.phase).toBe('Running');
  });

  it('ends when its containers do and are not restarted', () => {
    const pod = aPendingPod({ restartPolicy: 'Never' });
    expect(status({ a: ended(0), b: ended(0) }, pod).phase).toBe('Succeeded');
    expect(status({ a: ended(0), b: ended(1) }, pod).phase).toBe('Failed');
    expect(status({ a: ended(0), b: running }, pod).phase).toBe('Running');
  });

  it('keeps the time of a transition and the conditions of others', () => {
    const scheduled = { type: 'PodScheduled', status: 'True' as const };
    const pod = aPendingPod();
    const first = status({}, { ...pod, status: { conditions: [scheduled] } });
    const later = podStatus({ ...pod, status: first }, new Map(), now + 60_000);
    expect(later).toEqual(first);
    expect(later.conditions).toContainEqual(scheduled);
  });
});
