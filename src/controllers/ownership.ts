import { controllerOf, isControlledBy, type KubeObject } from '../kube/objects.ts';
import { fieldManager, pullerUidLabel } from '../manifests/names.ts';

/**
 * Claims that an object belongs to the puller with this uid: the puller controls it, or nobody does
 * any more and both the label with that uid and what our field manager owns of it prove that it was
 * made for this puller, so that somebody has taken the owner away.
 */
export function isOurs(object: KubeObject, pullerUid: string): boolean {
  return isControlledBy(object, pullerUid) || isStripped(object, pullerUid);
}

function isStripped(object: KubeObject, pullerUid: string): boolean {
  const { labels = {}, managedFields = [] } = object.metadata;
  return (
    controllerOf(object) === undefined &&
    pullerUid !== '' &&
    labels[pullerUidLabel] === pullerUid &&
    managedFields.some(
      ({ manager, operation }) => manager === fieldManager && operation === 'Apply',
    )
  );
}
