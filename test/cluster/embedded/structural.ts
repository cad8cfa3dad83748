import { asList, at, isEqual, isObject, type JsonObject } from './json.ts';
import type { FieldError } from './status-error.ts';
import {
  anything,
  customType,
  field,
  type ListType,
  type MapType,
  mapOf,
  type ScalarType,
  type Type,
} from './types.ts';

/** A structural schema, as a CustomResourceDefinition holds it; the parts that count here. */
export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'granular' | 'atomic';
}

/** How the fields of a custom kind are merged and owned. */
export function customKindType(schema: Schema): MapType {
  const { properties = {} } = schema;
  const others = Object.entries(properties).filter(([name]) => !isServerField(name));
  const known = customType(Object.fromEntries(others.map(([name, one]) => [name, typeOf(one)])));
  return { ...known, element: keepsUnknown(schema) ? anything : undefined };
}

const isServerField = (name: string) => ['apiVersion', 'kind', 'metadata'].includes(name);
const keepsUnknown = (schema: Schema) => schema['x-kubernetes-preserve-unknown-fields'] === true;

function typeOf(schema: Schema): Type {
  if (schema['x-kubernetes-int-or-string']) return { type: 'scalar', scalar: 'untyped' };
  switch (schema.type) {
    case 'object':
      return objectType(schema);
    case 'array':
      return listType(schema);
    case 'string':
    case 'boolean':
      return { type: 'scalar', scalar: schema.type };
    case 'integer':
    case 'number':
      return { type: 'scalar', scalar: 'numeric' } satisfies ScalarType;
    default:
      return anything;
  }
}

function objectType(schema: Schema): Type {
  const { properties = {}, additionalProperties } = schema;
  const atomic = schema['x-kubernetes-map-type'] === 'atomic';
  if (isObject(additionalProperties)) return mapOf(typeOf(additionalProperties as Schema), atomic);
  const fields = Object.entries(properties).map(
    ([name, one]) => [name, field(typeOf(one), one.default)] as const,
  );
  return {
    type: 'map',
    atomic,
    fields: new Map(fields),
    element: keepsUnknown(schema) || additionalProperties === true ? anything : undefined,
  };
}

function listType(schema: Schema): ListType {
  const relations = { map: 'keyed', set: 'set', atomic: 'atomic' } as const;
  return {
    type: 'list',
    element: typeOf(schema.items ?? {}),
    relation: relations[schema['x-kubernetes-list-type'] ?? 'atomic'],
    keys: schema['x-kubernetes-list-map-keys'] ?? [],
  };
}

/**
 * The value as it is stored: without fields that the schema does not name, with defaults, and
 * without nulls where they mean absent.
 */
export function pruned(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => pruned(itemSchema(schema), item));
  if (!isObject(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const known = propertySchema(schema, name);
    if (known === undefined || (inner === null && known.nullable !== true)) continue;
    kept[name] = pruned(known, inner);
  }
  for (const [name, one] of Object.entries(schema.properties ?? {})) {
    if (kept[name] === undefined && one.default !== undefined)
      kept[name] = pruned(one, one.default);
  }
  return kept;
}

/** What holds for the items of a list: nothing where unknown fields are kept. */
function itemSchema(schema: Schema): Schema {
  return schema.items ?? (keepsUnknown(schema) ? schema : {});
}

/** What holds for a field; undefined where the schema has no such field. */
function propertySchema(schema: Schema, name: string): Schema | undefined {
  const { properties = {}, additionalProperties } = schema;
  if (Object.hasOwn(properties, name)) return properties[name];
  if (isObject(additionalProperties)) return additionalProperties as Schema;
  return keepsUnknown(schema) || additionalProperties === true
    ? { 'x-kubernetes-preserve-unknown-fields': true, nullable: true }
    : undefined;
}

/**
 * Where a value breaks its schema, in the words of kubernetes/kubernetes:
 * apiextensions-apiserver/pkg/apiserver/validation and kube-openapi/pkg/validation.
 */
export function schemaErrors(schema: Schema, value: unknown, path: string): readonly FieldError[] {
  if (value === null && schema.nullable) return [];
  const mismatch = typeError(schema, value, path);
  if (mismatch !== undefined) return [mismatch];
  return [
    ...enumErrors(schema, value, path),
    ...(typeof value === 'string' ? textErrors(schema, value, path) : []),
    ...(typeof value === 'number' ? numberErrors(schema, value, path) : []),
    ...(Array.isArray(value) ? listErrors(schema, value, path) : []),
    ...(isObject(value) ? objectErrors(schema, value, path) : []),
  ];
}

function typeError(schema: Schema, value: unknown, path: string): FieldError | undefined {
  const given = jsonType(value);
  if (schema['x-kubernetes-int-or-string']) {
    return given === 'integer' || given === 'string'
      ? undefined
      : wrongType(path, 'integer,string', given);
  }
  const fits =
    schema.type === undefined ||
    schema.type === given ||
    (schema.type === 'number' && given === 'integer');
  return fits ? undefined : wrongType(path, schema.type, given);
}

function jsonType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function wrongType(path: string, wanted: string, given: string): FieldError {
  const detail = `${path} in body must be of type ${wanted}: ${JSON.stringify(given)}`;
  return { type: 'FieldValueTypeInvalid', field: path, value: given, detail };
}

function invalidValue(path: string, value: unknown, rule: string): FieldError {
  return { type: 'FieldValueInvalid', field: path, value, detail: `${path} in body ${rule}` };
}

function enumErrors(schema: Schema, value: unknown, path: string): readonly FieldError[] {
  const { enum: values } = schema;
  if (values === undefined || values.some((one) => isEqual(one, value))) return [];
  const supported = values.map((one) =>
    JSON.stringify(typeof one === 'string' ? one : String(one)),
  );
  const detail = `supported values: ${supported.join(', ')}`;
  return [{ type: 'FieldValueNotSupported', field: path, value, detail }];
}

function textErrors(schema: Schema, value: string, path: string): readonly FieldError[] {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
  const length = [...value].length;
  const errors: FieldError[] = [];
  if (length > maxLength) {
    const detail = `may not be more than ${maxLength} bytes`;
    errors.push({ type: 'FieldValueTooLong', field: path, detail });
  }
  if (length < minLength) {
    errors.push(invalidValue(path, value, `should be at least ${minLength} chars long`));
  }
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
    errors.push(invalidValue(path, value, `should match '${pattern}'`));
  }
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) {
    errors.push(invalidValue(path, value, `must be of type date-time: ${JSON.stringify(value)}`));
  }
  return errors;
}

function numberErrors(schema: Schema, value: number, path: string): readonly FieldError[] {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  if (value < minimum) {
    return [invalidValue(path, value, `should be greater than or equal to ${minimum}`)];
  }
  return value > maximum
    ? [invalidValue(path, value, `should be less than or equal to ${maximum}`)]
    : [];
}

function listErrors(
  schema: Schema,
  items: readonly unknown[],
  path: string,
): readonly FieldError[] {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  const errors: FieldError[] = [];
  if (items.length > maxItems) {
    const detail = `must have at most ${maxItems} items`;
    errors.push({ type: 'FieldValueTooMany', field: path, value: items.length, detail });
  }
  if (items.length < minItems) {
    errors.push(invalidValue(path, items.length, `should have at least ${minItems} items`));
  }
  const inner = items.flatMap((item, index) =>
    schemaErrors(schema.items ?? {}, item, `${path}[${index}]`),
  );
  return [...errors, ...inner, ...duplicateErrors(schema, items, path)];
}

/** Items of a set, and the keys of a list map, are unique. */
function duplicateErrors(
  schema: Schema,
  items: readonly unknown[],
  path: string,
): readonly FieldError[] {
  const relation = schema['x-kubernetes-list-type'] ?? 'atomic';
  if (relation === 'atomic') return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const identity = (item: unknown) =>
    relation === 'set' ? item : Object.fromEntries(keys.map((key) => [key, at(item, key)]));
  const seen: unknown[] = [];
  return items.flatMap((item, index): readonly FieldError[] => {
    const own = identity(item);
    const isKnown = seen.some((one) => isEqual(one, own));
    seen.push(own);
    const error = {
      type: 'FieldValueDuplicate',
      field: `${path}[${index}]`,
      value: own,
      detail: '',
    };
    return isKnown ? [error as FieldError] : [];
  });
}

function objectErrors(schema: Schema, value: JsonObject, path: string): readonly FieldError[] {
  const inside = (name: string) => (path === '' ? name : `${path}.${name}`);
  const missing = asList(schema.required)
    .map(String)
    .filter((name) => value[name] === undefined)
    .map((name): FieldError => ({ type: 'FieldValueRequired', field: inside(name), detail: '' }));
  const inner = Object.entries(value).flatMap(([name, one]) => {
    const known = propertySchema(schema, name);
    return known === undefined ? [] : schemaErrors(known, one, inside(name));
  });
  return [...missing, ...inner];
}
