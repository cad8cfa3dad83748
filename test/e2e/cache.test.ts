import type { V1ContainerState } from '@kubernetes/client-node';
import { operatorNamespace } from '../../src/manifests/operator.ts';
import { TestNamespace } from '../cluster/contract/namespace.ts';
import type { PrivateRegistry } from '../cluster/real/private-registry.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { cachePods, Journey, type Pod, pullerPods } from './journey.ts';

const namespace = 'caching';
const operatorPods = 'name=kubernetes-image-puller-operator';

/**
 * Kubelet collects unused images at its start and every five minutes, which cannot be changed. At its
 * start it does not know yet how full the disk is, and goes by age alone; whatever it goes by, it spares
 * the same images (kubernetes/kubernetes: pkg/kubelet/images/image_gc_manager.go). With these ages each
 * start collects all that it may; zero would stand for the default of two minutes.
 */
const collectAtStart = { imageMinimumGCAge: '1ns', imageMaximumGCAge: '2ns' };

/**
 * Whatever its age, an image that nobody holds goes once so many percent of the disk are used, which any
 * disk is that has the images. At its start kubelet does not know that, five minutes later it does.
 */
const collectFromFullDisk = {
  imageMinimumGCAge: '1ns',
  imageGCHighThresholdPercent: 2,
  imageGCLowThresholdPercent: 1,
};
/** Two rounds of that, and some more. */
const collectionTimeoutMs = 700_000;

/** Of a workload: the machine may be slow, and a node after its reboot has much to do. */
const workloadTimeoutMs = 180_000;

/** Kubelet's reasons for an image that it did not get. */
const pullFailures = new Set(['ErrImagePull', 'ImagePullBackOff']);

/** How a workload asks for its image. */
interface Asking {
  readonly policy?: 'Always' | 'IfNotPresent';
  /** The Secret with its credential. */
  readonly secret?: string;
}

describe('an image that is cached', () => {
  let journey: Journey;
  let behindPassword: PrivateRegistry;
  /** Where the workloads are: neither puller nor operator knows of it. */
  let users: TestNamespace;
  let workloads = 0;

  const images = () => ({
    kept: journey.reference('kept'),
    private: behindPassword.reference('private:1'),
    withdrawn: journey.reference('withdrawn'),
  });
  const stray = () => journey.reference('stray');
  const laterStray = () => journey.reference('later-stray');

  beforeAll(async () => {
    journey = await Journey.begin();
    const { cluster } = journey;
    users = await TestNamespace.create(cluster);
    for (const seed of ['kept', 'private', 'withdrawn', 'stray', 'later-stray']) {
      await cluster.registry.push(`${seed}:1`, { ...cluster.busyboxImage, seed });
    }
    behindPassword = await cluster.openPrivateRegistry({
      puller: 'sesame',
      other: 'barley',
      another: 'oats',
    });
    await journey.createNamespace(namespace);
    await putSecret(namespace, 'of-the-puller', 'puller');
    await putSecret(users.name, 'equal', 'puller');
    await putSecret(users.name, 'other', 'other');
    await putSecret(users.name, 'another', 'another');
    const list = Object.entries(images()).map((entry) => entry.join('='));
    await journey.edit(namespace, { images: list.join(';'), imagePullSecrets: 'of-the-puller' });
    await journey.untilReady(namespace);
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (journey as Journey | undefined)?.end(), startTimeoutMs);

  const putSecret = (where: string, name: string, user: string) =>
    journey.apply(behindPassword.pullSecret({ namespace: where, name }, user));

  /** Lets a workload begin, waits until its container is as claimed, and ends it. */
  async function workload(
    image: string,
    { policy, secret }: Asking,
    claim: (state: V1ContainerState) => boolean,
  ): Promise<V1ContainerState> {
    workloads += 1;
    const name = `workload-${workloads}`;
    await users.createPod(name, {
      imagePullSecrets: secret === undefined ? [] : [{ name: secret }],
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: policy ?? 'IfNotPresent',
          command: ['/bin/sleep', '1h'],
        },
      ],
    });
    const { state = {} } = await users.untilContainer(
      name,
      'main',
      ({ state }) => claim(state ?? {}),
      workloadTimeoutMs,
    );
    await users.removePod(name);
    return state;
  }

  /** Rejects where a workload does not come to run in time. */
  async function run(image: string, asking: Asking = {}): Promise<void> {
    await workload(image, asking, ({ running }) => running !== undefined);
  }

  /** What kubelet says where it cannot get the image of a workload. */
  async function refusal(image: string, asking: Asking = {}): Promise<string> {
    const isRefused = ({ waiting }: V1ContainerState) => pullFailures.has(waiting?.reason ?? '');
    return (await workload(image, asking, isRefused)).waiting?.message ?? '';
  }

  /** Brings an image to the node and lets go of it. */
  async function leave(image: string): Promise<void> {
    const { runtime } = journey.cluster;
    await run(image);
    // A container that has ended holds its image, too.
    await journey.cluster.until(
      async () => ![...(await runtime.containers()).values()].includes(image),
      300_000,
    );
    expect(await runtime.images()).toContain(image);
  }

  /** All pods that the operator and the puller need, and the one that holds the images. */
  async function ownPods(): Promise<readonly Pod[]> {
    return [
      ...(await journey.pods(namespace, cachePods)),
      ...(await journey.pods(namespace, pullerPods)),
      ...(await journey.pods(operatorNamespace, operatorPods)),
    ];
  }

  it('starts a workload when its tag is gone from the registry, but not under Always', async () => {
    await journey.cluster.registry.remove('withdrawn:1');
    await run(images().withdrawn);
    expect(await refusal(images().withdrawn, { policy: 'Always' })).toContain('not found');
  });

  it('is had from the registry alone, where it is private and the credential is not the puller’s', async () => {
    expect(await refusal(images().private)).toContain('authorization failed');
    await run(images().private, { secret: 'another' });
  });

  // Before kubelet collects anything: whether it still knows afterwards by which credential an image came is its own affair.
  describe('while the registry behind a password is away', () => {
    beforeAll(() => behindPassword.close());

    it.each([
      ['the puller pulled it with', 'equal'],
      ['the registry has taken on that node', 'another'],
    ])(
      'starts a workload where it is private, with the credential that %s',
      async (_which, secret) => {
        await run(images().private, { secret });
      },
    );

    it.each([
      ['no credential', {}],
      ['one that only the registry knows', { secret: 'other' }],
    ])('starts no workload where it is private, with %s', async (_which, asking) => {
      expect(await refusal(images().private, asking)).toContain('connection refused');
    });
  });

  it('is spared when kubelet collects images, which takes one that nobody holds', async () => {
    const { runtime } = journey.cluster;
    await leave(stray());
    await journey.cluster.configureKubelet(collectAtStart);
    await journey.cluster.until(async () => !(await runtime.images()).includes(stray()));
    expect(await runtime.images()).toEqual(expect.arrayContaining(Object.values(images())));
  }, 400_000);

  describe('while the registry is away', () => {
    beforeAll(async () => {
      await leave(laterStray());
      // What begins here takes five minutes, in which the others go on.
      await journey.cluster.configureKubelet(collectFromFullDisk);
      await journey.cluster.stopDaemon('registry');
    }, 400_000);

    it('starts a workload, but not under Always', async () => {
      await run(images().kept);
      expect(await refusal(images().kept, { policy: 'Always' })).toContain('connection refused');
    });

    it('starts what would not start from another one', async () => {
      expect(await refusal(stray())).toContain('connection refused');
    });

    it('is spared when the disk is too full for kubelet, which takes one that nobody holds', async () => {
      const { cluster } = journey;
      const { runtime } = cluster;
      await cluster.until(
        async () => !(await runtime.images()).includes(laterStray()),
        collectionTimeoutMs,
      );
      expect(await runtime.images()).toEqual(expect.arrayContaining(Object.values(images())));
      await run(images().kept);
      await cluster.configureKubelet(collectAtStart);
    }, 1_000_000);

    it('starts a workload after a new start of kubelet and containerd, and is held all along', async () => {
      const { cluster } = journey;
      const holders = containers(await journey.pods(namespace));
      for (const name of ['kubelet', 'containerd'] as const) await cluster.stopDaemon(name);
      for (const name of ['containerd', 'kubelet'] as const) await cluster.startDaemon(name);
      expect(await cluster.runtime.tasks()).toEqual(expect.arrayContaining(holders));
      await run(images().kept);
      expect(containers(await journey.pods(namespace))).toEqual(holders);
    });

    it('starts a workload after a reboot of the node, and is held again from the disk', async () => {
      const { cluster } = journey;
      const before = await cluster.runtime.tasks();
      // This start of kubelet collects images, too, and no container runs yet that holds one.
      await cluster.rebootNode();
      await run(images().kept);
      await run(images().private, { secret: 'equal' });
      await cluster.until(async () => {
        const pods = await ownPods();
        return pods.every(isReady) && containers(pods).every((id) => !before.includes(id));
      }, 300_000);
      const after = await cluster.runtime.tasks();
      expect(after.filter((id) => before.includes(id))).toEqual([]);
      expect(after).toEqual(expect.arrayContaining(containers(await journey.pods(namespace))));
      await journey.untilStatus(namespace, { nodesReady: 1, imagesReady: 3 });
    }, 600_000);
  });
});

/** Ids of the containers of pods, in order. */
function containers(pods: readonly Pod[]): readonly string[] {
  return pods
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .map(({ containerID = '' }) => containerID.replace('containerd://', ''))
    .sort();
}

function isReady({ status }: Pod): boolean {
  return status.containerStatuses?.every(({ ready }) => ready) ?? false;
}
