import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { type OperatorProcess, startOperator } from '../../src/cli/demo/operator-process.ts';
import { systemClock } from '../../src/clock.ts';
import { type ConnectedClient, createClient } from '../../src/kube/http-client.ts';
import { type KubeObject, resourcePath } from '../../src/kube/objects.ts';
import { silentLog } from '../../src/log.ts';
import { metricsAuthRole } from '../../src/manifests/metrics.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import { ScrapeAccess } from '../../src/metrics/scrape-access.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { grantsIn, textOf, without } from '../rights/grants.ts';
import { firstFailure, journey, namespace, type World } from '../rights/journey.ts';

const project = join(import.meta.dirname, '../..');
/** A machine of a test may be busy with other things; on the embedded cluster no time is lost. */
const slackMs = 40_000;

describe('the rights of config/default on a real API server', () => {
  let cluster: RealCluster;
  let operator: OperatorProcess;
  let client: ConnectedClient;

  beforeAll(async () => {
    cluster = await RealCluster.start();
    for (const seed of ['sleeper', 'a', 'b']) {
      await cluster.registry.push(`${seed}:1`, { ...cluster.busyboxImage, seed });
    }
    await cluster.kubectl(['create', 'namespace', operatorNamespace]);
    await cluster.kubectl(['create', 'namespace', namespace]);
    await cluster.kubectl([
      ...['-n', operatorNamespace, 'create', 'serviceaccount', operatorServiceAccount],
    ]);
    await cluster.kubectl(['apply', '-k', join(project, 'crds')]);
    for (const rights of ['cluster', 'leader-election', 'metrics']) {
      await cluster.kubectl(['apply', '-k', join(project, `config/rbac/${rights}`)]);
    }
    const kubeconfig = await cluster.tokenKubeconfig(operatorNamespace, operatorServiceAccount);
    operator = startOperator(kubeconfig, {
      HEALTH_PORT: '0',
      METRICS_PORT: '0',
      POD_NAMESPACE: operatorNamespace,
      RELATED_IMAGE_SLEEPER: cluster.registry.reference('sleeper:1'),
    });
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(kubeconfig);
    client = createClient(kubeConfig, { clock: systemClock, userAgent: 'rights.test' });
  }, startTimeoutMs);

  // Undefined where they did not come up.
  afterAll(async () => {
    await (client as ConnectedClient | undefined)?.close();
    await (operator as OperatorProcess | undefined)?.stop();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  const apply = (object: KubeObject) =>
    cluster.kubectl(
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
      JSON.stringify(object),
    );

  const world = (): World => ({
    reference: (name) => cluster.registry.reference(`${name}:1`),
    apply: async (object) => void (await apply(object)),
    remove: async ({ plural, group }, name) => {
      const kind = group === '' ? plural : `${plural}.${group}`;
      await cluster.kubectl(['-n', namespace, 'delete', kind, name, '--wait=false']);
    },
    get: async (resource, name, where = namespace) =>
      (await cluster.api.get(resourcePath(resource, where, name))) as KubeObject | undefined,
    list: async (resource) => {
      const { items } = (await cluster.api.get(resourcePath(resource, namespace))) as {
        readonly items: readonly KubeObject[];
      };
      return items;
    },
    until: (condition, withinMs) =>
      cluster.until(condition, withinMs + slackMs).then(
        () => true,
        () => false,
      ),
  });

  it('let an operator do all that it is to do', async () => {
    expect(await firstFailure(world(), journey())).toBeUndefined();
  }, 600_000);

  /** What the operator makes of a token that it has not seen before. */
  const accessOfAnother = async () => {
    const [name, reader] = [randomUUID(), 'kubernetes-image-puller-operator-metrics-reader'];
    await cluster.kubectl(['-n', namespace, 'create', 'serviceaccount', name]);
    await cluster.kubectl([
      ...['create', 'clusterrolebinding', name, `--clusterrole=${reader}`],
      `--serviceaccount=${namespace}:${name}`,
    ]);
    const token = await cluster.kubectl(['-n', namespace, 'create', 'token', name]);
    const access = new ScrapeAccess({ client, clock: systemClock, log: silentLog });
    return await access.of(`Bearer ${token.trim()}`);
  };

  it('let it know who asks for its metrics', async () => {
    expect(await accessOfAnother()).toBe('granted');
  });

  it.each(grantsIn(metricsAuthRole()).map((grant) => [textOf(grant), grant] as const))(
    'do not let it know that where it may not %s',
    async (_text, grant) => {
      await apply(without(metricsAuthRole(), grant));
      await cluster.until(async () => (await accessOfAnother()) === 'unknown', 30_000);
      await apply(metricsAuthRole());
      await cluster.until(async () => (await accessOfAnother()) === 'granted', 30_000);
    },
  );
});
