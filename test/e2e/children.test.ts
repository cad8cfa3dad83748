import type { KubeObject } from '../../src/kube/objects.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { define, Tenant } from './tenant.ts';

/** For what takes a second on an idle machine. */
const patienceMs = 120_000;
const nobody = { nodeSelector: '{"kubernetes.io/hostname":"nobody"}' };
const report = 'kubernetes-image-puller-report';

// The rest of what becomes of them is proven on the embedded cluster: test/controllers/life.test.ts.
describe('a child that somebody put in place of ours', () => {
  let cluster: RealCluster;
  let tenant: Tenant;

  beforeAll(async () => {
    cluster = await RealCluster.start({ node: false });
    await define(cluster);
    tenant = await Tenant.create(cluster, 'children');
    await tenant.start();
    await tenant.edit(['before'], nobody);
    await tenant.untilCached('before', patienceMs);
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(async () => {
    await (tenant as Tenant | undefined)?.stop();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  const present = async (kind: string, name: string): Promise<KubeObject> => {
    const object = await tenant.get(kind, name);
    if (object === undefined) throw new Error(`there is no ${kind} ${name}`);
    return object;
  };

  /** The operator would be quicker than whoever deletes an object first. */
  async function replaceByForce(object: object): Promise<void> {
    await tenant.stop();
    await tenant.kubectl(['replace', '--force', '-f', '-'], JSON.stringify(object));
    await tenant.start();
  }

  const isFine = async () => (await tenant.told('Degraded')).startsWith('False');

  it('is made anew where it is a binding to a foreign role', async () => {
    const { roleRef, ...binding } = await present('rolebinding', report);
    const foreign = { ...(roleRef as object), kind: 'ClusterRole', name: 'view' };
    await replaceByForce({ ...binding, roleRef: foreign });
    const current = async () => (await tenant.get('rolebinding', report))?.['roleRef'];
    await cluster.until(
      async () => JSON.stringify(await current()) === JSON.stringify(roleRef),
      patienceMs,
    );
    await cluster.until(isFine, patienceMs);
  });

  it('is made anew where it is a ConfigMap that is immutable now', async () => {
    const { uid } = (await present('configmap', 'k8s-image-puller')).metadata;
    await tenant.kubectl(['patch', 'configmap', 'k8s-image-puller', '-p', '{"immutable":true}']);
    await tenant.edit(['after'], nobody);
    await tenant.untilCached('after', patienceMs);
    await cluster.until(isFine, patienceMs);
    const { metadata, data, immutable } = await present('configmap', 'k8s-image-puller');
    expect(metadata.uid).not.toBe(uid);
    expect(data).toMatchObject({ IMAGES: 'after=registry.test/after:1' });
    expect(immutable).toBeUndefined();
  });

  it('keeps no image that leaves the list where it is a DaemonSet restored from a copy', async () => {
    await replaceByForce(await present('daemonset', 'kubernetes-image-puller'));
    await tenant.edit(['last'], nobody);
    await tenant.untilCached('last', patienceMs);
  });

  it('is made anew with its pods where it is a Deployment that selects others', async () => {
    const name = 'kubernetes-image-puller';
    const live = await present('deployment', name);
    const { selector, template, ...spec } = live['spec'] as {
      readonly selector: object;
      readonly template: object;
    };
    const labels = { app: name, mine: 'yes' };
    const changed = {
      ...spec,
      selector: { matchLabels: labels },
      template: { ...template, metadata: { labels } },
    };
    await replaceByForce({ ...live, spec: changed });
    await cluster.until(async () => {
      const next = (await tenant.get('deployment', name))?.['spec'] as typeof spec & {
        readonly selector?: object;
      };
      return JSON.stringify(next?.selector) === JSON.stringify(selector);
    }, patienceMs);
    await cluster.until(async () => {
      const kept = await tenant.kubectl([
        'get',
        'replicasets,pods',
        '-l',
        'mine=yes',
        '-o',
        'name',
      ]);
      return kept === '';
    }, patienceMs);
    await cluster.until(isFine, patienceMs);
  });
});
