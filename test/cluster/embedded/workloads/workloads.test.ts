import { configMaps, daemonSets, deployments, pods } from '../../../../src/kube/objects.ts';
import { ManualClock } from '../../../manual-clock.ts';
import type { ControlPlane } from '../control-plane.ts';
import { createControlPlane } from '../in-process-cluster.ts';
import { forbidden } from '../status-error.ts';
import { condition } from './pods.ts';
import { Registries } from './registry.ts';
import {
  type ContainerStatus,
  type DaemonSet,
  type Deployment,
  events,
  find,
  listOf,
  type Node,
  nameOf,
  nodes,
  type Pod,
  replicaSets,
  secrets,
} from './shapes.ts';
import { startWorkloads, type WorkloadOptions, type Workloads } from './workloads.ts';

interface Stage {
  readonly clock: ManualClock;
  readonly controlPlane: ControlPlane;
  readonly workloads: Workloads;
}

let running: Workloads | undefined;
afterEach(() => {
  running?.stop();
  running = undefined;
});

function stage(options: WorkloadOptions = {}): Stage {
  const clock = new ManualClock();
  const controlPlane = createControlPlane({ clock });
  running = startWorkloads(controlPlane, { nodes: 1, ...options });
  return { clock, controlPlane, workloads: running };
}

function container(name: string, image: string, more: object = {}) {
  return { name, image, imagePullPolicy: 'IfNotPresent', ...more };
}

function createPod({ controlPlane }: Stage, name: string, spec: object): void {
  controlPlane.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec,
  });
}

function pod({ controlPlane }: Stage, name: string): Pod | undefined {
  return find<Pod>(controlPlane, pods, { namespace: 'default', name });
}

function container0(staged: Stage, name: string): ContainerStatus | undefined {
  return pod(staged, name)?.status?.containerStatuses?.[0];
}

function createDaemonSet({ controlPlane }: Stage, spec: object, images: readonly string[]): void {
  controlPlane.create(daemonSets, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'cache', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'cache' } },
      template: template('cache', images),
      ...spec,
    },
  });
}

function template(app: string, images: readonly string[]) {
  return {
    metadata: { labels: { app } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: images.map((image, index) => container(`c${index}`, image)),
    },
  };
}

function daemonSet({ controlPlane }: Stage): DaemonSet | undefined {
  return find<DaemonSet>(controlPlane, daemonSets, { namespace: 'default', name: 'cache' });
}

function podsOf({ controlPlane }: Stage, app: string): readonly Pod[] {
  return listOf<Pod>(controlPlane, pods).filter(({ metadata }) => metadata.labels?.['app'] === app);
}

function isReady(one: Pod | undefined): boolean {
  return one !== undefined && condition(one, 'Ready')?.status === 'True';
}

/** The same control plane, but that no pod is admitted. */
function withoutRoomForPods(controlPlane: ControlPlane): ControlPlane {
  return {
    clock: controlPlane.clock,
    get: (...args) => controlPlane.get(...args),
    list: (...args) => controlPlane.list(...args),
    create(resource, object) {
      if (resource.plural === 'pods') throw forbidden(resource, '', 'exceeded quota: tight');
      return controlPlane.create(resource, object);
    },
    update: (...args) => controlPlane.update(...args),
    updateStatus: (...args) => controlPlane.updateStatus(...args),
    remove: (...args) => controlPlane.remove(...args),
    onChange: (...args) => controlPlane.onChange(...args),
  };
}

describe('a pod on a node', () => {
  it('pulls and starts one container after another, and reports them together', async () => {
    const staged = stage({ registries: new Registries({ others: { pullMs: 1000 } }) });
    createPod(staged, 'two', {
      containers: [container('a', 'quay.io/a:1'), container('b', 'quay.io/b:1')],
    });
    await staged.clock.advance(2000);
    expect(staged.workloads.imagesOn('node-1')).toHaveLength(1);
    expect(container0(staged, 'two')?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
    // Twice 20 ms to ask, 1 s to pull and 150 ms to start, and half a second to notice.
    await staged.clock.advance(840);
    expect(isReady(pod(staged, 'two'))).toBe(true);
  });

  it('waits for the pulls of other pods of its node', async () => {
    const staged = stage({ registries: new Registries({ others: { pullMs: 5000 } }) });
    createPod(staged, 'first', { containers: [container('a', 'quay.io/a:1')] });
    createPod(staged, 'second', { containers: [container('a', 'quay.io/b:1')] });
    await staged.clock.advance(7000);
    expect([isReady(pod(staged, 'first')), isReady(pod(staged, 'second'))]).toEqual([true, false]);
    await staged.clock.advance(5000);
    expect(isReady(pod(staged, 'second'))).toBe(true);
  });

  it('runs its init containers in turn before its containers', async () => {
    const staged = stage();
    createPod(staged, 'init', {
      initContainers: [container('i', 'quay.io/i:1')],
      containers: [container('a', 'quay.io/a:1')],
    });
    await staged.clock.advance(1500);
    expect(pod(staged, 'init')?.status?.phase).toBe('Pending');
    await staged.clock.advance(3000);
    const { phase, initContainerStatuses } = pod(staged, 'init')?.status ?? {};
    expect(phase).toBe('Running');
    expect(initContainerStatuses?.[0]?.state.terminated?.exitCode).toBe(0);
  });

  it('tries a pull that failed again after 10, 20, 40 … seconds', async () => {
    const staged = stage();
    staged.workloads.registry('quay.io').remove('a:1');
    createPod(staged, 'bad', { containers: [container('a', 'quay.io/a:1')] });
    await staged.clock.advance(120_000);
    expect(staged.workloads.registry('quay.io').requests).toHaveLength(4);
  });

  it('shows the refusal, then that it backs off from it', async () => {
    const staged = stage();
    staged.workloads.registry('quay.io').remove('a:1');
    createPod(staged, 'bad', { containers: [container('a', 'quay.io/a:1')] });
    await staged.clock.advance(1000);
    const waiting = container0(staged, 'bad')?.state.waiting;
    expect(waiting?.reason).toBe('ErrImagePull');
    await staged.clock.advance(11_000);
    expect(container0(staged, 'bad')?.state.waiting).toEqual({
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "quay.io/a:1": ErrImagePull: ${waiting?.message}`,
    });
  });

  it('starts when the registry is back', async () => {
    const staged = stage();
    staged.workloads.registry('quay.io').stop();
    createPod(staged, 'late', { containers: [container('a', 'quay.io/a:1')] });
    await staged.clock.advance(30_000);
    expect(isReady(pod(staged, 'late'))).toBe(false);
    staged.workloads.registry('quay.io').start();
    await staged.clock.advance(60_000);
    expect(isReady(pod(staged, 'late'))).toBe(true);
  });

  it('asks the registry each time under Always, and takes what the tag names by then', async () => {
    const staged = stage();
    const always = { containers: [container('a', 'quay.io/a:1', { imagePullPolicy: 'Always' })] };
    createPod(staged, 'before', always);
    await staged.clock.advance(3000);
    const before = container0(staged, 'before')?.imageID;
    staged.workloads.registry('quay.io').push('a:1', { digest: `sha256:${'1'.repeat(64)}` });
    createPod(staged, 'after', always);
    await staged.clock.advance(3000);
    expect(container0(staged, 'after')?.imageID).toBe(`quay.io/a@sha256:${'1'.repeat(64)}`);
    expect(container0(staged, 'before')?.imageID).toBe(before);
  });

  it('never pulls under Never', async () => {
    const staged = stage();
    createPod(staged, 'never', {
      containers: [container('a', 'quay.io/a:1', { imagePullPolicy: 'Never' })],
    });
    await staged.clock.advance(2000);
    expect(container0(staged, 'never')?.state.waiting).toEqual({
      reason: 'ErrImageNeverPull',
      message: 'Container image "quay.io/a:1" is not present with pull policy of Never',
    });
  });

  it('pulls with a secret that exists and that it names', async () => {
    const staged = stage();
    staged.workloads.registry('quay.io').requireSecret('a', 'robot');
    const spec = {
      containers: [container('a', 'quay.io/a:1')],
      imagePullSecrets: [{ name: 'robot' }],
    };
    createPod(staged, 'early', spec);
    await staged.clock.advance(1000);
    expect(container0(staged, 'early')?.state.waiting?.message).toMatch(/401 Unauthorized$/);
    staged.controlPlane.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'robot', namespace: 'default' },
    });
    createPod(staged, 'late', spec);
    await staged.clock.advance(3000);
    expect(isReady(pod(staged, 'late'))).toBe(true);
  });

  it('does not run an image as root that must not be', async () => {
    const staged = stage();
    createPod(staged, 'root', {
      securityContext: { runAsNonRoot: true },
      containers: [container('a', 'quay.io/a:1')],
    });
    await staged.clock.advance(3000);
    expect(container0(staged, 'root')?.state.waiting?.reason).toBe('CreateContainerConfigError');
    expect(container0(staged, 'root')?.imageID).toBe('');
  });

  it('stays in creation under a memory limit that nothing fits into', async () => {
    const staged = stage();
    const resources = { limits: { memory: '2Mi' } };
    createPod(staged, 'tiny', { containers: [container('a', 'quay.io/a:1', { resources })] });
    await staged.clock.advance(60_000);
    expect(container0(staged, 'tiny')?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
  });

  it('restarts a container that crashes, after ever longer waits', async () => {
    const staged = stage();
    staged.workloads.registry('quay.io').push('a:1', { exitCode: 3 });
    createPod(staged, 'crash', { containers: [container('a', 'quay.io/a:1')] });
    await staged.clock.advance(25_000);
    expect(container0(staged, 'crash')).toMatchObject({
      state: {
        waiting: {
          reason: 'CrashLoopBackOff',
          message: expect.stringMatching(
            /^back-off 20s restarting failed container=a pod=crash_default\(/,
          ),
        },
      },
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    await staged.clock.advance(50_000);
    expect(container0(staged, 'crash')?.restartCount).toBe(4);
  });

  it('waits for room on a node', async () => {
    const staged = stage();
    const big = { resources: { requests: { cpu: '3' } } };
    createPod(staged, 'first', { containers: [container('a', 'quay.io/a:1', big)] });
    createPod(staged, 'second', { containers: [container('a', 'quay.io/a:1', big)] });
    await staged.clock.advance(3000);
    const scheduled = condition(pod(staged, 'second') ?? {}, 'PodScheduled');
    expect(scheduled).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
      message: '0/1 nodes are available: 1 Insufficient cpu.',
    });
    staged.controlPlane.remove(pods, 'default', 'first', { gracePeriodSeconds: 0 });
    await staged.clock.advance(3000);
    expect(isReady(pod(staged, 'second'))).toBe(true);
  });

  it('is not scheduled before its gates are gone', async () => {
    const staged = stage();
    createPod(staged, 'gated', {
      schedulingGates: [{ name: 'wave' }],
      containers: [container('a', 'quay.io/a:1')],
    });
    await staged.clock.advance(1000);
    expect(condition(pod(staged, 'gated') ?? {}, 'PodScheduled')?.reason).toBe('SchedulingGated');
  });
});

describe('the end of a pod', () => {
  const slow = (image: string) => ({
    terminationGracePeriodSeconds: 30,
    containers: [container('a', image)],
  });

  it('comes at once with a grace period of 0', async () => {
    const staged = stage();
    createPod(staged, 'p', { ...slow('quay.io/a:1'), terminationGracePeriodSeconds: 0 });
    await staged.clock.advance(3000);
    staged.controlPlane.remove(pods, 'default', 'p');
    expect(pod(staged, 'p')).toBeUndefined();
  });

  it('comes as soon as its containers heed the signal', async () => {
    const staged = stage();
    createPod(staged, 'p', slow('quay.io/a:1'));
    await staged.clock.advance(3000);
    staged.controlPlane.remove(pods, 'default', 'p');
    expect(isReady(pod(staged, 'p'))).toBe(true);
    await staged.clock.advance(100);
    expect(pod(staged, 'p')).toBeUndefined();
  });

  it('comes with the end of the grace period where they do not', async () => {
    const staged = stage();
    staged.workloads.registry('quay.io').push('a:1', { ignoresTerm: true });
    createPod(staged, 'p', slow('quay.io/a:1'));
    await staged.clock.advance(3000);
    staged.controlPlane.remove(pods, 'default', 'p');
    await staged.clock.advance(29_000);
    expect(pod(staged, 'p')?.metadata.deletionTimestamp).toBeDefined();
    await staged.clock.advance(1000);
    expect(pod(staged, 'p')).toBeUndefined();
  });

  it('ends a pull that is under way', async () => {
    const staged = stage({ registries: new Registries({ others: { pullMs: 600_000 } }) });
    createPod(staged, 'p', slow('quay.io/huge:1'));
    await staged.clock.advance(3000);
    staged.controlPlane.remove(pods, 'default', 'p');
    await staged.clock.advance(100);
    expect(pod(staged, 'p')).toBeUndefined();
    expect(staged.workloads.imagesOn('node-1')).toEqual([]);
    expect(staged.clock.waits).toEqual([]);
  });
});

describe('the disk of a node', () => {
  it('loses to garbage collection what no container was made from', async () => {
    const staged = stage();
    createPod(staged, 'kept', { containers: [container('a', 'quay.io/kept:1')] });
    createPod(staged, 'gone', { containers: [container('a', 'quay.io/gone:1')] });
    await staged.clock.advance(5000);
    staged.controlPlane.remove(pods, 'default', 'gone', { gracePeriodSeconds: 0 });
    await staged.clock.advance(100);
    expect(staged.workloads.imagesOn('node-1')).toHaveLength(2);
    staged.workloads.collectGarbage('node-1');
    const names = staged.workloads.imagesOn('node-1').map((image) => image.names[1]);
    expect(names).toEqual(['quay.io/kept:1']);
  });
});

describe('a node that cannot be reached', () => {
  it('has pods that are not Ready although their containers are', async () => {
    const staged = stage();
    createDaemonSet(staged, {}, ['quay.io/a:1']);
    await staged.clock.advance(3000);
    staged.workloads.setReachable('node-1', false);
    await staged.clock.advance(1000);
    const [only] = podsOf(staged, 'cache');
    const of = (type: string) => condition(only ?? {}, type)?.status;
    expect([of('Ready'), of('ContainersReady')]).toEqual(['False', 'True']);
    expect(daemonSet(staged)?.status).toMatchObject({
      desiredNumberScheduled: 0,
      numberMisscheduled: 1,
    });
    staged.workloads.setReachable('node-1', true);
    await staged.clock.advance(1000);
    expect(isReady(podsOf(staged, 'cache')[0])).toBe(true);
    expect(daemonSet(staged)?.status).toMatchObject({ desiredNumberScheduled: 1, numberReady: 1 });
  });

  it('does not confirm the end of a pod before it is back', async () => {
    const staged = stage();
    createPod(staged, 'p', {
      containers: [container('a', 'quay.io/a:1')],
      terminationGracePeriodSeconds: 1,
    });
    await staged.clock.advance(3000);
    staged.workloads.setReachable('node-1', false);
    staged.controlPlane.remove(pods, 'default', 'p');
    await staged.clock.advance(60_000);
    expect(pod(staged, 'p')).toBeDefined();
    staged.workloads.setReachable('node-1', true);
    await staged.clock.advance(1000);
    expect(pod(staged, 'p')).toBeUndefined();
  });
});

describe('a DaemonSet', () => {
  it('follows nodes that come and go', async () => {
    const staged = stage();
    createDaemonSet(staged, {}, ['quay.io/a:1']);
    staged.workloads.addNode('node-2');
    await staged.clock.advance(3000);
    expect(podsOf(staged, 'cache')).toHaveLength(2);
    staged.workloads.removeNode('node-1');
    await staged.clock.advance(100);
    expect(podsOf(staged, 'cache').map(({ spec }) => spec.nodeName)).toEqual(['node-2']);
    expect(staged.workloads.nodes).toEqual(['node-2']);
  });

  it('makes pods that are pinned to their node and carry its labels', async () => {
    const staged = stage();
    createDaemonSet(staged, {}, ['quay.io/a:1']);
    await staged.clock.advance(10);
    const [made] = podsOf(staged, 'cache');
    expect(made?.metadata).toMatchObject({
      generateName: 'cache-',
      labels: {
        app: 'cache',
        'controller-revision-hash': expect.any(String),
        'pod-template-generation': '1',
      },
      ownerReferences: [
        { kind: 'DaemonSet', name: 'cache', controller: true, blockOwnerDeletion: true },
      ],
    });
    expect(made?.spec.nodeName).toBe('node-1');
    const required =
      made?.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    expect(required?.nodeSelectorTerms[0]?.matchFields?.[0]?.values).toEqual(['node-1']);
  });

  it('adopts orphans that it selects and lets go of pods that it no longer does', async () => {
    const staged = stage();
    createDaemonSet(staged, {}, ['quay.io/a:1']);
    await staged.clock.advance(3000);
    const [own] = podsOf(staged, 'cache');
    if (own === undefined) throw new Error('the DaemonSet made no pod');
    const { labels } = own.metadata;
    staged.controlPlane.update(pods, {
      ...own,
      metadata: { ...own.metadata, labels: { ...labels, app: 'other' } },
    });
    await staged.clock.advance(3000);
    const released = pod(staged, nameOf(own));
    expect(released?.metadata.ownerReferences ?? []).toEqual([]);
    const [second] = podsOf(staged, 'cache');
    staged.controlPlane.remove(pods, 'default', nameOf(second ?? own));
    if (released === undefined) throw new Error('the pod is gone');
    staged.controlPlane.update(pods, {
      ...released,
      metadata: { ...released.metadata, labels: { ...labels } },
    });
    await staged.clock.advance(3000);
    expect(
      podsOf(staged, 'cache').map(({ metadata }) => metadata.ownerReferences?.[0]?.name),
    ).toEqual(['cache']);
  });

  it('says by an Event that its pods are refused, and tries again later', async () => {
    const clock = new ManualClock();
    const controlPlane = withoutRoomForPods(createControlPlane({ clock }));
    running = startWorkloads(controlPlane, { nodes: 1 });
    createDaemonSet({ clock, controlPlane, workloads: running }, {}, ['quay.io/a:1']);
    await clock.advance(1000);
    const [event, ...others] = listOf(controlPlane, events);
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      type: 'Warning',
      reason: 'FailedCreate',
      message: 'Error creating: pods is forbidden: exceeded quota: tight',
      involvedObject: { kind: 'DaemonSet', name: 'cache' },
      source: { component: 'daemonset-controller' },
    });
    expect(event?.['count']).toBeGreaterThan(3);
    expect(event?.['count']).toBeLessThan(10);
  });

  it('counts its pods as available after minReadySeconds', async () => {
    const staged = stage();
    createDaemonSet(staged, { minReadySeconds: 30 }, ['quay.io/a:1']);
    await staged.clock.advance(5000);
    expect(daemonSet(staged)?.status).toMatchObject({ numberReady: 1, numberUnavailable: 1 });
    await staged.clock.advance(31_000);
    expect(daemonSet(staged)?.status).toMatchObject({ numberReady: 1, numberAvailable: 1 });
  });

  it('writes nothing when nothing changes', async () => {
    const staged = stage({ nodes: 3 });
    createDaemonSet(staged, {}, ['quay.io/a:1', 'quay.io/b:1']);
    await staged.clock.advance(10_000);
    const versions = () =>
      [pods, daemonSets, nodes].flatMap((resource) =>
        listOf(staged.controlPlane, resource).map(({ metadata }) => metadata.resourceVersion),
      );
    const before = versions();
    staged.controlPlane.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'unrelated', namespace: 'default' },
    });
    await staged.clock.advance(600_000);
    expect(versions()).toEqual(before);
    expect(staged.clock.waits).toEqual([]);
  });
});

describe('a Deployment', () => {
  function deploy({ controlPlane }: Stage, spec: object): void {
    controlPlane.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: template('web', ['quay.io/a:1']),
        ...spec,
      },
    });
  }

  function deployment({ controlPlane }: Stage): Deployment {
    const found = find<Deployment>(controlPlane, deployments, {
      namespace: 'default',
      name: 'web',
    });
    if (found === undefined) throw new Error('there is no Deployment');
    return found;
  }

  function setImage(staged: Stage, image: string): void {
    const live = deployment(staged);
    const spec = { ...live.spec, template: template('web', [image]) };
    staged.controlPlane.update(deployments, { ...live, spec });
  }

  it('numbers its revisions, and a template that comes back anew', async () => {
    const staged = stage();
    deploy(staged, { replicas: 1 });
    const revision = () =>
      deployment(staged).metadata.annotations?.['deployment.kubernetes.io/revision'];
    await staged.clock.advance(5000);
    expect([revision(), deployment(staged).metadata.generation]).toEqual(['1', 1]);
    setImage(staged, 'quay.io/a:2');
    await staged.clock.advance(5000);
    expect(revision()).toBe('2');
    setImage(staged, 'quay.io/a:1');
    await staged.clock.advance(5000);
    expect(revision()).toBe('3');
    expect(listOf(staged.controlPlane, replicaSets)).toHaveLength(2);
  });

  it('keeps its old pods when the new ones do not come up, and says so after the deadline', async () => {
    const staged = stage();
    deploy(staged, { replicas: 2, progressDeadlineSeconds: 60 });
    await staged.clock.advance(5000);
    setImage(staged, 'no.such.invalid/a:1');
    await staged.clock.advance(50_000);
    expect(condition(deployment(staged), 'Progressing')?.status).toBe('True');
    await staged.clock.advance(20_000);
    expect(condition(deployment(staged), 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
    });
    expect(deployment(staged).status).toMatchObject({ availableReplicas: 2, updatedReplicas: 1 });
  });

  it('does nothing while it is paused', async () => {
    const staged = stage();
    deploy(staged, { paused: true });
    await staged.clock.advance(5000);
    expect(podsOf(staged, 'web')).toEqual([]);
  });

  it('is scaled by its number of replicas', async () => {
    const staged = stage();
    deploy(staged, { replicas: 3 });
    await staged.clock.advance(5000);
    const live = deployment(staged);
    staged.controlPlane.update(deployments, { ...live, spec: { ...live.spec, replicas: 1 } });
    await staged.clock.advance(5000);
    expect(podsOf(staged, 'web')).toHaveLength(1);
    expect(deployment(staged).status).toMatchObject({ replicas: 1, availableReplicas: 1 });
  });
});

it('registers nodes as a cluster does', () => {
  const staged = stage({ nodes: 2 });
  const [first] = listOf<Node>(staged.controlPlane, nodes);
  expect(staged.workloads.nodes).toEqual(['node-1', 'node-2']);
  expect(first?.metadata.labels).toEqual({
    'kubernetes.io/hostname': 'node-1',
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
  });
  expect(condition(first ?? {}, 'Ready')?.status).toBe('True');
});
