import { readable } from './field-set.ts';
import { isObject, type JsonObject } from './json.ts';
import { itemElement } from './merge.ts';
import type { ListType, MapType, ScalarType, Type } from './types.ts';

/**
 * Where a value does not fit its type, in the words of sigs.k8s.io/structured-merge-diff:
 * typed/validate.go. Null fits everywhere.
 */
export function typeErrors(type: Type, value: unknown, path = ''): readonly string[] {
  if (value === null || value === undefined) return [];
  switch (type.type) {
    case 'any':
      return [];
    case 'scalar':
      return scalarErrors(type, value).map((error) => `${path}: ${error}`);
    case 'list':
      return Array.isArray(value)
        ? itemErrors(type, value, path)
        : [`${path}: expected list, got ${goValue(value)}`];
    case 'map':
      return isObject(value)
        ? fieldErrors(type, value, path)
        : [`${path}: expected map, got ${goValue(value)}`];
  }
}

function scalarErrors({ scalar }: ScalarType, value: unknown): readonly string[] {
  switch (scalar) {
    case 'untyped':
      return typeof value === 'object' ? [`expected any scalar, got ${goValue(value)}`] : [];
    case 'numeric':
      return typeof value === 'number'
        ? []
        : [
            `expected numeric (int or float), got ${typeof value === 'string' ? 'string' : goValue(value)}`,
          ];
    case 'string':
    case 'boolean':
      return typeof value === scalar ? [] : [`expected ${scalar}, got ${goValue(value)}`];
  }
}

function itemErrors(list: ListType, items: readonly unknown[], path: string): readonly string[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    if (list.relation === 'atomic') return typeErrors(list.element, item, `${path}[${index}]`);
    const problem = keyProblem(list, item);
    if (problem !== undefined) return [`${path}: element ${index}: ${problem}`];
    const element = itemElement(list, item);
    const errors = typeErrors(list.element, item, `${path}${readable(element)}`);
    if (!seen.has(element)) {
      seen.add(element);
      return errors;
    }
    return [`${path}: duplicate entries for key ${readable(element)}`, ...errors];
  });
}

/** Why an item cannot be told apart from the others of its list; undefined where it can. */
function keyProblem(list: ListType, item: unknown): string | undefined {
  if (list.relation === 'set') {
    return typeof item === 'object'
      ? "associative list without keys has an element that's a map type"
      : undefined;
  }
  if (!isObject(item)) return 'associative list with keys may not have non-map elements';
  if (itemElement(list, item) !== 'k:{}') return undefined;
  return `associative list with keys has an element that omits all key fields ${JSON.stringify(list.keys)} (and doesn't have default values for any key fields)`;
}

function fieldErrors(map: MapType, value: JsonObject, path: string): readonly string[] {
  return Object.entries(value).flatMap(([name, field]) => {
    const type = map.fields.get(name)?.type ?? map.element;
    return type === undefined
      ? [`${path}.${name}: field not declared in schema`]
      : typeErrors(type, field, `${path}.${name}`);
  });
}

function goValue(value: unknown): string {
  return `&value.valueUnstructured{Value:${JSON.stringify(value)}}`;
}
