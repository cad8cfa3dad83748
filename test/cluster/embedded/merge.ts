import { emptySet, type FieldSet, FieldSetBuilder } from './field-set.ts';
import { isEqual, isObject, type JsonObject } from './json.ts';
import { mergedOrder } from './merged-order.ts';
import { anything, fieldType, type ListType, type MapType, type Type } from './types.ts';

/**
 * The typed operations on objects that server-side apply is made of, after
 * sigs.k8s.io/structured-merge-diff: typed/{tofieldset,compare,merge,remove}.go. Absent is
 * undefined; null is a value of its own, as there.
 */

/** What a value is under its type, with a value of unknown type taken as what it looks like. */
type Shape =
  | { readonly shape: 'leaf' }
  | { readonly shape: 'map'; readonly map: MapType }
  | { readonly shape: 'list'; readonly list: ListType };

const leaf: Shape = { shape: 'leaf' };
const anyMap: MapType = { type: 'map', atomic: false, fields: new Map(), element: anything };

function shapeOf(type: Type, value: unknown): Shape {
  if (type.type === 'any') return isObject(value) ? { shape: 'map', map: anyMap } : leaf;
  if (type.type === 'map') return type.atomic ? leaf : { shape: 'map', map: type };
  if (type.type === 'list')
    return type.relation === 'atomic' ? leaf : { shape: 'list', list: type };
  return leaf;
}

function isEmptyMap(value: unknown): boolean {
  return !isObject(value) || Object.keys(value).length === 0;
}

function isEmptyList(value: unknown): boolean {
  return !Array.isArray(value) || value.length === 0;
}

/** The path element of an item of a set or keyed list. */
export function itemElement(list: ListType, item: unknown): string {
  if (list.relation === 'set') return `v:${JSON.stringify(item)}`;
  const fields = list.element.type === 'map' ? list.element.fields : new Map();
  const values = isObject(item) ? item : {};
  const keys = list.keys
    .toSorted()
    .map((key) => [key, values[key] ?? fields.get(key)?.default] as const)
    .filter(([, value]) => value !== undefined);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

/** The paths that a value gives: what an apply of it owns. */
export function fieldSetOf(type: Type, value: unknown): FieldSet {
  const set = new FieldSetBuilder();
  collect(set, [], type, value);
  return set.build();
}

function collect(set: FieldSetBuilder, path: readonly string[], type: Type, value: unknown): void {
  const shape = shapeOf(type, value);
  if (shape.shape === 'leaf') {
    set.insert(path);
  } else if (shape.shape === 'list') {
    for (const item of Array.isArray(value) ? value : []) {
      const inner = [...path, itemElement(shape.list, item)];
      collect(set, inner, shape.list.element, item);
      set.insert(inner);
    }
  } else if (isObject(value)) {
    collectFields(set, path, shape.map, value);
  }
}

function collectFields(
  set: FieldSetBuilder,
  path: readonly string[],
  map: MapType,
  value: JsonObject,
): void {
  for (const [name, field] of Object.entries(value)) {
    const inner = [...path, `f:${name}`];
    collect(set, inner, fieldType(map, name) ?? anything, field);
    const isBare = field === null || (isObject(field) && isEmptyMap(field));
    if (isBare || !map.fields.has(name)) set.insert(inner);
  }
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

interface ComparisonBuilder {
  readonly added: FieldSetBuilder;
  readonly modified: FieldSetBuilder;
  readonly removed: FieldSetBuilder;
}

/** Which paths differ between two values. */
export function compare(type: Type, before: unknown, after: unknown): Comparison {
  const builder: ComparisonBuilder = {
    added: new FieldSetBuilder(),
    modified: new FieldSetBuilder(),
    removed: new FieldSetBuilder(),
  };
  compareInto(builder, [], type, [before, after]);
  return {
    added: builder.added.build(),
    modified: builder.modified.build(),
    removed: builder.removed.build(),
  };
}

type Pair = readonly [unknown, unknown];

function compareInto(
  into: ComparisonBuilder,
  path: readonly string[],
  type: Type,
  pair: Pair,
): void {
  const [before, after] = pair;
  // Most of an object stays as it is, and this is the fastest way to tell.
  if (isEqual(before, after)) return;
  const shape = shapeOf(type, after ?? before);
  if (shape.shape === 'leaf' || isPromotedToLeaf(shape, pair)) {
    compareLeaf(into, path, pair);
    return;
  }
  for (const [element, inner, innerPair] of zip(shape, pair)) {
    compareInto(into, [...path, element], inner, innerPair);
  }
  if (before === undefined) into.added.insert(path);
  else if (after === undefined) into.removed.insert(path);
}

function compareLeaf(
  into: ComparisonBuilder,
  path: readonly string[],
  [before, after]: Pair,
): void {
  if (before === undefined) into.added.insert(path);
  else if (after === undefined) into.removed.insert(path);
  else if (!isEqual(before, after)) into.modified.insert(path);
}

/** Two empty ones count as a leaf, so that empty, null and absent are told apart. */
function isPromotedToLeaf(shape: Shape, [left, right]: Pair): boolean {
  return shape.shape === 'map'
    ? isEmptyMap(left) && isEmptyMap(right)
    : isEmptyList(left) && isEmptyList(right);
}

/** The inner values of two maps or lists, side by side: path element, type, values. */
function zip(
  shape: Exclude<Shape, { shape: 'leaf' }>,
  [left, right]: Pair,
): readonly (readonly [string, Type, Pair])[] {
  if (shape.shape === 'map') {
    const [before, after] = [isObject(left) ? left : {}, isObject(right) ? right : {}];
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].map((name) => [
      `f:${name}`,
      fieldType(shape.map, name) ?? anything,
      [before[name], after[name]],
    ]);
  }
  const [before, after] = [byElement(shape.list, left), byElement(shape.list, right)];
  return [...new Set([...before.keys(), ...after.keys()])].map((element) => [
    element,
    shape.list.element,
    [before.get(element), after.get(element)],
  ]);
}

/** The items of a list by path element; of several with one key the first counts. */
function byElement(list: ListType, value: unknown): ReadonlyMap<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of Array.isArray(value) ? value : []) {
    const element = itemElement(list, item);
    if (!items.has(element)) items.set(element, item);
  }
  return items;
}

/** The live value with an applied one laid over it. */
export function merge(type: Type, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  const shape = shapeOf(type, applied);
  if (shape.shape === 'leaf' || isPromotedToLeaf(shape, [live, applied])) return applied;
  return shape.shape === 'map'
    ? mergeMaps(shape.map, live, applied)
    : mergeLists(shape.list, live, applied);
}

function mergeMaps(map: MapType, live: unknown, applied: unknown): JsonObject {
  const merged = zip({ shape: 'map', map }, [live, applied]).map(([element, type, pair]) => [
    element.slice('f:'.length),
    merge(type, pair[0], pair[1]),
  ]);
  return Object.fromEntries(merged);
}

function mergeLists(list: ListType, live: unknown, applied: unknown): readonly unknown[] {
  const before = byElement(list, live);
  const after = byElement(list, applied);
  return mergedOrder([...before.keys()], [...after.keys()]).map((element) =>
    merge(list.element, before.get(element), after.get(element)),
  );
}

/** The value without the paths of a set. What becomes empty by that goes too. */
export function remove(type: Type, value: unknown, set: FieldSet): unknown {
  const shape = shapeOf(type, value);
  if (shape.shape === 'map') return removeFields(shape.map, value, set);
  if (shape.shape === 'list') return removeItems(shape.list, value, set);
  // An atomic value is given up as a whole, by the path that leads to it.
  return type.type === 'scalar' || type.type === 'any' ? value : undefined;
}

function removeFields(map: MapType, value: unknown, set: FieldSet): unknown {
  if (!isObject(value) || isEmptyMap(value)) return undefined;
  const kept: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const toRemove = set.children.get(`f:${name}`) ?? emptySet;
    if (toRemove.member) continue;
    const inner =
      toRemove.children.size === 0
        ? field
        : remove(fieldType(map, name) ?? anything, field, toRemove);
    // Go leaves a null here, which is the same as absent when the object is decoded again.
    if (inner !== undefined) kept[name] = inner;
  }
  return isEmptyMap(kept) ? undefined : kept;
}

function removeItems(list: ListType, value: unknown, set: FieldSet): unknown {
  if (!Array.isArray(value)) return undefined;
  const kept = value.flatMap((item: unknown) => {
    const toRemove = set.children.get(itemElement(list, item)) ?? emptySet;
    if (toRemove.member) return [];
    return [toRemove.children.size === 0 ? item : remove(list.element, item, toRemove)];
  });
  return kept.length === 0 ? undefined : kept;
}
