import type { KubeObject } from '../../src/kube/objects.ts';
import { projectPod } from '../../src/status/pods.ts';
import { newestRefusal } from '../../src/status/refusals.ts';
import { aDaemonSet, aPod, minute, now, timeAt } from './scenes.ts';

/** Of {@link aDaemonSet}. */
const changedAt = now - 120 * minute;

const anEvent = (message: string, at: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: message },
  message,
  lastTimestamp: timeAt(at),
});

const pods = (...createdAt: number[]) =>
  createdAt.map((at) => projectPod(aPod('node-1', { createdAt: at })));

const newest = (
  events: readonly KubeObject[],
  more: Partial<Parameters<typeof newestRefusal>[0]>,
) => newestRefusal({ daemonSet: aDaemonSet(3), events, pods: [], ...more })?.message;

describe('the newest refusal of pods of a DaemonSet', () => {
  const old = anEvent('old', changedAt - minute);
  const present = anEvent('present', changedAt);

  it('is that of the last Event since the DaemonSet was changed, and none where there is none', () => {
    const latest = anEvent('latest', changedAt + minute);
    expect(newest([old, latest, present], { pods: pods(now) })).toBe('latest');
    expect(newest([], {})).toBeUndefined();
  });

  it('may be older than the last change as long as no pod was made since', () => {
    expect(newest([old], { pods: pods(changedAt - 2 * minute, changedAt - minute) })).toBe('old');
    expect(newest([old], { pods: pods(changedAt - 2 * minute, changedAt) })).toBeUndefined();
  });

  it('is not past because somebody else made a pod', () => {
    const others = projectPod(aPod('node-1', { owner: 'd2', createdAt: now }));
    expect(newest([old], { pods: [others] })).toBe('old');
  });

  it('is past where the DaemonSet was changed and pods cannot be read', () => {
    expect(newest([old], { pods: undefined })).toBeUndefined();
    expect(newest([present], { pods: undefined })).toBe('present');
  });
});
