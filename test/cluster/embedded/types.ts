import { readFileSync } from 'node:fs';
import { definitionTypes } from './definition-types.ts';

/**
 * What the API server knows of the fields of a kind: the schema of
 * sigs.k8s.io/structured-merge-diff (schema/elements.go), and what Go prints of a zero value.
 */
export type Type = ScalarType | AnyType | ListType | MapType;

export interface ScalarType {
  readonly type: 'scalar';
  readonly scalar: 'string' | 'numeric' | 'boolean' | 'untyped';
  /** Set for scalars that are stored in one spelling only; an amount of a resource in thousandths. */
  readonly format?: 'quantity' | 'amount' | 'microtime';
}

/** Whatever comes: maps field by field, lists and scalars as a whole. */
export interface AnyType {
  readonly type: 'any';
}

export interface ListType {
  readonly type: 'list';
  readonly element: Type;
  /** Items are told apart as a whole (atomic: not at all), by themselves (set), or by their keys. */
  readonly relation: 'atomic' | 'set' | 'keyed';
  readonly keys: readonly string[];
}

export interface MapType {
  readonly type: 'map';
  /** Of a structure of Kubernetes itself, as `apps.v1.DaemonSet`. */
  readonly name?: string;
  readonly atomic: boolean;
  /** Known fields. A map of free keys has none. */
  readonly fields: ReadonlyMap<string, Field>;
  /** The type of every other key; absent where there may be none. */
  readonly element: Type | undefined;
}

export interface Field {
  readonly type: Type;
  /** What an absent field is printed as, if it is. */
  readonly default: unknown;
  /** A pointer in Go: a zero is kept, where others of its kind are dropped. */
  readonly isPointer: boolean;
}

export const anything: AnyType = { type: 'any' };
export const text: ScalarType = { type: 'scalar', scalar: 'string' };

const scalars: Readonly<Record<string, Type>> = {
  string: text,
  numeric: { type: 'scalar', scalar: 'numeric' },
  boolean: { type: 'scalar', scalar: 'boolean' },
  untyped: { type: 'scalar', scalar: 'untyped' },
  any: anything,
  'resource.Quantity': { type: 'scalar', scalar: 'untyped', format: 'quantity' },
  'meta.v1.MicroTime': { type: 'scalar', scalar: 'untyped', format: 'microtime' },
};

interface StructDefinition {
  readonly atomic?: boolean;
  readonly fields: Readonly<Record<string, string>>;
}

interface MutableStruct extends MapType {
  readonly fields: Map<string, Field>;
}

const generated = JSON.parse(
  readFileSync(new URL('./kubernetes-types.json', import.meta.url), 'utf8'),
) as { readonly types: Readonly<Record<string, StructDefinition | string>> };
const definitions: typeof generated.types = { ...generated.types, ...definitionTypes };

const structs = new Map<string, MutableStruct>();

/** A type of Kubernetes, as `apps.v1.DaemonSet`. */
function builtInType(name: string): Type {
  const known = scalars[name] ?? structs.get(name);
  if (known !== undefined) return known;
  const definition = definitions[name];
  if (definition === undefined) throw new Error(`there is no type ${name}`);
  if (typeof definition === 'string') return parseType(definition);
  const struct: MutableStruct = {
    type: 'map',
    name,
    atomic: definition.atomic ?? false,
    fields: new Map(),
    element: undefined,
  };
  // Known before its fields are: types can contain themselves.
  structs.set(name, struct);
  for (const [field, notation] of Object.entries(definition.fields)) {
    struct.fields.set(field, parseField(notation));
  }
  return struct;
}

/** A kind's own structure. */
export function structType(name: string): MapType {
  const type = builtInType(name);
  if (type.type !== 'map') throw new Error(`${name} is not a structure`);
  return type;
}

/** A kind of which nothing is known but that it has metadata, or the types of some fields. */
export function customType(fields: Readonly<Record<string, Type>> = {}): MapType {
  const known: Readonly<Record<string, Type>> = {
    apiVersion: text,
    kind: text,
    metadata: builtInType('meta.v1.ObjectMeta'),
    ...fields,
  };
  return {
    type: 'map',
    atomic: false,
    fields: new Map(Object.entries(known).map(([name, type]) => [name, field(type)])),
    element: anything,
  };
}

/** A field that is printed where it is given, and then whatever it is. */
export function field(type: Type, printed?: unknown): Field {
  return { type, default: printed, isPointer: true };
}

function parseField(notation: string): Field {
  const [, type = '', pointer, printed] = /^([^=?]+?)(\?)?(?: = (.*))?$/.exec(notation) ?? [];
  return {
    type: parseType(type),
    default: printed === undefined ? undefined : JSON.parse(printed),
    isPointer: pointer !== undefined,
  };
}

function parseType(notation: string): Type {
  const [, shape, element = '', keys] = /^(\w+)\((.+?)(?: by (.+))?\)$/.exec(notation) ?? [];
  switch (shape) {
    case undefined:
      return builtInType(notation);
    case 'list':
      return {
        type: 'list',
        element: parseType(element),
        relation: keys === undefined ? 'atomic' : 'keyed',
        keys: keys?.split(',') ?? [],
      };
    case 'set':
      return { type: 'list', element: parseType(element), relation: 'set', keys: [] };
    default:
      return mapOf(mapElement(element), shape === 'atomicMap');
  }
}

/** Maps of quantities are all amounts of resources. */
function mapElement(notation: string): Type {
  return notation === 'resource.Quantity'
    ? { type: 'scalar', scalar: 'untyped', format: 'amount' }
    : parseType(notation);
}

/** A map of free keys. */
export function mapOf(element: Type, atomic = false): MapType {
  return { type: 'map', atomic, fields: new Map(), element };
}

/** The type of a field; undefined where there may be no such field. */
export function fieldType(map: MapType, name: string): Type | undefined {
  return map.fields.get(name)?.type ?? map.element;
}
