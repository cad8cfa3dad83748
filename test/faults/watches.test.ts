import { configMaps, daemonSets, type KubeObject } from '../../src/kube/objects.ts';
import type { EventAction } from '../cluster/embedded/faults.ts';
import { FaultyScene } from './faulty-scene.ts';

const second = 1_000;
const minute = 60 * second;
const cache = 'kubernetes-image-puller';
const threeImages = { images: 'a=quay.io/example/a:1;b=quay.io/example/b:1;c=quay.io/example/c:1' };

let faulty: FaultyScene;

afterEach(() => faulty.stop());

const daemonSet = () => faulty.scene.get(daemonSets, cache);

/** A DaemonSet of somebody who knows nothing of pullers. */
function aForeignDaemonSet(): KubeObject {
  const labels = { app: 'theirs' };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: cache, namespace: 'workspaces' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'theirs:1' }] } },
    },
  };
}

/** What was written to children, in the order of their names. */
const childWrites = () =>
  faulty.scene
    .writes()
    .filter((write) => !/status|events/.test(write))
    .sort();

const writesOfAnEdit = async () => {
  faulty.edit(threeImages);
  await faulty.scene.until(() => faulty.isReady());
  await faulty.scene.pass(minute);
  return childWrites();
};

const undisturbed = [
  'PATCH configmaps/k8s-image-puller',
  `PATCH daemonsets/${cache}`,
  `PATCH deployments/${cache}`,
];

describe('a watch of the operator', () => {
  // F01, F16
  it.each<[string, EventAction]>([
    ['is reset', 'reset'],
    ['ends inside a line', 'truncate'],
    ['has a line that is garbage', { garbage: '{"type":' }],
    ['ends in order', 'end'],
  ])('that %s goes on where it was: no list, and nothing is done twice', async (_how, action) => {
    faulty = await FaultyScene.ready();
    faulty.trouble({
      match: { resource: 'daemonsets', events: ['MODIFIED'], times: 2 },
      at: 'onEvent',
      do: action,
    });
    expect(await writesOfAnEdit()).toEqual(undisturbed);
    expect(faulty.lists('daemonsets')).toBe(0);
    expect(faulty.watches('daemonsets')).toBeGreaterThanOrEqual(2);
    await faulty.comesToRest();
  });

  // F02
  it('that falls silent with its connection open is noticed within 90 seconds, without a list', async () => {
    faulty = await FaultyScene.ready();
    faulty.trouble({
      match: { resource: 'daemonsets', events: ['DELETED'] },
      at: 'onEvent',
      do: 'silence',
    });
    const begun = faulty.scene.clock.monotonic();
    faulty.scene.cluster.controlPlane.remove(daemonSets, 'workspaces', cache);
    await faulty.scene.until(() => daemonSet() !== undefined);
    expect(faulty.scene.clock.monotonic() - begun).toBeLessThan(92 * second);
    expect(faulty.lists('daemonsets')).toBe(0);
    await faulty.comesToRest();
  });

  // F03
  it('that is refused because it is too old (410) is made up for by one list', async () => {
    faulty = await FaultyScene.ready();
    const watch = { resource: 'daemonsets' } as const;
    faulty.trouble({ match: { ...watch, events: ['DELETED'] }, at: 'onEvent', do: 'reset' });
    faulty.trouble({
      match: { ...watch, verb: 'watch' },
      at: 'before',
      do: { answer: { code: 410 } },
    });
    faulty.scene.cluster.controlPlane.remove(daemonSets, 'workspaces', cache);
    await faulty.scene.until(() => daemonSet() !== undefined);
    expect(faulty.lists('daemonsets')).toBe(1);
    await faulty.comesToRest();
  });

  // F03
  it('that is told in an ERROR event that it is too old is made up for by one list', async () => {
    faulty = await FaultyScene.ready();
    faulty.trouble({
      match: { resource: 'daemonsets', events: ['DELETED'] },
      at: 'onEvent',
      do: 'expire',
    });
    faulty.scene.cluster.controlPlane.remove(daemonSets, 'workspaces', cache);
    await faulty.scene.until(() => daemonSet() !== undefined);
    expect(faulty.lists('daemonsets')).toBe(1);
    await faulty.comesToRest();
  });

  // F05
  it('that brings bookmarks alone for an hour is opened every five minutes at most, and nothing is written', async () => {
    faulty = await FaultyScene.ready();
    await faulty.scene.pass(60 * minute);
    expect(faulty.scene.writes()).toEqual([]);
    expect(faulty.watches('daemonsets')).toBeGreaterThanOrEqual(6);
    expect(faulty.watches('daemonsets')).toBeLessThanOrEqual(13 + 8); // and once after each resync
  });

  // F06
  it('that brings nothing at all is opened anew every 90 seconds, without a list', async () => {
    faulty = await FaultyScene.ready();
    faulty.trouble({
      match: { events: ['BOOKMARK'], times: Number.POSITIVE_INFINITY },
      at: 'onEvent',
      do: 'drop',
    });
    await faulty.scene.pass(7 * minute);
    // The last seconds of one that began before are part of the first period.
    expect(faulty.watches('daemonsets')).toBeGreaterThanOrEqual(4);
    expect(faulty.watches('daemonsets')).toBeLessThanOrEqual(6);
    expect(faulty.lists('daemonsets')).toBeLessThanOrEqual(1); // the resync
    expect(faulty.scene.writes()).toEqual([]);
  });

  // F17, F18, F19
  it.each<[string, EventAction]>([
    ['twice', 'repeat'],
    ['after the next one', 'swap'],
    ['half a minute late', { delayMs: 30 * second }],
  ])('that tells of events %s makes nothing be done twice', async (_how, action) => {
    faulty = await FaultyScene.ready();
    for (const resource of ['daemonsets', 'configmaps']) {
      faulty.trouble({ match: { resource, events: ['MODIFIED'] }, at: 'onEvent', do: action });
    }
    expect(await writesOfAnEdit()).toEqual(undisturbed);
    await faulty.comesToRest();
  });

  // F19
  it('that is half a minute late while a puller is new does not make anything be created twice', async () => {
    faulty = await FaultyScene.start();
    for (const resource of ['daemonsets', 'configmaps', 'deployments', 'roles']) {
      faulty.trouble({
        match: { resource, events: ['ADDED'] },
        at: 'onEvent',
        do: { delayMs: 30 * second },
      });
    }
    faulty.edit();
    await faulty.scene.until(() => faulty.isReady());
    await faulty.scene.pass(minute);
    expect(childWrites()).toHaveLength(7);
    await faulty.comesToRest();
  });

  // F19
  it('that is late with an edit does not lose it where a status is written meanwhile', async () => {
    faulty = await FaultyScene.start({
      env: { RELATED_IMAGE_OPERATOR: 'registry.invalid/operator:1' },
    });
    faulty.edit();
    await faulty.scene.until(() => faulty.isReady());
    await faulty.scene.pass(30 * second);
    const late = faulty.trouble({
      match: { resource: 'kubernetesimagepullers', events: ['MODIFIED'] },
      at: 'onEvent',
      do: 'hold',
    });
    faulty.edit(threeImages);
    // Time alone makes it so, and nothing else happens then.
    await faulty.scene.until(() => faulty.told('Degraded') === 'True DeploymentNotAvailable');
    late.release();
    await faulty.scene.pass(5 * second);
    expect(JSON.stringify(daemonSet()?.['spec'])).toContain('quay.io/example/c:1');
    await faulty.comesToRest();
  });

  // F21
  it.each<[string, (scene: FaultyScene) => void]>([
    [
      'deletion',
      ({ scene }) =>
        scene.cluster.controlPlane.remove(configMaps, 'workspaces', 'k8s-image-puller'),
    ],
    [
      'change',
      ({ scene }) => {
        const live = scene.get(configMaps, 'k8s-image-puller') as KubeObject;
        scene.cluster.controlPlane.update(configMaps, { ...live, data: { IMAGES: 'other' } });
      },
    ],
  ])('that loses a %s is healed by a list within ten minutes', async (_what, change) => {
    faulty = await FaultyScene.ready();
    const before = faulty.scene.get(configMaps, 'k8s-image-puller')?.['data'];
    faulty.trouble({
      match: { resource: 'configmaps', events: ['DELETED', 'MODIFIED'] },
      at: 'onEvent',
      do: 'drop',
    });
    change(faulty);
    await faulty.scene.pass(minute);
    expect(faulty.scene.get(configMaps, 'k8s-image-puller')?.['data']).not.toEqual(before);
    await faulty.scene.pass(9 * minute);
    expect(faulty.scene.get(configMaps, 'k8s-image-puller')?.['data']).toEqual(before);
    await faulty.comesToRest();
  });

  // F22
  it('that misses how a child was replaced by a foreign object of its name never lets that be touched', async () => {
    faulty = await FaultyScene.ready();
    faulty.trouble({
      match: { resource: 'daemonsets', events: ['DELETED'] },
      at: 'onEvent',
      do: 'reset',
    });
    const { controlPlane } = faulty.scene.cluster;
    controlPlane.remove(daemonSets, 'workspaces', cache);
    const foreign = controlPlane.create(daemonSets, aForeignDaemonSet());
    faulty.edit(threeImages);
    await faulty.scene.until(() => faulty.told('Degraded') === 'True NameConflict');
    await faulty.scene.pass(15 * minute);
    expect(daemonSet()?.metadata.uid).toBe(foreign.metadata.uid);
    expect(daemonSet()?.['spec']).toEqual(foreign['spec']);
  });
});

describe('an old list after a start of the operator', () => {
  // F20
  it('makes nobody delete what has got the name of a former child since', async () => {
    faulty = await FaultyScene.ready();
    const { scene } = faulty;
    await scene.stopOperator();
    const past = scene.cluster.revision;
    scene.cluster.controlPlane.remove(daemonSets, 'workspaces', cache);
    const foreign = scene.cluster.controlPlane.create(daemonSets, aForeignDaemonSet());
    faulty.edit({ ...threeImages, daemonsetName: 'renamed' });
    faulty.trouble({
      match: { verb: 'list', resource: 'daemonsets' },
      at: 'before',
      do: { staleAt: past },
    });
    faulty.trouble({ match: { verb: 'watch', resource: 'daemonsets' }, at: 'before', do: 'hold' });
    await scene.startOperator();
    await scene.until(() => scene.get(daemonSets, 'renamed') !== undefined);
    await scene.pass(minute);
    expect(daemonSet()?.metadata.uid).toBe(foreign.metadata.uid);
    scene.cluster.faults.clear();
    await faulty.comesToRest();
    expect(daemonSet()?.['spec']).toEqual(foreign['spec']);
  });

  // F20
  it('of pullers takes nothing back that was edited since', async () => {
    faulty = await FaultyScene.ready();
    const { scene } = faulty;
    const past = scene.cluster.revision;
    faulty.edit(threeImages);
    await scene.until(() => faulty.isReady());
    await scene.stopOperator();
    const { uid } = daemonSet()?.metadata ?? {};
    faulty.trouble({
      match: { verb: 'list', resource: 'kubernetesimagepullers' },
      at: 'before',
      do: { staleAt: past },
    });
    await scene.startOperator();
    await scene.pass(minute);
    await faulty.comesToRest();
    expect(daemonSet()?.metadata.uid).toBe(uid);
    expect(JSON.stringify(daemonSet()?.['spec'])).toContain('quay.io/example/c:1');
  });
});

describe('a former child that changes between the look at it and its deletion', () => {
  const former = () => faulty.scene.get(configMaps, 'k8s-image-puller');

  /** Renames the ConfigMap, and changes the former one right before it is deleted. */
  async function changedBeforeDeletion(
    change: (metadata: KubeObject['metadata']) => KubeObject['metadata'],
  ): Promise<void> {
    faulty = await FaultyScene.ready();
    let changes = 0;
    faulty.scene.failWith((verb, resource) => {
      const object = former();
      if (verb === 'remove' && resource === configMaps && object && changes === 0) {
        changes += 1;
        const metadata = { ...object.metadata, ...change(object.metadata) };
        faulty.scene.cluster.controlPlane.update(configMaps, { ...object, metadata });
      }
      return undefined;
    });
    faulty.edit({ ...threeImages, configMapName: 'renamed' });
    await faulty.scene.until(() => changes === 1);
    await faulty.scene.pass(minute);
  }

  // F20
  it('stays where it has come to somebody else', async () => {
    await changedBeforeDeletion(() => {
      const { metadata } = aForeignDaemonSet();
      const theirs = faulty.scene.cluster.controlPlane.create(daemonSets, {
        ...aForeignDaemonSet(),
        metadata: { ...metadata, name: 'theirs' },
      });
      const { uid = '' } = theirs.metadata;
      const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'theirs', uid };
      return { ownerReferences: [{ ...owner, controller: true }] };
    });
    expect(former()?.metadata.ownerReferences).toMatchObject([{ name: 'theirs' }]);
    await faulty.comesToRest();
  });

  // F20
  it('goes all the same where it is still ours, and nothing is told of it', async () => {
    await changedBeforeDeletion(({ labels }) => ({ labels: { ...labels, note: 'changed' } }));
    expect(former()).toBeUndefined();
    expect(faulty.told('Degraded')).toBe('False ReconcileComplete');
    await faulty.comesToRest();
  });
});
