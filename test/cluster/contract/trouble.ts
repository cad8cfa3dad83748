import type { CoreV1Event, V1ContainerStatus } from '@kubernetes/client-node';
import type { Cluster } from '../cluster.ts';
import { conditionOf, isReady, patienceMs, TestNamespace } from './namespace.ts';
import { container, holding, type WorkloadFixtures } from './workloads.ts';

/** How clusters tell of pods that are refused, fail or cannot start. */
export function troubleContract(cluster: () => Cluster, fixtures: () => WorkloadFixtures): void {
  let namespace: TestNamespace;
  beforeEach(async () => {
    namespace = await TestNamespace.create(cluster());
  });
  afterEach(async () => {
    await namespace.remove();
  });

  const test = (name: string, run: () => Promise<void>) => it(name, run, 3 * patienceMs);

  /** The Events about an object with this reason, the one told most often first. */
  async function eventsAbout(uid: string | undefined, reason: string) {
    const list = await namespace.core.listNamespacedEvent({
      namespace: namespace.name,
      fieldSelector: `involvedObject.uid=${uid},reason=${reason}`,
    });
    const count = (event: CoreV1Event) => event.count ?? 0;
    return list.items.toSorted((left, right) => count(right) - count(left));
  }

  async function allowPods(pods: string): Promise<void> {
    const metadata = { name: 'tight' };
    await namespace.core.createNamespacedResourceQuota({
      namespace: namespace.name,
      body: { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: { pods } } },
    });
    await namespace.until(async () => {
      const quota = { namespace: namespace.name, name: metadata.name };
      const { status } = await namespace.core.readNamespacedResourceQuota(quota);
      return status?.used?.['pods'] === '0';
    });
  }

  async function untilWaiting(pod: string, reason: string): Promise<V1ContainerStatus> {
    return await namespace.untilContainer(
      pod,
      'c0',
      ({ state }) => state?.waiting?.reason === reason,
    );
  }

  describe('a pod that is refused', () => {
    test('is told of by an Event about its DaemonSet, and comes when there is room', async () => {
      await allowPods('0');
      await namespace.createDaemonSet('d', {}, holding(fixtures().images[0]));
      const { metadata } = await namespace.daemonSet('d');
      await namespace.until(
        async () => (await eventsAbout(metadata?.uid, 'FailedCreate')).length > 0,
      );
      const [event] = await eventsAbout(metadata?.uid, 'FailedCreate');
      expect(event).toMatchObject({
        type: 'Warning',
        reason: 'FailedCreate',
        message: expect.stringMatching(
          /^Error creating: pods "d-[a-z0-9]{5}" is forbidden: exceeded quota: tight, requested: pods=1, used: pods=0, limited: pods=0$/,
        ),
        involvedObject: {
          apiVersion: 'apps/v1',
          kind: 'DaemonSet',
          name: 'd',
          namespace: namespace.name,
          uid: metadata?.uid,
        },
        source: { component: 'daemonset-controller' },
        reportingComponent: 'daemonset-controller',
        count: 1,
      });
      expect(event?.firstTimestamp).toBeInstanceOf(Date);
      expect((await namespace.daemonSet('d')).status?.currentNumberScheduled).toBe(0);
      await namespace.core.deleteNamespacedResourceQuota({
        namespace: namespace.name,
        name: 'tight',
      });
      await namespace.untilRolledOut('d');
      const created = await eventsAbout(metadata?.uid, 'SuccessfulCreate');
      expect(created[0]).toMatchObject({ type: 'Normal' });
      expect(created[0]?.message).toMatch(/^Created pod: d-[a-z0-9]{5}$/);
    });

    test('is told of in one Event when there were ten, as each has another name', async () => {
      await allowPods('0');
      await namespace.createDaemonSet('d', {}, holding(fixtures().images[0]));
      const { metadata } = await namespace.daemonSet('d');
      const isCombined = ({ message = '' }: CoreV1Event) =>
        message.startsWith('(combined from similar events): Error creating: pods "d-');
      await namespace.until(async () =>
        (await eventsAbout(metadata?.uid, 'FailedCreate')).some(
          (event) => isCombined(event) && (event.count ?? 0) > 1,
        ),
      );
      const events = await eventsAbout(metadata?.uid, 'FailedCreate');
      expect(events).toHaveLength(10);
      expect(events.filter(isCombined)).toHaveLength(1);
    });

    test('fails its Deployment too', async () => {
      await allowPods('0');
      await namespace.createDeployment('d', {}, holding(fixtures().images[0]));
      await namespace.until(
        async () => conditionOf(await namespace.deployment('d'), 'ReplicaFailure') !== undefined,
      );
      expect(conditionOf(await namespace.deployment('d'), 'ReplicaFailure')).toMatchObject({
        status: 'True',
        reason: 'FailedCreate',
        message: expect.stringContaining('is forbidden: exceeded quota: tight'),
      });
    });
  });

  describe('a pod that was evicted', () => {
    test('is replaced by its DaemonSet, which tells of it', async () => {
      await namespace.createDaemonSet('d', {}, holding(fixtures().images[0]));
      const { metadata } = await namespace.untilRolledOut('d');
      const [pod] = await namespace.pods();
      const name = pod?.metadata?.name ?? '';
      await namespace.core.patchNamespacedPodStatus({
        namespace: namespace.name,
        name,
        body: [
          { op: 'replace', path: '/status/phase', value: 'Failed' },
          { op: 'add', path: '/status/reason', value: 'Evicted' },
        ],
      });
      await namespace.until(async () => {
        const pods = await namespace.pods();
        const others = pods.filter((one) => one.metadata?.uid !== pod?.metadata?.uid);
        return others.length === pods.length && pods.filter(isReady).length === pods.length;
      });
      const [event] = await eventsAbout(metadata?.uid, 'FailedDaemonPod');
      expect(event).toMatchObject({
        type: 'Warning',
        message: `Found failed daemon pod ${namespace.name}/${name} on node ${pod?.spec?.nodeName}, will try to kill it`,
      });
    });
  });

  describe('a container', () => {
    test('whose program is not in the image says so, and crashes from then on', async () => {
      const broken = container('c0', fixtures().images[0], { command: ['/bin/missing'] });
      await namespace.createPod('p', { containers: [broken] });
      const { state, lastState, restartCount } = await untilWaiting('p', 'CrashLoopBackOff');
      expect(state?.waiting?.message).toMatch(
        /^back-off \d+s restarting failed container=c0 pod=p_/,
      );
      expect(restartCount).toBeGreaterThan(0);
      expect(lastState?.terminated).toMatchObject({
        exitCode: 128,
        reason: 'StartError',
        message: expect.stringContaining(
          'exec: "/bin/missing": stat /bin/missing: no such file or directory',
        ),
      });
    });

    test('whose image is for other machines alone says so', async () => {
      await namespace.createPod('p', { containers: [container('c0', fixtures().foreign)] });
      const { state } = await untilWaiting('p', 'ErrImagePull');
      expect(state?.waiting?.message).toMatch(
        /^rpc error: code = NotFound desc = get image config descriptor: no match for platform in manifest sha256:[0-9a-f]{64}: not found$/,
      );
    });
  });
}
