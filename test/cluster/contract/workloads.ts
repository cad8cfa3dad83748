import type { V1Container, V1ContainerStatus, V1Pod, V1PodSpec } from '@kubernetes/client-node';
import type { Cluster } from '../cluster.ts';
import { conditionOf, isReady, patienceMs, TestNamespace } from './namespace.ts';

/** What the tests need of the registries around a cluster. */
export interface WorkloadFixtures {
  /** Three images of different content that run as root, hold `/bin/sleep` and can be pulled. */
  readonly images: readonly [string, string, string];
  /**
   * Makes `repository:tag` of the registry of the images name an image of this content from now on.
   * Another build is another manifest over the same content.
   */
  readonly push: (name: string, content: string, build: string) => Promise<Pushed>;
  /** Answered with 404 by the registry of the images. */
  readonly missing: string;
  /** Of an image that no node has the architecture for. */
  readonly foreign: string;
  /** Of a host where nothing listens. */
  readonly refused: string;
  /** Stops and starts the registry of the images. */
  readonly stopRegistry: () => Promise<void>;
  readonly startRegistry: () => Promise<void>;
  /** Cuts a node off from the API server, while what runs there runs on, and reconnects it. */
  readonly cutOff: (node: string) => Promise<void>;
  readonly reconnect: (node: string) => Promise<void>;
}

/** What was pushed, and what its tag names. */
export interface Pushed {
  readonly reference: string;
  readonly digest: string;
}

/** A container that sleeps. */
export function container(
  name: string,
  image: string,
  more: Partial<V1Container> = {},
): V1Container {
  return { name, image, imagePullPolicy: 'IfNotPresent', command: ['/bin/sleep', '720h'], ...more };
}

/** A pod with a sleeping container of each image, called `c0`, `c1` … */
export function holding(...images: readonly string[]): V1PodSpec {
  return { containers: images.map((image, index) => container(`c${index}`, image)) };
}

const surge = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
const oneByOne = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } };

/** Terms of an affinity, or of an anti-affinity: on one node with the pods that have these labels. */
function onOneNodeWith(labels: Readonly<Record<string, string>>) {
  const term = { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' };
  return { requiredDuringSchedulingIgnoredDuringExecution: [term] };
}

function isWaiting(reason: string): (status: V1ContainerStatus) => boolean {
  return ({ state }) => state?.waiting?.reason === reason;
}

function isPullFailing(status: V1ContainerStatus): boolean {
  return ['ErrImagePull', 'ImagePullBackOff'].some((reason) => isWaiting(reason)(status));
}

function isRunning({ state }: V1ContainerStatus): boolean {
  return state?.running !== undefined;
}

/** Claims that one image of the pod cannot be pulled, and that another was nevertheless and runs. */
function isStuck({ status }: V1Pod): boolean {
  const statuses = status?.containerStatuses ?? [];
  return statuses.some(isPullFailing) && statuses.some(isRunning);
}

/** Nodes that have a pod which is Ready and not on its way out. */
function nodesHeld(pods: readonly V1Pod[]): ReadonlySet<string | undefined> {
  const held = pods.filter((pod) => isReady(pod) && !pod.metadata?.deletionTimestamp);
  return new Set(held.map(({ spec }) => spec?.nodeName));
}

/** What pods, DaemonSets and Deployments do on any cluster; asked only through its kubeconfig. */
export function workloadContract(cluster: () => Cluster, fixtures: () => WorkloadFixtures): void {
  let namespace: TestNamespace;
  beforeEach(async () => {
    namespace = await TestNamespace.create(cluster());
  });
  afterEach(async () => {
    await namespace.remove();
  });

  const test = (name: string, run: () => Promise<void>) => it(name, run, 3 * patienceMs);

  /** Lets time pass until the scheduler has objected to a pod in these words. */
  async function untilObjected(words: RegExp): Promise<void> {
    await namespace.until(async () => {
      const pods = await namespace.pods();
      const conditions = pods.map((pod) => conditionOf(pod, 'PodScheduled'));
      return conditions.some(
        (said) => said?.reason === 'Unschedulable' && words.test(said.message ?? ''),
      );
    });
  }

  describe('a DaemonSet', () => {
    test('holds one pod on every node and counts them', async () => {
      const nodes = cluster().nodes.length;
      await namespace.createDaemonSet('d', {}, holding(fixtures().images[0]));
      const { metadata, status } = await namespace.untilRolledOut('d');
      expect(status).toMatchObject({
        observedGeneration: metadata?.generation,
        desiredNumberScheduled: nodes,
        currentNumberScheduled: nodes,
        updatedNumberScheduled: nodes,
        numberReady: nodes,
        numberAvailable: nodes,
        numberMisscheduled: 0,
      });
      expect(status?.numberUnavailable ?? 0).toBe(0);
      const pods = await namespace.pods();
      expect(pods.map(({ spec }) => spec?.nodeName).sort()).toEqual([...cluster().nodes].sort());
      for (const pod of pods) {
        expect(pod.metadata?.generateName).toBe('d-');
        expect(pod.metadata?.labels).toMatchObject({
          daemon: 'd',
          'controller-revision-hash': expect.any(String),
          'pod-template-generation': '1',
        });
        expect(pod.metadata?.ownerReferences).toEqual([
          expect.objectContaining({
            apiVersion: 'apps/v1',
            kind: 'DaemonSet',
            name: 'd',
            uid: metadata?.uid,
            controller: true,
            blockOwnerDeletion: true,
          }),
        ]);
      }
    });

    test('wants no pod where its nodeSelector matches no node', async () => {
      const spec = { ...holding(fixtures().images[0]), nodeSelector: { 'no.such/label': 'x' } };
      await namespace.createDaemonSet('d', {}, spec);
      await namespace.until(
        async () => (await namespace.daemonSet('d')).status?.observedGeneration === 1,
      );
      expect((await namespace.daemonSet('d')).status).toMatchObject({
        desiredNumberScheduled: 0,
        currentNumberScheduled: 0,
        numberReady: 0,
      });
      expect(await namespace.pods()).toEqual([]);
    });

    test('rolls with surge and never leaves a node without a Ready pod', async () => {
      const [first, second] = fixtures().images;
      await namespace.createDaemonSet('d', { updateStrategy: surge }, holding(first));
      await namespace.untilRolledOut('d');
      const before = (await namespace.pods()).map(({ metadata }) => metadata?.uid);
      const stop = await namespace.watchPods((pods) => {
        expect(nodesHeld(pods).size).toBe(cluster().nodes.length);
        expect(pods.length).toBeLessThanOrEqual(cluster().nodes.length + 1);
      });
      await namespace.changeDaemons('d', holding(second));
      const { status } = await namespace.untilRolledOut('d');
      await namespace.until(async () => (await namespace.pods()).length === cluster().nodes.length);
      stop();
      expect(status?.observedGeneration).toBe(2);
      const after = (await namespace.pods()).map(({ metadata }) => metadata?.uid);
      expect(after.filter((uid) => before.includes(uid))).toEqual([]);
    });

    test('rolls one by one with at most one node without a Ready pod', async () => {
      const [first, second] = fixtures().images;
      await namespace.createDaemonSet('d', { updateStrategy: oneByOne }, holding(first));
      await namespace.untilRolledOut('d');
      const stop = await namespace.watchPods((pods) => {
        expect(nodesHeld(pods).size).toBeGreaterThanOrEqual(cluster().nodes.length - 1);
        expect(pods.length).toBeLessThanOrEqual(cluster().nodes.length);
      });
      await namespace.changeDaemons('d', holding(second));
      await namespace.untilRolledOut('d');
      stop();
    });

    test('stops a surge roll at a bad image, keeps the old pods, and gets past it by a new change', async () => {
      const [first, second] = fixtures().images;
      const nodes = cluster().nodes.length;
      await namespace.createDaemonSet('d', { updateStrategy: surge }, holding(first));
      await namespace.untilRolledOut('d');
      await namespace.untilPodsAreOlder();
      const stop = await namespace.watchPods((pods) => {
        expect(nodesHeld(pods).size).toBe(nodes);
      });
      await namespace.changeDaemons('d', holding(fixtures().missing, first));
      await namespace.until(async () => (await namespace.pods()).some(isStuck));
      const pods = await namespace.pods();
      expect(pods.filter(isReady)).toHaveLength(nodes);
      expect(pods.filter(isStuck)).toHaveLength(1);
      const { status } = await namespace.daemonSet('d');
      expect(status).toMatchObject({ observedGeneration: 2, numberAvailable: nodes });
      expect(status?.updatedNumberScheduled ?? 0).toBe(0);
      await namespace.changeDaemons('d', holding(second));
      await namespace.untilRolledOut('d');
      stop();
    });

    test('replaces at once, while surging, old pods that are not Ready, whatever else they hold', async () => {
      const { images, missing } = fixtures();
      const nodes = cluster().nodes.length;
      const failing = holding(missing, images[0]);
      await namespace.createDaemonSet('d', { updateStrategy: surge }, failing);
      await namespace.until(async () => (await namespace.pods()).filter(isStuck).length === nodes);
      const old = new Set((await namespace.pods()).map(({ metadata }) => metadata?.uid));
      const stop = await namespace.watchPods((pods) => {
        // By the time a new pod is Ready, the old one of its node is long gone.
        for (const pod of pods.filter(isReady)) {
          const others = pods.filter(({ spec }) => spec?.nodeName === pod.spec?.nodeName);
          expect(others.filter(({ metadata }) => old.has(metadata?.uid))).toEqual([]);
        }
      });
      await namespace.changeDaemons('d', holding(images[1], images[0]));
      await namespace.untilRolledOut('d');
      stop();
    });

    test('whose pods must not be near each other surges on no node', async () => {
      const [first, second] = fixtures().images;
      const affinity = { podAntiAffinity: onOneNodeWith({ daemon: 'd' }) };
      await namespace.createDaemonSet(
        'd',
        { updateStrategy: surge },
        { ...holding(first), affinity },
      );
      await namespace.untilRolledOut('d');
      await namespace.changeDaemons('d', holding(second));
      await untilObjected(/\b1 node\(s\) didn't match pod anti-affinity rules/);
      expect((await namespace.pods()).filter(isReady)).toHaveLength(cluster().nodes.length);
    });

    test('replaces no pod by itself under OnDelete', async () => {
      const [first, second] = fixtures().images;
      await namespace.createDaemonSet(
        'd',
        { updateStrategy: { type: 'OnDelete' } },
        holding(first),
      );
      await namespace.untilRolledOut('d');
      await namespace.changeDaemons('d', holding(second));
      await namespace.until(
        async () => (await namespace.daemonSet('d')).status?.observedGeneration === 2,
      );
      const [pod] = await namespace.pods();
      expect(pod?.spec?.containers[0]?.image).toBe(first);
      const name = pod?.metadata?.name ?? '';
      await namespace.removePod(name);
      await namespace.until(async () =>
        (await namespace.pods()).some(
          (each) => each.spec?.containers[0]?.image === second && isReady(each),
        ),
      );
    });

    test('takes its pods with it when it is deleted', async () => {
      await namespace.createDaemonSet('d', {}, holding(fixtures().images[0]));
      await namespace.untilRolledOut('d');
      await namespace.apps.deleteNamespacedDaemonSet({ namespace: namespace.name, name: 'd' });
      await namespace.until(async () => (await namespace.pods()).length === 0);
    });

    test('leaves its pods behind when it is deleted as an orphan maker, for a successor to adopt', async () => {
      await namespace.createDaemonSet('d', {}, holding(fixtures().images[0]));
      await namespace.untilRolledOut('d');
      const uids = async () => (await namespace.pods()).map(({ metadata }) => metadata?.uid).sort();
      const before = await uids();
      await namespace.apps.deleteNamespacedDaemonSet({
        namespace: namespace.name,
        name: 'd',
        propagationPolicy: 'Orphan',
      });
      // Its finalizer holds it until the last pod is an orphan.
      await namespace.until(async () => {
        const { items } = await namespace.apps.listNamespacedDaemonSet({
          namespace: namespace.name,
        });
        return items.length === 0;
      });
      for (const { metadata } of await namespace.pods()) {
        expect(metadata?.ownerReferences ?? []).toEqual([]);
      }
      await namespace.createDaemonSet('d', {}, holding(fixtures().images[0]));
      const { metadata: successor } = await namespace.untilRolledOut('d');
      const pods = await namespace.pods();
      expect(await uids()).toEqual(before);
      expect(pods.map(({ metadata }) => metadata?.ownerReferences?.[0]?.uid)).toEqual(
        pods.map(() => successor?.uid),
      );
    });
  });

  describe('a Deployment', () => {
    test('holds its replicas and says that it is available', async () => {
      await namespace.createDeployment('d', { replicas: 2 }, holding(fixtures().images[0]));
      await namespace.untilDeployed('d');
      await namespace.until(
        async () =>
          conditionOf(await namespace.deployment('d'), 'Progressing')?.reason ===
          'NewReplicaSetAvailable',
      );
      const deployment = await namespace.deployment('d');
      expect(deployment.status).toMatchObject({
        observedGeneration: deployment.metadata?.generation,
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
      });
      expect(conditionOf(deployment, 'Available')).toMatchObject({
        status: 'True',
        reason: 'MinimumReplicasAvailable',
      });
      expect(deployment.metadata?.annotations).toMatchObject({
        'deployment.kubernetes.io/revision': '1',
      });
      expect(deployment.metadata?.generation).toBe(1);
    });

    test('makes nothing new under Recreate before the old pod is gone', async () => {
      const [first, second] = fixtures().images;
      const strategy = { type: 'Recreate' };
      await namespace.createDeployment('d', { replicas: 1, strategy }, holding(first));
      await namespace.untilDeployed('d');
      const stop = await namespace.watchPods((pods) => {
        expect(pods.length).toBeLessThanOrEqual(1);
      });
      await namespace.changeDeployed('d', holding(second));
      const deployment = await namespace.untilDeployed('d');
      stop();
      const [pod] = await namespace.pods();
      expect(pod?.spec?.containers[0]?.image).toBe(second);
      expect(deployment.metadata?.annotations).toMatchObject({
        'deployment.kubernetes.io/revision': '2',
      });
    });

    test('keeps a pod Ready all the time during a rolling update', async () => {
      const [first, second] = fixtures().images;
      await namespace.createDeployment('d', { replicas: 1 }, holding(first));
      await namespace.untilDeployed('d');
      const stop = await namespace.watchPods((pods) => {
        expect(pods.some(isReady)).toBe(true);
      });
      await namespace.changeDeployed('d', holding(second));
      await namespace.untilDeployed('d');
      stop();
    });

    test('says that it is not available while its image cannot be pulled', async () => {
      await namespace.createDeployment('d', {}, holding(fixtures().missing));
      const unavailable = { status: 'False', reason: 'MinimumReplicasUnavailable' };
      await namespace.until(
        async () => conditionOf(await namespace.deployment('d'), 'Available') !== undefined,
      );
      const deployment = await namespace.deployment('d');
      expect(conditionOf(deployment, 'Available')).toMatchObject(unavailable);
      expect(conditionOf(deployment, 'Progressing')?.status).toBe('True');
    });

    test('takes its ReplicaSets and their pods with it when it is deleted', async () => {
      await namespace.createDeployment('d', { replicas: 2 }, holding(fixtures().images[0]));
      await namespace.untilDeployed('d');
      await namespace.apps.deleteNamespacedDeployment({ namespace: namespace.name, name: 'd' });
      await namespace.until(async () => (await namespace.pods()).length === 0);
      const replicaSets = await namespace.apps.listNamespacedReplicaSet({
        namespace: namespace.name,
      });
      expect(replicaSets.items).toEqual([]);
    });
  });

  describe('a pod', () => {
    const always = (image: string) => container('c0', image, { imagePullPolicy: 'Always' });

    /** Makes a pod on the node of another one. */
    async function createBeside(
      other: string,
      name: string,
      only: V1Container,
      more: Partial<V1PodSpec> = {},
    ): Promise<void> {
      const { nodeName = '' } = (await namespace.pod(other)).spec ?? {};
      const nodeSelector = { 'kubernetes.io/hostname': nodeName };
      await namespace.createPod(name, { containers: [only], nodeSelector, ...more });
    }

    /** The digest that the node reports of the pod's image, once it runs. */
    async function digestOf(pod: string): Promise<string | undefined> {
      const { imageID } = await namespace.untilContainer(pod, 'c0', isRunning);
      return imageID.split('@')[1];
    }

    test('shows what becomes of each of its images, a failed pull first as such and then as a back-off', async () => {
      const { images, missing, refused } = fixtures();
      await namespace.createPod('p', {
        containers: [
          container('missing', missing),
          container('refused', refused),
          container('invalid', 'quay.io/UPPER/case:1'),
          container('never', `${images[0]}-never-pulled`, { imagePullPolicy: 'Never' }),
          container('good', images[0]),
        ],
      });
      await namespace.untilContainer('p', 'missing', isWaiting('ErrImagePull'));
      const good = await namespace.untilContainer('p', 'good', isRunning);
      expect(good).toMatchObject({ ready: true, started: true, restartCount: 0 });
      expect(good.imageID).toMatch(/^[^@]+@sha256:[0-9a-f]{64}$/);
      expect(good.containerID).toMatch(/^\w+:\/\/\w+$/);
      const absent = await namespace.untilContainer('p', 'missing', isWaiting('ImagePullBackOff'));
      expect(absent.imageID).toBe('');
      expect(absent.state?.waiting?.message).toMatch(
        /^Back-off pulling image ".*": ErrImagePull: rpc error: code = NotFound desc = .*not found$/,
      );
      const closed = await namespace.untilContainer('p', 'refused', isWaiting('ImagePullBackOff'));
      expect(closed.state?.waiting?.message).toMatch(
        /^Back-off pulling image ".*": ErrImagePull: failed to pull and unpack image .* dial tcp .*: connection refused$/,
      );
      await namespace.untilContainer('p', 'invalid', isWaiting('InvalidImageName'));
      await namespace.untilContainer('p', 'never', isWaiting('ErrImageNeverPull'));
      const pod = await namespace.pod('p');
      expect(pod.status?.phase).toBe('Pending');
      const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'];
      expect(conditions.map((type) => conditionOf(pod, type)?.status)).toEqual([
        'True',
        'True',
        'False',
        'False',
      ]);
    });

    test('waits for an init container whose image cannot be pulled', async () => {
      const { images, missing } = fixtures();
      await namespace.createPod('p', {
        initContainers: [container('bad', missing)],
        ...holding(images[0]),
      });
      await namespace.untilContainer('p', 'bad', isPullFailing);
      await namespace.untilContainer('p', 'c0', isWaiting('PodInitializing'));
    });

    test('starts after its init containers have succeeded', async () => {
      const [first, second] = fixtures().images;
      await namespace.createPod('p', {
        initContainers: [container('first', second, { command: ['/bin/sleep', '0'] })],
        ...holding(first),
      });
      await namespace.untilReady('p');
      const { state } = await namespace.untilContainer('p', 'first', () => true);
      expect(state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    });

    test('starts from the disk while the registry is down, but not under Always', async () => {
      const [, , image] = fixtures().images;
      await namespace.createPod('before', holding(image));
      await namespace.untilReady('before');
      await fixtures().stopRegistry();
      try {
        await createBeside('before', 'cached', container('c0', image));
        await createBeside('before', 'always', always(image));
        await namespace.untilReady('cached');
        await namespace.untilContainer('always', 'c0', isPullFailing);
      } finally {
        await fixtures().startRegistry();
      }
    });

    test('runs by digest the image that a tag names', async () => {
      await namespace.createPod('by-tag', holding(fixtures().images[0]));
      const { imageID } = await namespace.untilContainer('by-tag', 'c0', isRunning);
      await namespace.createPod('by-digest', holding(imageID));
      const status = await namespace.untilContainer('by-digest', 'c0', isRunning);
      expect(status.imageID.split('@')[1]).toBe(imageID.split('@')[1]);
    });

    test('runs what its tag named when it was pulled, until one asks for the tag anew', async () => {
      const before = await fixtures().push('moving:1', 'before', '1');
      await namespace.createPod('first', holding(before.reference));
      expect(await digestOf('first')).toBe(before.digest);
      const { reference, digest } = await fixtures().push('moving:1', 'after', '1');
      await createBeside('first', 'present', container('c0', reference));
      expect(await digestOf('present')).toBe(before.digest);
      await createBeside('first', 'anew', always(reference));
      expect(await digestOf('anew')).toBe(digest);
      expect(await digestOf('first')).toBe(before.digest);
    });

    test('reports of one content the first in order of its digests, not that which the tag names', async () => {
      const push = (tag: string, build: string) => fixtures().push(`again:${tag}`, 'same', build);
      const builds = new Map<string, string>();
      for (const build of ['1', '2']) builds.set((await push(build, build)).digest, build);
      const [least = '', greatest = ''] = [...builds.keys()].sort();
      const { reference } = await push('tag', builds.get(least) ?? '');
      await namespace.createPod('first', holding(reference));
      expect(await digestOf('first')).toBe(least);
      expect((await push('tag', builds.get(greatest) ?? '')).digest).toBe(greatest);
      await createBeside('first', 'anew', always(reference));
      expect(await digestOf('anew')).toBe(least);
    });

    test('does not run as root what must not', async () => {
      await namespace.createPod('p', {
        ...holding(fixtures().images[0]),
        securityContext: { runAsNonRoot: true },
      });
      const { state } = await namespace.untilContainer(
        'p',
        'c0',
        isWaiting('CreateContainerConfigError'),
      );
      expect(state?.waiting?.message).toMatch(
        /^container has runAsNonRoot and image will run as root/,
      );
    });

    test('does not come up within a memory limit of 2Mi, but does with one of 0, which is none', async () => {
      const within = (memory: string) => ({
        containers: [container('c0', fixtures().images[0], { resources: { limits: { memory } } })],
      });
      await namespace.createPod('tiny', within('2Mi'));
      await namespace.createPod('unlimited', within('0'));
      await namespace.untilReady('unlimited');
      await namespace.untilContainer('tiny', 'c0', isWaiting('ContainerCreating'));
    });

    test('stays Pending where no node has room for it', async () => {
      const requests = { cpu: '100k' };
      await namespace.createPod('p', {
        containers: [container('c0', fixtures().images[0], { resources: { requests } })],
      });
      await namespace.until(
        async () => conditionOf(await namespace.pod('p'), 'PodScheduled') !== undefined,
      );
      const pod = await namespace.pod('p');
      expect(pod.status?.phase).toBe('Pending');
      expect(conditionOf(pod, 'PodScheduled')).toMatchObject({
        status: 'False',
        reason: 'Unschedulable',
        message: expect.stringMatching(/^0\/\d+ nodes are available: .*Insufficient cpu/),
      });
    });

    test('waits for pods that it must be beside, unless it would be the first of its kind', async () => {
      const spec = holding(fixtures().images[0]);
      const beside = (name: string) => ({
        ...spec,
        affinity: { podAffinity: onOneNodeWith({ pod: name }) },
      });
      await namespace.createPod('alone', beside('company'));
      await namespace.createPod('first', beside('first'));
      await namespace.untilReady('first');
      await untilObjected(/\d+ node\(s\) didn't match pod affinity rules/);
      await namespace.createPod('company', spec);
      await namespace.untilReady('alone');
      const nodes = ['alone', 'company'].map(
        async (name) => (await namespace.pod(name)).spec?.nodeName,
      );
      const [alone, company] = await Promise.all(nodes);
      expect(alone).toBe(company);
    });

    test('is kept from a node by its own anti-affinity and by that of pods that are there', async () => {
      const image = fixtures().images[0];
      const apartFrom = (labels: Readonly<Record<string, string>>) => ({
        affinity: { podAntiAffinity: onOneNodeWith(labels) },
      });
      await namespace.createPod('recluse', { ...holding(image), ...apartFrom({ pod: 'guest' }) });
      await namespace.untilReady('recluse');
      await createBeside('recluse', 'guest', container('c0', image));
      await untilObjected(/\b1 node\(s\) didn't satisfy existing pods anti-affinity rules/);
      await createBeside('recluse', 'shy', container('c0', image), apartFrom({ pod: 'recluse' }));
      await untilObjected(/\b1 node\(s\) didn't match pod anti-affinity rules/);
      await namespace.removePod('recluse');
      await namespace.untilReady('guest', 'shy');
    });

    test('is not scheduled before its gates are gone', async () => {
      const schedulingGates = [{ name: 'example.com/wave' }];
      await namespace.createPod('p', { ...holding(fixtures().images[0]), schedulingGates });
      await namespace.until(
        async () =>
          conditionOf(await namespace.pod('p'), 'PodScheduled')?.reason === 'SchedulingGated',
      );
    });
  });

  describe('a node', () => {
    test('that falls silent keeps its pods, Ready no more though their containers last were', async () => {
      const [node = ''] = cluster().nodes;
      const others = cluster().nodes.length - 1;
      const here = { nodeSelector: { 'kubernetes.io/hostname': node } };
      await namespace.createDaemonSet('d', {}, holding(fixtures().images[0]));
      for (const terminationGracePeriodSeconds of [0, 1]) {
        const spec = { ...holding(fixtures().images[0]), ...here, terminationGracePeriodSeconds };
        await namespace.createPod(`grace-${terminationGracePeriodSeconds}`, spec);
      }
      await namespace.untilRolledOut('d');
      await namespace.untilReady('grace-0', 'grace-1');
      const pods = async () =>
        (await namespace.pods()).filter(({ spec }) => spec?.nodeName === node);
      const uids = async () => (await pods()).map(({ metadata }) => metadata?.uid);
      const before = await uids();

      await fixtures().cutOff(node);
      try {
        // Whether the DaemonSet still wants a pod there is left to chance: its controller looks when
        // the pod changes, not when the node gets the taint, which comes at the same moment
        // (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go, syncNodeUpdate).
        await namespace.until(
          async () => (await namespace.daemonSet('d')).status?.numberReady === others,
        );
        await namespace.until(async () => (await pods()).every((pod) => !isReady(pod)));
        expect(await uids()).toEqual(before);
        for (const pod of await pods()) {
          expect(conditionOf(pod, 'ContainersReady')?.status).toBe('True');
        }
        // Not always NoExecute too: where all nodes are silent the controller stops evicting.
        await namespace.until(async () => {
          const { spec } = await namespace.core.readNode({ name: node });
          const taints = spec?.taints?.map(({ key, effect }) => `${key}:${effect}`);
          return taints?.includes('node.kubernetes.io/unreachable:NoSchedule') === true;
        });
        const { status } = await namespace.core.readNode({ name: node });
        expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
        });
        // Nobody is asked about a pod without a grace period; the end of others is the node's word.
        await namespace.removePod('grace-0');
        await namespace.removePod('grace-1');
        const names = (await namespace.pods()).map(({ metadata }) => metadata?.name);
        expect(names).toContain('grace-1');
        expect(names).not.toContain('grace-0');
      } finally {
        await fixtures().reconnect(node);
      }
      await namespace.until(
        async () => (await namespace.daemonSet('d')).status?.numberReady === others + 1,
      );
      await namespace.until(async () => (await namespace.pods()).length === others + 1);
      expect(before).toEqual(expect.arrayContaining([...(await uids())]));
    });
  });
}
