import type { KubeObject, Resource } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { isEqual, isObject } from '../json.ts';
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
  if (isEqual(withoutEmpty(live['status']), withoutEmpty(status))) return;
  controlPlane.updateStatus(resource, { ...live, status });
}

/** The server leaves out fields that are zero or empty: to compare, both sides have to. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isObject(value)) return value;
  const kept = Object.entries(value)
    .map(([field, inner]) => [field, withoutEmpty(inner)] as const)
    .filter(([, inner]) => !isEmpty(inner));
  return Object.fromEntries(kept);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === 0 || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
