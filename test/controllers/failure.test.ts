import {
  type Conflict,
  type Hindrance,
  NameConflictError,
} from '../../src/controllers/conflicts.ts';
import { failureOf } from '../../src/controllers/failure.ts';
import { configMaps, daemonSets } from '../../src/kube/objects.ts';

const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'theirs', uid: 'd1' };

/** Of the DaemonSet `cache`. */
function aConflict(hindrance: Hindrance): Conflict {
  const [resource, name, field] = [daemonSets, 'cache', 'daemonsetName'] as const;
  return { resource, namespace: 'n', name, field, hindrance, isCached: true };
}

/** Of the ConfigMap `settings`. */
function another(hindrance: Hindrance): Conflict {
  const [resource, name, field] = [configMaps, 'settings', 'configMapName'] as const;
  return { ...aConflict(hindrance), resource, name, field };
}

const failure = (...conflicts: readonly Conflict[]) => failureOf(new NameConflictError(conflicts));

describe('a name that cannot be had', () => {
  it.each<[Hindrance, string]>([
    [
      { why: 'unowned' },
      'DaemonSet cache exists, has no controlling owner and is left alone; ' +
        'give this puller another spec.daemonsetName, or remove what is in the way',
    ],
    [
      { why: 'foreign', owner: deployment },
      'DaemonSet cache exists, belongs to Deployment theirs and is left alone; ' +
        'give this puller another spec.daemonsetName, or remove what is in the way',
    ],
    [
      { why: 'rival', puller: 'first' },
      'DaemonSet cache belongs to KubernetesImagePuller first and is left alone; ' +
        'give this puller another spec.daemonsetName',
    ],
  ])('is told with what is in the way, and what to do about it: %j', (hindrance, message) => {
    expect(failure(aConflict(hindrance))).toEqual({ reason: 'NameConflict', message });
  });

  it('is told beside all others, in one breath where they have one holder', () => {
    const rival: Hindrance = { why: 'rival', puller: 'first' };
    expect(failure(aConflict(rival), another(rival)).message).toBe(
      'DaemonSet cache and ConfigMap settings belong to KubernetesImagePuller first and are left alone; ' +
        'give this puller its own spec.daemonsetName and spec.configMapName',
    );
    expect(failure(aConflict(rival), another({ why: 'unowned' })).message).toBe(
      'DaemonSet cache belongs to KubernetesImagePuller first and is left alone; ' +
        'ConfigMap settings exists, has no controlling owner and is left alone; ' +
        'give this puller its own spec.daemonsetName and spec.configMapName, or remove what is in the way',
    );
  });

  it('is waited for where a puller that is gone has left it behind, which is no conflict', () => {
    const orphaned: Hindrance = { why: 'orphaned', puller: 'former' };
    expect(failure(aConflict(orphaned), another(orphaned))).toEqual({
      reason: 'WaitingForDeletion',
      message:
        'DaemonSet cache and ConfigMap settings belonged to KubernetesImagePuller former, which is gone: ' +
        'waiting for garbage collection',
    });
    expect(failure(aConflict(orphaned), another({ why: 'rival', puller: 'first' }))).toEqual({
      reason: 'NameConflict',
      message: expect.stringMatching(
        /garbage collection; .*; give this puller another spec\.configMapName$/,
      ),
    });
  });
});
