import type { V1PodSpec } from '@kubernetes/client-node';
import type { RawSpec } from '../../src/api/types.ts';
import {
  daemonSets,
  deployments,
  type KubeObject,
  pods,
  type Resource,
  roleBindings,
  roles,
  serviceAccounts,
} from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

/**
 * What somebody could want who may create pullers in one namespace and nothing else. README.md in this
 * folder says which test is about which abuse.
 */

let scene: Scene;

afterEach(() => scene.stop());

const told = (type: string) => {
  const condition = scene.condition(type);
  return condition && `${condition.status} ${condition.reason}`;
};
const message = (type: string) => scene.condition(type)?.message ?? '';
const isReady = () => told('Ready') === 'True AllResourcesReady';
const uid = () => scene.puller()?.metadata.uid ?? '';

interface WithPods {
  readonly template: { readonly spec: V1PodSpec };
}
const podSpec = (resource: Resource) => {
  const object = scene.get(resource, 'kubernetes-image-puller') as KubeObject;
  return (object['spec'] as WithPods).template.spec;
};
const cacheSpec = () => podSpec(daemonSets);
const pullerSpec = () => podSpec(deployments);
const cachedReferences = () => cacheSpec().containers.map(({ image }) => image);

async function aReadyPuller(spec: RawSpec, env: Readonly<Record<string, string>> = {}) {
  scene = await startScene({ env });
  scene.apply(aPuller(spec));
  await scene.until(isReady);
}

describe('an image that a user chose', () => {
  const image = 'registry.example/mine:1';

  it('never runs with a token, an account or rights of the puller, whatever it is chosen for', async () => {
    await aReadyPuller({ images: `mine=${image}`, imagePullerImage: image });
    const podsWithIt = scene.cluster.controlPlane
      .list(pods, 'workspaces')
      .map((pod) => pod['spec'] as V1PodSpec)
      .filter(({ containers, initContainers = [] }) =>
        [...containers, ...initContainers].some((each) => each.image === image),
      );
    expect(podsWithIt).toHaveLength(3);
    for (const pod of podsWithIt) {
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.serviceAccountName ?? 'default').toBe('default');
      expect(pod.volumes).toEqual([expect.objectContaining({ name: 'kip' })]);
    }
    expect(pullerSpec().containers.map((each) => each.image)).not.toContain(image);
  });

  it('runs nothing of its own where it is cached: neither its program nor its user', async () => {
    await aReadyPuller({ images: `mine=${image}` });
    expect(cacheSpec().securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_532 });
    expect(cacheSpec().containers).toEqual([
      expect.objectContaining({ image, command: ['/kip/sleep', '87600h'] }),
    ]);
    expect(cacheSpec().containers[0]).not.toHaveProperty('args');
  });
});

describe('a puller', () => {
  it('gives its own pod the rights on its report and none besides', async () => {
    await aReadyPuller({});
    const name = 'kubernetes-image-puller-report';
    expect(scene.get(roles, name)?.['rules']).toEqual([
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: [name],
        verbs: ['get', 'patch'],
      },
    ]);
    expect(scene.get(roleBindings, name)?.['subjects']).toEqual([
      { kind: 'ServiceAccount', name: 'k8s-image-puller', namespace: 'workspaces' },
    ]);
    expect(scene.get(serviceAccounts, 'k8s-image-puller')).toMatchObject({
      automountServiceAccountToken: false,
    });
  });

  it('cannot ask for a priority, for the host, for another account or for a runtime', async () => {
    await aReadyPuller({
      images: 'a=registry.example/a:1',
      // Whoever copied these objects as they are would pass such fields on.
      affinity: '{"nodeAffinity":{},"priorityClassName":"system-node-critical","hostNetwork":true}',
      tolerations: '[{"key":"a","operator":"Exists","hostPID":true,"runtimeClassName":"kata"}]',
    });
    expect(message('Ready')).toContain('unknown field "priorityClassName"');
    const tolerations = [{ key: 'a', operator: 'Exists' }];
    expect(cacheSpec()).toMatchObject({ affinity: { nodeAffinity: {} }, tolerations });
    for (const pod of [cacheSpec(), pullerSpec()]) {
      for (const field of [
        'priorityClassName',
        'hostNetwork',
        'hostPID',
        'hostIPC',
        'runtimeClassName',
      ]) {
        expect(pod).not.toHaveProperty(field);
      }
    }
    expect(cacheSpec()).not.toHaveProperty('serviceAccountName');
  });

  it('says on its pods whose they are, for policies that look at who asks', async () => {
    await aReadyPuller({});
    const cache = scene.get(daemonSets, 'kubernetes-image-puller')?.['spec'] as {
      readonly template: { readonly metadata: KubeObject['metadata'] };
    };
    expect(cache.template.metadata.labels).toMatchObject({
      'che.eclipse.org/image-puller-uid': uid(),
    });
  });

  it('has its pull secrets in the pods of its cache alone, by name, and nobody reads them', async () => {
    await aReadyPuller({ imagePullSecrets: 'not-mine' });
    expect(cacheSpec().imagePullSecrets).toEqual([{ name: 'not-mine' }]);
    expect(pullerSpec()).not.toHaveProperty('imagePullSecrets');
    expect(scene.cluster.requests.filter(({ path }) => path.includes('/secrets'))).toEqual([]);
  });

  it.each<[string, RawSpec]>([
    ['an interval of zero', { cachingIntervalHours: '0' }],
    ['one that overflows a timer', { cachingIntervalHours: '600000' }],
    ['one that is no number', { cachingIntervalHours: 'abc' }],
    ['quantities that are none', { cachingCPURequest: 'abc', cachingMemoryLimit: '-1' }],
  ])('makes nobody busy: %s', async (_what, spec) => {
    await aReadyPuller({ images: 'a=registry.example/a:1', ...spec });
    await scene.settle();
    scene.writes();
    const asked = scene.cluster.requests.length;
    await scene.pass(45 * 60_000);
    expect(scene.writes()).toEqual([]);
    // Watches end and are opened again: ten kinds, each about every seven minutes, and resyncs.
    expect(scene.cluster.requests.length - asked).toBeLessThan(300);
  });
});

describe('an operator whose settings allow less', () => {
  it('leaves out images of other registries, and says which setting that is', async () => {
    scene = await startScene({ env: { ALLOWED_REGISTRIES: 'registry.example/team' } });
    scene.apply(aPuller({ images: 'a=registry.example/team/a:1;b=quay.io/b:1' }));
    await scene.until(() => told('Degraded') === 'True RegistryNotAllowed');
    await scene.until(() => told('Stalled') === 'True RegistryNotAllowed');
    expect(told('Ready')).toBe('False RegistryNotAllowed');
    expect(message('Degraded')).toContain('"b=quay.io/b:1" is left out: ALLOWED_REGISTRIES');
    expect(cachedReferences()).toEqual(['registry.example/team/a:1']);
  });

  it('takes out what an earlier one allowed', async () => {
    const env: Record<string, string> = {};
    await aReadyPuller(
      {
        images: 'a=registry.example/a:1;b=quay.io/b:1',
        tolerations: '[{"operator":"Exists"}]',
      },
      env,
    );
    expect(cachedReferences()).toHaveLength(2);
    await scene.stopOperator();
    Object.assign(env, { ALLOWED_REGISTRIES: 'registry.example', ALLOWED_TOLERATION_KEYS: 'gpu' });
    await scene.startOperator();
    await scene.until(() => cachedReferences().length === 1);
    expect(cachedReferences()).toEqual(['registry.example/a:1']);
    expect(cacheSpec()).not.toHaveProperty('tolerations');
    await scene.until(() => told('Degraded') === 'True RegistryNotAllowed');
    expect(message('Degraded')).toContain('ALLOWED_TOLERATION_KEYS');
  });

  it('leaves out tolerations of other taints, and says which setting that is', async () => {
    scene = await startScene({ env: { ALLOWED_TOLERATION_KEYS: 'gpu' } });
    const tolerations = '[{"key":"gpu","operator":"Exists"},{"operator":"Exists"}]';
    scene.apply(aPuller({ images: 'a=registry.example/a:1', tolerations }));
    await scene.until(isReady);
    expect(told('Degraded')).toBe('True TolerationNotAllowed');
    expect(message('Degraded')).toContain(
      '[1] tolerates every taint and is left out: ALLOWED_TOLERATION_KEYS',
    );
    expect(cacheSpec().tolerations).toEqual([{ key: 'gpu', operator: 'Exists' }]);
  });

  it('does nothing for a list that is too long, and says which setting that is', async () => {
    scene = await startScene({ env: { MAX_IMAGES: '2' } });
    scene.apply(aPuller({ images: 'a=r.example/a;b=r.example/b;c=r.example/c' }));
    await scene.until(() => told('Degraded') === 'True TooManyImages');
    expect(message('Degraded')).toContain("raise the operator's MAX_IMAGES");
    await scene.settle();
    expect(scene.childrenOf(uid())).toEqual([]);
  });

  it('gives all pods of pullers the PriorityClass that it is told', async () => {
    await aReadyPuller({ images: 'a=registry.example/a:1' }, { PRIORITY_CLASS: 'image-puller' });
    expect(cacheSpec().priorityClassName).toBe('image-puller');
    expect(pullerSpec().priorityClassName).toBe('image-puller');
  });
});
