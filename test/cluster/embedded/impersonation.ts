import type { ApiRequest } from './api-request.ts';
import type { Authorizer } from './rbac.ts';
import { authenticatedGroup, type User, userNamed } from './users.ts';

/**
 * The user in whose stead a request is made: `kubectl --as`. 403 where its sender may not impersonate
 * them; rights to impersonate for one verb alone are not modelled.
 * (kubernetes/kubernetes: apiserver/pkg/endpoints/filters/impersonation)
 */
export function impersonated(user: User, { headers }: ApiRequest, authorizer: Authorizer): User {
  const name = headers['impersonate-user'];
  if (name === undefined) return user;
  // Node joins headers that are sent more than once.
  const groups = headers['impersonate-group']?.split(', ') ?? [];
  const refuse = (plural: string, wanted: string, namespace = '') =>
    authorizer.refuse(user, {
      ...{ isResource: true, verb: 'impersonate', group: '', version: 'v1', subresource: '' },
      ...{ plural, namespace, name: wanted },
    });
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name) ?? [];
  if (account === undefined) refuse('users', name);
  else refuse('serviceaccounts', account, namespace);
  for (const group of groups) refuse('groups', group);
  const asked = userNamed(name);
  return groups.length === 0 ? asked : { name, groups: [...groups, authenticatedGroup] };
}
