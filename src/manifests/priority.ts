import type { ManifestInput } from './input.ts';

/** The PriorityClass of a pod: a setting of the operator, and never a user's choice. */
export function priority({ settings }: ManifestInput): { readonly priorityClassName?: string } {
  const { priorityClass } = settings;
  return priorityClass === undefined ? {} : { priorityClassName: priorityClass };
}
