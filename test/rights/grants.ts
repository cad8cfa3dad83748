import type { KubeObject } from '../../src/kube/objects.ts';
import { type PolicyRule, rulesIn } from '../cluster/embedded/rbac.ts';

/** One thing that a role allows: a verb on a resource, or on one object of it. */
export interface Grant {
  readonly verb: string;
  readonly group: string;
  /** With its subresource, as roles write it: `pods/status`. */
  readonly resource: string;
  /** Empty where it is not for one object only. */
  readonly name: string;
}

/** As people write it: `patch daemonsets.apps`, `list pods`, `get leases.coordination.k8s.io/a`. */
export function textOf({ verb, group, resource, name }: Grant): string {
  return `${verb} ${resource}${group && `.${group}`}${name && `/${name}`}`;
}

/** Everything that a role grants, one by one, in its own order. */
export function grantsIn(role: KubeObject): readonly Grant[] {
  return rulesIn(role).flatMap(grantsOf);
}

/** The role without one of its grants, which no rule of it gives any more. */
export function without(role: KubeObject, grant: Grant): KubeObject {
  const left = grantsIn(role).filter((other) => textOf(other) !== textOf(grant));
  return { ...role, rules: left.map(ruleOf) };
}

/**
 * Claims that a grant is what a request needs, or part of it. A request in which no object is named, as
 * a list, is never allowed by a grant that has a name.
 */
export function covers(grant: Grant, request: Grant): boolean {
  const { verb, group, resource, name } = grant;
  const isNamed = name === '' || name === request.name;
  return (
    isNamed && verb === request.verb && group === request.group && resource === request.resource
  );
}

function grantsOf({ apiGroups = [], resources = [], resourceNames = [], verbs = [] }: PolicyRule) {
  const names = resourceNames.length === 0 ? [''] : resourceNames;
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      names.flatMap((name) => verbs.map((verb): Grant => ({ verb, group, resource, name }))),
    ),
  );
}

function ruleOf({ verb, group, resource, name }: Grant): PolicyRule {
  return {
    apiGroups: [group],
    resources: [resource],
    ...(name && { resourceNames: [name] }),
    verbs: [verb],
  };
}
