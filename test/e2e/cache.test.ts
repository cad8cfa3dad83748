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
 * the same images (kubernetes/kubernetes: pkg/kubelet/images/image_gc_manager.go). So each start collects
 * all that it may. Zero would stand for the default of two minutes.
 */
const collectAtStart = { imageMinimumGCAge: '1ns', imageMaximumGCAge: '2ns' };

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

  beforeAll(async () => {
    journey = await Journey.begin({ kubelet: collectAtStart });
    const { cluster } = journey;
    users = await TestNamespace.create(cluster);
    for (const seed of ['kept', 'private', 'withdrawn', 'stray']) {
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

  /** Lets a workload start, and end again: `runs`, or what kubelet says of its image. */
  async function workload(image: string, { policy, secret }: Asking = {}): Promise<string> {
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
    const { state } = await users.untilContainer(name, 'main', ({ state }) =>
      Boolean(state?.running ?? pullFailures.has(state?.waiting?.reason ?? '')),
    );
    await users.removePod(name);
    return state?.running ? 'runs' : (state?.waiting?.message ?? '');
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
    expect(await workload(images().withdrawn)).toBe('runs');
    expect(await workload(images().withdrawn, { policy: 'Always' })).toContain('not found');
  });

  it('is had from the registry alone, where it is private and the credential is not the puller’s', async () => {
    expect(await workload(images().private)).toContain('authorization failed');
    expect(await workload(images().private, { secret: 'another' })).toBe('runs');
  });

  it('is spared when kubelet collects images, which takes one that nobody holds', async () => {
    const { runtime } = journey.cluster;
    expect(await workload(stray())).toBe('runs');
    // A container that has ended holds its image, too.
    await journey.cluster.until(
      async () => ![...(await runtime.containers()).values()].includes(stray()),
      300_000,
    );
    expect(await runtime.images()).toContain(stray());
    await restart('kubelet');
    await journey.cluster.until(async () => !(await runtime.images()).includes(stray()));
    expect(await runtime.images()).toEqual(expect.arrayContaining(Object.values(images())));
  }, 400_000);

  const restart = async (...daemons: readonly ('containerd' | 'kubelet')[]) => {
    for (const name of daemons.toReversed()) await journey.cluster.stopDaemon(name);
    for (const name of daemons) await journey.cluster.startDaemon(name);
  };

  describe('while the registry is away', () => {
    beforeAll(() => journey.cluster.stopDaemon('registry'));

    it('starts a workload, but not under Always', async () => {
      expect(await workload(images().kept)).toBe('runs');
      const asked = await workload(images().kept, { policy: 'Always' });
      expect(asked).toContain('connection refused');
    });

    it('starts what another one would not', async () => {
      expect(await workload(stray())).toContain('connection refused');
    });

    it.each([
      ['the puller pulled it with', 'equal'],
      ['the registry has taken on that node', 'another'],
    ])(
      'starts a workload where it is private, with the credential that %s',
      async (_which, secret) => {
        expect(await workload(images().private, { secret })).toBe('runs');
      },
    );

    it.each([
      ['no credential', {}],
      ['one that only the registry knows', { secret: 'other' }],
    ])('starts no workload where it is private, with %s', async (_which, asking) => {
      expect(await workload(images().private, asking)).toMatch('failed to pull');
    });

    it('starts a workload after a new start of kubelet and containerd, and is held all along', async () => {
      const holders = containers(await journey.pods(namespace));
      await restart('containerd', 'kubelet');
      expect(await journey.cluster.runtime.tasks()).toEqual(expect.arrayContaining(holders));
      expect(await workload(images().kept)).toBe('runs');
      expect(containers(await journey.pods(namespace))).toEqual(holders);
    });

    it('starts a workload after a reboot of the node, and is held again from the disk', async () => {
      const { cluster } = journey;
      const before = await cluster.runtime.tasks();
      // This start of kubelet collects images, too, and no container runs yet that holds one.
      await cluster.rebootNode();
      expect(await workload(images().kept)).toBe('runs');
      expect(await workload(images().private, { secret: 'equal' })).toBe('runs');
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
