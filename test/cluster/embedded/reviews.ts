import type { RequestTarget } from './api-request.ts';
import { asObject, type JsonObject } from './json.ts';
import type { Authorizer, PolicyRule } from './rbac.ts';
import { invalid } from './status-error.ts';
import type { User } from './users.ts';

/** A kind of question that is answered at once and never stored. */
export interface Review {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  /** The status that answers what a user asks; refusals are thrown. */
  readonly answer: (spec: JsonObject, user: User, authorizer: Authorizer) => JsonObject;
}

const authorization = 'authorization.k8s.io';

/** What users may ask of themselves: who they are and what they may do. */
export const reviews: readonly Review[] = [
  {
    group: authorization,
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    answer: (spec, user, authorizer) => ({ allowed: authorizer.allows(user, targetIn(spec)) }),
  },
  {
    group: authorization,
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    answer: ({ namespace }, user, authorizer) =>
      rulesStatus(authorizer.rulesFor(user, String(namespace ?? ''))),
  },
  {
    group: 'authentication.k8s.io',
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    answer: (_spec, { name, groups }) => ({ userInfo: { username: name, groups } }),
  },
];

export const reviewGroupVersions: readonly string[] = [
  ...new Set(reviews.map(({ group }) => `${group}/v1`)),
];

/** The review that is served at a place; undefined where none is. */
export function reviewAt(group: string, version: string, plural: string): Review | undefined {
  if (version !== 'v1') return undefined;
  return reviews.find((one) => one.group === group && one.plural === plural);
}

/** The request that is asked about: for a resource or for a plain path, never for both. */
function targetIn({ resourceAttributes, nonResourceAttributes }: JsonObject): RequestTarget {
  if ((resourceAttributes === undefined) === (nonResourceAttributes === undefined)) {
    const wanted = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw invalid({ group: authorization, kind: 'SelfSubjectAccessReview' }, '', [
      { type: 'FieldValueInvalid', field: 'spec.resourceAttributes', value: null, detail: wanted },
    ]);
  }
  const text = (value: unknown) => String(value ?? '');
  if (resourceAttributes === undefined) {
    const { verb, path } = asObject(nonResourceAttributes);
    return { isResource: false, verb: text(verb), path: text(path) };
  }
  const { verb, group, version, resource, subresource, namespace, name } =
    asObject(resourceAttributes);
  return {
    isResource: true,
    verb: text(verb),
    group: text(group),
    version: text(version),
    plural: text(resource),
    subresource: text(subresource),
    namespace: text(namespace),
    name: text(name),
  };
}

function rulesStatus(rules: readonly PolicyRule[]): JsonObject {
  const isPath = ({ nonResourceURLs = [] }: PolicyRule) => nonResourceURLs.length > 0;
  return {
    resourceRules: rules.filter((rule) => !isPath(rule)),
    nonResourceRules: rules.filter(isPath),
    incomplete: false,
  };
}
