import type { RawSpec } from '../../src/api/types.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import {
  configMaps,
  daemonSets,
  deployments,
  type KubeObject,
  type OwnerReference,
  type Resource,
  roleBindings,
  roles,
  serviceAccounts,
} from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, type SceneOptions, startScene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.stop());

const told = (name?: string) => {
  const condition = scene.condition('Ready', name);
  return condition && `${condition.status} ${condition.reason}`;
};
const message = (name?: string) => scene.condition('Ready', name)?.message ?? '';
const childrenOf = (name?: string) => scene.childrenOf(scene.puller(name)?.metadata.uid ?? '');
const becomesReady = (name?: string) =>
  scene.until(() => told(name) === 'True AllResourcesReady' && childrenOf(name).length === 7);
/** Resyncs are ten minutes apart: what takes less came of an event. */
async function soon(becomes: () => Promise<void>): Promise<void> {
  const begun = scene.clock.monotonic();
  await becomes();
  expect(scene.clock.monotonic() - begun).toBeLessThan(60_000);
}
const removePuller = (name: string) =>
  scene.cluster.controlPlane.remove(imagePullers, 'workspaces', name);

/** The three names of a puller that shares none with others. */
const namesOf = (name: string): RawSpec => ({
  daemonsetName: `${name}-cache`,
  deploymentName: `${name}-puller`,
  configMapName: `${name}-settings`,
});
const kinds: readonly Resource[] = [
  daemonSets,
  serviceAccounts,
  roles,
  roleBindings,
  configMaps,
  deployments,
];

/** Somebody else's ConfigMap or DaemonSet. */
function aForeign(resource: Resource, name: string, metadata: object = {}): KubeObject {
  const labels = { app: 'theirs' };
  const pod = { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'theirs:1' }] } };
  return {
    apiVersion: resource.group === '' ? 'v1' : `${resource.group}/${resource.version}`,
    kind: resource.kind,
    metadata: { name, namespace: 'workspaces', labels, ...metadata },
    ...(resource === daemonSets && { spec: { selector: { matchLabels: labels }, template: pod } }),
  };
}

/** Pullers that the operator meets all at once, one at a time, each a second older than the next. */
async function meets(...pullers: readonly KubeObject[]): Promise<void> {
  scene = await startScene({ env: { WORKERS: '1' } });
  await scene.stopOperator();
  for (const puller of pullers) {
    scene.apply(puller);
    await scene.pass(1000);
  }
  scene.writes();
  await scene.startOperator();
}

/** A puller at work, of which nothing more is about to happen. */
async function atWork(options: SceneOptions = {}): Promise<void> {
  scene = await startScene(options);
  scene.apply(aPuller());
  await becomesReady();
  await scene.settle();
}

describe('pullers of one namespace', () => {
  it('live side by side when they share no name', async () => {
    scene = await startScene();
    scene.apply(aPuller(), aPuller(namesOf('second'), { name: 'second' }));
    await becomesReady('puller');
    await becomesReady('second');
    expect(childrenOf('second')).toEqual([
      'ConfigMap/second-puller-report',
      'ConfigMap/second-settings',
      'DaemonSet/second-cache',
      'Deployment/second-puller',
      'Role/second-puller-report',
      'RoleBinding/second-puller-report',
      'ServiceAccount/second-puller-image-puller',
    ]);
  });

  it('that want the same are served from the oldest on: it works, the others write nothing', async () => {
    const names = ['e', 'd', 'c', 'b', 'a'];
    // As few steps of time as may be: the Go operator makes 3,030 updates of one ConfigMap in 20 s.
    await meets(...names.map((name) => aPuller({}, { name })));
    await becomesReady('e');
    await scene.settle();
    const isNoEvent = (write: string) => write !== 'POST events';
    const writes = scene.writes().filter(isNoEvent);
    expect(writes.filter((write) => !write.endsWith('/status'))).toHaveLength(7);
    expect(writes.length).toBeLessThanOrEqual(7 + 2 + 4 * 2);
    for (const name of ['a', 'b', 'c', 'd']) {
      expect(told(name)).toBe('False NameConflict');
      expect(childrenOf(name)).toEqual([]);
    }
    await scene.pass(30 * 60_000);
    expect(scene.writes()).toEqual([]);
  });

  it('that wait for names are served in turn, each when the one before it has gone', async () => {
    await meets(...['c', 'b', 'a'].map((name) => aPuller({}, { name })));
    await becomesReady('c');
    removePuller('c');
    await soon(() => becomesReady('b'));
    expect(told('a')).toBe('False NameConflict');
    await scene.settle();
    scene.apply(aPuller(namesOf('b'), { name: 'b' }));
    await soon(() => becomesReady('a'));
    await becomesReady('b');
  });
});

describe('names that another puller has', () => {
  it('are left to it until it goes, and all of them are told (row 73)', async () => {
    await atWork();
    scene.apply(aPuller({}, { name: 'second' }));
    await scene.until(() => told('second') === 'False NameConflict');
    await scene.settle();
    expect(message('second')).toBe(
      'DaemonSet kubernetes-image-puller, ServiceAccount k8s-image-puller, ' +
        'Role kubernetes-image-puller-report, RoleBinding kubernetes-image-puller-report, ' +
        'ConfigMap k8s-image-puller, ConfigMap kubernetes-image-puller-report and ' +
        'Deployment kubernetes-image-puller belong to KubernetesImagePuller puller and are left alone; ' +
        'give this puller its own spec.daemonsetName, spec.deploymentName and spec.configMapName',
    );
    expect(childrenOf('second')).toEqual([]);
    expect(childrenOf('puller')).toHaveLength(7);
    expect(told('puller')).toBe('True AllResourcesReady');

    removePuller('puller');
    await soon(() => becomesReady('second'));
  });

  it('are free as soon as it wants other ones, also where it finds that out before its watch does', async () => {
    scene = await startScene();
    const spec = (name: string, configMapName: string) =>
      aPuller({ ...namesOf(name), configMapName }, { name });
    let isEdited = false;
    scene.failWith((verb, resource) => {
      if (isEdited || verb !== 'get' || resource !== imagePullers) return undefined;
      isEdited = true;
      scene.cluster.faults.add({
        at: 'onEvent',
        match: { resource: 'kubernetesimagepullers', name: 'a', events: ['MODIFIED'] },
        do: { delayMs: 200 },
      });
      scene.apply(spec('a', 'own'));
      return undefined;
    });
    scene.apply(spec('a', 'shared'), spec('b', 'shared'));
    await soon(() => becomesReady('b'));
    expect(isEdited).toBe(true);
  });

  it('stay with it though an older one comes to want them', async () => {
    scene = await startScene();
    scene.apply(aPuller({ affinity: '{' }, { name: 'older' }));
    await scene.until(() => told('older') === 'False InvalidAffinity');
    await scene.pass(1000);
    scene.apply(aPuller({}, { name: 'younger' }));
    await becomesReady('younger');
    const wanted = { ...namesOf('older'), configMapName: 'k8s-image-puller' };
    scene.apply(aPuller(wanted, { name: 'older' }));
    await scene.until(() => told('older') === 'False NameConflict');
    await scene.settle();
    // Even where its object is gone for a moment.
    scene.cluster.controlPlane.remove(configMaps, 'workspaces', 'k8s-image-puller');
    await scene.until(() => childrenOf('younger').length === 7);
    await scene.settle();
    expect(told('younger')).toBe('True AllResourcesReady');
    expect(told('older')).toBe('False NameConflict');
    expect(childrenOf('older')).toEqual([]);
  });

  it('hold up nobody else who wants other names of the one that waits', async () => {
    await meets(
      aPuller(namesOf('first'), { name: 'first' }),
      aPuller({ ...namesOf('second'), daemonsetName: 'first-cache' }, { name: 'second' }),
      aPuller({ ...namesOf('third'), configMapName: 'second-settings' }, { name: 'third' }),
    );
    await becomesReady('first');
    await becomesReady('third');
    expect(told('second')).toBe('False NameConflict');
  });

  it('are free when it goes at once with all that it had', async () => {
    await atWork();
    scene.apply(aPuller({}, { name: 'second' }));
    await scene.until(() => told('second') === 'False NameConflict');
    // As long as this is there, the garbage collector has not done its work.
    const settings = scene.get(configMaps, 'k8s-image-puller') as KubeObject;
    const metadata = { ...settings.metadata, finalizers: ['example.com/wait'] };
    scene.cluster.controlPlane.update(configMaps, { ...settings, metadata });
    removePuller('puller');
    await scene.until(() => told('second') === 'False WaitingForDeletion');
    await scene.settle();
    expect(message('second')).toBe(
      'ConfigMap k8s-image-puller belonged to KubernetesImagePuller puller, which is gone: ' +
        'waiting for garbage collection',
    );
    expect(childrenOf('second')).toEqual([]);

    const going = scene.get(configMaps, 'k8s-image-puller') as KubeObject;
    const { finalizers: _, ...released } = going.metadata;
    scene.cluster.controlPlane.update(configMaps, { ...going, metadata: released });
    await soon(() => becomesReady('second'));
  });
});

describe('names that pullers have of each other', () => {
  /** Pullers with names of their own, at work, of which nothing more is about to happen. */
  async function atWorkBeside(...names: readonly string[]): Promise<void> {
    scene = await startScene();
    for (const name of names) scene.apply(aPuller(namesOf(name), { name }));
    for (const name of names) await becomesReady(name);
    await scene.settle();
    scene.writes();
  }
  const wants = (name: string, spec: RawSpec) =>
    scene.apply(aPuller({ ...namesOf(name), ...spec }, { name }));
  const objectWrites = () =>
    scene.writes().filter((write) => write !== 'POST events' && !write.endsWith('/status'));

  it('stay where they are while both want them, and nothing is written for that', async () => {
    await atWorkBeside('a', 'b');
    await scene.stopOperator();
    wants('a', { configMapName: 'b-settings' });
    wants('b', { daemonsetName: 'a-cache' });
    const before = [childrenOf('a'), childrenOf('b')];
    await scene.startOperator();
    await scene.until(() => told('a') === 'False NameConflict');
    await scene.until(() => told('b') === 'False NameConflict');
    await scene.settle();
    expect(message('a')).toContain('ConfigMap b-settings belongs to KubernetesImagePuller b');
    expect(message('b')).toContain('DaemonSet a-cache belongs to KubernetesImagePuller a');
    expect(objectWrites()).toEqual([]);
    await scene.pass(30 * 60_000);
    expect(scene.writes()).toEqual([]);
    expect([childrenOf('a'), childrenOf('b')]).toEqual(before);

    wants('b', { daemonsetName: 'b-cache', configMapName: 'others' });
    await soon(() => becomesReady('a'));
    await becomesReady('b');
  });

  it.each([[['a', 'b']], [['a', 'b', 'c']]])('are exchanged by %j', async (names) => {
    await atWorkBeside(...names);
    await scene.stopOperator();
    const next = (at: number) => `${names[(at + 1) % names.length]}-cache`;
    names.forEach((name, at) => {
      wants(name, { daemonsetName: next(at) });
    });
    await scene.startOperator();
    const hasNext = (name: string, at: number) =>
      childrenOf(name).includes(`DaemonSet/${next(at)}`) && told(name) === 'True AllResourcesReady';
    await soon(() => scene.until(() => names.every(hasNext)));
    await scene.settle();
    const daemonSetWrites = objectWrites().filter((write) => write.includes('daemonsets/'));
    // One that goes and one that comes for each; a create that comes too early is tried once more.
    expect(daemonSetWrites.length).toBeLessThanOrEqual(3 * names.length);
    for (const name of names) expect(childrenOf(name)).toHaveLength(7);
  });

  it('go to who waits for them though the other one has to wait itself', async () => {
    await atWorkBeside('a', 'b');
    scene.apply(aForeign(daemonSets, 'theirs'));
    wants('b', { daemonsetName: 'a-cache' });
    await scene.until(() => told('b') === 'False NameConflict');
    wants('a', { daemonsetName: 'theirs' });
    await soon(() => becomesReady('b'));
    expect(told('a')).toBe('False NameConflict');
    // What nobody waits for stays.
    expect(childrenOf('a')).toHaveLength(6);
  });
});

describe('names that nobody has', () => {
  const older = (spec: RawSpec) => aPuller(spec, { name: 'older' });
  const younger = aPuller({}, { name: 'a-younger' });
  const blocked = { daemonsetName: 'theirs' };

  it('are left to an older puller, though something else is in its way', async () => {
    await meets(aForeign(daemonSets, 'theirs'), older(blocked), younger);
    await scene.until(() => told('a-younger') === 'False NameConflict');
    await scene.settle();
    expect(message('a-younger')).toMatch(
      /^ServiceAccount k8s-image-puller, .* belong to KubernetesImagePuller older /,
    );
    expect(message('a-younger')).not.toContain('DaemonSet');
    expect(childrenOf('a-younger')).toEqual([]);
  });

  it('are left to an older puller though the younger one is at work under other names', async () => {
    await meets(aForeign(daemonSets, 'theirs'), older(blocked));
    await scene.until(() => told('older') === 'False NameConflict');
    scene.apply(aPuller(namesOf('young'), { name: 'young' }));
    await becomesReady('young');
    const configMapName = 'k8s-image-puller';
    scene.apply(aPuller({ ...namesOf('young'), configMapName }, { name: 'young' }));
    await scene.until(() => told('young') === 'False NameConflict');
    await scene.settle();
    expect(scene.get(configMaps, configMapName)).toBeUndefined();
    expect(childrenOf('young')).toHaveLength(7);
  });

  it.each<[string, () => void]>([
    ['goes', () => removePuller('older')],
    ['wants others', () => scene.apply(older({ ...namesOf('older'), ...blocked }))],
    [
      'has a spec that nothing is done for',
      () => scene.apply(older({ ...blocked, affinity: '{' })),
    ],
  ])('come to the younger one as soon as the older one %s', async (_what, letGo) => {
    await meets(aForeign(daemonSets, 'theirs'), older(blocked), younger);
    await scene.until(() => told('a-younger') === 'False NameConflict');
    await scene.settle();
    letGo();
    await soon(() => becomesReady('a-younger'));
  });

  it('of pullers of one second go to the one with the lower uid', async () => {
    scene = await startScene();
    await scene.stopOperator();
    scene.apply(aPuller({}, { name: 'a' }), aPuller({}, { name: 'b' }));
    const [first = '', second = ''] = ['a', 'b'].sort((one, other) =>
      (scene.puller(one)?.metadata.uid ?? '') < (scene.puller(other)?.metadata.uid ?? '') ? -1 : 1,
    );
    await scene.startOperator();
    await becomesReady(first);
    expect(told(second)).toBe('False NameConflict');
  });
});

it('a name that is taken between the look and the write leaves behind only what was there before', async () => {
  scene = await startScene();
  let before: readonly string[] = [];
  scene.failWith((verb, resource) => {
    if (verb === 'apply' && resource === configMaps && !scene.get(configMaps, 'k8s-image-puller')) {
      before = childrenOf();
      scene.apply(aForeign(configMaps, 'k8s-image-puller'));
    }
    return undefined;
  });
  scene.apply(aPuller());
  await scene.until(() => told() === 'False NameConflict');
  await scene.settle();
  expect(before).toEqual(['DaemonSet/kubernetes-image-puller']);
  expect(childrenOf()).toEqual(before);
  expect(message()).toContain('ConfigMap k8s-image-puller exists, has no controlling owner');

  scene.failWith(undefined);
  scene.cluster.controlPlane.remove(configMaps, 'workspaces', 'k8s-image-puller');
  await becomesReady();
});

describe('an object of ours whose owner somebody has changed', () => {
  const theirs: OwnerReference = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'theirs',
    uid: 'set below',
    controller: true,
  };
  const cache = () => scene.get(daemonSets, 'kubernetes-image-puller') as KubeObject;
  const change = (object: KubeObject, metadata: KubeObject['metadata'], resource = daemonSets) =>
    scene.cluster.controlPlane.update(resource, {
      ...object,
      metadata: { ...object.metadata, ...metadata },
    });

  it.each(kinds)(
    'has it back where label and field manager prove that it is ours: $kind',
    async (kind) => {
      await atWork();
      const before = childrenOf();
      const [object] = scene.cluster.controlPlane
        .list(kind, 'workspaces')
        .filter(({ metadata }) => metadata.ownerReferences?.[0]?.kind === 'KubernetesImagePuller');
      const ours = object as KubeObject;
      change(ours, { ownerReferences: [] }, kind);
      expect(childrenOf()).not.toEqual(before);
      await soon(() => scene.until(() => childrenOf().length === 7));
      expect(childrenOf()).toEqual(before);
      expect(scene.get(kind, ours.metadata.name ?? '')?.metadata.uid).toBe(ours.metadata.uid);
      expect(told()).toBe('True AllResourcesReady');
    },
  );

  it('has it back where it owns without controlling', async () => {
    await atWork();
    const [owner] = cache().metadata.ownerReferences ?? [];
    change(cache(), { ownerReferences: [{ ...(owner as OwnerReference), controller: false }] });
    await scene.until(() => childrenOf().length === 7);
  });

  it('keeps its pods meanwhile', async () => {
    await atWork();
    const { uid, generation } = cache().metadata;
    change(cache(), { ownerReferences: [] });
    await scene.until(() => childrenOf().length === 7);
    await scene.settle();
    expect(cache().metadata).toMatchObject({ uid, generation });
  });

  it('is removed with the others when it is not wanted any more', async () => {
    await atWork();
    await scene.stopOperator();
    change(cache(), { ownerReferences: [] });
    scene.apply(aPuller({ images: '{}' }));
    await scene.startOperator();
    await scene.until(() => scene.get(daemonSets, 'kubernetes-image-puller') === undefined);
  });

  it.each<[string, (metadata: KubeObject['metadata']) => KubeObject['metadata']]>([
    ['has lost its label', () => ({ labels: {} })],
    [
      'has the label of another puller',
      ({ labels }) => ({ labels: { ...labels, 'che.eclipse.org/image-puller-uid': 'another' } }),
    ],
    [
      'was not written by us',
      ({ managedFields = [] }) => ({
        managedFields: managedFields.map((entry) => ({ ...entry, manager: 'another' })),
      }),
    ],
  ])('is left alone where it %s', async (_what, changed) => {
    await atWork();
    await scene.stopOperator();
    change(cache(), { ...changed(cache().metadata), ownerReferences: [] });
    await scene.startOperator();
    await scene.until(() => told() === 'False NameConflict');
    await scene.settle();
    expect(message()).toContain(
      'DaemonSet kubernetes-image-puller exists, has no controlling owner',
    );
    expect(cache().metadata.ownerReferences ?? []).toEqual([]);
  });

  it('is left to somebody else who controls it', async () => {
    await atWork();
    const deployment = scene.cluster.controlPlane.create(deployments, {
      ...aForeign(daemonSets, 'theirs'),
      kind: 'Deployment',
    });
    const uid = deployment.metadata.uid ?? '';
    change(cache(), { ownerReferences: [{ ...theirs, uid }] });
    await scene.until(() => told() === 'False NameConflict');
    expect(message()).toContain('belongs to Deployment theirs');
    await scene.settle();
    expect(cache().metadata.ownerReferences).toEqual([{ ...theirs, uid }]);
  });

  it('is made anew where it points to one that is gone, as the garbage collector takes it', async () => {
    await atWork();
    const { uid } = cache().metadata;
    const [owner] = cache().metadata.ownerReferences ?? [];
    change(cache(), { ownerReferences: [{ ...(owner as OwnerReference), uid: 'gone' }] });
    await scene.until(() => cache()?.metadata.uid !== uid && childrenOf().length === 7);
    await becomesReady();
  });
});

it('names that were changed while the operator was away leave nothing behind (row 72)', async () => {
  await atWork();
  await scene.stopOperator();
  scene.apply(aPuller(namesOf('new')));
  await scene.startOperator();
  await scene.until(() => scene.get(daemonSets, 'kubernetes-image-puller') === undefined);
  await becomesReady();
  await scene.settle();
  expect(childrenOf()).toEqual([
    'ConfigMap/new-puller-report',
    'ConfigMap/new-settings',
    'DaemonSet/new-cache',
    'Deployment/new-puller',
    'Role/new-puller-report',
    'RoleBinding/new-puller-report',
    'ServiceAccount/new-puller-image-puller',
  ]);
});
