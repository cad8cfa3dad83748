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
import { aPuller } from '../pullers.ts';
import { FaultyScene } from './faulty-scene.ts';

const second = 1_000;
const minute = 60 * second;
const cache = 'kubernetes-image-puller';
const oneImage = { images: 'a=quay.io/example/a:1' };
const always = Number.POSITIVE_INFINITY;

let faulty: FaultyScene;

afterEach(() => faulty.stop());

const patches = (path: string) =>
  faulty.asked((request) => request.method === 'PATCH' && request.path.includes(path)).length;
const imagesOf = (resource: Resource, name: string) =>
  JSON.stringify(faulty.scene.get(resource, name)?.['spec'] ?? {});

const children: readonly [string, Resource, string][] = [
  ['DaemonSet', daemonSets, cache],
  ['Deployment', deployments, cache],
  ['ConfigMap', configMaps, 'k8s-image-puller'],
  ['ServiceAccount', serviceAccounts, 'k8s-image-puller'],
  ['Role', roles, `${cache}-report`],
  ['RoleBinding', roleBindings, `${cache}-report`],
];

describe('a write of the operator', () => {
  // F07
  it('that meets a conflict every time is repeated at growing distances, and done when it can be', async () => {
    faulty = await FaultyScene.ready();
    const conflict = faulty.trouble({
      match: { verb: 'patch', resource: 'daemonsets', times: always },
      at: 'before',
      do: { answer: { code: 409 } },
    });
    faulty.edit(oneImage);
    await faulty.scene.pass(minute);
    expect(patches('/daemonsets/')).toBeLessThanOrEqual(60);
    expect(faulty.told('Degraded')).toBe('True ReconcileError');
    conflict.remove();
    await faulty.comesToRest();
  });

  // F08
  it.each([1, 30, 120])(
    'that is asked to wait for %i seconds (429) waits, and holds up no other puller',
    async (retryAfterSeconds) => {
      faulty = await FaultyScene.ready();
      faulty.trouble({
        match: { verb: 'patch', resource: 'daemonsets', namespace: 'workspaces' },
        at: 'before',
        do: { answer: { code: 429, retryAfterSeconds } },
      });
      faulty.edit(oneImage);
      const begun = faulty.scene.clock.monotonic();
      faulty.scene.apply(aPuller({}, { namespace: 'elsewhere' }));
      const ready = () => faulty.scene.condition('Ready', 'puller', 'elsewhere')?.status === 'True';
      await faulty.scene.until(() => patches('/workspaces/daemonsets/') === 2);
      expect(faulty.scene.clock.monotonic() - begun).toBeGreaterThanOrEqual(
        retryAfterSeconds * second,
      );
      expect(faulty.scene.clock.monotonic() - begun).toBeLessThan(
        1.2 * retryAfterSeconds * second + 3 * second,
      );
      await faulty.scene.until(ready);
      if (retryAfterSeconds > 10)
        expect(faulty.scene.clock.monotonic() - begun).toBeLessThan(always);
      await faulty.comesToRest();
    },
  );

  // F09
  it('that is refused for now (429) without a word about when is repeated at growing distances', async () => {
    faulty = await FaultyScene.ready();
    const busy = faulty.trouble({
      match: { verb: 'patch', resource: 'daemonsets', times: always },
      at: 'before',
      do: { answer: { code: 429 } },
    });
    faulty.edit(oneImage);
    await faulty.scene.pass(5 * minute);
    expect(patches('/daemonsets/')).toBeLessThanOrEqual(40);
    busy.remove();
    await faulty.scene.pass(31 * second);
    expect(imagesOf(daemonSets, cache)).toContain('quay.io/example/a:1');
    await faulty.comesToRest();
  });

  // F11
  it('that a rule refuses is tried again at once with the next spec', async () => {
    faulty = await FaultyScene.ready();
    const rule = faulty.trouble({
      match: {
        verb: 'patch',
        resource: 'daemonsets',
        times: always,
        when: ({ request }) => request.body.includes('example/a:1'),
      },
      at: 'before',
      do: {
        answer: { code: 403, message: 'admission webhook "policy.example" denied the request' },
      },
    });
    faulty.edit(oneImage);
    await faulty.scene.until(() => faulty.told('Degraded') === 'True Rejected');
    expect(faulty.scene.condition('Degraded')?.message).toContain('policy.example');
    await faulty.scene.pass(6 * minute);
    const before = rule.fired;
    await faulty.scene.pass(15 * minute);
    expect(rule.fired - before).toBeLessThanOrEqual(3);
    // What the puller would read, and the cache it would read it of, are still of one list.
    expect(JSON.stringify(faulty.scene.get(configMaps, 'k8s-image-puller'))).not.toContain(
      'quay.io/example/a:1',
    );
    const begun = faulty.scene.clock.monotonic();
    faulty.edit({ images: 'b=quay.io/example/b:1' });
    await faulty.scene.until(() => imagesOf(daemonSets, cache).includes('example/b:1'));
    expect(faulty.scene.clock.monotonic() - begun).toBeLessThan(5 * second);
    await faulty.comesToRest();
  });

  // F13
  it('that is not answered for a minute is given up after ten seconds and done again, others meanwhile', async () => {
    faulty = await FaultyScene.ready();
    faulty.trouble({
      match: { verb: 'patch', resource: 'daemonsets', namespace: 'workspaces', times: 2 },
      at: 'before',
      do: { delayMs: minute },
    });
    faulty.edit(oneImage);
    faulty.scene.apply(aPuller({}, { namespace: 'elsewhere' }));
    const begun = faulty.scene.clock.monotonic();
    await faulty.scene.until(
      () => faulty.scene.condition('Ready', 'puller', 'elsewhere')?.status === 'True',
    );
    expect(faulty.scene.clock.monotonic() - begun).toBeLessThan(9 * second);
    await faulty.scene.until(() => faulty.isReady());
    expect(faulty.scene.clock.monotonic() - begun).toBeLessThan(40 * second);
    await faulty.comesToRest();
  });

  // F14: over sockets the client itself repeats it after a reset, so that takes two
  it.each(children)(
    'that creates a %s and whose answer is lost is done once, and taken for done',
    async (_kind, resource, name) => {
      faulty = await FaultyScene.start();
      faulty.trouble({
        match: { verb: 'patch', resource: resource.plural, times: 2 },
        at: 'afterCommit',
        do: 'reset',
      });
      const uids = new Set<string>();
      faulty.scene.cluster.controlPlane.onChange(resource, ({ object }) => {
        if (object.metadata.name === name) uids.add(object.metadata.uid ?? '');
      });
      faulty.edit();
      await faulty.scene.until(() => faulty.isReady());
      await faulty.comesToRest();
      expect(uids.size).toBe(1);
    },
  );

  // F14
  it('of a status whose answer is never heard is done again, and tells of it once', async () => {
    faulty = await FaultyScene.ready();
    faulty.trouble({
      match: { resource: 'kubernetesimagepullers', subresource: 'status' },
      at: 'afterCommit',
      do: 'silence',
    });
    faulty.edit(oneImage);
    await faulty.comesToRest();
  });

  // F15
  it('that arrives after the next spec was done does not win', async () => {
    faulty = await FaultyScene.ready();
    const late = faulty.trouble({
      match: { verb: 'patch', resource: 'daemonsets' },
      at: 'before',
      do: 'hold',
    });
    faulty.edit({ images: 'old=quay.io/example/old:1' });
    await faulty.scene.until(() => late.fired === 1);
    faulty.edit({ images: 'new=quay.io/example/new:1' });
    await faulty.scene.until(() => faulty.isReady());
    late.release();
    await faulty.scene.pass(minute);
    expect(imagesOf(daemonSets, cache)).toContain('example/new:1');
    expect(imagesOf(daemonSets, cache)).not.toContain('example/old:1');
    await faulty.comesToRest();
  });

  // F15
  it('that creates, and arrives after somebody has deleted what its repetition made, is taken for ours', async () => {
    faulty = await FaultyScene.start();
    const late = faulty.trouble({
      match: { verb: 'patch', resource: 'daemonsets' },
      at: 'before',
      do: 'hold',
    });
    faulty.edit();
    await faulty.scene.until(() => late.fired === 1 && faulty.isReady());
    faulty.scene.cluster.controlPlane.remove(daemonSets, 'workspaces', cache);
    late.release();
    await faulty.comesToRest();
    expect(faulty.scene.childrenOf(faulty.scene.puller()?.metadata.uid ?? '')).toHaveLength(7);
  });

  // F38, F42
  it.each<[string, { code: number; message: string }, string]>([
    [
      'is forbidden',
      { code: 403, message: 'User "operator" cannot patch resource "daemonsets"' },
      'True Forbidden',
    ],
    [
      'fails in the webhook of somebody else',
      { code: 500, message: 'failed calling webhook "slow.example": context deadline exceeded' },
      'True ReconcileError',
    ],
  ])('of one kind that %s does not hold up the other kinds', async (_how, answer, degraded) => {
    faulty = await FaultyScene.ready();
    const trouble = faulty.trouble({
      match: { verb: 'patch', resource: 'daemonsets', times: always },
      at: 'before',
      do: { answer },
    });
    faulty.edit(oneImage);
    faulty.scene.cluster.controlPlane.remove(deployments, 'workspaces', cache);
    await faulty.scene.until(() => faulty.told('Degraded') === degraded);
    expect(faulty.scene.condition('Degraded')?.message).toContain(answer.message);
    expect(faulty.scene.get(deployments, cache)).toBeDefined();
    expect(JSON.stringify(faulty.scene.get(configMaps, 'k8s-image-puller'))).toContain(
      'quay.io/example/a:1',
    );
    expect(patches('/daemonsets/')).toBeLessThanOrEqual(20);
    trouble.remove();
    await faulty.scene.pass(5 * minute + second);
    await faulty.comesToRest();
  });
});

describe('a child that is slow to go', () => {
  const withFinalizers = (live: KubeObject, finalizers: readonly string[]): KubeObject => ({
    ...live,
    metadata: { ...live.metadata, finalizers: [...finalizers] },
  });

  const aPodOfTheCache = () =>
    faulty.scene.cluster.controlPlane
      .list(pods)
      .find(({ metadata }) =>
        metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet'),
      ) as KubeObject;

  /** Puts a finalizer on an object; returns how to take it away. */
  const keep = (resource: Resource, live: KubeObject) => {
    const { controlPlane } = faulty.scene.cluster;
    const { namespace = '', name = '' } = live.metadata;
    controlPlane.update(resource, withFinalizers(live, ['example.com/theirs']));
    return () => {
      const now = controlPlane.get(resource, namespace, name) as KubeObject;
      const others = (now.metadata.finalizers ?? []).filter((one) => one !== 'example.com/theirs');
      controlPlane.update(resource, withFinalizers(now, others));
    };
  };

  // F43, F44
  it.each<[string, () => () => void]>([
    ['a pod that never leaves', () => keep(pods, aPodOfTheCache())],
    [
      'the finalizer of somebody else',
      () => keep(daemonSets, faulty.scene.get(daemonSets, cache) as KubeObject),
    ],
  ])(
    'because of %s is waited for without haste, while the others are kept in order',
    async (_why, hold) => {
      faulty = await FaultyScene.ready();
      const { uid } = faulty.scene.get(daemonSets, cache)?.metadata ?? {};
      const release = hold();
      const foreground = { propagationPolicy: 'Foreground' } as const;
      faulty.scene.cluster.controlPlane.remove(daemonSets, 'workspaces', cache, foreground);
      faulty.edit(oneImage);
      await faulty.scene.until(() => faulty.told('Degraded') === 'True WaitingForDeletion');
      // After a minute it is told what the deletion waits for, after ten minutes that the roll-out stands.
      await faulty.scene.pass(2 * minute);
      faulty.forget();
      await faulty.scene.pass(7 * minute);
      expect(faulty.asked(({ path }) => !path.includes('watch=')).length).toBeLessThan(200);
      expect(faulty.scene.writes()).toEqual([]);
      expect(JSON.stringify(faulty.scene.get(configMaps, 'k8s-image-puller'))).toContain(
        'quay.io/example/a:1',
      );
      expect(faulty.scene.get(daemonSets, cache)?.metadata.uid).toBe(uid);
      release();
      await faulty.comesToRest();
      expect(faulty.scene.get(daemonSets, cache)?.metadata.uid).not.toBe(uid);
    },
  );

  // F44
  it('and that is wanted no more is asked to go once', async () => {
    faulty = await FaultyScene.ready();
    const live = faulty.scene.get(configMaps, 'k8s-image-puller') as KubeObject;
    keep(configMaps, live);
    faulty.edit({ ...oneImage, configMapName: 'renamed' });
    await faulty.scene.until(() => faulty.isReady());
    await faulty.scene.pass(20 * minute);
    const deletions = faulty.scene.writes().filter((write) => write.startsWith('DELETE'));
    expect(deletions).toEqual(['DELETE configmaps/k8s-image-puller']);
    await faulty.comesToRest();
  });
});
