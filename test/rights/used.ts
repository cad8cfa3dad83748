import type { AuditedRequest } from '../cluster/real/audit-log.ts';
import { covers, type Grant, grantsIn, textOf } from './grants.ts';
import type { OperatorRole } from './operator-roles.ts';

/** How what was granted and what was used differ; both are empty where they are the same. */
export interface Difference {
  /** Granted and never used, as `<role>: <grant>`. */
  readonly unused: readonly string[];
  /** Used by virtue of our bindings, and granted by none of their roles. */
  readonly ungranted: readonly string[];
}

/**
 * What of the rights of some roles was used, by the binding that the API server named for each request.
 * Grants that no request shows are left out of it; who needs them is said where they are listed.
 */
export function difference(
  granted: readonly OperatorRole[],
  requests: readonly AuditedRequest[],
  shownByNone: readonly string[],
): Difference {
  const unused: string[] = [];
  const ungranted = new Set<string>();
  for (const { role, binding } of granted) {
    const used = requests.filter((request) => isAllowedBy(binding, request)).flatMap(neededFor);
    const grants = grantsIn(role);
    const others = grants.filter((grant) => !used.some((right) => covers(grant, right)));
    unused.push(
      ...others
        .map(textOf)
        .filter((grant) => !shownByNone.includes(grant))
        .map((grant) => `${role.metadata.name}: ${grant}`),
    );
    for (const right of used) {
      if (!grants.some((grant) => covers(grant, right))) ungranted.add(textOf(right));
    }
  }
  return { unused, ungranted: [...ungranted] };
}

/** The rights that a request took. One that applies and creates is asked for `create` beside `patch`. */
function neededFor({ verb, group, resource, subresource, name, code }: AuditedRequest) {
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const right: Grant = { verb, group, resource: whole, name };
  const isCreated = verb === 'patch' && code === 201;
  // Before it is there nothing is asked by name.
  return isCreated ? [right, { ...right, verb: 'create', name: '' }] : [right];
}

/** In the words of kubernetes/kubernetes: plugin/pkg/auth/authorizer/rbac/rbac.go. */
function isAllowedBy({ kind, metadata }: OperatorRole['binding'], { reason }: AuditedRequest) {
  const [, found] = /allowed by (\w+ "[^"/]+)/.exec(reason) ?? [];
  return found === `${kind} "${metadata.name}`;
}
