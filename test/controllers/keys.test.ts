import { pullerKeyOf, pullerKeyOfPod } from '../../src/controllers/keys.ts';
import type { Cache } from '../../src/kube/cache.ts';
import type { KubeObject, OwnerReference } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';

const owner: OwnerReference = {
  apiVersion: 'che.eclipse.org/v1alpha1',
  kind: 'KubernetesImagePuller',
  name: 'mine',
  uid: 'u1',
  controller: true,
};

function aChild(...ownerReferences: readonly OwnerReference[]): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'child', namespace: 'n', ownerReferences },
  };
}

describe('the puller that an event is about', () => {
  it('is the object itself', () => {
    expect(pullerKeyOf(aPuller({}, { name: 'p', namespace: 'n' }))).toBe('n/p');
  });

  it('is the controlling owner of a child, by name', () => {
    expect(pullerKeyOf(aChild(owner))).toBe('n/mine');
  });

  it.each<[string, KubeObject]>([
    ['an object without an owner', aChild()],
    ['an owner that does not control it', aChild({ ...owner, controller: false })],
    ['an owner of another kind', aChild({ ...owner, kind: 'CheCluster' })],
    ['an owner of another group', aChild({ ...owner, apiVersion: 'example.com/v1' })],
  ])('is nobody for %s', (_what, object) => {
    expect(pullerKeyOf(object)).toBeUndefined();
  });
});

describe('the puller that an event of a pod is about', () => {
  const daemonSet: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'cache', namespace: 'n', uid: 'd1', ownerReferences: [owner] },
  };
  const known: Pick<Cache, 'get'> = {
    get: (namespace, name) => (`${namespace}/${name}` === 'n/cache' ? daemonSet : undefined),
  };
  const itsOwner: OwnerReference = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    name: 'cache',
    uid: 'd1',
    controller: true,
  };
  const aPod = (...ownerReferences: readonly OwnerReference[]): KubeObject => ({
    ...aChild(...ownerReferences),
    kind: 'Pod',
  });

  it('owns the DaemonSet that controls the pod', () => {
    expect(pullerKeyOfPod(aPod(itsOwner), known)).toBe('n/mine');
  });

  it.each<[string, KubeObject]>([
    ['a pod without an owner', aPod()],
    ['a pod of a DaemonSet that we do not know', aPod({ ...itsOwner, name: 'other' })],
    ['a pod of an earlier DaemonSet of that name', aPod({ ...itsOwner, uid: 'd0' })],
    ['a pod of a ReplicaSet', aPod({ ...itsOwner, kind: 'ReplicaSet' })],
    ['a pod that says a puller owns it', aPod(owner)],
  ])('is nobody for %s', (_what, pod) => {
    expect(pullerKeyOfPod(pod, known)).toBeUndefined();
  });
});
