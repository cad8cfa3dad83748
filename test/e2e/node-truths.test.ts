import type { V1Container, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { isReady, TestNamespace } from '../cluster/contract/namespace.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';

type Policy = 'Always' | 'IfNotPresent';

/** What only a real node can answer; the answers in prose, with figures, are in docs/real-node.md. */
describe('a real node', () => {
  let cluster: RealCluster;
  let namespace: TestNamespace;

  beforeAll(async () => {
    cluster = await RealCluster.start();
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (cluster as RealCluster | undefined)?.stop(), startTimeoutMs);

  beforeEach(async () => {
    namespace = await TestNamespace.create(cluster);
  });
  afterEach(() => namespace.remove());

  const reference = (name: string) => cluster.registry.reference(name);

  /** Pushes an image that no other test has and returns the reference. */
  async function push(name: string): Promise<string> {
    await cluster.registry.push(name, { ...cluster.busyboxImage, seed: name });
    return reference(name);
  }

  /** One after the other: the registry cuts off who asks for too much at once. */
  async function pushMany(name: string, count: number): Promise<readonly string[]> {
    const references: string[] = [];
    for (let index = 0; index < count; index += 1) {
      references.push(await push(`${name}-${index}:1`));
    }
    return references;
  }

  async function withoutRegistry(run: () => Promise<void>): Promise<void> {
    await cluster.stopDaemon('registry');
    try {
      await run();
    } finally {
      await cluster.startDaemon('registry');
    }
  }

  const untilPods = (claim: (pod: V1Pod) => boolean) =>
    namespace.until(async () => {
      const pods = await namespace.pods();
      return pods.length > 0 && pods.every(claim);
    });
  const isDaemon = ({ metadata }: V1Pod) => metadata?.labels?.['daemon'] !== undefined;
  const untilDaemon = (claim: (pod: V1Pod) => boolean) =>
    untilPods((pod) => !isDaemon(pod) || claim(pod));

  describe('in a surge roll whose old pod is not Ready', () => {
    const surge = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };

    const held = ['held-0', 'held-1', 'held-2', 'held-3', 'held-4'];
    const holdsAll = (pod: V1Pod) => held.every((name) => isRunning(pod, name));

    /** A pod that holds five images under the policy and is kept from being Ready by another. */
    async function holdWithOneMissing(images: readonly string[], policy: Policy): Promise<void> {
      const containers = [
        ...images.map((image, index) => sleeper(`held-${index}`, image, policy)),
        sleeper('missing', reference('missing:1')),
      ];
      await namespace.createDaemonSet('d', { updateStrategy: surge }, { containers });
      await untilPods((pod) => holdsAll(pod) && isPullFailing(pod, 'missing'));
    }

    const roll = () => namespace.changeDaemons('d', { hostname: 'rolled' });
    const isRolled = ({ spec }: V1Pod) => spec?.hostname === 'rolled';

    it('lets go of images before it holds them again, from its disk under IfNotPresent', async () => {
      await holdWithOneMissing(await pushMany('present', 5), 'IfNotPresent');
      await withoutRegistry(async () => {
        const watch = new Stopwatch('a surge roll');
        const stop = await namespace.watchPods((pods) => {
          if (pods.some(isRolled)) watch.lap('new pod made');
          if (!pods.some((pod) => !isRolled(pod))) watch.lap('old pod gone');
          if (pods.some((pod) => isRolled(pod) && holdsAll(pod)))
            watch.lap('new pod holds all five');
        });
        await roll();
        await untilPods((pod) => isRolled(pod) && holdsAll(pod));
        // The watch may hear of it a moment later.
        await cluster.until(() => watch.laps.length === 3);
        stop();
        expect(watch.laps).toEqual(['new pod made', 'old pod gone', 'new pod holds all five']);
        watch.report();
      });
    });

    it('lets go of images for good under Always, where the registry does not answer', async () => {
      const images = await pushMany('always', 5);
      await holdWithOneMissing(images, 'Always');
      await withoutRegistry(async () => {
        await roll();
        await untilPods(
          (pod) => isRolled(pod) && held.every((container) => isPullFailing(pod, container)),
        );
        // Only the disk holds them now, and the disk alone protects nothing from image collection.
        expect(await cluster.runtime.images()).toEqual(expect.arrayContaining(images));
      });
    });
  });

  describe('reports of what it runs', () => {
    async function reported(image: string): Promise<string> {
      await namespace.createPod('p', { containers: [sleeper('main', image, 'Always')] });
      const { imageID } = await namespace.untilContainer('p', 'main', ({ state }) =>
        Boolean(state?.running),
      );
      return imageID;
    }
    const seeded = (seed: string) => ({ ...cluster.busyboxImage, seed });

    it('the digest of the index, where the tag names an index', async () => {
      const index = await cluster.registry.pushIndex('index:1', [seeded('index')]);
      expect(await reported(reference('index:1'))).toBe(`${reference('index')}@${index}`);
    });

    it('the digest of the image in an index, where the reference names that', async () => {
      const child = await cluster.registry.push('child:alone', seeded('child'));
      await cluster.registry.pushIndex('child:1', [seeded('child')]);
      const byDigest = `${reference('child')}@${child}`;
      expect(await reported(byDigest)).toBe(byDigest);
    });

    it('the digest that a mirror gave, under the name of the host that it stands for', async () => {
      cluster.mirror('mirrored.example:5000');
      const given = await cluster.registry.push('mirrored:1', seeded('mirrored'));
      expect(await reported('mirrored.example:5000/mirrored:1')).toBe(
        `mirrored.example:5000/mirrored@${given}`,
      );
    });

    it('the digest of another repository, where that has the same content', async () => {
      const first = await cluster.registry.push('twin-a:1', seeded('twin'));
      const annotations = { built: 'again' };
      const other = await cluster.registry.push('twin-b:1', { ...seeded('twin'), annotations });
      expect(other).not.toBe(first);
      const containers = [sleeper('a', reference('twin-a:1')), sleeper('b', reference('twin-b:1'))];
      await namespace.createPod('p', { containers });
      await namespace.untilReady('p');
      const statuses = (await namespace.pod('p')).status?.containerStatuses ?? [];
      const twin = `${reference('twin-a')}@${first}`;
      expect(statuses.map(({ imageID }) => imageID)).toEqual([twin, twin]);
    });
  });

  it('starts its pods from its disk after a power cut without a registry, but not under Always', async () => {
    const [kept, fresh] = [await push('kept:1'), await push('fresh:1')];
    const volumeMounts = [{ name: 'bin', mountPath: '/copied' }];
    const copy = {
      ...sleeper('copy', await push('copy:1')),
      command: ['/bin/cp', '/bin/busybox', '/copied/sleep'],
      volumeMounts,
    };
    const copied = { command: ['/copied/sleep', '1h'], volumeMounts };
    await namespace.createDaemonSet(
      'd',
      {},
      {
        volumes: [{ name: 'bin', emptyDir: {} }],
        initContainers: [copy],
        containers: [
          { ...sleeper('kept', kept), ...copied },
          { ...sleeper('fresh', fresh, 'Always'), ...copied },
        ],
      },
    );
    const many = await pushMany('many', 20);
    const containers = many.map((image, index) => sleeper(`c${index}`, image));
    await namespace.createPod('one', { containers: containers.slice(0, 1) });
    await namespace.createPod('many', { containers });
    await namespace.untilRolledOut('d');
    await namespace.untilReady('one', 'many');
    const before = await cluster.runtime.tasks();
    const watch = new Stopwatch('a power cut');
    const untilBack = async (name: string, containerCount: number) => {
      await namespace.until(async () => isBack(await namespace.pod(name)));
      watch.lap(`pod of ${containerCount} back`);
    };
    await withoutRegistry(async () => {
      await cluster.rebootNode();
      watch.lap('node Ready');
      await Promise.all([untilBack('one', 1), untilBack('many', 20)]);
      watch.report();
      await untilDaemon((pod) => hasStartedAgain(pod, 'kept') && isPullFailing(pod, 'fresh'));
      expect((await namespace.pods()).filter(isDaemon).some(isReady)).toBe(false);
      expect((await cluster.runtime.tasks()).filter((id) => before.includes(id))).toEqual([]);
    });
    await untilPods(isReady);
  });
});

/** Notes when something was first the case, for the figures in docs/real-node.md. */
class Stopwatch {
  readonly #what: string;
  readonly #began = performance.now();
  readonly #laps = new Map<string, number>();

  constructor(what: string) {
    this.#what = what;
  }

  get laps(): readonly string[] {
    return [...this.#laps.keys()];
  }

  lap(name: string): void {
    if (!this.#laps.has(name)) this.#laps.set(name, performance.now() - this.#began);
  }

  report(): void {
    const laps = [...this.#laps].map(([name, ms]) => `${name} after ${(ms / 1000).toFixed(2)} s`);
    process.stdout.write(`${this.#what}: ${laps.join(', ')}\n`);
  }
}

function sleeper(name: string, image: string, policy: Policy = 'IfNotPresent'): V1Container {
  return { name, image, imagePullPolicy: policy, command: ['/bin/sleep', '1h'] };
}

function statusOf(pod: V1Pod | undefined, container: string): V1ContainerStatus | undefined {
  return pod?.status?.containerStatuses?.find(({ name }) => name === container);
}

function isRunning(pod: V1Pod | undefined, container: string): boolean {
  return statusOf(pod, container)?.state?.running !== undefined;
}

/** Claims that every container runs again that ran before the power cut, once. */
function isBack(pod: V1Pod): boolean {
  return pod.spec?.containers.every(({ name }) => hasStartedAgain(pod, name)) ?? false;
}

/** Kubelet tells of the state before a power cut until it has looked: a restart tells them apart. */
function hasStartedAgain(pod: V1Pod, container: string): boolean {
  return isRunning(pod, container) && statusOf(pod, container)?.restartCount === 1;
}

function isPullFailing(pod: V1Pod | undefined, container: string): boolean {
  const { reason = '' } = statusOf(pod, container)?.state?.waiting ?? {};
  return ['ErrImagePull', 'ImagePullBackOff'].includes(reason);
}
