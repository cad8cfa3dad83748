import type { KubeObject, Resource } from '../../../src/kube/objects.ts';
import { builtInRules } from './built-in-rules.ts';
import { decoded } from './decode.ts';
import { strictEventErrors } from './event-rules.ts';
import type { FieldSet } from './field-set.ts';
import { isObject, type JsonObject, without } from './json.ts';
import type { Grammar } from './name-rules.ts';
import { reviewGroupVersions } from './reviews.ts';
import { type FieldError, type GroupResource, noSuchResource, qualified } from './status-error.ts';
import type { Schema } from './structural.ts';
import { builtInColumns, plainColumns } from './tables/built-in.ts';
import type { Column } from './tables/column.ts';
import { type MapType, structType } from './types.ts';

/** What is special about a kind; everything left out is as for a ConfigMap. */
export interface Rules {
  /** Has a `/status` subresource: plain writes leave the status alone. */
  readonly status?: boolean;
  /** Counts changes in `metadata.generation`: whether this change of the object is one. */
  readonly changesGeneration?: (live: KubeObject, next: KubeObject) => boolean;
  /** Fills in defaults. */
  readonly defaults?: (object: KubeObject) => KubeObject;
  /** What a name may look like; an RFC 1123 subdomain by default. */
  readonly nameGrammar?: Grammar;
  /** What becomes of the object when its deletion begins. */
  readonly beginDeletion?: (live: KubeObject) => KubeObject;
  /** Fields that the server itself decides on a write; `live` is absent for a new object. */
  readonly prepare?: (next: KubeObject, live: KubeObject | undefined) => KubeObject;
  /** Violated rules; `live` is absent for a new object. */
  readonly validate?: (next: KubeObject, live: KubeObject | undefined) => readonly FieldError[];
  /** Violated rules of a status write. */
  readonly validateStatus?: (next: KubeObject, live: KubeObject) => readonly FieldError[];
  /** Fields that a write of the status leaves alone; the spec by default. */
  readonly statusResets?: FieldSet;
  /** A PUT of an absent object creates it. */
  readonly createsOnUpdate?: boolean;
  /** A PUT must name the resourceVersion that it replaces. */
  readonly needsResourceVersion?: boolean;
  /** The seconds a deleted object is kept for whoever runs it; 0 removes it at once. */
  readonly gracePeriodSeconds?: (live: KubeObject, requested: number | undefined) => number;
}

/** A served kind. */
export interface Kind extends Resource {
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** Names for several kinds at once, as `all`. */
  readonly categories: readonly string[];
  /** How its fields are merged and owned. */
  readonly type: MapType;
  /** An object of the kind before anybody has written anything. */
  readonly empty: JsonObject;
  /** The object as the server understands it: known fields only, normalised, defaults filled in. */
  readonly decode: (object: KubeObject) => KubeObject;
  readonly rules: Rules;
  /** What a table shows of it. */
  readonly columns: readonly Column[];
  /** Of a custom kind, the schema in its definition. */
  readonly schema?: Schema;
  /** Another API's view of objects that are stored as this kind, under these rules. */
  readonly viewOf?: Kind;
  /** Made by a CustomResourceDefinition. */
  readonly isCustom: boolean;
}

export interface KindsOptions {
  /** Further API groups, as `route.openshift.io/v1`, that discovery shows without any kind. */
  readonly groups?: readonly string[] | undefined;
  /** The server's version, as `v1.36.3`. */
  readonly version: string;
}

/** The first minor version that keeps requests for whole pods (feature gate PodLevelResources). */
const podResourcesMinor = 34;

/** The kind of an older server, which drops requests for whole pods as unknown. */
function withoutPodResources(kind: Kind): Kind {
  const path = kind.kind === 'Pod' ? ['spec'] : ['spec', 'template', 'spec'];
  return { ...kind, decode: (object) => kind.decode(dropped(object, [...path, 'resources'])) };
}

/** The object without the field at the end of the path. */
function dropped<T extends JsonObject>(object: T, [field = '', ...rest]: readonly string[]): T {
  const inner = object[field];
  if (rest.length === 0) return without(object, field);
  return isObject(inner) ? { ...object, [field]: dropped(inner, rest) } : object;
}

/** The kinds that the server serves now: the built-in ones and those of CustomResourceDefinitions. */
export class Kinds {
  readonly #kinds = new Map<string, Kind>();
  readonly #emptyGroups: ReadonlySet<string>;

  constructor({ groups = [], version }: KindsOptions) {
    this.#emptyGroups = new Set([...groups, ...reviewGroupVersions]);
    const [, minor = ''] = /^v1\.(\d+)/.exec(version) ?? [];
    const isOld = Number(minor) < podResourcesMinor;
    for (const kind of builtInKinds) this.add(isOld ? withoutPodResources(kind) : kind);
  }

  add(kind: Kind): void {
    this.#kinds.set(servedAt(kind), kind);
  }

  remove(kind: Resource): void {
    this.#kinds.delete(servedAt(kind));
  }

  /** The kind served at this place; undefined where none is. */
  find(group: string, version: string, plural: string): Kind | undefined {
    return this.#kinds.get(servedAt({ group, version, plural }));
  }

  /** The served kind of a resource; 404 where there is none. */
  of(resource: Resource): Kind {
    const kind = this.find(resource.group, resource.version, resource.plural);
    if (kind === undefined) throw noSuchResource();
    return kind;
  }

  /** The kind that an object's apiVersion and kind name; undefined where it is not served. */
  ofObject(apiVersion: string, kind: string): Kind | undefined {
    return this.all().find((served) => served.kind === kind && apiVersionOf(served) === apiVersion);
  }

  all(): readonly Kind[] {
    return [...this.#kinds.values()];
  }

  /** Served group versions other than the core's, as `apps/v1`. */
  groupVersions(): readonly string[] {
    const served = this.all().map(apiVersionOf);
    return [...new Set([...served, ...this.#emptyGroups])].filter((one) => one.includes('/'));
  }
}

/** `v1` or `apps/v1`. */
export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

function servedAt({ version, ...resource }: GroupResource & { readonly version: string }): string {
  return `${version}/${qualified(resource)}`;
}

/** One built-in kind of version v1 whose plural is the lower-case kind with an `s`. */
function builtIn(group: string, kind: string, more: Partial<Kind> = {}): Kind {
  const singular = kind.toLowerCase();
  const rules = builtInRules[kind] ?? {};
  const type = structType(`${group.split('.')[0] || 'core'}.v1.${kind}`);
  return {
    group,
    version: 'v1',
    kind,
    singular,
    plural: `${singular}s`,
    namespaced: true,
    shortNames: [],
    categories: [],
    type,
    empty: decoded(kind, type, {}),
    decode: (object) => {
      const known = decoded(kind, type, object);
      return rules.defaults?.(known) ?? known;
    },
    rules,
    columns: builtInColumns[kind] ?? plainColumns,
    isCustom: false,
    ...more,
  };
}

const clusterScoped = { namespaced: false } as const;
/** What `kubectl get all` shows. */
const inAll = { categories: ['all'] } as const;
const rbac = 'rbac.authorization.k8s.io';

export const namespaces = builtIn('', 'Namespace', { ...clusterScoped, shortNames: ['ns'] });
export const configMaps = builtIn('', 'ConfigMap', { shortNames: ['cm'] });
export const pods = builtIn('', 'Pod', { shortNames: ['po'], ...inAll });
export const resourceQuotas = builtIn('', 'ResourceQuota', { shortNames: ['quota'] });
export const limitRanges = builtIn('', 'LimitRange', { shortNames: ['limits'] });
export const serviceAccounts = builtIn('', 'ServiceAccount', { shortNames: ['sa'] });
export const events = builtIn('', 'Event', { shortNames: ['ev'] });
const strictEvents = { ...events, rules: { ...events.rules, validate: strictEventErrors } };
export const roles = builtIn(rbac, 'Role');
export const roleBindings = builtIn(rbac, 'RoleBinding');
export const clusterRoles = builtIn(rbac, 'ClusterRole', clusterScoped);
export const clusterRoleBindings = builtIn(rbac, 'ClusterRoleBinding', clusterScoped);
export const customResourceDefinitions = builtIn(
  'apiextensions.k8s.io',
  'CustomResourceDefinition',
  { ...clusterScoped, shortNames: ['crd', 'crds'], categories: ['api-extensions'] },
);

const builtInKinds: readonly Kind[] = [
  namespaces,
  configMaps,
  pods,
  resourceQuotas,
  limitRanges,
  serviceAccounts,
  builtIn('', 'Node', { ...clusterScoped, shortNames: ['no'] }),
  builtIn('', 'Secret'),
  builtIn('', 'Service', { shortNames: ['svc'], ...inAll }),
  events,
  builtIn('events.k8s.io', 'Event', { shortNames: ['ev'], viewOf: strictEvents }),
  builtIn('apps', 'Deployment', { shortNames: ['deploy'], ...inAll }),
  builtIn('apps', 'ReplicaSet', { shortNames: ['rs'], ...inAll }),
  builtIn('apps', 'DaemonSet', { shortNames: ['ds'], ...inAll }),
  builtIn('apps', 'ControllerRevision'),
  roles,
  roleBindings,
  clusterRoles,
  clusterRoleBindings,
  customResourceDefinitions,
  builtIn('coordination.k8s.io', 'Lease'),
  builtIn('policy', 'PodDisruptionBudget', { shortNames: ['pdb'] }),
  builtIn('networking.k8s.io', 'NetworkPolicy', {
    plural: 'networkpolicies',
    shortNames: ['netpol'],
  }),
];
