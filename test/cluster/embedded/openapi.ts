import { createHash } from 'node:crypto';
import { isObject, type JsonObject } from './json.ts';
import { apiVersionOf, type Kind, type Kinds } from './kinds.ts';
import { patchTypesOf } from './patches.ts';
import { noSuchResource } from './status-error.ts';
import { mergeKey, patchStrategy } from './strategic-merge.ts';
import type { Field, ListType, MapType, ScalarType, Type } from './types.ts';

/**
 * The OpenAPI v3 documents of the API, as far as clients use them: which kinds there are, which
 * fields they have and how those are merged, and which parameters and patches a server takes.
 */

/** `/openapi/v3`: where the documents are. The hash changes with what is in them. */
export function openApiIndex(kinds: Kinds): JsonObject {
  const groupVersions = [...new Set(kinds.all().map(apiVersionOf))];
  const paths = groupVersions.map((groupVersion) => {
    const path = rootOf(groupVersion);
    const document = JSON.stringify(openApiDocument(kinds, path));
    const hash = createHash('sha256').update(document).digest('hex').toUpperCase();
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) };
}

/** `/openapi/v3/<path>`, as `api/v1` or `apis/apps/v1`; 404 where that is not served. */
export function openApiDocument(kinds: Kinds, path: string): JsonObject {
  const served = kinds.all().filter((kind) => rootOf(apiVersionOf(kind)) === path);
  if (served.length === 0) throw noSuchResource();
  const schemas = new Schemas();
  for (const kind of served) schemas.addKind(kind);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'unversioned' },
    paths: Object.fromEntries(served.flatMap(pathsOf)),
    components: { schemas: schemas.all },
  };
}

function rootOf(groupVersion: string): string {
  return groupVersion.includes('/') ? `apis/${groupVersion}` : `api/${groupVersion}`;
}

function groupVersionKind({ group, version, kind }: Kind) {
  return { group, version, kind };
}

const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'];

/** The paths of the collection and of one object, with what may be done there. */
function pathsOf(kind: Kind): readonly (readonly [path: string, item: JsonObject])[] {
  const root = `/${rootOf(apiVersionOf(kind))}`;
  const all = `${root}/${kind.plural}`;
  const collection = kind.namespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : all;
  const get = operation(kind, []);
  return [
    [all, { get }],
    [collection, { get, post: operation(kind, writeParameters) }],
    [
      `${collection}/{name}`,
      {
        get,
        put: operation(kind, writeParameters),
        patch: {
          ...operation(kind, [...writeParameters, 'force']),
          requestBody: {
            content: Object.fromEntries(patchTypesOf(kind).map((type) => [type, {}])),
          },
        },
        delete: operation(kind, ['dryRun']),
      },
    ],
  ];
}

function operation(kind: Kind, parameters: readonly string[]): JsonObject {
  return {
    'x-kubernetes-group-version-kind': groupVersionKind(kind),
    parameters: parameters.map((name) => ({ name, in: 'query', schema: { type: 'string' } })),
    responses: { 200: { description: 'OK' } },
  };
}

/** The schemas of a document, each structure of Kubernetes once. */
class Schemas {
  readonly all: Record<string, JsonObject> = {};

  addKind(kind: Kind): void {
    const name = kind.type.name ?? `${kind.group}.${kind.version}.${kind.kind}`;
    const schema = isObject(kind.schema)
      ? this.#customKind(kind, kind.schema)
      : this.#structure(kind.type);
    this.all[name] = {
      ...schema,
      'x-kubernetes-group-version-kind': [groupVersionKind(kind)],
    };
  }

  /** What its definition says, with the fields that every object has. */
  #customKind({ type }: Kind, schema: JsonObject): JsonObject {
    const common = Object.fromEntries(
      ['apiVersion', 'kind', 'metadata'].map((name) => [name, this.#fieldIn(type, name)]),
    );
    const own = isObject(schema['properties']) ? schema['properties'] : {};
    return { ...schema, properties: { ...own, ...common } };
  }

  #structure(struct: MapType): JsonObject {
    const names = [...struct.fields.keys()];
    return {
      type: 'object',
      ...(struct.atomic && { 'x-kubernetes-map-type': 'atomic' }),
      properties: Object.fromEntries(names.map((name) => [name, this.#fieldIn(struct, name)])),
      ...(struct.element && { additionalProperties: this.#schema(struct.element) }),
    };
  }

  #fieldIn(struct: MapType, name: string): JsonObject {
    const { type } = struct.fields.get(name) as Field; // asked for the fields that it has
    const strategy = patchStrategy(struct, name);
    const schema = this.#schema(type);
    if (strategy === undefined) return schema;
    // Beside a reference nothing counts.
    const own = '$ref' in schema ? { allOf: [schema] } : schema;
    return { ...own, 'x-kubernetes-patch-strategy': strategy };
  }

  #schema(type: Type): JsonObject {
    switch (type.type) {
      case 'any':
        return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
      case 'scalar':
        return scalar(type);
      case 'list':
        return this.#list(type);
      case 'map':
        return this.#map(type);
    }
  }

  #list(list: ListType): JsonObject {
    const key = mergeKey(list);
    const relations = { atomic: 'atomic', set: 'set', keyed: 'map' } as const;
    return {
      type: 'array',
      items: this.#schema(list.element),
      'x-kubernetes-list-type': relations[list.relation],
      ...(list.keys.length > 0 && { 'x-kubernetes-list-map-keys': list.keys }),
      ...(key !== undefined && { 'x-kubernetes-patch-merge-key': key }),
      ...(list.relation !== 'atomic' && { 'x-kubernetes-patch-strategy': 'merge' }),
    };
  }

  #map(map: MapType): JsonObject {
    const { name } = map;
    if (name === undefined) return this.#structure(map);
    if (this.all[name] === undefined) {
      // Known before its fields are: structures can contain themselves.
      this.all[name] = {};
      this.all[name] = this.#structure(map);
    }
    return { $ref: `#/components/schemas/${name}` };
  }
}

function scalar({ scalar: kind, format }: ScalarType): JsonObject {
  if (format !== undefined) return { oneOf: [{ type: 'string' }, { type: 'number' }] };
  switch (kind) {
    case 'numeric':
      return { type: 'integer' };
    case 'untyped':
      return { oneOf: [{ type: 'string' }, { type: 'integer' }] };
    default:
      return { type: kind };
  }
}
