import { failureOf } from '../../src/controllers/failure.ts';
import { NotOursError } from '../../src/kube/applier.ts';
import { daemonSets } from '../../src/kube/objects.ts';

/** The DaemonSet `cache` of a puller. */
function ownedBy(puller: string): NotOursError {
  const apiVersion = 'che.eclipse.org/v1alpha1';
  const owner = { apiVersion, kind: 'KubernetesImagePuller', name: puller, uid: 'other' };
  return new NotOursError(daemonSets, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'cache', ownerReferences: [{ ...owner, controller: true }] },
  });
}

describe('an object that is in the way', () => {
  it('is a conflict of names where somebody else has it', () => {
    expect(failureOf(ownedBy('another'), 'puller')).toMatchObject({
      reason: 'NameConflict',
      message: expect.stringContaining('choose another spec.daemonsetName'),
    });
  });

  it('is waited for where a puller of the same name left it behind, which is no conflict', () => {
    expect(failureOf(ownedBy('puller'), 'puller')).toMatchObject({
      reason: 'WaitingForDeletion',
      message: expect.stringContaining('waiting for garbage collection'),
    });
  });
});
