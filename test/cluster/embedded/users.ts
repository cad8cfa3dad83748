/** Whom a bearer token stands for. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export const mastersGroup = 'system:masters';
export const authenticatedGroup = 'system:authenticated';

export const administrator: User = {
  name: 'kubernetes-admin',
  groups: [mastersGroup, authenticatedGroup],
};

/** The user of a name; `system:serviceaccount:<namespace>:<name>` is in the groups of its kind. */
export function userNamed(name: string): User {
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name) ?? [];
  const groups =
    namespace === undefined
      ? []
      : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return { name, groups: [...groups, authenticatedGroup] };
}
