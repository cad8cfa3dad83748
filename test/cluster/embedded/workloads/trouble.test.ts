import { daemonSets, pods } from '../../../../src/kube/objects.ts';
import { ManualClock } from '../../../manual-clock.ts';
import type { ControlPlane } from '../control-plane.ts';
import { createControlPlane } from '../in-process-cluster.ts';
import { condition, isReady } from './pods.ts';
import { Registries } from './registry.ts';
import { events, find, listOf, type Node, nameOf, nodes, type Pod, uidOf } from './shapes.ts';
import { startWorkloads, type Workloads } from './workloads.ts';

const image = 'registry.example.com/a:1';

interface Stage {
  readonly clock: ManualClock;
  readonly controlPlane: ControlPlane;
  readonly workloads: Workloads;
}

let staged: Stage;
afterEach(() => staged.workloads.stop());

/** A DaemonSet of one image on two nodes. */
async function start(pushed: object = {}, container: object = {}): Promise<void> {
  const clock = new ManualClock();
  const controlPlane = createControlPlane({ clock });
  const registries = new Registries();
  registries.add('registry.example.com').push('a:1', pushed);
  const workloads = startWorkloads(controlPlane, { nodes: 2, registries });
  staged = { clock, controlPlane, workloads };
  const labels = { app: 'cache' };
  controlPlane.create(daemonSets, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'cache', namespace: 'default' },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'c0', image, ...container }] },
      },
    },
  });
  await clock.advance(5000);
}

function allPods(): readonly Pod[] {
  return listOf<Pod>(staged.controlPlane, pods);
}

function podOn(node: string): Pod {
  const found = allPods().find(({ spec }) => spec.nodeName === node);
  if (found === undefined) throw new Error(`there is no pod on ${node}`);
  return found;
}

function eventsOf(reason: string) {
  return listOf(staged.controlPlane, events).filter((event) => event['reason'] === reason);
}

describe('an evicted pod', () => {
  it('has failed for good, as its kubelet says', async () => {
    await start();
    const pod = podOn('node-1');
    const seen: Pod[] = [];
    staged.controlPlane.onChange(pods, ({ object }) => {
      if (uidOf(object) === uidOf(pod)) seen.push(object as Pod);
    });
    staged.workloads.evict('default', nameOf(pod));
    await staged.clock.advance(10);
    const failed = seen.find(({ status }) => status?.phase === 'Failed');
    expect(failed?.status).toMatchObject({
      reason: 'Evicted',
      message: 'The node was low on resource: ephemeral-storage. ',
      containerStatuses: [{ state: { terminated: { exitCode: 137 } } }],
    });
    const conditionOf = (type: string) => failed && condition(failed, type);
    expect(conditionOf('DisruptionTarget')).toMatchObject({ reason: 'TerminationByKubelet' });
    expect(conditionOf('Ready')).toMatchObject({ status: 'False', reason: 'PodFailed' });
    expect(conditionOf('ContainersReady')).toMatchObject({ status: 'False', reason: 'PodFailed' });
  });

  it('is replaced by its DaemonSet', async () => {
    await start();
    const pod = podOn('node-1');
    staged.workloads.evict('default', nameOf(pod));
    await staged.clock.advance(5000);
    expect(uidOf(podOn('node-1'))).not.toBe(uidOf(pod));
    expect(allPods().filter(isReady)).toHaveLength(2);
    expect(eventsOf('FailedDaemonPod')).toHaveLength(1);
  });
});

describe('a node without disk space', () => {
  it('rejects every new pod, and each of them stays longer than the one before', async () => {
    await start();
    const [, second] = [podOn('node-1'), podOn('node-2')];
    staged.workloads.setDiskPressure('node-1', true);
    expect(find<Node>(staged.controlPlane, nodes, { name: 'node-1' })).toMatchObject({
      spec: { taints: [{ key: 'node.kubernetes.io/disk-pressure', effect: 'NoSchedule' }] },
      status: {
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'DiskPressure', status: 'True' }),
        ]),
      },
    });
    staged.workloads.evict('default', nameOf(podOn('node-1')));
    await staged.clock.advance(2000);
    expect(podOn('node-1').status).toMatchObject({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'Pod was rejected: The node had condition: [DiskPressure]. ',
    });
    await staged.clock.advance(60_000);
    // At once, then after 1, 2, 4, 8, 16 and 32 s.
    const told = eventsOf('FailedDaemonPod').reduce(
      (sum, event) => sum + Number(event['count']),
      0,
    );
    expect(told).toBeGreaterThanOrEqual(6);
    expect(told).toBeLessThanOrEqual(8);
    expect(uidOf(podOn('node-2'))).toBe(uidOf(second));
  });

  it('does not run later what it has rejected', async () => {
    await start();
    const { controlPlane, workloads, clock } = staged;
    workloads.setDiskPressure('node-1', true);
    controlPlane.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'alone', namespace: 'default' },
      spec: { nodeName: 'node-1', containers: [{ name: 'c0', image }] },
    });
    await clock.advance(1000);
    workloads.setDiskPressure('node-1', false);
    const alone = () => find<Pod>(controlPlane, pods, { namespace: 'default', name: 'alone' });
    const live = alone();
    if (live === undefined) throw new Error('the pod is gone');
    const metadata = { ...live.metadata, labels: { touched: 'true' } };
    controlPlane.update(pods, { ...live, metadata });
    await clock.advance(10_000);
    expect(alone()?.status).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
  });

  it('takes pods again when there is room', async () => {
    await start();
    staged.workloads.setDiskPressure('node-1', true);
    staged.workloads.evict('default', nameOf(podOn('node-1')));
    await staged.clock.advance(3000);
    staged.workloads.setDiskPressure('node-1', false);
    await staged.clock.advance(20_000);
    expect(isReady(podOn('node-1'))).toBe(true);
  });
});

describe('a container', () => {
  const containerOn = (node: string) => podOn(node).status?.containerStatuses?.[0];

  it('that takes too much memory is killed for that reason', async () => {
    await start({ exitCode: 137, exitReason: 'OOMKilled' });
    expect(containerOn('node-1')).toMatchObject({
      lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
    });
  });

  it('whose program is missing says so before it counts as crashing', async () => {
    const command = ['/bin/missing'];
    await start({ lacks: command }, { command });
    expect(containerOn('node-1')).toMatchObject({
      state: { waiting: { reason: 'RunContainerError' } },
      lastState: { terminated: { exitCode: 128, reason: 'StartError' } },
    });
    const reasons = new Set<string | undefined>();
    staged.controlPlane.onChange(pods, () => {
      reasons.add(containerOn('node-1')?.state.waiting?.reason);
    });
    await staged.clock.advance(60_000);
    expect([...reasons].sort()).toEqual(['CrashLoopBackOff', 'RunContainerError']);
  });

  it('that cannot be made says why', async () => {
    const createError = 'failed to generate spec: statat etc: no such file or directory';
    await start({ createError });
    expect(containerOn('node-1')).toMatchObject({
      state: { waiting: { reason: 'CreateContainerError', message: createError } },
      restartCount: 0,
    });
  });

  it('of an image for one kind of machine runs there and nowhere else', async () => {
    await start({ architecture: 'arm64' });
    staged.workloads.addNode('arm', { labels: { 'kubernetes.io/arch': 'arm64' } });
    await staged.clock.advance(5000);
    expect(isReady(podOn('arm'))).toBe(true);
    expect(containerOn('node-1')?.state.waiting?.message).toContain('no match for platform');
  });
});

describe('a node that is taken away', () => {
  it('takes its pod with it, and one that comes back by its name gets a new one', async () => {
    await start();
    const pod = podOn('node-1');
    staged.workloads.removeNode('node-1');
    await staged.clock.advance(1000);
    expect(allPods().map(({ spec }) => spec.nodeName)).toEqual(['node-2']);
    staged.workloads.addNode('node-1');
    await staged.clock.advance(5000);
    expect(isReady(podOn('node-1'))).toBe(true);
    expect(uidOf(podOn('node-1'))).not.toBe(uidOf(pod));
  });
});
