import type { AuditedRequest } from '../cluster/real/audit-log.ts';
import { isOfPuller } from './excerpts.ts';
import { covers, type Grant, grantsIn, textOf } from './grants.ts';
import type { OperatorRole } from './operator-roles.ts';

/** How what was granted and what was asked for differ; all are empty where they are the same. */
export interface Difference {
  /** Granted and never used, as `<role>: <grant>`. */
  readonly unused: readonly string[];
  /** Used by virtue of one of our bindings, and not granted by its role. */
  readonly ungranted: readonly string[];
  /** Granted by no binding of ours and allowed all the same, as `<right> by <binding>`. */
  readonly foreign: readonly string[];
  /**
   * Asked for and refused, and granted by no role of ours. One that is granted is refused where a test
   * takes it away, and for a moment after it was given.
   */
  readonly refused: readonly string[];
  /** Asked for by accounts of pullers, whose pods have no token. */
  readonly byPullers: readonly string[];
}

/** What is no difference, although it looks like one. */
export interface Exceptions {
  /** Grants that no request shows; who needs them is said where they are listed. */
  readonly shownByNone: readonly string[];
  /** Bindings that are not ours and count all the same. */
  readonly everybodysBindings: readonly string[];
}

/**
 * Compares some roles with what operators and pullers asked for, by the binding that the API server
 * named for each request. What admission refuses had its right.
 */
export function difference(
  granted: readonly OperatorRole[],
  requests: readonly AuditedRequest[],
  { shownByNone, everybodysBindings }: Exceptions,
): Difference {
  const byOperators = requests.filter((request) => !isOfPuller(request));
  const byRole = granted.map(({ role, binding }) => {
    const name = nameOf(binding);
    const used = byOperators.filter((request) => bindingOf(request) === name).flatMap(neededFor);
    return { role: role.metadata.name, grants: grantsIn(role), used };
  });
  const grants = byRole.flatMap((each) => each.grants);
  const known = new Set([...everybodysBindings, ...granted.map(({ binding }) => nameOf(binding))]);
  return {
    unused: byRole.flatMap(({ role, grants, used }) =>
      grants
        .filter((grant) => !isAmong(used, grant) && !shownByNone.includes(textOf(grant)))
        .map((grant) => `${role}: ${textOf(grant)}`),
    ),
    ungranted: texts(byRole.flatMap(({ grants, used }) => used.filter(outside(grants)))),
    foreign: distinct(
      byOperators
        .filter((request) => wasAllowed(request) && !known.has(bindingOf(request)))
        .flatMap((request) =>
          neededFor(request).map((right) => `${textOf(right)} by ${bindingOf(request) || 'none'}`),
        ),
    ),
    refused: texts(byOperators.filter(wasRefused).flatMap(neededFor).filter(outside(grants))),
    byPullers: texts(requests.filter(isOfPuller).flatMap(neededFor)),
  };
}

/** The rights that a request took. One that applies and creates is asked for `create` beside `patch`. */
function neededFor(request: AuditedRequest): readonly Grant[] {
  const { verb, group, resource, subresource, name, path, code } = request;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const right: Grant = { verb, group, resource: whole || path, name };
  const isCreated = verb === 'patch' && code === 201;
  // Before it is there nothing is asked by name.
  return isCreated ? [right, { ...right, verb: 'create', name: '' }] : [right];
}

/** The name is enough: a binding of config/namespaced has that of config/default, and the same rules. */
function nameOf({ metadata }: OperatorRole['binding']): string {
  return metadata.name ?? '';
}

/** In the words of kubernetes/kubernetes: plugin/pkg/auth/authorizer/rbac/rbac.go. Empty where there is none. */
function bindingOf({ reason }: AuditedRequest): string {
  return /allowed by \w+ "([^"/]+)/.exec(reason)?.[1] ?? '';
}

/** By a binding, or else one can see it by the answer. */
function wasAllowed(request: AuditedRequest): boolean {
  return bindingOf(request) !== '' || (request.code >= 200 && request.code < 300);
}

/** For want of a right: what admission refuses was allowed by a binding. */
function wasRefused(request: AuditedRequest): boolean {
  return request.code === 403 && bindingOf(request) === '';
}

function isAmong(used: readonly Grant[], grant: Grant): boolean {
  return used.some((right) => covers(grant, right));
}

function outside(grants: readonly Grant[]): (right: Grant) => boolean {
  return (right) => !grants.some((grant) => covers(grant, right));
}

function texts(rights: readonly Grant[]): readonly string[] {
  return distinct(rights.map(textOf));
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)];
}
