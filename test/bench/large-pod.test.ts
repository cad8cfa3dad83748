import { projectPod } from '../../src/status/pods.ts';
import { LargePods } from './large-pod.ts';

const owner = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  name: 'cache',
  uid: 'd',
  controller: true,
};
const containers = ['a', 'b', 'c'].map((name) => ({ name, image: `registry.example/${name}:1` }));
const pods = new LargePods({ spec: { containers } }, owner);
const identity = { name: 'cache-1', namespace: 'workspaces', uid: 'p', resourceVersion: '7' };

describe('pods that are played', () => {
  it('say as much as a node would: where they run, what runs, what it holds, whose they are', () => {
    const { node, metadata, condition, containers } = projectPod(
      pods.pod({ ...identity, node: 'n', running: 2 }),
    );
    expect([node, metadata.ownerReferences, condition.isReady]).toEqual(['n', [owner], false]);
    expect(containers.map(({ state }) => state)).toEqual(['running', 'running', 'waiting']);
    expect(containers[0]?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(containers[2]?.digest).toBe('');
  });

  it('are Ready once all runs, and nowhere before they are bound', () => {
    const whole = projectPod(pods.pod({ ...identity, node: 'n', running: 3 }));
    expect([whole.condition.isReady, whole.isScheduled]).toEqual([true, true]);
    const begun = projectPod(pods.pod({ ...identity, running: 0 }));
    expect([begun.node, begun.isScheduled, begun.containers[0]?.state]).toEqual([
      '',
      false,
      'unknown',
    ]);
  });

  it('share what they have in common, so that thousands of them fit into memory', () => {
    const one = pods.pod({ ...identity, node: 'n', running: 3 });
    const other = pods.pod({ ...identity, name: 'cache-2', node: 'm', running: 3 });
    expect(other['status']).toBe(one['status']);
    expect(other.metadata.managedFields).toBe(one.metadata.managedFields);
  });
});
