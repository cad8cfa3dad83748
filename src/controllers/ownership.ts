import { controllerOf, type KubeObject } from '../kube/objects.ts';
import { fieldManager, pullerUidLabel } from '../manifests/names.ts';

/**
 * Claims that an object belongs to the puller with this uid: the puller controls it, or nobody does
 * any more and both the label with that uid and what our field manager owns of it prove that it was
 * made for this puller, so that somebody has taken the owner away.
 */
export function isOurs(object: KubeObject, pullerUid: string): boolean {
  return pullerUid !== '' && ownerUidOf(object) === pullerUid;
}

/** The uid of who controls an object, or else of the puller that it was made for, where that is proven. */
export function ownerUidOf(object: KubeObject): string | undefined {
  const { labels = {}, managedFields = [] } = object.metadata;
  const controller = controllerOf(object);
  if (controller !== undefined) return controller.uid;
  const isOfOurMaking = managedFields.some(
    ({ manager, operation }) => manager === fieldManager && operation === 'Apply',
  );
  return isOfOurMaking ? labels[pullerUidLabel] : undefined;
}
