import { isObject, type JsonObject } from './json.ts';
import { canonicalQuantity } from './quantity.ts';
import { badRequest } from './status-error.ts';
import type { Field, MapType, ScalarType, Type } from './types.ts';

/**
 * The object as Go's types of this kind hold and print it: unknown fields and nulls are dropped,
 * so are zeros and empty lists and maps where Go omits them; what Go always prints is filled in,
 * and quantities get their one spelling. 400 where a value is of another type than its field.
 */
export function decoded<T extends JsonObject>(kind: string, type: MapType, object: T): T {
  return decodeStruct(type, object, kind) as T; // the fields that T names are known to the type
}

function decode(type: Type, value: unknown, path: string): unknown {
  switch (type.type) {
    case 'any':
      return value;
    case 'scalar':
      return decodeScalar(type, value, path);
    case 'list':
      if (!Array.isArray(value)) throw mismatch(value, path, 'slice');
      return value.map((item) => decode(type.element, item, path));
    case 'map':
      if (!isObject(value)) throw mismatch(value, path, 'struct');
      return decodeStruct(type, value, path);
  }
}

function decodeStruct(struct: MapType, value: JsonObject, path: string): JsonObject {
  const known: Record<string, unknown> = {};
  for (const [name, field] of struct.fields) {
    const given = value[name] ?? field.default;
    // Most fields of most objects are absent.
    if (given === undefined) continue;
    const inner = given === null ? null : decodeField(field, given, `${path}.${name}`);
    if (inner !== undefined) known[name] = inner;
  }
  return { ...known, ...Object.fromEntries(decodeFreeKeys(struct, value, path)) };
}

function decodeFreeKeys({ element, fields }: MapType, value: JsonObject, path: string) {
  if (element === undefined) return [];
  return Object.entries(value)
    .filter(([key, item]) => item !== null && !fields.has(key))
    .map(([key, item]) => [key, decode(element, item, `${path}.${key}`)] as const);
}

/** The field as it is printed; undefined where it is not. */
function decodeField(field: Field, given: unknown, path: string): unknown {
  const inner = decode(field.type, given, path);
  const isPrinted = field.isPointer || (field.default !== undefined && field.default !== null);
  // What Go omits is undefined, what it prints as nil is null.
  return isPrinted || !isZero(field.type, inner) ? inner : field.default;
}

/**
 * A structure without fields is a pointer to one, and stays: `emptyDir: {}`. So does a number that
 * may be a percentage: `maxUnavailable: 0` is not an absent one.
 */
function isZero(type: Type, value: unknown): boolean {
  if (type.type === 'scalar' && type.scalar === 'untyped') return false;
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) {
    return type.type === 'map' && type.element !== undefined && Object.keys(value).length === 0;
  }
  return value === '' || value === 0 || value === false;
}

function decodeScalar(type: ScalarType, value: unknown, path: string): unknown {
  if (type.format === 'microtime') return decodeMicroTime(value, path);
  if (type.format !== undefined) return decodeQuantity(type.format, value, path);
  const wanted = type.scalar === 'numeric' ? 'number' : type.scalar;
  const fits = wanted === 'untyped' ? typeof value !== 'object' : typeof value === wanted;
  if (!fits) throw mismatch(value, path, type.scalar === 'numeric' ? 'int32' : type.scalar);
  return value;
}

/** Six digits and no others (kubernetes/apimachinery: pkg/apis/meta/v1/micro_time.go); kept in UTC. */
function decodeMicroTime(value: unknown, path: string): string {
  const [, seconds = '', micros, zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})(Z|[+-]\d\d:\d\d)$/.exec(String(value)) ?? [];
  const time = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(time)) {
    const layout = '2006-01-02T15:04:05.000000Z07:00';
    throw cannotHandle(path, `parsing time ${JSON.stringify(value)} as "${layout}"`);
  }
  return `${new Date(time).toISOString().slice(0, 19)}.${micros}Z`;
}

const milli = 1_000_000n;

function decodeQuantity(format: 'quantity' | 'amount', value: unknown, path: string): string {
  const text = typeof value === 'number' ? String(value) : value;
  const unit = format === 'amount' ? milli : 1n;
  const canonical = typeof text === 'string' ? canonicalQuantity(text, unit) : undefined;
  if (canonical !== undefined) return canonical;
  throw cannotHandle(
    path,
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

function mismatch(value: unknown, path: string, wanted: string) {
  const given = Array.isArray(value) ? 'array' : typeof value;
  return cannotHandle(
    path,
    `json: cannot unmarshal ${given} into Go struct field ${path} of type ${wanted}`,
  );
}

function cannotHandle(path: string, why: string) {
  const [kind = ''] = path.split('.');
  return badRequest(`${kind} in version "v1" cannot be handled as a ${kind}: ${why}`);
}

/** Where the value has fields that its type does not know, as `spec.template.bogus` and `items[0].bogus`. */
export function unknownFields(type: Type, value: unknown, path = ''): readonly string[] {
  if (type.type === 'list' && Array.isArray(value)) {
    return value.flatMap((item, index) => unknownFields(type.element, item, `${path}[${index}]`));
  }
  if (type.type !== 'map' || !isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const innerPath = path === '' ? key : `${path}.${key}`;
    const known = type.fields.get(key)?.type ?? type.element;
    return known === undefined ? [innerPath] : unknownFields(known, inner, innerPath);
  });
}
