import type { KubeObject, Resource } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { isObject } from '../json.ts';
import { nameOf, uidOf } from './shapes.ts';

/** Writes the status of an object that still exists, where it says something else than before. */
export function writeStatus(
  controlPlane: ControlPlane,
  resource: Resource,
  object: KubeObject,
  status: object,
): void {
  const live = controlPlane.get(resource, object.metadata.namespace ?? '', nameOf(object));
  if (live === undefined || uidOf(live) !== uidOf(object)) return;
  if (isSame(live['status'], status)) return;
  controlPlane.updateStatus(resource, { ...live, status });
}

/** Claims that two values are stored alike: the server leaves out fields that are zero or empty. */
function isSame(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => isSame(item, right[index]));
  }
  if (isObject(left) && isObject(right)) {
    const fields = Object.keys({ ...left, ...right });
    return fields.every((field) => isSame(left[field], right[field]));
  }
  return isEmpty(left) && isEmpty(right);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.values(value).every(isEmpty);
  return value === undefined || value === null || value === 0 || value === '';
}
