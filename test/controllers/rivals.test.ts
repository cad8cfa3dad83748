import type { RawSpec } from '../../src/api/types.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { Rivals } from '../../src/controllers/rivals.ts';
import {
  configMaps,
  daemonSets,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from '../../src/kube/objects.ts';
import { type Change, Store } from '../../src/kube/store.ts';
import { childResources } from '../../src/manifests/children.ts';
import { identityOf } from '../../src/manifests/input.ts';
import { aPuller } from '../pullers.ts';

/** Pullers, each a minute older than the next; uid and name are the same. */
function rivalsAmong(...pullers: readonly KubeObject[]) {
  const known = new Store();
  pullers.forEach((puller, index) => {
    const { name = '' } = puller.metadata;
    const creationTimestamp = `2026-01-01T00:${10 + index}:00Z`;
    const metadata = { ...puller.metadata, uid: name, creationTimestamp, generation: 1 };
    known.put({ ...puller, metadata: { ...metadata, resourceVersion: `${index + 1}` } });
  });
  const stores = new Map(childResources.map((resource) => [resource, new Store()]));
  const client = { get: async () => undefined };
  const rivals = new Rivals({
    client,
    pullers: known,
    children: stores,
    settings: { maxImages: 500 },
  });
  return {
    rivals,
    put: (resource: Resource, object: KubeObject) => stores.get(resource)?.put(object),
    claims: (name: string) => Object.fromEntries(rivals.claims({ ...identity, name })),
  };
}

const identity = identityOf(aPuller());

const ownerOf = (name: string, controller = true): OwnerReference => ({
  apiVersion: `${imagePullers.group}/${imagePullers.version}`,
  kind: imagePullers.kind,
  name,
  uid: name,
  controller,
});

function anObject(name: string, owner?: OwnerReference, metadata: object = {}): KubeObject {
  const ownerReferences = owner ? [owner] : [];
  return {
    apiVersion: 'v1',
    kind: 'Any',
    metadata: {
      name,
      namespace: 'workspaces',
      uid: `uid-of-${name}`,
      resourceVersion: '100',
      ownerReferences,
      ...metadata,
    },
  };
}

const wants = (name: string, spec: RawSpec, status: object = {}) => ({
  ...aPuller(
    {
      daemonsetName: `${name}-d`,
      deploymentName: `${name}-p`,
      configMapName: `${name}-c`,
      ...spec,
    },
    { name },
  ),
  status,
});
const hasItsNames = {
  observedGeneration: 1,
  conditions: [{ type: 'Ready', status: 'True', reason: 'AllResourcesReady' }],
};

describe('who is to get a name that nobody has', () => {
  it('is the oldest that wants it, whatever others have under other names', () => {
    const scene = rivalsAmong(
      wants('old', { configMapName: 'free' }),
      wants('young', { configMapName: 'free' }, { observedGeneration: 0 }),
    );
    scene.put(daemonSets, anObject('young-d', ownerOf('young')));
    expect(scene.claims('old')).toEqual({});
    expect(scene.claims('young')).toMatchObject({ 'configmaps/free': 'old' });
  });

  it('is who had it a moment ago, as its status tells', () => {
    const scene = rivalsAmong(
      wants('old', { configMapName: 'gone' }),
      wants('young', { configMapName: 'gone' }, hasItsNames),
    );
    scene.put(daemonSets, anObject('young-d', ownerOf('young')));
    expect(scene.claims('young')).toEqual({});
    expect(scene.claims('old')).toMatchObject({ 'configmaps/gone': 'young' });
  });

  it.each<[string, object]>([
    ['has waited for names so far', { reason: 'NameConflict' }],
    ['has waited for a deletion so far', { reason: 'WaitingForDeletion' }],
  ])('is no younger one that %s', (_what, told) => {
    const [ready] = hasItsNames.conditions;
    const scene = rivalsAmong(
      wants('old', { configMapName: 'free' }),
      wants(
        'young',
        { configMapName: 'free' },
        { ...hasItsNames, conditions: [{ ...ready, ...told }] },
      ),
    );
    scene.put(daemonSets, anObject('young-d', ownerOf('young')));
    expect(scene.claims('young')).toMatchObject({ 'configmaps/free': 'old' });
  });

  it('is no younger one that has nothing, though nothing was in its way', () => {
    const scene = rivalsAmong(
      wants('old', { configMapName: 'free' }),
      wants('young', { configMapName: 'free' }, hasItsNames),
    );
    expect(scene.claims('young')).toMatchObject({ 'configmaps/free': 'old' });
  });

  it('is nobody who waits for another puller, as two could wait for each other', () => {
    const scene = rivalsAmong(
      wants('old', { daemonsetName: 'young-d', configMapName: 'free' }),
      wants('young', { configMapName: 'free' }),
    );
    scene.put(daemonSets, anObject('young-d', ownerOf('young')));
    expect(scene.claims('young')).toEqual({});
  });

  it.each<[string, OwnerReference | undefined]>([
    ['nobody owns', undefined],
    ['is being collected', ownerOf('gone')],
    ['another puller has and wants no more', ownerOf('third')],
    ['belongs to something else', { ...ownerOf('theirs'), apiVersion: 'v1', kind: 'ConfigMap' }],
  ])('may be one that waits for an object that %s', (_what, owner) => {
    const scene = rivalsAmong(
      wants('old', { daemonsetName: 'taken', configMapName: 'free' }),
      wants('young', { configMapName: 'free' }),
      wants('third', {}),
    );
    scene.put(daemonSets, anObject('taken', owner));
    expect(scene.claims('young')).toMatchObject({ 'configmaps/free': 'old' });
  });

  it('is nobody whose spec is held', () => {
    const scene = rivalsAmong(
      wants('old', { configMapName: 'free', affinity: '{' }),
      wants('young', { configMapName: 'free' }),
    );
    expect(scene.claims('young')).toEqual({});
  });
});

describe('those that wait for a name', () => {
  const owned = anObject('a-c', ownerOf('a'));
  const changed = (object: KubeObject): Change => ({ type: 'updated', previous: owned, object });
  const woken = (change: Change) =>
    rivalsAmong(
      wants('a', {}),
      wants('b', { configMapName: 'a-c' }),
      wants('c', {}),
    ).rivals.wokenBy(configMaps, change);

  it.each<[string, Change]>([
    ['goes', { type: 'deleted', object: owned }],
    ['has another owner', changed(anObject('a-c', ownerOf('b')))],
    ['has lost its owner', changed(anObject('a-c'))],
    ['is owned and not controlled any more', changed(anObject('a-c', ownerOf('a', false)))],
  ])('are woken when the object %s', (_what, change) => {
    expect(woken(change)).toEqual(['workspaces/a', 'workspaces/b']);
  });

  it.each<[string, Change]>([
    ['is made', { type: 'added', object: owned }],
    ['changes', changed(anObject('a-c', ownerOf('a'), { resourceVersion: '101' }))],
    ['is on its way out', changed(anObject('a-c', ownerOf('a'), { deletionTimestamp: 'now' }))],
  ])('sleep on when it %s', (_what, change) => {
    expect(woken(change)).toEqual([]);
  });
});
