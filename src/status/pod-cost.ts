import { parseQuantity } from '../api/quantity.ts';
import { isRefusal } from '../api/refusal.ts';
import type { KubeObject } from '../kube/objects.ts';

/** CPU in nano-cores, memory in nano-bytes: the unit of quantities, so that sums are exact. */
export interface Amount {
  readonly cpu: bigint;
  readonly memory: bigint;
}

/** What pods take, in the terms of a ResourceQuota. */
export interface Cost {
  readonly pods: number;
  readonly requests: Amount;
  /** A container without a limit counts as one of 0, as it does in a ResourceQuota's sum. */
  readonly limits: Amount;
}

/**
 * What one pod takes: of the containers that run side by side, sidecars among them, the sum; or what an
 * init container takes beside the sidecars that were started before it, where that is more (Kubernetes
 * documentation, "Sidecar Containers", "Resource sharing within containers"). An amount for the pod as
 * a whole stands above both.
 */
export function podCost({ resources, initContainers = [], containers }: PodSpec): Cost {
  const amount = (kind: Kind, resource: keyof Amount): bigint => {
    const whole = amountOf(resources, kind, resource);
    if (whole !== undefined) return whole;
    const of = ({ resources }: Container) => amountOf(resources, kind, resource) ?? 0n;
    let sidecars = 0n;
    let most = 0n;
    for (const container of initContainers) {
      if (isSidecar(container)) sidecars += of(container);
      else most = larger(most, sidecars + of(container));
    }
    const together = containers.reduce((total, container) => total + of(container), sidecars);
    return larger(most, together);
  };
  const both = (kind: Kind) => ({ cpu: amount(kind, 'cpu'), memory: amount(kind, 'memory') });
  return { pods: 1, requests: both('requests'), limits: both('limits') };
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

/** Claims that an init container runs on beside those behind it (KEP-753). */
export function isSidecar({ restartPolicy }: Pick<Container, 'restartPolicy'>): boolean {
  return restartPolicy === 'Always';
}

type Kind = 'requests' | 'limits';

/** Of a pod or a container: quantities as text. */
export type Resources = {
  readonly [kind in Kind]?: { readonly [resource in keyof Amount]?: string };
};

interface Container {
  readonly resources?: Resources;
  /** Of an init container: `Always` makes it a sidecar. */
  readonly restartPolicy?: string;
}

/** A pod's spec, as far as its cost depends on it. */
export interface PodSpec {
  /** Of the pod as a whole (KEP-2837). */
  readonly resources?: Resources;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

/** The spec of the pods that a DaemonSet or Deployment makes. */
export function podSpecOf(workload: KubeObject): PodSpec {
  return (workload['spec'] as { readonly template: { readonly spec: PodSpec } }).template.spec; // apps/v1
}

/** A request that is not set is that of the limit (kubernetes/kubernetes: pkg/apis/core/v1/defaults.go). */
function amountOf(
  resources: Resources | undefined,
  kind: Kind,
  resource: keyof Amount,
): bigint | undefined {
  const limit = resources?.limits?.[resource];
  const text = kind === 'limits' ? limit : (resources?.requests?.[resource] ?? limit);
  return text === undefined ? undefined : nanosOf(text);
}

/** An amount as a pod's spec has it; 0 where the text is none, as the server takes no such pod. */
export function nanosOf(text: string): bigint {
  const quantity = parseQuantity(text);
  return isRefusal(quantity) ? 0n : quantity.nanos;
}
