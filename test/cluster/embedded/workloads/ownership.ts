import type { V1LabelSelector } from '@kubernetes/client-node';
import {
  controllerOf,
  isControlledBy,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { selects } from './labels.ts';
import { isDeleting } from './pods.ts';
import { listOf, nameOf, uidOf } from './shapes.ts';

/** An object that controls others of its namespace: those of its uid that its selector selects. */
export interface Owner extends KubeObject {
  readonly spec: { readonly selector: V1LabelSelector };
}

/** The reference by which an object becomes the controller of another. */
export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: nameOf(owner),
    uid: uidOf(owner),
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The name of the owner of that kind which controls the object. */
export function controllerName(object: KubeObject, kind: string): string | undefined {
  const controller = controllerOf(object);
  return controller?.kind === kind ? controller.name : undefined;
}

/**
 * The objects that an owner controls. On the way, orphans that its selector selects are adopted,
 * and its own that are no longer selected are let go.
 * (kubernetes/kubernetes: pkg/controller/controller_ref_manager.go)
 */
export function claim<Kind extends KubeObject>(
  controlPlane: ControlPlane,
  resource: Resource,
  owner: Owner,
): readonly Kind[] {
  return listOf<Kind>(controlPlane, resource, owner.metadata.namespace).flatMap((object) => {
    const isSelected = selects(owner.spec.selector, object.metadata.labels);
    if (isControlledBy(object, uidOf(owner))) {
      if (isSelected) return object;
      controlPlane.update(resource, withoutOwner(object, uidOf(owner)));
      return [];
    }
    if (!isSelected || controllerOf(object) !== undefined || isDeleting(object)) return [];
    return controlPlane.update(resource, withOwner(object, owner)) as Kind; // the same object, owned
  });
}

function withOwner(object: KubeObject, owner: KubeObject): KubeObject {
  const others = object.metadata.ownerReferences ?? [];
  const ownerReferences = [...others, controllerReference(owner)];
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}

function withoutOwner(object: KubeObject, uid: string): KubeObject {
  const ownerReferences = object.metadata.ownerReferences?.filter((owner) => owner.uid !== uid);
  return {
    ...object,
    metadata: { ...object.metadata, ...(ownerReferences && { ownerReferences }) },
  };
}
