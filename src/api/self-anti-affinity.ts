import type {
  V1Affinity,
  V1LabelSelector,
  V1LabelSelectorRequirement,
  V1PodAffinityTerm,
} from '@kubernetes/client-node';
import { daemonSetSelector, pullerUidLabel } from '../manifests/names.ts';

type Labels = ReadonlyMap<string, string>;

/**
 * The place of the first term that requires pods of a DaemonSet of the cache to be apart from each other, so that
 * none can come beside the one that it is to replace; undefined where there is none for sure.
 * (kubernetes/kubernetes: pkg/scheduler/framework/plugins/interpodaffinity/filtering.go)
 */
export function selfAntiAffinity(affinity: V1Affinity, daemonSetName: string): string | undefined {
  const terms = affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const own = new Map([
    ...Object.entries(daemonSetSelector(daemonSetName)),
    [pullerUidLabel, 'not known here'],
  ]);
  const index = terms.findIndex((term) => isAboutSuccessor(term, own));
  if (index < 0) return undefined;
  return `podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[${index}]`;
}

/** Claims that the term of a pod is about the one of another template that is in its place. */
function isAboutSuccessor(term: V1PodAffinityTerm, own: Labels): boolean {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  return (
    labelSelector !== undefined &&
    isAboutOwnNamespace(term) &&
    selects(labelSelector, own) &&
    !matchLabelKeys.some((key) => changingLabels.has(key)) &&
    !mismatchLabelKeys.some((key) => own.has(key))
  );
}

/**
 * What a DaemonSet's controller gives each template another value of.
 * (kubernetes/kubernetes: pkg/controller/daemon/util/daemonset_util.go, CreatePodTemplate)
 */
const changingLabels: ReadonlySet<string> = new Set([
  'controller-revision-hash',
  'pod-template-generation',
]);

/** A spec does not tell its namespace: names and labels of namespaces count as those of others. */
function isAboutOwnNamespace({ namespaces = [], namespaceSelector }: V1PodAffinityTerm): boolean {
  if (namespaceSelector === undefined) return namespaces.length === 0;
  return requirementsOf(namespaceSelector).length === 0;
}

function selects(selector: V1LabelSelector, labels: Labels): boolean {
  return requirementsOf(selector).every((requirement) => satisfies(labels, requirement));
}

function requirementsOf({
  matchLabels = {},
  matchExpressions = [],
}: V1LabelSelector): readonly V1LabelSelectorRequirement[] {
  const equal = Object.entries(matchLabels).map(([key, value]) => ({
    key,
    operator: 'In',
    values: [value],
  }));
  return [...equal, ...matchExpressions];
}

function satisfies(labels: Labels, requirement: V1LabelSelectorRequirement): boolean {
  const { key, operator, values = [] } = requirement;
  const value = labels.get(key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return key !== pullerUidLabel && (value === undefined || !values.includes(value));
    case 'Exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
}
