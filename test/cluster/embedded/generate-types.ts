/**
 * Writes kubernetes-types.json: how the fields of the built-in kinds are typed, merged and printed,
 * taken from Kubernetes itself and from nothing else:
 *
 * - the merge schema (list keys, atomic lists and maps, defaults) out of
 *   k8s.io/client-go: applyconfigurations/internal/internal.go;
 * - which scalars are pointers in Go, and so keep a zero, and which lists and structures Go prints
 *   as null where they are empty, out of the types.go files of k8s.io/api and k8s.io/apimachinery.
 *
 * Needs Go, for its module proxy only. To move to another version change `release` in
 * kubernetes-modules.ts and run `node test/cluster/embedded/generate-types.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { moduleDirectory, release } from './kubernetes-modules.ts';

/** Only types that these need are kept. */
const roots = [
  'io.k8s.api.core.v1.ConfigMap',
  'io.k8s.api.core.v1.Event',
  'io.k8s.api.core.v1.LimitRange',
  'io.k8s.api.core.v1.Namespace',
  'io.k8s.api.core.v1.Node',
  'io.k8s.api.core.v1.Pod',
  'io.k8s.api.core.v1.ResourceQuota',
  'io.k8s.api.core.v1.Secret',
  'io.k8s.api.core.v1.Service',
  'io.k8s.api.core.v1.ServiceAccount',
  'io.k8s.api.apps.v1.ControllerRevision',
  'io.k8s.api.apps.v1.DaemonSet',
  'io.k8s.api.apps.v1.Deployment',
  'io.k8s.api.apps.v1.ReplicaSet',
  'io.k8s.api.coordination.v1.Lease',
  'io.k8s.api.events.v1.Event',
  'io.k8s.api.networking.v1.NetworkPolicy',
  'io.k8s.api.policy.v1.PodDisruptionBudget',
  'io.k8s.api.rbac.v1.ClusterRole',
  'io.k8s.api.rbac.v1.ClusterRoleBinding',
  'io.k8s.api.rbac.v1.Role',
  'io.k8s.api.rbac.v1.RoleBinding',
];

interface Atom {
  scalar?: string;
  namedType?: string;
  list?: { elementType: Atom; elementRelationship: string; keys?: string[] };
  map?: { fields?: Field[]; elementType?: Atom; elementRelationship?: string };
}
interface Field {
  name: string;
  type: Atom;
  default?: unknown;
}
type NamedAtom = Atom & { name: string };

function readSchema(clientGo: string): Map<string, NamedAtom> {
  const source = readFileSync(`${clientGo}/applyconfigurations/internal/internal.go`, 'utf8');
  const yaml = source.slice(source.indexOf('`') + 1, source.lastIndexOf('`'));
  const { types } = parse(yaml, { maxAliasCount: -1 }) as { types: NamedAtom[] };
  return new Map(types.map((type) => [type.name, type]));
}

/** What Go does with fields, as `Struct.field`. */
interface GoFields {
  readonly pointers: Set<string>;
  /** Lists, maps and pointers that are printed as null where they are empty. */
  readonly nulls: Set<string>;
}

function readGoFields(files: readonly string[]): GoFields {
  const fields: GoFields = { pointers: new Set(), nulls: new Set() };
  let struct = '';
  for (const line of files.flatMap((file) => readFileSync(file, 'utf8').split('\n'))) {
    struct = /^type (\w+) struct/.exec(line)?.[1] ?? struct;
    const [, type = '', name, options = ''] =
      /^\s+\w+\s+(\S+)\s+`json:"(\w+)([^"]*)"/.exec(line) ?? [];
    if (type.startsWith('*')) fields.pointers.add(`${struct}.${name}`);
    const canBeNil = /^(\*|\[\]|map\[)/.test(type);
    if (canBeNil && !options.includes('omit')) fields.nulls.add(`${struct}.${name}`);
  }
  return fields;
}

/** The type in the notation of types.ts: `list(core.v1.Container by name)`. */
function notation(type: Atom): string {
  if (type.namedType !== undefined) return shortName(type.namedType);
  // An inline type that may be anything is always the deduced one.
  if (type.scalar !== undefined && type.map !== undefined) return 'any';
  if (type.scalar !== undefined) return type.scalar;
  if (type.list !== undefined) return listNotation(type.list);
  const element = notation(type.map?.elementType ?? { scalar: 'string' });
  return `${type.map?.elementRelationship === 'atomic' ? 'atomicMap' : 'map'}(${element})`;
}

function listNotation({ elementType, elementRelationship, keys }: NonNullable<Atom['list']>) {
  const element = notation(elementType);
  if (elementRelationship === 'atomic') return `list(${element})`;
  return keys === undefined ? `set(${element})` : `list(${element} by ${keys.join(',')})`;
}

function shortName(name: string): string {
  if (name === '__untyped_deduced_' || name === '__untyped_atomic_') return 'any';
  return name.replace(/^io\.k8s\.(api|apimachinery\.pkg\.(apis|api|util))\./, '');
}

function reachable(schema: Map<string, NamedAtom>): readonly NamedAtom[] {
  const found = new Map<string, NamedAtom>();
  const waiting = [...roots];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const type = schema.get(name);
    if (found.has(name) || type === undefined || name.startsWith('__')) continue;
    found.set(name, type);
    const named = [...JSON.stringify(type).matchAll(/"namedType":"([^"]+)"/g)];
    waiting.push(...named.map(([, inner = '']) => inner));
  }
  return [...found.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

function fieldNotation(name: string, field: Field, go: GoFields): string {
  const type = notation(field.type);
  if (field.default !== undefined) return `${type} = ${JSON.stringify(field.default)}`;
  if (go.nulls.has(name)) return `${type} = null`;
  const isScalar = field.type.scalar !== undefined && field.type.map === undefined;
  return `${type}${isScalar && go.pointers.has(name) ? '?' : ''}`;
}

function structure(type: NamedAtom, go: GoFields): unknown {
  const fields = type.map?.fields;
  if (fields === undefined) return notation(type);
  const struct = type.name.slice(type.name.lastIndexOf('.') + 1);
  return {
    ...(type.map?.elementRelationship === 'atomic' ? { atomic: true } : {}),
    fields: Object.fromEntries(
      fields.map((field) => [field.name, fieldNotation(`${struct}.${field.name}`, field, go)]),
    ),
  };
}

const api = moduleDirectory('k8s.io/api');
const apimachinery = moduleDirectory('k8s.io/apimachinery');
const schema = readSchema(moduleDirectory('k8s.io/client-go'));
const goFiles = [
  ...['core', 'apps', 'coordination', 'events', 'networking', 'policy', 'rbac'].map(
    (group) => `${api}/${group}/v1/types.go`,
  ),
  `${apimachinery}/pkg/apis/meta/v1/types.go`,
];
const go = readGoFields(goFiles);
const output = {
  about: `Generated by generate-types.ts from k8s.io/client-go, k8s.io/api and k8s.io/apimachinery ${release}: do not edit.`,
  license: 'Copyright The Kubernetes Authors. Licensed under the Apache License, Version 2.0.',
  types: Object.fromEntries(
    reachable(schema).map((type) => [shortName(type.name), structure(type, go)]),
  ),
};
writeFileSync(
  new URL('./kubernetes-types.json', import.meta.url),
  `${JSON.stringify(output, null, 2)}\n`,
);
