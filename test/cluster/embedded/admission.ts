import type { KubeObject, OwnerReference } from '../../../src/kube/objects.ts';
import { isEqual } from './json.ts';
import { clusterRoles, type Kinds, limitRanges, namespaces, pods, roles } from './kinds.ts';
import { limitRangeRefusal, withDefaultResources } from './limit-range.ts';
import {
  type Authorizer,
  goList,
  missingRights,
  type PolicyRule,
  type RoleRef,
  rulesIn,
  ruleText,
} from './rbac.ts';
import { forbidden, invalid, notFound, qualified } from './status-error.ts';
import type { Store } from './store.ts';
import { mastersGroup, type User } from './users.ts';
import type { Admission, Admissions, Attempt } from './writer.ts';

const immortal: readonly string[] = ['default', 'kube-system', 'kube-public'];

/** The namespace must exist for an object to be made in it, and must not be going. */
export function namespaceLifecycle(store: Store): Admission {
  return ({ verb, kind, namespace, name }) => {
    if (verb === 'delete' && kind.kind === 'Namespace' && immortal.includes(name)) {
      throw forbidden(kind, name, 'this namespace may not be deleted');
    }
    if (verb !== 'create' || !kind.namespaced) return;
    const live = store.get(namespaces, '', namespace);
    if (live === undefined) throw notFound(namespaces, namespace);
    if (live.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw forbidden(kind, name, why, [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ]);
  };
}

/** LimitRanger: fills in what a new pod leaves open, then holds it to the ranges of its namespace. */
export function limitRanger(store: Store): Required<Pick<Admissions, 'fill' | 'after'>> {
  const rangesFor = ({ verb, kind, namespace }: Attempt) =>
    verb === 'create' && qualified(kind) === qualified(pods)
      ? store.list(limitRanges, namespace)
      : [];
  const refuse: Admission = (attempt) => {
    if (attempt.next === undefined) return;
    for (const range of rangesFor(attempt)) {
      const why = limitRangeRefusal(attempt.next, range);
      if (why !== undefined) throw forbidden(attempt.kind, attempt.name, why);
    }
  };
  return {
    fill: [(attempt, next) => withDefaultResources(next, rangesFor(attempt))],
    after: [refuse],
  };
}

/** An apply is authorised as a patch; where it creates, it needs the right to create as well. */
export function createPermission(authorizer: Authorizer): Admission {
  return ({ verb, kind, namespace, options: { user, mayCreate } }) => {
    if (verb !== 'create' || user === undefined || mayCreate) return;
    authorizer.refuse(user, target('create', kind, namespace, ''));
  };
}

/**
 * Nobody hands out rights that they do not hold: a role needs all that it grants (or `escalate`),
 * a binding all that its role grants (or `bind`). kubernetes/kubernetes:
 * pkg/registry/rbac/{role,rolebinding}/policybased/storage.go.
 */
export function rightsEscalation(authorizer: Authorizer): Admission {
  return (attempt) => {
    const { kind, next, options } = attempt;
    if (options.user === undefined || next === undefined) return;
    if (options.user.groups.includes(mastersGroup)) return;
    if (kind.group !== roles.group) return;
    if (kind.kind.endsWith('Binding')) refuseBinding(authorizer, attempt, next, options.user);
    else refuseRole(authorizer, attempt, next, options.user);
  };
}

function refuseRole(authorizer: Authorizer, attempt: Attempt, next: KubeObject, user: User): void {
  const { kind, namespace, name, live } = attempt;
  if (live !== undefined && isEqual(live['rules'], next['rules'])) return;
  if (authorizer.allows(user, target('escalate', kind, namespace, name))) return;
  refuseMissingRights(authorizer, attempt, user, rulesIn(next));
}

function refuseBinding(
  authorizer: Authorizer,
  attempt: Attempt,
  next: KubeObject,
  user: User,
): void {
  const { namespace, live } = attempt;
  if (live !== undefined && isEqual(live['subjects'], next['subjects'])) return;
  const ref = next['roleRef'] as RoleRef;
  const kind = ref.kind === 'Role' ? roles : clusterRoles;
  if (authorizer.allows(user, target('bind', kind, namespace, ref.name))) return;
  refuseMissingRights(authorizer, attempt, user, authorizer.rulesOf(ref, namespace));
}

function refuseMissingRights(
  authorizer: Authorizer,
  { kind, namespace, name }: Attempt,
  user: User,
  wanted: readonly PolicyRule[],
): void {
  const missing = missingRights(authorizer.rulesFor(user, namespace), wanted);
  if (missing.length === 0) return;
  const who = `user ${JSON.stringify(user.name)} (groups=${goList(user.groups)})`;
  const texts = [...new Set(missing.map(ruleText))].sort().join('\n');
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${texts}`;
  throw forbidden(kind, name, why);
}

/**
 * OwnerReferencesPermissionEnforcement: changing the owners of an object needs the right to delete
 * it, and blocking an owner's deletion the right to update its finalizers. On in OpenShift.
 * kubernetes/kubernetes: plugin/pkg/admission/gc/gc_admission.go.
 */
export function ownerPermissions(authorizer: Authorizer, kinds: Kinds): Admission {
  return (attempt) => {
    const { verb, kind, namespace, name, next, live, options } = attempt;
    if (options.user === undefined || next === undefined) return;
    const owners = next.metadata.ownerReferences ?? [];
    const before = live?.metadata.ownerReferences ?? [];
    if (isEqual(owners, before)) return;
    const { user } = options;
    if (verb === 'update' && !authorizer.allows(user, target('delete', kind, namespace, name))) {
      throw forbidden(kind, name, "cannot set an ownerRef on a resource you can't delete: , <nil>");
    }
    for (const owner of newlyBlocking(owners, before)) {
      refuseBlocking(authorizer, kinds, attempt, { user, owner });
    }
  };
}

function newlyBlocking(
  owners: readonly OwnerReference[],
  before: readonly OwnerReference[],
): readonly OwnerReference[] {
  const blocked = new Set(before.filter(isBlocking).map(({ uid }) => uid));
  return owners.filter((owner) => isBlocking(owner) && !blocked.has(owner.uid));
}

const isBlocking = ({ blockOwnerDeletion }: OwnerReference) => blockOwnerDeletion === true;

function refuseBlocking(
  authorizer: Authorizer,
  kinds: Kinds,
  { kind, namespace, name }: Attempt,
  { user, owner }: { readonly user: User; readonly owner: OwnerReference },
): void {
  const ownerKind = kinds.ofObject(owner.apiVersion, owner.kind);
  if (ownerKind === undefined) {
    const why = `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${owner.apiVersion} Kind ${owner.kind}: no matches for kind ${JSON.stringify(owner.kind)} in version ${JSON.stringify(owner.apiVersion)}`;
    throw forbidden(kind, name, why);
  }
  const ownerNamespace = ownerKind.namespaced ? namespace : '';
  const finalizers = {
    ...target('update', ownerKind, ownerNamespace, owner.name),
    subresource: 'finalizers',
  };
  if (authorizer.allows(user, finalizers)) return;
  const why =
    "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>";
  throw forbidden(kind, name, why);
}

/** A binding names one role for ever. */
export const immutableRoleRef: Admission = ({ kind, name, next, live }) => {
  if (!kind.kind.endsWith('RoleBinding') || live === undefined || next === undefined) return;
  if (isEqual(live['roleRef'], next['roleRef'])) return;
  throw invalid(kind, name, [
    {
      type: 'FieldValueInvalid',
      field: 'roleRef',
      value: next['roleRef'],
      detail: 'cannot change roleRef',
    },
  ]);
};

function target(
  verb: string,
  {
    group,
    version,
    plural,
  }: { readonly group: string; readonly version: string; readonly plural: string },
  namespace: string,
  name: string,
) {
  return {
    isResource: true,
    verb,
    group,
    version,
    plural,
    namespace,
    name,
    subresource: '',
  } as const;
}
