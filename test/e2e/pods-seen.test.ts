import { join } from 'node:path';
import { type OperatorProcess, startOperator } from '../../src/cli/demo/operator-process.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';

const project = join(import.meta.dirname, '../..');
const namespace = 'seen';
const role = 'clusterrole/kubernetes-image-puller-operator-role';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
}

describe('an operator on a real API server', () => {
  let cluster: RealCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await RealCluster.start();
    for (const seed of ['sleeper', 'a', 'b']) {
      await cluster.registry.push(`${seed}:1`, { ...cluster.busyboxImage, seed });
    }
    await kubectl('create', 'namespace', operatorNamespace);
    await kubectl('create', 'namespace', namespace);
    await kubectl('-n', operatorNamespace, 'create', 'serviceaccount', operatorServiceAccount);
    await kubectl('apply', '-k', join(project, 'crds'));
    await kubectl('apply', '-k', join(project, 'config/rbac/cluster'));
    await mayReadPods(false);
    operator = startOperator(
      await cluster.tokenKubeconfig(operatorNamespace, operatorServiceAccount),
      {
        HEALTH_PORT: '0',
        METRICS_PORT: '0',
        RELATED_IMAGE_SLEEPER: cluster.registry.reference('sleeper:1'),
      },
    );
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(async () => {
    await (operator as OperatorProcess | undefined)?.stop();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  const kubectl = (...args: readonly string[]) => cluster.kubectl(args);
  const inNamespace = (...args: readonly string[]) => kubectl('-n', namespace, ...args);
  const apply = (object: object) => cluster.kubectl(['apply', '-f', '-'], JSON.stringify(object));

  const mayReadPods = async (may: boolean) => {
    const live = JSON.parse(await kubectl('get', role, '-o', 'json')) as KubeObject;
    const others = (live['rules'] as readonly Rule[]).filter(
      ({ resources }) => !resources.includes('pods'),
    );
    const rule = { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] };
    const rules = may ? [...others, rule] : others;
    await kubectl('patch', role, '--type=merge', '-p', JSON.stringify({ rules }));
  };

  const applyPuller = (name: string) =>
    apply({
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'puller', namespace },
      spec: { images: `${name}=${cluster.registry.reference(`${name}:1`)}` },
    });

  /** Waits for a reason; a failure says what stood there instead. */
  const untilTold = async (type: string, reason: string) => {
    let last: unknown;
    const is = async () => {
      last = await told(type).catch(() => undefined);
      return (last as { readonly reason?: string } | undefined)?.reason === reason;
    };
    await cluster.until(is).catch(() => expect(last).toMatchObject({ reason }));
  };

  const becomes = (condition: string) =>
    inNamespace('wait', `--for=condition=${condition}`, 'kip/puller', '--timeout=60s');

  const told = async (type: string) => {
    const path = `{.status.conditions[?(@.type=="${type}")]}`;
    return JSON.parse(await inNamespace('get', 'kip/puller', '-o', `jsonpath=${path}`)) as {
      readonly reason: string;
      readonly message: string;
    };
  };

  it('that may not read pods counts by the DaemonSet, and says what is missing', async () => {
    await applyPuller('a');
    await becomes('Ready');
    const { reason, message } = await told('Degraded');
    expect(reason).toBe('PodsUnreadable');
    expect(message).toContain('cannot list resource "pods"');
  });

  it('sees them as soon as it may, without a new start', async () => {
    await mayReadPods(true);
    await becomes('Degraded=False');
    const images = await inNamespace('get', 'kip/puller', '-o', 'jsonpath={.status.images}');
    expect(JSON.parse(images)).toEqual([
      expect.objectContaining({
        name: 'a',
        nodesReady: 1,
        digest: expect.stringMatching(/^sha256:/),
      }),
    ]);
  });

  it('lets kubectl describe show what has happened', async () => {
    const shown = () => inNamespace('describe', 'kip/puller');
    await cluster.until(async () => (await shown()).includes('ImagesCached'));
    expect(await shown()).toMatch(
      /Normal +ImagesCached +\S+ +kubernetes-image-puller-operator +the image on the node/,
    );
  });

  it('tells that a quota leaves no room for pods, until it does', async () => {
    const metadata = { name: 'none', namespace };
    const quota = (pods: string) => ({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata,
      spec: { hard: { pods } },
    });
    await inNamespace('delete', 'kip/puller', '--wait');
    await inNamespace('wait', '--for=delete', 'pods', '--all', '--timeout=60s');
    await apply(quota('0'));
    // Admission holds to the status, which a controller writes.
    await inNamespace('wait', '--for=jsonpath={.status.hard.pods}=0', 'quota/none');
    await applyPuller('b');
    await untilTold('Ready', 'QuotaExceeded');
    expect((await told('Degraded')).reason).toBe('QuotaExceeded');
    expect((await told('Ready')).message).toContain('none');
    await apply(quota('10'));
    await becomes('Ready');
  });
});
