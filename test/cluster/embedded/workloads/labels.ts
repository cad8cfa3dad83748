import type { V1LabelSelector } from '@kubernetes/client-node';

/** The labels of an object, or its fields where a requirement is about those. */
export type Labels = Readonly<Record<string, string>>;

/** One requirement of a label selector or of a node selector term. */
export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** Claims that the labels satisfy the requirement. An operator that nobody knows matches nothing. */
export function satisfies(labels: Labels, { key, operator, values = [] }: Requirement): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** Claims that every label of `wanted` is there with its value. */
export function includesLabels(labels: Labels, wanted: Labels | undefined): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels[key] === value);
}

/** Claims that a label selector selects these labels; an empty selector selects everything. */
export function selects(selector: V1LabelSelector, labels: Labels = {}): boolean {
  return (
    includesLabels(labels, selector.matchLabels) &&
    (selector.matchExpressions ?? []).every((requirement) => satisfies(labels, requirement))
  );
}
