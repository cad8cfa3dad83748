import type { OperatorProcess } from '../../src/cli/demo/operator-process.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { installRights, startBeside } from './operator-beside.ts';

describe('a roll where a real node, or a quota, has no room for a second pod', () => {
  let cluster: RealCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await RealCluster.start();
    await cluster.registry.push('sleeper:1', cluster.busyboxImage);
    for (const name of ['kept', 'old', 'new']) {
      await cluster.registry.push(`${name}:1`, { files: { '/name': Buffer.from(name) } });
    }
    await installRights(cluster);
    operator = await startBeside(cluster);
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(async () => {
    await (operator as OperatorProcess | undefined)?.stop();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  const apply = (object: object) => cluster.kubectl(['apply', '-f', '-'], JSON.stringify(object));

  async function list(namespace: string, names: readonly string[], spec: object): Promise<void> {
    const images = names.map((name) => `${name}=${cluster.registry.reference(`${name}:1`)}`);
    await apply({
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'puller', namespace },
      spec: { daemonsetName: 'cache', images: images.join(';'), ...spec },
    });
  }

  const isReady = (namespace: string) =>
    cluster.kubectl([
      ...['-n', namespace, 'wait', '--for=condition=Ready', 'kip/puller', '--timeout=150s'],
    ]);

  const strategy = async (namespace: string) => {
    const path = `/apis/apps/v1/namespaces/${namespace}/daemonsets/cache`;
    const { spec } = (await cluster.api.get(path)) as DaemonSet;
    const { maxSurge, maxUnavailable } = spec.updateStrategy.rollingUpdate;
    return `surge ${maxSurge}, unavailable ${maxUnavailable}`;
  };

  const inPlace = 'surge 0, unavailable 1';
  const gapless = 'surge 10%, unavailable 0';

  /** Edits the list, and sees it reach the node in place. */
  async function goesOnInPlace(namespace: string, spec: object): Promise<void> {
    await list(namespace, ['kept', 'old'], spec);
    await isReady(namespace);
    expect(await strategy(namespace)).toBe(gapless);
    await list(namespace, ['kept', 'new'], spec);
    await cluster.until(async () => (await strategy(namespace)) === inPlace, 120_000);
    await isReady(namespace);
    await cluster.until(async () => (await strategy(namespace)) === gapless, 30_000);
  }

  it('goes on in place on a node that is full, and then is gapless again', async () => {
    await cluster.kubectl(['create', 'namespace', 'full']);
    const [name = ''] = cluster.nodes;
    const { status } = (await cluster.api.get(`/api/v1/nodes/${name}`)) as Node;
    // Two images take 60 % of it.
    const cpu = `${Math.floor(Number(status.allocatable.cpu) * 300)}m`;
    await goesOnInPlace('full', { cachingCPURequest: cpu, cachingCPULimit: cpu });
    await cluster.kubectl(['delete', 'namespace', 'full']);
  }, 400_000);

  it('goes on in place where a quota is what the documented formula says', async () => {
    await cluster.kubectl(['create', 'namespace', 'exact']);
    await apply({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'exact', namespace: 'exact' },
      // One node, two images.
      spec: { hard: { 'limits.memory': '40Mi' } },
    });
    await goesOnInPlace('exact', { cachingMemoryLimit: '20Mi' });
  }, 400_000);
});

/** As much of a DaemonSet as is read here. */
interface DaemonSet {
  readonly spec: {
    readonly updateStrategy: {
      readonly rollingUpdate: {
        readonly maxSurge: number | string;
        readonly maxUnavailable: number | string;
      };
    };
  };
}

/** As much of a Node as is read here; a whole number of cores. */
interface Node {
  readonly status: { readonly allocatable: { readonly cpu: string } };
}
