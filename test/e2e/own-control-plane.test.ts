import { setTimeout as delay } from 'node:timers/promises';
import type { OperatorProcess } from '../../src/cli/demo/operator-process.ts';
import { FaultProxy } from '../cluster/real/fault-proxy.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { define, Tenant } from './tenant.ts';

const second = 1_000;
const definition = 'kubernetesimagepullers.che.eclipse.org';

// What happens here happens to everybody, so one test goes after the other.
describe('an operator process whose control plane', () => {
  let cluster: RealCluster;
  let tenant: Tenant;
  let proxy: FaultProxy;
  let kubeconfig: string;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await RealCluster.start({ node: false });
    await define(cluster);
    tenant = await Tenant.create(cluster, 'alone');
    proxy = new FaultProxy(cluster.url, cluster.certificateAuthority);
    kubeconfig = await tenant.kubeconfig(await proxy.listen());
    operator = await tenant.start({}, kubeconfig);
    await tenant.edit(['before']);
    await tenant.untilCached('before');
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(async () => {
    await (tenant as Tenant | undefined)?.stop();
    await (proxy as FaultProxy | undefined)?.close();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  afterEach(() => {
    expect(operator.ended).toBeUndefined();
  });

  // F28
  it('is started anew works on within half a minute', async () => {
    await cluster.stopDaemon('kube-apiserver', 0);
    await delay(3 * second);
    await cluster.startDaemon('kube-apiserver');
    await tenant.edit(['restarted']);
    await tenant.untilCached('restarted', 45 * second);
  });

  // F03: the history is gone while the operator looks away
  it('has forgotten what happened meanwhile lists anew, and misses nothing', async () => {
    proxy.trouble = ({ path }) => (path.includes('watch=') ? 'reset' : undefined);
    proxy.breakConnections();
    await tenant.kubectl(['delete', 'configmap', 'k8s-image-puller']);
    await tenant.edit(['forgotten']);
    await cluster.compact();
    const since = cluster.auditLog.position();
    proxy.trouble = () => undefined;
    await tenant.untilCached('forgotten', 45 * second);
    expect(await tenant.get('configmap', 'k8s-image-puller')).toBeDefined();
    const lists = (await tenant.requests(since)).filter(
      ({ verb, resource }) => verb === 'list' && resource === 'kubernetesimagepullers',
    );
    expect(lists).toHaveLength(1);
  });

  // F04
  it('forgets the rest of a list between two pages begins that list anew', async () => {
    const labels = { test: 'daemonset-test' };
    for (let number = 0; number < 30; number += 1) {
      const spec = { nodeName: 'nobody', containers: [{ name: 'a', image: 'registry.test/a:1' }] };
      await cluster.api.create('/api/v1/namespaces/alone/pods', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `many-${number}`, labels },
        spec,
      });
    }
    await operator.stop();
    const { promise: until, resolve: release } = Promise.withResolvers<void>();
    proxy.troubles = 0;
    proxy.trouble = ({ path }) =>
      path.includes('/pods?') && path.includes('continue=') && proxy.troubles === 0
        ? { wait: until }
        : undefined;
    operator = await tenant.start({}, kubeconfig);
    await cluster.until(() => proxy.troubles === 1);
    await tenant.edit(['paged']);
    await cluster.compact();
    const since = cluster.auditLog.position();
    release();
    const pages = async () =>
      (await tenant.requests(since)).filter(
        ({ verb, resource }) => verb === 'list' && resource === 'pods',
      );
    await cluster.until(async () => (await pages()).length >= 3);
    expect((await pages()).map(({ code }) => code)).toEqual([410, 200, 200]);
    await tenant.untilCached('paged');
  });

  // F30
  it('loses the definition of pullers waits for it, and works on once it is back', async () => {
    await tenant.kubectl(['delete', 'crd', definition, '--timeout=60s']);
    // The garbage collector may be faster than the news that there are no pullers any more.
    await delay(5 * second);
    const since = cluster.auditLog.position();
    await delay(10 * second);
    expect((await tenant.requests(since)).length).toBeLessThan(30);
    expect(await tenant.writes(since)).toEqual([]);
    await define(cluster);
    // The children of the old puller go when the garbage collector knows the kind of their owner again.
    await tenant.edit(['defined']);
    await tenant.untilCached('defined', 90 * second);
  });

  // F28
  it('is put back to an older copy of its store does what that one asks for, and says so', async () => {
    await tenant.edit(['old']);
    await tenant.untilCached('old');
    const putBack = await cluster.backUp();
    await tenant.edit(['newer']);
    await tenant.untilCached('newer', 60 * second);
    const generation = async () => (await tenant.get('kip', 'puller'))?.metadata.generation ?? 0;
    const before = await generation();
    await putBack();
    expect(await generation()).toBeLessThan(before);
    await tenant.untilCached('old', 60 * second);
    // From revisions that are yet to come watches would tell nothing.
    await tenant.edit(['after']);
    await tenant.untilCached('after', 45 * second);
  }, 240_000);
});
