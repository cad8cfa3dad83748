import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { addQuantities, compareQuantities } from './quantity.ts';

/** Amounts by resource, as `{ cpu: '50m' }`. */
export type ResourceList = Readonly<Record<string, string>>;

/**
 * What a pod asks for as a whole: the sum over its containers or its largest init container where
 * that is more; cpu and memory for the pod itself count instead. Restartable init containers are
 * not modelled. (kubernetes/kubernetes: component-helpers/resource/helpers.go, PodRequests and
 * PodLimits)
 */
export function podResources(spec: V1PodSpec, of: 'requests' | 'limits'): ResourceList {
  const amountsOf = ({ resources }: V1Container) => resources?.[of] ?? {};
  const running = spec.containers.map(amountsOf).reduce(addResources, {});
  const starting = (spec.initContainers ?? []).map(amountsOf).reduce(largerResources, {});
  const { cpu, memory } = spec.resources?.[of] ?? {};
  return {
    ...largerResources(running, starting),
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
  };
}

/** The sum, resource by resource. */
export function addResources(left: ResourceList, right: ResourceList): ResourceList {
  return merged(left, right, addQuantities);
}

function largerResources(left: ResourceList, right: ResourceList): ResourceList {
  return merged(left, right, (a, b) => (compareQuantities(a, b) < 0 ? b : a));
}

function merged(
  left: ResourceList,
  right: ResourceList,
  of: (left: string, right: string) => string,
): ResourceList {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Object.fromEntries([...names].map((name) => [name, either(left[name], right[name], of)]));
}

function either(
  left: string | undefined,
  right: string | undefined,
  of: (left: string, right: string) => string,
): string {
  if (left === undefined || right === undefined) return left ?? right ?? '0';
  return of(left, right);
}
