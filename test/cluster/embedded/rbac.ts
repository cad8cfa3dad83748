import type { KubeObject } from '../../../src/kube/objects.ts';
import type { RequestTarget } from './api-request.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from './kinds.ts';
import { forbidden, notFound, StatusError } from './status-error.ts';
import type { Store } from './store.ts';
import { mastersGroup, type User } from './users.ts';

/** One rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

export interface RoleRef {
  readonly kind: string;
  readonly name: string;
}

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** What users may do, by the Roles, ClusterRoles and bindings in the store. */
export class Authorizer {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Throws 403 in Kubernetes' own words where the user may not do this. */
  refuse(user: User, target: RequestTarget): void {
    if (this.allows(user, target)) return;
    const message = forbiddenMessage(user, target);
    if (!target.isResource)
      throw new StatusError(403, 'Forbidden', `forbidden: ${message}`, { details: {} });
    throw forbidden(target, target.name, message);
  }

  allows(user: User, target: RequestTarget): boolean {
    if (user.groups.includes(mastersGroup)) return true;
    const namespace = target.isResource ? target.namespace : '';
    return this.rulesFor(user, namespace).some((rule) => ruleAllows(rule, target));
  }

  /** Every rule that applies to the user in a namespace; in the whole cluster where that is empty. */
  rulesFor(user: User, namespace: string): readonly PolicyRule[] {
    const bindings = [
      ...this.#store.list(clusterRoleBindings),
      ...(namespace === '' ? [] : this.#store.list(roleBindings, namespace)),
    ];
    return bindings
      .filter((binding) => appliesTo(binding, user))
      .flatMap((binding) => this.#rules(binding['roleRef'] as RoleRef, namespace) ?? []);
  }

  /** The rules of a role that a binding names; 404 where there is no such role. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] {
    const rules = this.#rules(ref, namespace);
    if (rules === undefined) throw notFound(ref.kind === 'Role' ? roles : clusterRoles, ref.name);
    return rules;
  }

  #rules(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    const role =
      ref.kind === 'Role'
        ? this.#store.get(roles, namespace, ref.name)
        : this.#store.get(clusterRoles, '', ref.name);
    return role === undefined ? undefined : rulesIn(role);
  }
}

/** The rules that a Role or ClusterRole holds. */
export function rulesIn(role: KubeObject): readonly PolicyRule[] {
  return (role['rules'] ?? []) as readonly PolicyRule[];
}

function appliesTo(binding: KubeObject, user: User): boolean {
  const subjects = (binding['subjects'] ?? []) as readonly Subject[];
  return subjects.some(({ kind, name, namespace }) => {
    if (kind === 'Group') return user.groups.includes(name);
    if (kind === 'ServiceAccount')
      return user.name === `system:serviceaccount:${namespace}:${name}`;
    return user.name === name;
  });
}

function ruleAllows(rule: PolicyRule, target: RequestTarget): boolean {
  if (!includes(rule.verbs, target.verb)) return false;
  if (!target.isResource) {
    return (rule.nonResourceURLs ?? []).some((pattern) => matchesPath(pattern, target.path));
  }
  return (
    includes(rule.apiGroups, target.group) &&
    (rule.resources ?? []).some((pattern) => matchesResource(pattern, target)) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(target.name))
  );
}

function includes(patterns: readonly string[] | undefined, value: string): boolean {
  return patterns !== undefined && (patterns.includes('*') || patterns.includes(value));
}

/** Only a star at the end matches further. */
function matchesPath(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
}

function matchesResource(
  pattern: string,
  { plural, subresource }: { readonly plural: string; readonly subresource: string },
): boolean {
  if (subresource === '') return pattern === '*' || pattern === plural;
  return ['*', `${plural}/${subresource}`, `*/${subresource}`].includes(pattern);
}

/** kubernetes/kubernetes: apiserver/pkg/endpoints/handlers/responsewriters/errors.go. */
function forbiddenMessage({ name }: User, target: RequestTarget): string {
  const who = `User ${JSON.stringify(name)} cannot ${target.verb}`;
  if (!target.isResource) return `${who} path ${JSON.stringify(target.path)}`;
  const { plural, subresource, group, namespace } = target;
  const resource = subresource === '' ? plural : `${plural}/${subresource}`;
  const where =
    namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}`;
}

/** Those of the wanted rights, broken down to single ones, that the held rules do not cover. */
export function missingRights(
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): readonly PolicyRule[] {
  return wanted.flatMap(singleRights).filter((right) => !held.some((rule) => covers(rule, right)));
}

function singleRights(rule: PolicyRule): readonly PolicyRule[] {
  const rights: PolicyRule[] = [];
  for (const verb of rule.verbs ?? []) {
    for (const path of rule.nonResourceURLs ?? []) {
      rights.push({ verbs: [verb], nonResourceURLs: [path] });
    }
    for (const resource of rule.resources ?? []) {
      for (const group of rule.apiGroups ?? []) {
        const right = { verbs: [verb], apiGroups: [group], resources: [resource] };
        rights.push(...named(right, rule.resourceNames ?? []));
      }
    }
  }
  return rights;
}

function named(right: PolicyRule, names: readonly string[]): readonly PolicyRule[] {
  return names.length === 0 ? [right] : names.map((name) => ({ ...right, resourceNames: [name] }));
}

function covers(rule: PolicyRule, right: PolicyRule): boolean {
  const [verb = '', path, group, resource] = [
    right.verbs?.[0],
    right.nonResourceURLs?.[0],
    right.apiGroups?.[0],
    right.resources?.[0],
  ];
  if (!includes(rule.verbs, verb)) return false;
  if (path !== undefined) return (rule.nonResourceURLs ?? []).some((one) => matchesPath(one, path));
  const [plural = '', subresource = ''] = resource?.split('/') ?? [];
  return (
    includes(rule.apiGroups, group ?? '') &&
    (rule.resources ?? []).some((one) => matchesResource(one, { plural, subresource })) &&
    coversName(rule.resourceNames ?? [], right.resourceNames?.[0])
  );
}

function coversName(names: readonly string[], name: string | undefined): boolean {
  return names.length === 0 || (name !== undefined && names.includes(name));
}

/** A rule as messages show it: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`. */
export function ruleText(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const shown = parts.filter(([, values]) => values !== undefined && values.length > 0);
  return `{${shown.map(([name, values]) => `${name}:${goList(values ?? [])}`).join(', ')}}`;
}

/** Go prints a list of strings without commas. */
export function goList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
