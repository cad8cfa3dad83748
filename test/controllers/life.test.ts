import type { RawSpec } from '../../src/api/types.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import {
  configMaps,
  daemonSets,
  deployments,
  type KubeObject,
  pods,
  type Resource,
  roleBindings,
  roles,
  serviceAccounts,
} from '../../src/kube/objects.ts';
import { cachedReferences } from '../../src/manifests/daemon-set.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, type SceneOptions, startScene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.stop());

/** A whole life is led as in production. */
function overSockets(options: SceneOptions = {}): Promise<Scene> {
  return startScene({ overSockets: true, ...options });
}

/** A cluster in which a puller has all its images on all nodes. */
async function aReadyPuller(
  puller: KubeObject = aPuller(),
  options: SceneOptions = {},
): Promise<string> {
  scene = await overSockets(options);
  scene.apply(puller);
  await becomesReady();
  return uid();
}

const becomesReady = () => scene.until(() => scene.condition('Ready')?.status === 'True');
const uid = () => scene.puller()?.metadata.uid ?? '';
const statuses = () =>
  Object.fromEntries(
    (scene.status().conditions ?? []).map(({ type, status, reason }) => [
      type,
      `${status} ${reason}`,
    ]),
  );

const allChildren = [
  'ConfigMap/k8s-image-puller',
  'ConfigMap/kubernetes-image-puller-report',
  'DaemonSet/kubernetes-image-puller',
  'Deployment/kubernetes-image-puller',
  'Role/kubernetes-image-puller-report',
  'RoleBinding/kubernetes-image-puller-report',
  'ServiceAccount/k8s-image-puller',
];

describe('a puller that is applied', () => {
  it('gets its seven children, and every image on every node', async () => {
    const owner = await aReadyPuller();
    expect(scene.childrenOf(owner)).toEqual(allChildren);
    expect(statuses()).toEqual({
      Ready: 'True AllResourcesReady',
      Progressing: 'False ReconcileComplete',
      Degraded: 'False ReconcileComplete',
    });
    expect(scene.status()).toMatchObject({
      observedGeneration: 1,
      imagesDesired: 2,
      nodesDesired: 3,
      nodesReady: 3,
    });
    for (const node of scene.workloads.nodes) {
      expect(scene.workloads.imagesOn(node).flatMap(({ names }) => names)).toEqual(
        expect.arrayContaining(['quay.io/example/tools:1', 'quay.io/example/shell:2']),
      );
    }
  });

  it('has a spec that the operator never writes to', async () => {
    await aReadyPuller(aPuller({ images: ' My_Tool=quay.io/example/tool:1;; ' }));
    expect(scene.puller()?.['spec']).toEqual({ images: ' My_Tool=quay.io/example/tool:1;; ' });
    const managers = scene
      .puller()
      ?.metadata.managedFields?.filter(
        ({ manager }) => manager === 'kubernetes-image-puller-operator',
      );
    expect(managers?.map(({ subresource }) => subresource)).toEqual(['status']);
  });

  it('is said to be pulling until the last node is done', async () => {
    scene = await overSockets({ nodes: 2, pullMs: 8000 });
    scene.apply(aPuller());
    await scene.until(() => statuses()['Ready'] === 'False ImagesPulling');
    expect(statuses()).toMatchObject({
      Progressing: 'True ImagesPulling',
      Degraded: 'False ReconcileComplete',
    });
    await becomesReady();
  });

  it('costs at most nine writes, seven children and two of status, and an Event', async () => {
    await aReadyPuller(aPuller(), { pullMs: 1 });
    await scene.settle();
    const writes = scene.writes();
    const [events, others] = [
      writes.filter((write) => write === 'POST events'),
      writes.filter((write) => write !== 'POST events'),
    ];
    expect(others.filter((write) => !write.endsWith('/status'))).toHaveLength(7);
    expect(others.filter((write) => write.endsWith('/status')).length).toBeLessThanOrEqual(2);
    expect(events).toHaveLength(1);
  });

  it('gets its DaemonSet first and its RoleBinding after its Role', async () => {
    await aReadyPuller();
    const writes = scene.writes();
    expect(writes[0]).toBe('PATCH daemonsets/kubernetes-image-puller');
    expect(writes.findIndex((write) => write.includes('rolebindings/'))).toBeGreaterThan(
      writes.findIndex((write) => write.includes(' roles/')),
    );
  });

  it('costs no write while nothing changes, not even at a resync', async () => {
    await aReadyPuller();
    await scene.settle();
    scene.writes();
    await scene.pass(25 * 60_000);
    expect(scene.writes()).toEqual([]);
  });

  it.each<[string, RawSpec]>([
    ['as little as there can be', {}],
    [
      'empty values that the server does not keep',
      {
        affinity: JSON.stringify({
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                {
                  matchExpressions: [{ key: 'kubernetes.io/os', operator: 'Exists', values: [] }],
                  matchFields: [],
                },
              ],
            },
          },
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [],
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                podAffinityTerm: {
                  topologyKey: 'kubernetes.io/hostname',
                  namespaces: [],
                  labelSelector: { matchLabels: {}, matchExpressions: [] },
                },
              },
            ],
          },
        }),
        tolerations: '[{"key":"","operator":"Exists","value":"","effect":""}]',
      },
    ],
    [
      'amounts finer than the server keeps them',
      { cachingCPURequest: '.0005', cachingMemoryRequest: '1e-20' },
    ],
  ])('costs no write when the operator starts again: %s', async (_what, spec) => {
    await aReadyPuller(aPuller(spec));
    await scene.settle();
    await scene.stopOperator();
    scene.writes();
    await scene.startOperator();
    await scene.settle();
    expect(scene.writes()).toEqual([]);
  });

  it('keeps its cache when the operator goes', async () => {
    const owner = await aReadyPuller();
    await scene.stopOperator();
    await scene.pass(60_000);
    expect(scene.childrenOf(owner)).toEqual(allChildren);
  });

  it('has counts written at most every five seconds while nodes fill up', async () => {
    scene = await overSockets({ nodes: 1, pullMs: 15_000 });
    scene.apply(aPuller());
    await scene.until(() => scene.status().nodesDesired === 1);
    scene.writes();
    const begun = scene.clock.monotonic();
    // They begin a second apart, so they are done a second apart, half a minute later.
    for (let number = 2; number <= 20; number += 1) {
      scene.workloads.addNode(`node-${number}`);
      await scene.pass(1000);
    }
    await becomesReady();
    expect(scene.status()).toMatchObject({ nodesDesired: 20, nodesReady: 20 });
    const seconds = (scene.clock.monotonic() - begun) / 1000;
    expect(scene.writes().length).toBeLessThanOrEqual(Math.ceil(seconds / 5) + 1);
  });
});

describe('a change of the spec', () => {
  it('costs at most three children and two writes of status', async () => {
    await aReadyPuller(aPuller(), { pullMs: 1 });
    await scene.settle();
    scene.writes();
    scene.apply(aPuller({ images: 'tools=quay.io/example/tools:1;more=quay.io/example/more:1' }));
    await scene.until(() => scene.status().observedGeneration === 2);
    await becomesReady();
    await scene.settle();
    const writes = scene.writes();
    expect(writes.filter((write) => !write.endsWith('/status')).sort()).toEqual([
      'PATCH configmaps/k8s-image-puller',
      'PATCH daemonsets/kubernetes-image-puller',
      'PATCH deployments/kubernetes-image-puller',
    ]);
    expect(writes.filter((write) => write.endsWith('/status')).length).toBeLessThanOrEqual(2);
  });

  it('never leaves a node without a ready pod of the cache', async () => {
    await aReadyPuller();
    const holders = () =>
      scene.cluster.controlPlane
        .list(pods, 'workspaces')
        .filter(({ metadata }) => metadata.labels?.['test'] === 'daemonset-test')
        .filter((pod) =>
          (pod['status'] as { conditions?: { type: string; status: string }[] }).conditions?.some(
            ({ type, status }) => type === 'Ready' && status === 'True',
          ),
        )
        .map((pod) => (pod['spec'] as { nodeName: string }).nodeName);
    scene.apply(aPuller({ images: 'tools=quay.io/example/tools:1;more=quay.io/example/more:1' }));
    await scene.until(() => {
      expect(new Set(holders()).size).toBe(3);
      return scene.status().observedGeneration === 2 && scene.condition('Ready')?.status === 'True';
    });
  });

  it('removes the DaemonSet with the last image, and brings it back with the next', async () => {
    const owner = await aReadyPuller();
    scene.apply(aPuller({ images: '{}' }));
    await scene.until(() => statuses()['Ready'] === 'True NoImages');
    await scene.until(() => !scene.childrenOf(owner).includes('DaemonSet/kubernetes-image-puller'));
    expect(scene.childrenOf(owner)).toHaveLength(6);
    scene.apply(aPuller());
    await scene.until(() => statuses()['Ready'] === 'True AllResourcesReady');
  });

  it('that renames every child removes an old one only when the new one is there', async () => {
    const owner = await aReadyPuller();
    scene.apply(
      aPuller({
        images: 'tools=quay.io/example/tools:1;shell=quay.io/example/shell:2',
        daemonsetName: 'cache',
        deploymentName: 'puller',
        configMapName: 'settings',
      }),
    );
    const complete = () =>
      (scene.get(daemonSets, 'cache')?.['status'] as { numberAvailable?: number } | undefined)
        ?.numberAvailable === 3;
    await scene.until(() => {
      const children = scene.childrenOf(owner);
      if (!children.includes('DaemonSet/kubernetes-image-puller')) expect(complete()).toBe(true);
      return children.length === 7 && children.includes('DaemonSet/cache') && complete();
    });
    expect(scene.childrenOf(owner)).toEqual([
      'ConfigMap/puller-report',
      'ConfigMap/settings',
      'DaemonSet/cache',
      'Deployment/puller',
      'Role/puller-report',
      'RoleBinding/puller-report',
      'ServiceAccount/puller-image-puller',
    ]);
  });

  it('that renames the DaemonSet to one that finds no room keeps the old one for half an hour', async () => {
    const owner = await aReadyPuller();
    const { images = '' } = aPuller().spec;
    scene.apply(aPuller({ images, daemonsetName: 'cache', cachingCPURequest: '3' }));
    await scene.until(() => scene.get(daemonSets, 'cache') !== undefined);
    await scene.pass(29 * 60_000);
    expect(scene.childrenOf(owner)).toContain('DaemonSet/kubernetes-image-puller');
    await scene.pass(2 * 60_000);
    await scene.until(() => !scene.childrenOf(owner).includes('DaemonSet/kubernetes-image-puller'));
  });

  it('that renames the DaemonSet and wants none of its images any more removes the old one at once', async () => {
    const owner = await aReadyPuller();
    scene.apply(aPuller({ images: 'bad=registry.invalid/bad:1', daemonsetName: 'cache' }));
    await scene.until(() => scene.get(daemonSets, 'cache') !== undefined);
    await scene.pass(1000);
    expect(scene.childrenOf(owner)).not.toContain('DaemonSet/kubernetes-image-puller');
  });
});

describe('what others do to the children', () => {
  it('is repaired where the field is ours', async () => {
    await aReadyPuller();
    const daemonSet = scene.get(daemonSets, 'kubernetes-image-puller') as KubeObject;
    const spec = structuredClone(daemonSet['spec']) as {
      template: { spec: { containers: { image: string }[] } };
    };
    for (const container of spec.template.spec.containers) container.image = 'edited';
    scene.cluster.controlPlane.update(daemonSets, { ...daemonSet, spec });
    await scene.until(
      () => !JSON.stringify(scene.get(daemonSets, 'kubernetes-image-puller')).includes('"edited"'),
    );
  });

  it('is repaired where the Deployment was made to roll, as the server refuses what that leaves beside ours', async () => {
    await aReadyPuller();
    const strategy = () => (deployment()['spec'] as { strategy?: object } | undefined)?.strategy;
    const deployment = () => scene.get(deployments, 'kubernetes-image-puller') as KubeObject;
    const rollingUpdate = { maxSurge: '25%', maxUnavailable: '25%' };
    const spec = {
      ...(deployment()['spec'] as object),
      strategy: { type: 'RollingUpdate', rollingUpdate },
    };
    scene.cluster.controlPlane.update(deployments, { ...deployment(), spec });
    await scene.until(() => JSON.stringify(strategy()) === '{"type":"Recreate"}');
    await becomesReady();
    scene.writes();
    await scene.pass(60 * 60_000);
    expect(scene.writes()).toEqual([]);
  });

  it('is repaired where an object is deleted', async () => {
    const owner = await aReadyPuller();
    for (const [resource, name] of [
      [configMaps, 'k8s-image-puller'],
      [roles, 'kubernetes-image-puller-report'],
      [serviceAccounts, 'k8s-image-puller'],
      [daemonSets, 'kubernetes-image-puller'],
    ] as const) {
      scene.cluster.controlPlane.remove(resource, 'workspaces', name);
    }
    await scene.until(() => scene.childrenOf(owner).length === 7);
    await becomesReady();
  });

  it('is repaired where a label that our caches look for is taken away', async () => {
    const owner = await aReadyPuller();
    const configMap = scene.get(configMaps, 'k8s-image-puller') as KubeObject;
    const metadata = { ...configMap.metadata, labels: {} };
    scene.cluster.controlPlane.update(configMaps, { ...configMap, metadata });
    await scene.until(
      () =>
        scene.get(configMaps, 'k8s-image-puller')?.metadata.labels?.[
          'che.eclipse.org/image-puller-uid'
        ] !== undefined,
    );
    expect(scene.childrenOf(owner)).toEqual(allChildren);
  });

  /** Deletes an object and creates it otherwise, as `kubectl replace --force` does; its owner stays. */
  function replaceByForce(resource: Resource, name: string, changed: Partial<KubeObject>): void {
    const { metadata, ...object } = scene.get(resource, name) as KubeObject;
    const { labels = {}, ownerReferences = [] } = metadata;
    scene.cluster.controlPlane.remove(resource, 'workspaces', name);
    scene.cluster.controlPlane.create(resource, {
      ...object,
      ...changed,
      metadata: { name, namespace: 'workspaces', labels, ownerReferences },
    });
  }

  const report = 'kubernetes-image-puller-report';
  const roleRefOf = () => scene.get(roleBindings, report)?.['roleRef'];
  const foreignRole = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };

  it('is repaired where a binding was put in place of ours, of which the role cannot be changed', async () => {
    const owner = await aReadyPuller();
    const ours = roleRefOf();
    replaceByForce(roleBindings, report, { roleRef: foreignRole });
    expect(roleRefOf()).toEqual(foreignRole);
    await scene.settle();
    expect(roleRefOf()).toEqual(ours);
    expect(scene.childrenOf(owner)).toEqual(allChildren);
    expect(statuses()).toMatchObject({
      Ready: 'True AllResourcesReady',
      Degraded: 'False ReconcileComplete',
    });
  });

  it('keeps no image in a DaemonSet that was restored from a copy, once that leaves the list', async () => {
    await aReadyPuller();
    const name = 'kubernetes-image-puller';
    replaceByForce(daemonSets, name, {});
    await scene.settle();
    scene.apply(aPuller({ images: 'tools=quay.io/example/tools:1' }));
    await scene.until(() => scene.status().observedGeneration === 2);
    await becomesReady();
    const cache = scene.get(daemonSets, name) as KubeObject;
    expect(cachedReferences(cache)).toEqual(['quay.io/example/tools:1']);
  });

  it('is told, and put right at growing intervals, where that binding comes back each time', async () => {
    await aReadyPuller();
    for (let second = 0; second < 120; second += 1) {
      if (JSON.stringify(roleRefOf()) !== JSON.stringify(foreignRole)) {
        replaceByForce(roleBindings, report, { roleRef: foreignRole });
      }
      await scene.pass(1000);
    }
    const removals = scene.writes().filter((write) => write === `DELETE rolebindings/${report}`);
    expect(removals.length).toBeGreaterThan(3);
    expect(removals.length).toBeLessThan(10);
    expect(statuses()['Degraded']).toBe('True Contended');
    expect(scene.condition('Degraded')?.message).toMatch(/ keeps changing roleRef of RoleBinding /);
    expect(statuses()['Ready']).toBe('True AllResourcesReady');
  });

  it('is repaired where a ConfigMap was made immutable, once the spec changes', async () => {
    await aReadyPuller();
    const frozen = scene.get(configMaps, 'k8s-image-puller') as KubeObject;
    scene.cluster.controlPlane.update(configMaps, { ...frozen, immutable: true });
    await scene.settle();
    expect(scene.get(configMaps, 'k8s-image-puller')?.metadata.uid).toBe(frozen.metadata.uid);
    const images = 'tools=quay.io/example/tools:1';
    scene.apply(aPuller({ images }));
    await scene.until(() => scene.status().observedGeneration === 2);
    await becomesReady();
    const configMap = scene.get(configMaps, 'k8s-image-puller');
    expect(configMap?.['data']).toMatchObject({ IMAGES: images });
    expect(configMap).not.toHaveProperty('immutable');
    expect(statuses()['Degraded']).toBe('False ReconcileComplete');
  });

  it('is repaired where a Deployment was put in place of ours that selects other pods', async () => {
    await aReadyPuller();
    const live = scene.get(deployments, 'kubernetes-image-puller') as KubeObject;
    const { template, ...spec } = live['spec'] as { template: KubeObject };
    const labels = { app: 'kubernetes-image-puller', mine: 'yes' };
    const changed = {
      ...spec,
      selector: { matchLabels: labels },
      template: { ...template, metadata: { labels } },
    };
    replaceByForce(deployments, 'kubernetes-image-puller', { spec: changed });
    await scene.settle();
    expect(scene.get(deployments, 'kubernetes-image-puller')?.['spec']).toMatchObject({
      selector: { matchLabels: { app: 'kubernetes-image-puller' } },
    });
    expect(statuses()['Degraded']).toBe('False ReconcileComplete');
    await scene.until(() =>
      scene.cluster.controlPlane
        .list(pods, 'workspaces')
        .every(({ metadata }) => metadata.labels?.['mine'] !== 'yes'),
    );
    await becomesReady();
  });

  it('is left to a finalizer where the ConfigMap that has to go has one', async () => {
    await aReadyPuller();
    const held = scene.get(configMaps, 'k8s-image-puller') as KubeObject;
    const metadata = { ...held.metadata, finalizers: ['example.com/wait'] };
    scene.cluster.controlPlane.update(configMaps, { ...held, metadata, immutable: true });
    scene.apply(aPuller({ images: 'tools=quay.io/example/tools:1' }));
    await scene.until(() => statuses()['Degraded'] === 'True WaitingForDeletion');
    const going = scene.get(configMaps, 'k8s-image-puller') as KubeObject;
    scene.cluster.controlPlane.update(configMaps, {
      ...going,
      metadata: { ...going.metadata, finalizers: [] },
    });
    await scene.until(() => statuses()['Degraded'] === 'False ReconcileComplete');
    await becomesReady();
  });

  /** A policy that has a word of its own for a label of ours, or none. */
  const rewriting = (label: string, value?: string) => (object: KubeObject) => {
    const { [label]: ours, ...others } = object.metadata.labels ?? {};
    if (ours === undefined) return object;
    const labels = value === undefined ? others : { ...others, [label]: value };
    return { ...object, metadata: { ...object.metadata, labels } };
  };

  it('is not fought where a policy says who manages things, and the cache is seen all the same', async () => {
    const mutate = rewriting('app.kubernetes.io/managed-by', 'platform');
    await aReadyPuller(aPuller(), { mutate });
    scene.apply(aPuller({ daemonsetName: 'renamed' }));
    await scene.until(() => scene.get(daemonSets, 'kubernetes-image-puller') === undefined);
    await becomesReady();
    expect(statuses()['Degraded']).toBe('False ReconcileComplete');
    expect(scene.get(daemonSets, 'renamed')?.metadata.labels).toMatchObject({
      'app.kubernetes.io/managed-by': 'platform',
    });
    await scene.settle();
    scene.writes();
    await scene.pass(60 * 60_000);
    expect(scene.writes().filter((write) => !write.startsWith('PATCH events/'))).toEqual([]);
  });

  it('is told where a policy strips the label without which the cache is not seen', async () => {
    scene = await overSockets({ mutate: rewriting('che.eclipse.org/image-puller-uid') });
    scene.apply(aPuller());
    await scene.until(() => statuses()['Degraded'] === 'True Contended');
    expect(scene.condition('Degraded')?.message).toBe(
      'somebody keeps changing metadata.labels[che.eclipse.org/image-puller-uid] of DaemonSet kubernetes-image-puller, which is put right again at growing intervals',
    );
    expect(statuses()['Ready']).toBe('False Contended');
    await scene.pass(60_000);
    scene.writes();
    await scene.pass(10 * 60_000);
    expect(statuses()['Degraded']).toBe('True Contended');
    // Each of the seven once a minute.
    expect(scene.writes().length).toBeLessThan(80);
  });

  it('is left alone where the field is not ours', async () => {
    await aReadyPuller();
    await scene.settle();
    scene.writes();
    for (const resource of [daemonSets, deployments]) {
      const object = scene.get(resource, 'kubernetes-image-puller') as KubeObject;
      const { labels, annotations } = object.metadata;
      scene.cluster.controlPlane.update(resource, {
        ...object,
        metadata: {
          ...object.metadata,
          labels: { ...labels, 'argocd.argoproj.io/instance': 'cache' },
          annotations: { ...annotations, note: 'keep' },
        },
      });
    }
    await scene.settle();
    expect(scene.writes()).toEqual([]);
    for (const resource of [daemonSets, deployments]) {
      expect(scene.get(resource, 'kubernetes-image-puller')?.metadata).toMatchObject({
        labels: { 'argocd.argoproj.io/instance': 'cache' },
        annotations: { note: 'keep' },
      });
    }
  });

  // eclipse-che/che-operator: pkg/common/k8s-client/k8s_client.go, doSync: a typed full update.
  it('loses nothing where che-operator writes the whole puller without what it does not know', async () => {
    const owner = await aReadyPuller(
      aPuller({ images: 'tools=quay.io/example/tools:1' }, { annotations: { note: 'mine' } }),
    );
    await scene.settle();
    const { metadata } = scene.puller() as KubeObject;
    const { name = '', namespace = '', uid: pullerUid = '', resourceVersion = '' } = metadata;
    scene.cluster.controlPlane.update(imagePullers, {
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name, namespace, uid: pullerUid, resourceVersion },
      spec: { images: 'tools=quay.io/example/tools:1', configMapName: 'k8s-image-puller' },
    });
    await scene.until(() => scene.status().observedGeneration === 2);
    await becomesReady();
    expect(scene.childrenOf(owner)).toEqual(allChildren);
    expect(scene.puller()?.metadata.uid).toBe(owner);
  });

  it('does not make the status believe what somebody wrote into it', async () => {
    await aReadyPuller();
    await scene.settle();
    const puller = scene.puller() as KubeObject;
    scene.cluster.controlPlane.updateStatus(imagePullers, {
      ...puller,
      status: { ...scene.status(), nodesReady: 99, imagePullerImage: 'forged' },
    });
    await scene.until(() => scene.status().nodesReady === 3);
    expect(scene.status().imagePullerImage).not.toBe('forged');
  });
});

describe('a puller that is deleted', () => {
  const remove = () =>
    scene.cluster.controlPlane.remove(imagePullers, 'workspaces', 'puller', {
      propagationPolicy: 'Background',
    });

  it('leaves nothing behind', async () => {
    const owner = await aReadyPuller();
    remove();
    await scene.until(() => scene.childrenOf(owner).length === 0);
    await scene.until(() => scene.cluster.controlPlane.list(pods, 'workspaces').length === 0);
    await scene.settle();
    expect(scene.childrenOf(owner)).toEqual([]);
  });

  it('is followed by one of the same name without waiting for a resync', async () => {
    const owner = await aReadyPuller();
    remove();
    scene.apply(aPuller());
    const begun = scene.clock.monotonic();
    await scene.until(() => uid() !== owner && scene.childrenOf(uid()).length === 7);
    await becomesReady();
    expect(scene.clock.monotonic() - begun).toBeLessThan(60_000);
    expect(scene.childrenOf(owner)).toEqual([]);
  });

  it('counts as gone as soon as its deletion has begun', async () => {
    scene = await overSockets();
    scene.apply(aPuller({}, { finalizers: ['example.com/wait'] }));
    await becomesReady();
    remove();
    await scene.until(() => scene.puller()?.metadata.deletionTimestamp !== undefined);
    scene.cluster.controlPlane.remove(configMaps, 'workspaces', 'k8s-image-puller');
    await scene.settle();
    expect(scene.get(configMaps, 'k8s-image-puller')).toBeUndefined();
  });
});
