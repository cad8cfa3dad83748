import type {
  V1Affinity,
  V1LabelSelector,
  V1NodeAffinity,
  V1NodeSelectorRequirement,
  V1NodeSelectorTerm,
  V1PodAffinity,
  V1PodAffinityTerm,
  V1Toleration,
} from '@kubernetes/client-node';
import { isLabelValue } from './object-names.ts';
import { quote } from './text.ts';

/**
 * The rules of the API server that tie fields of one object to each other
 * (kubernetes/kubernetes: pkg/apis/core/validation/validation.go): what it would refuse is found
 * before it is sent. Each generator yields its objections in the order of the text.
 */

/** What the API server would refuse in tolerations whose single values are valid. */
export function* tolerationObjections(tolerations: readonly V1Toleration[]): Generator<string> {
  for (const [index, toleration] of tolerations.entries()) {
    const objection = tolerationObjection(toleration);
    if (objection !== undefined) yield `[${index}] ${objection}`;
  }
}

function tolerationObjection(toleration: V1Toleration): string | undefined {
  const { key = '', operator = '', effect = '', tolerationSeconds } = toleration;
  if (key === '' && operator !== 'Exists') {
    return 'has no key; name one, or set operator to Exists to tolerate every taint';
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    return 'has tolerationSeconds, which need the effect NoExecute';
  }
  return tolerationValueObjection(operator, toleration.value ?? '');
}

function tolerationValueObjection(operator: string, value: string): string | undefined {
  switch (operator) {
    case 'Exists':
      return value === '' ? undefined : 'has a value beside the operator Exists; drop one of them';
    case 'Lt':
    case 'Gt':
      return isInt64(value)
        ? undefined
        : `compares with ${quote(value)}; ${operator} needs a whole number`;
    default:
      return isLabelValue(value)
        ? undefined
        : `has the value ${quote(value)}, which no taint can have`;
  }
}

function isInt64(text: string): boolean {
  return (
    /^(?:0|-?[1-9][0-9]{0,18})$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)
  );
}

/** What the API server would refuse in an affinity whose single values are valid. */
export function* affinityObjections(affinity: V1Affinity): Generator<string> {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  yield* nodeAffinityObjections(nodeAffinity ?? {});
  yield* podAffinityObjections('podAffinity', podAffinity ?? {});
  yield* podAffinityObjections('podAntiAffinity', podAntiAffinity ?? {});
}

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

function* nodeAffinityObjections(affinity: V1NodeAffinity): Generator<string> {
  for (const [index, { preference }] of (affinity[preferred] ?? []).entries()) {
    yield* nodeTermObjections(`nodeAffinity.${preferred}[${index}].preference`, preference);
  }
  for (const [index, term] of (affinity[required]?.nodeSelectorTerms ?? []).entries()) {
    yield* nodeTermObjections(`nodeAffinity.${required}.nodeSelectorTerms[${index}]`, term);
  }
}

// Requirements on fields need no rule beyond their schema.
function nodeTermObjections(place: string, term: V1NodeSelectorTerm): Generator<string> {
  return requirementObjections(place, term.matchExpressions ?? []);
}

function* podAffinityObjections(place: string, affinity: V1PodAffinity): Generator<string> {
  for (const [index, { podAffinityTerm }] of (affinity[preferred] ?? []).entries()) {
    yield* podTermObjections(`${place}.${preferred}[${index}].podAffinityTerm`, podAffinityTerm);
  }
  for (const [index, term] of (affinity[required] ?? []).entries()) {
    yield* podTermObjections(`${place}.${required}[${index}]`, term);
  }
}

function* podTermObjections(place: string, term: V1PodAffinityTerm): Generator<string> {
  yield* requirementObjections(
    `${place}.labelSelector`,
    term.labelSelector?.matchExpressions ?? [],
  );
  yield* requirementObjections(
    `${place}.namespaceSelector`,
    term.namespaceSelector?.matchExpressions ?? [],
  );
  yield* labelKeyObjections(place, term);
}

/** `matchLabelKeys` become requirements of the selector, so a key may stand only once. */
function* labelKeyObjections(place: string, term: V1PodAffinityTerm): Generator<string> {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = term;
  if (matchLabelKeys.length + mismatchLabelKeys.length > 0 && labelSelector === undefined) {
    yield `${place} has matchLabelKeys or mismatchLabelKeys, which need a labelSelector`;
  }
  const mismatched = new Set(mismatchLabelKeys);
  const selected = selectedKeys(labelSelector ?? {});
  for (const key of matchLabelKeys) {
    if (mismatched.has(key)) {
      yield `${place} has ${quote(key)} in both matchLabelKeys and mismatchLabelKeys`;
    }
    if (selected.has(key)) {
      yield `${place} has ${quote(key)} in both matchLabelKeys and labelSelector`;
    }
  }
}

function selectedKeys({ matchLabels, matchExpressions }: V1LabelSelector): ReadonlySet<string> {
  return new Set([
    ...Object.keys(matchLabels ?? {}),
    ...(matchExpressions ?? []).map(({ key }) => key),
  ]);
}

type Requirement = Pick<V1NodeSelectorRequirement, 'operator' | 'values'>;

function* requirementObjections(
  place: string,
  requirements: readonly Requirement[],
): Generator<string> {
  for (const [index, { operator, values = [] }] of requirements.entries()) {
    const demand = valueDemand(operator, values.length);
    if (demand !== undefined)
      yield `${place}.matchExpressions[${index}]: ${operator} needs ${demand}`;
  }
}

/** How many values an operator needs, where it has another number of them. */
function valueDemand(operator: string, values: number): string | undefined {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values > 0 ? undefined : 'at least one value';
    case 'Gt':
    case 'Lt':
      return values === 1 ? undefined : 'exactly one value';
    default:
      return values === 0 ? undefined : 'an absent or empty list of values';
  }
}
