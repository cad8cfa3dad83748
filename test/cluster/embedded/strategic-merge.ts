import { asList, isEqual, isObject, type JsonObject } from './json.ts';
import { badRequest } from './status-error.ts';
import { anything, fieldType, type ListType, type MapType, type Type } from './types.ts';

/** How Kubernetes merges a field by a strategic patch, where its type alone does not tell. */
export type PatchStrategy = 'retainKeys' | 'merge,retainKeys' | 'replace';

/** By structure and field: the tags of k8s.io/api that differ from what list keys say. */
const strategies: ReadonlyMap<string, PatchStrategy> = new Map([
  ['apps.v1.DeploymentSpec.strategy', 'retainKeys'],
  ['core.v1.PodSpec.volumes', 'merge,retainKeys'],
  ['core.v1.PodSpec.resourceClaims', 'merge,retainKeys'],
  ['policy.v1.PodDisruptionBudgetSpec.selector', 'replace'],
]);

/** The strategy of a field that has one of its own. */
export function patchStrategy(struct: MapType, field: string): PatchStrategy | undefined {
  return struct.name === undefined ? undefined : strategies.get(`${struct.name}.${field}`);
}

/** The field that tells the items of a list apart in a patch: the first of its keys. */
export function mergeKey(list: ListType): string | undefined {
  return list.relation === 'keyed' ? list.keys[0] : undefined;
}

const orderDirective = '$setElementOrder/';
const deletionDirective = '$deleteFromPrimitiveList/';

/**
 * What a strategic merge patch makes of an object: as a merge patch, but lists that have keys are
 * merged item by item, and directives delete, replace and order (kubernetes/kubernetes:
 * apimachinery/pkg/util/strategicpatch/patch.go).
 */
export function strategicMergePatch(type: MapType, live: JsonObject, patch: unknown): JsonObject {
  if (!isObject(patch)) throw badRequest('the patch is not an object');
  return mergeMaps(type, live, patch);
}

function mergeMaps(type: MapType, live: JsonObject, patch: JsonObject): JsonObject {
  const { $patch, $retainKeys, ...rest } = patch;
  if ($patch === 'delete') return {};
  if ($patch === 'replace') return rest;
  if ($patch !== undefined && $patch !== 'merge') throw badRequest(`unknown $patch: ${$patch}`);
  const merged: Record<string, unknown> = retained(live, $retainKeys);
  for (const [key, value] of Object.entries(rest)) {
    if (key.startsWith('$')) continue;
    if (value === null) delete merged[key];
    else merged[key] = mergeField(type, key, merged[key], value);
  }
  return directed(type, live, { patch: rest, merged });
}

/** Of a union, the members that its patch names; the others go. */
function retained(live: JsonObject, keys: unknown): Record<string, unknown> {
  const kept = Array.isArray(keys)
    ? Object.entries(live).filter(([key]) => keys.includes(key))
    : Object.entries(live);
  return Object.fromEntries(kept);
}

function mergeField(struct: MapType, key: string, live: unknown, patch: unknown): unknown {
  const type = fieldType(struct, key) ?? anything;
  if (live === undefined || patchStrategy(struct, key) === 'replace') return plain(patch);
  if (isObject(live) && isObject(patch)) return mergeMaps(mapOf(type), live, patch);
  if (!Array.isArray(live) || !Array.isArray(patch) || type.type !== 'list') return plain(patch);
  if (type.relation === 'set') return ordered([...new Set([...live, ...patch])], patch, live);
  const itemKey = mergeKey(type);
  return itemKey === undefined ? patch : mergeItems(type, itemKey, live, patch);
}

const free: MapType = { type: 'map', atomic: false, fields: new Map(), element: anything };

function mapOf(type: Type): MapType {
  return type.type === 'map' ? type : free;
}

/** The value of a patch as it is stored where there was nothing: without nulls and directives. */
function plain(patch: unknown): unknown {
  if (Array.isArray(patch)) {
    return patch.filter((item) => !isObject(item) || item['$patch'] === undefined).map(plain);
  }
  if (!isObject(patch)) return patch;
  const kept = Object.entries(patch).filter(
    ([key, value]) => !key.startsWith('$') && value !== null,
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, plain(value)]));
}

function mergeItems(
  list: ListType,
  key: string,
  live: readonly unknown[],
  patch: readonly unknown[],
): readonly unknown[] {
  const items = patch.filter(isObject);
  const changes = items.filter(({ $patch }) => $patch !== 'delete' && $patch !== 'replace');
  if (items.some(({ $patch }) => $patch === 'replace')) return changes.map(plain);
  if (items.some((item) => item[key] === undefined)) {
    throw badRequest(`map: ${JSON.stringify(items)} does not contain declared merge key: ${key}`);
  }
  const deleted = items.filter(({ $patch }) => $patch === 'delete').map((item) => item[key]);
  const merged = live.filter(isObject).filter((item) => !deleted.includes(item[key]));
  for (const change of changes) {
    const at = merged.findIndex((item) => item[key] === change[key]);
    const item = merged[at];
    if (item === undefined)
      merged.push(plain(change) as JsonObject); // of an object comes an object
    else merged[at] = mergeMaps(mapOf(list.element), item, change);
  }
  return ordered(merged, changes, live, key);
}

/** What the directives of a patch say of the lists beside them. */
function directed(
  type: MapType,
  live: JsonObject,
  { patch, merged }: { readonly patch: JsonObject; readonly merged: Record<string, unknown> },
): JsonObject {
  for (const [key, value] of Object.entries(patch)) {
    const field = key.slice(key.indexOf('/') + 1);
    const list = merged[field];
    if (!Array.isArray(list)) continue;
    if (key.startsWith(deletionDirective)) {
      merged[field] = list.filter((item) => !asList(value).some((one) => isEqual(one, item)));
    } else if (key.startsWith(orderDirective)) {
      const listType = fieldType(type, field);
      const itemKey = listType?.type === 'list' ? mergeKey(listType) : undefined;
      merged[field] = ordered(list, asList(value), asList(live[field]), itemKey);
    }
  }
  return merged;
}

/**
 * The items in the order of the patch, with those that it does not name between them as they were;
 * new ones come before those whose place in relation to them is not known.
 */
function ordered(
  items: readonly unknown[],
  patch: readonly unknown[],
  live: readonly unknown[],
  key?: string,
): readonly unknown[] {
  const place = (list: readonly unknown[], item: unknown) =>
    list.findIndex((one) => isEqual(identity(one, key), identity(item, key)));
  const by = (list: readonly unknown[]) => (left: unknown, right: unknown) =>
    place(list, left) - place(list, right);
  const named = items.filter((item) => place(patch, item) >= 0).sort(by(patch));
  const others = items.filter((item) => place(patch, item) < 0).sort(by(live));
  const result: unknown[] = [];
  while (named.length > 0 && others.length > 0) {
    const [left, right] = [place(live, others[0]), place(live, named[0])];
    const isOtherFirst = left >= 0 && right >= 0 && left < right;
    result.push((isOtherFirst ? others : named).shift());
  }
  return [...result, ...others, ...named];
}

function identity(item: unknown, key: string | undefined): unknown {
  return key !== undefined && isObject(item) ? item[key] : item;
}
