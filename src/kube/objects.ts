/** Kubernetes objects as the JSON they are on the wire: no field is lost, dates stay strings. */

/** An owner of an object, in `metadata.ownerReferences`. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** One entry of `metadata.managedFields`; `fieldsV1` is the tree of owned fields. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly subresource?: string;
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: FieldTree;
}

/** The fieldsV1 format: `f:<field>`, `k:{<keys>}`, `v:<value>` and `.` for the node itself. */
export interface FieldTree {
  readonly [path: string]: FieldTree;
}

/** `metadata`, as far as it is read or written. */
export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** Any object. `spec`, `status`, `data` and the rest are narrowed where they are read. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** One page of a list. `items` carry apiVersion and kind, which the server leaves out. */
export interface KubeList {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly items: readonly KubeObject[];
}

/** Where a kind is served. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** `v1` or `apps/v1`, as objects spell it. */
export function apiVersion(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The URL path of a collection, an object or a subresource. Names are percent-encoded. */
export function resourcePath(
  resource: Resource,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  const root =
    resource.group === ''
      ? `/api/${resource.version}`
      : `/apis/${resource.group}/${resource.version}`;
  const scope =
    resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${scope}/${resource.plural}${object}${subresource ? `/${subresource}` : ''}`;
}

/** The controlling owner of an object, if it has one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** Claims that the controlling owner of the object is the one with this uid. */
export function isControlledBy(object: KubeObject, ownerUid: string): boolean {
  return controllerOf(object)?.uid === ownerUid;
}

/** A work queue key: `namespace/name`, or the bare name of a cluster-scoped object. */
export type Key = string;

/** The key of an object. */
export function keyOf(object: KubeObject): Key {
  const { namespace, name = '' } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

/** The parts of a key; the namespace is empty for a cluster-scoped object. */
export function splitKey(key: Key): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: '', name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The kinds this operator reads or writes, and their served versions. */
const core = (plural: string, kind: string): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});
const apps = (plural: string, kind: string): Resource => ({
  group: 'apps',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});
const rbac = (plural: string, kind: string): Resource => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});

/** v1 ConfigMap. */
export const configMaps = core('configmaps', 'ConfigMap');
/** v1 ServiceAccount. */
export const serviceAccounts = core('serviceaccounts', 'ServiceAccount');
/** v1 Pod. */
export const pods = core('pods', 'Pod');
/** Events as the core group has them, of what the cluster's own controllers tell. */
export const coreEvents = core('events', 'Event');
/** events.k8s.io/v1 Event, as the operator writes them. */
export const events: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};
/** apps/v1 Deployment. */
export const deployments = apps('deployments', 'Deployment');
/** apps/v1 DaemonSet. */
export const daemonSets = apps('daemonsets', 'DaemonSet');
/** rbac.authorization.k8s.io/v1 Role. */
export const roles = rbac('roles', 'Role');
/** rbac.authorization.k8s.io/v1 RoleBinding. */
export const roleBindings = rbac('rolebindings', 'RoleBinding');
/** coordination.k8s.io/v1 Lease. */
export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
