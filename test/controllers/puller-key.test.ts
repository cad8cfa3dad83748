import { pullerKeyOf } from '../../src/controllers/image-puller.ts';
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
