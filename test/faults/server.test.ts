import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { imagePullers } from '../../src/controllers/keys.ts';
import { configMaps, daemonSets, type KubeObject, type Resource } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { FaultyScene } from './faulty-scene.ts';

const second = 1_000;
const minute = 60 * second;
const cache = 'kubernetes-image-puller';
const oneImage = { images: 'a=quay.io/example/a:1' };
const always = Number.POSITIVE_INFINITY;

const definitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const namespaces: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
const quotas: Resource = {
  group: '',
  version: 'v1',
  plural: 'resourcequotas',
  kind: 'ResourceQuota',
  namespaced: true,
};

let faulty: FaultyScene;

afterEach(() => faulty.stop());

const definition = () =>
  parse(
    readFileSync(
      new URL('../../crds/che.eclipse.org_kubernetesimagepullers.yaml', import.meta.url),
      'utf8',
    ),
  ) as KubeObject;

describe('an API server', () => {
  // F10
  it.each([500, 502, 503, 504])(
    'that answers %i to everything for five minutes is asked seldom, and obeyed 30 seconds after that',
    async (code) => {
      faulty = await FaultyScene.ready();
      const storm = faulty.trouble({
        match: { times: always },
        at: 'before',
        do: { answer: { code } },
      });
      faulty.scene.cluster.controlPlane.remove(daemonSets, 'workspaces', cache);
      faulty.edit(oneImage);
      // Breaks the watches that were open before.
      const watches = faulty.trouble({ match: { times: always }, at: 'onEvent', do: 'reset' });
      await faulty.scene.pass(5 * minute);
      // Nine watches and one key: each ten times in the first half minute, then twice a minute.
      expect(storm.fired).toBeLessThan(400);
      storm.remove();
      watches.remove();
      const begun = faulty.scene.clock.monotonic();
      await faulty.scene.until(() => faulty.scene.get(daemonSets, cache) !== undefined);
      expect(faulty.scene.clock.monotonic() - begun).toBeLessThan(31 * second);
      await faulty.comesToRest();
    },
  );

  // F41
  it('that cannot be reached for five minutes meets no flood of lists when it is back', async () => {
    faulty = await FaultyScene.ready();
    const away = faulty.trouble({ match: { times: always }, at: 'before', do: 'reset' });
    const watches = faulty.trouble({ match: { times: always }, at: 'onEvent', do: 'reset' });
    faulty.edit(oneImage);
    await faulty.scene.pass(5 * minute);
    away.remove();
    watches.remove();
    faulty.forget();
    await faulty.scene.until(() => faulty.isReady());
    // One list of one page for each kind, as nobody can tell whether it is the same store.
    for (const { plural } of [imagePullers, daemonSets, configMaps]) {
      expect(faulty.lists(plural)).toBeLessThanOrEqual(1);
    }
    await faulty.comesToRest();
  });

  // F30
  it('that loses the definition of pullers is asked seldom for it, and pullers are obeyed once it is back', async () => {
    faulty = await FaultyScene.ready();
    const { cluster } = faulty.scene;
    const { uid = '' } = faulty.scene.puller()?.metadata ?? {};
    cluster.controlPlane.remove(definitions, '', definition().metadata.name ?? '');
    await faulty.scene.pass(minute);
    expect(faulty.scene.childrenOf(uid)).toEqual([]);
    faulty.forget();
    await faulty.scene.pass(10 * minute);
    expect(
      faulty.asked(({ path }) => path.includes('/kubernetesimagepullers')).length,
    ).toBeLessThanOrEqual(45);
    expect(faulty.scene.writes()).toEqual([]);
    faulty.scene.apply(definition());
    faulty.edit();
    await faulty.scene.pass(31 * second);
    await faulty.comesToRest();
  });

  // F31
  it('whose definition of pullers is an older one, without what our status says, sees the cache kept and no storm', async () => {
    faulty = await FaultyScene.ready();
    const older = JSON.parse(JSON.stringify(definition())) as {
      spec: { versions: { schema: { openAPIV3Schema: { properties: object } } }[] };
    };
    for (const { schema } of older.spec.versions) {
      Object.assign(schema.openAPIV3Schema.properties, {
        status: { type: 'object', properties: { imagePullerImage: { type: 'string' } } },
      });
    }
    faulty.scene.apply(older as unknown as KubeObject);
    faulty.edit(oneImage);
    await faulty.scene.until(() =>
      JSON.stringify(faulty.scene.get(daemonSets, cache)?.['spec']).includes('example/a:1'),
    );
    await faulty.scene.pass(minute);
    faulty.forget();
    await faulty.scene.pass(30 * minute);
    // At each resync and every five minutes: such a server does not take our status at all.
    expect(faulty.scene.writes().length).toBeLessThanOrEqual(12);
    faulty.scene.apply(definition());
    await faulty.scene.pass(11 * minute);
    await faulty.comesToRest();
  });
});

describe('a namespace', () => {
  // F32
  it('that is being deleted gets nothing new, and nothing of ours keeps it', async () => {
    faulty = await FaultyScene.ready();
    const { cluster } = faulty.scene;
    const { uid = '' } = faulty.scene.puller()?.metadata ?? {};
    const kept = faulty.scene.puller() as KubeObject;
    cluster.controlPlane.update(imagePullers, {
      ...kept,
      metadata: { ...kept.metadata, finalizers: ['example.com/theirs'] },
    });
    await faulty.scene.pass(second);
    faulty.forget();
    cluster.controlPlane.remove(namespaces, '', 'workspaces');
    await faulty.scene.pass(10 * minute);
    expect(faulty.scene.childrenOf(uid)).toEqual([]);
    expect(faulty.scene.writes()).toEqual([]);
    const going = faulty.scene.puller() as KubeObject;
    cluster.controlPlane.update(imagePullers, {
      ...going,
      metadata: { ...going.metadata, finalizers: [] },
    });
    await faulty.scene.pass(second);
    expect(cluster.controlPlane.get(namespaces, '', 'workspaces')).toBeUndefined();
  });

  // F32
  it('that is being deleted before its pullers are is said to be, and tried again every five minutes', async () => {
    const warnings: string[] = [];
    const warn = (message: string) => warnings.push(message);
    faulty = await FaultyScene.ready({ log: { debug() {}, info() {}, warn, error() {} } });
    const terminating = JSON.stringify({
      kind: 'Status',
      code: 403,
      reason: 'Forbidden',
      message: `daemonsets.apps "${cache}" is forbidden: unable to create new content in namespace workspaces because it is being terminated`,
      details: { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] },
    });
    const refused = faulty.trouble({
      match: { verb: 'patch', resource: 'daemonsets', times: always },
      at: 'before',
      do: { answer: { code: 403, body: terminating } },
    });
    faulty.scene.cluster.controlPlane.remove(daemonSets, 'workspaces', cache);
    await faulty.scene.until(() => faulty.told('Degraded') === 'True WaitingForDeletion');
    await faulty.scene.pass(16 * minute);
    expect(refused.fired).toBeLessThanOrEqual(8);
    // Nobody need do anything about it.
    expect(warnings).toEqual([]);
    refused.remove();
    await faulty.scene.pass(5 * minute + second);
    await faulty.comesToRest();
  });

  // F33
  it('whose quota has no room for pods makes Degraded say by how much, and costs nothing', async () => {
    faulty = await FaultyScene.start();
    faulty.scene.apply({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small', namespace: 'workspaces' },
      spec: { hard: { 'limits.memory': '10Mi' } },
    });
    faulty.edit();
    await faulty.scene.until(() => faulty.told('Degraded') === 'True QuotaExceeded');
    expect(faulty.scene.condition('Degraded')?.message).toMatch(/quota small .*limits\.memory/);
    await faulty.scene.pass(minute);
    faulty.scene.writes();
    await faulty.scene.pass(10 * minute);
    expect(faulty.scene.writes().filter((write) => !/events|status/.test(write))).toEqual([]);
    faulty.scene.cluster.controlPlane.remove(quotas, 'workspaces', 'small');
    await faulty.scene.pass(20 * minute);
    await faulty.comesToRest();
  });

  // F33
  it('whose limit range adds to our pods is not argued with', async () => {
    faulty = await FaultyScene.start();
    faulty.scene.apply({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'defaults', namespace: 'workspaces' },
      spec: { limits: [{ type: 'Container', default: { 'ephemeral-storage': '1Gi' } }] },
    });
    faulty.edit();
    await faulty.comesToRest();
  });
});

describe('a puller that another client writes', () => {
  // F51
  it('with fields and values that this version does not know keeps them', async () => {
    faulty = await FaultyScene.ready();
    faulty.edit(oneImage, { labels: { theirs: 'yes' }, annotations: { later: 'version' } });
    await faulty.comesToRest();
    expect(faulty.scene.puller()?.metadata).toMatchObject({
      labels: { theirs: 'yes' },
      annotations: { later: 'version' },
    });
    expect(faulty.scene.puller()?.['spec']).toEqual(aPuller(oneImage).spec);
  });
});
