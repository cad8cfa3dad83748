import { cpuQuantity, memoryQuantity, nano, parseQuantity } from '../api/quantity.ts';
import { isRefusal } from '../api/refusal.ts';
import { enumerated, nounCount, printable } from '../api/text.ts';
import type { Cost } from './pod-cost.ts';

/** Why pods of a DaemonSet do not come into being. */
export interface RefusedPods {
  readonly isQuota: boolean;
  /** Printable, and about 400 characters long at most. */
  readonly says: string;
}

/**
 * What stands before the reason: from the tenth refusal on client-go's recorder says that it tells of
 * several at once (kubernetes/client-go: tools/record/events_cache.go), and each has a pod's name.
 */
const preambles = [
  /^\(combined from similar events\): /,
  /^Error creating: /,
  /^pods "[^"]*" is forbidden: /,
];

/**
 * Reads the message of a FailedCreate Event. Of an exceeded quota it tells how much more it would have
 * to hold for that many pods. (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go;
 * staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go)
 */
export function refusedPods(message: string, missing: number): RefusedPods {
  const text = withoutPreambles(message);
  const quota = exceededQuota(text);
  if (!quota) return { isQuota: false, says: limitRanged(text) ?? printable(text, 400) };
  const { name, resources } = quota;
  const wanting = resources.flatMap(({ resource, requested, used, limit }) => {
    const more = used + requested * BigInt(missing) - limit;
    return more > 0n ? [moreOf(resource, more)] : [];
  });
  const says = `the quota ${name} would have to hold ${enumerated(wanting)}`;
  return { isQuota: true, says: printable(wanting.length === 0 ? text : says, 400) };
}

/**
 * What a LimitRange says of a pod, and what to do; undefined of another's words. (kubernetes/kubernetes:
 * plugin/pkg/admission/limitranger/admission.go)
 */
function limitRanged(text: string): string | undefined {
  if (!/(?:usage|limit to request ratio) per (?:Container|Pod) is /.test(text)) return undefined;
  const bounds = /(minimum|maximum) (cpu|memory) usage per \w+ is [^,]+, but (limit|request) is/g;
  const steps = [...text.matchAll(bounds)].map(([, bound, resource, kind]) => {
    const field = `caching${resource === 'cpu' ? 'CPU' : 'Memory'}${kind === 'limit' ? 'Limit' : 'Request'}`;
    return `${bound === 'minimum' ? 'raise' : 'lower'} ${field}`;
  });
  const remedies = [enumerated([...new Set(steps)]), 'change the LimitRange'];
  const remedy = remedies.filter((each) => each !== '').join(', or ');
  return `a LimitRange of the namespace refuses it: ${printable(text, 250)}; ${remedy}`;
}

/**
 * Claims that the quota which refused a pod would have taken it in the place of one of that cost. True
 * of a message that tells of no amounts.
 */
export function wouldFitInPlaceOf(message: string, { pods, requests, limits }: Cost): boolean {
  const freed: ReadonlyMap<string, bigint> = new Map([
    ['pods', BigInt(pods) * nano],
    ['count/pods', BigInt(pods) * nano],
    ['cpu', requests.cpu],
    ['requests.cpu', requests.cpu],
    ['limits.cpu', limits.cpu],
    ['memory', requests.memory],
    ['requests.memory', requests.memory],
    ['limits.memory', limits.memory],
  ]);
  const { resources } = exceededQuota(withoutPreambles(message)) ?? { resources: [] };
  return resources.every(
    ({ resource, requested, used, limit }) =>
      used - (freed.get(resource) ?? 0n) + requested <= limit,
  );
}

function withoutPreambles(message: string): string {
  return preambles.reduce((rest, preamble) => rest.replace(preamble, ''), message);
}

/** A quota and what it says of each resource that a pod would take of it, in nano-units. */
interface ExceededQuota {
  readonly name: string;
  readonly resources: readonly {
    readonly resource: string;
    readonly requested: bigint;
    readonly used: bigint;
    readonly limit: bigint;
  }[];
}

function exceededQuota(text: string): ExceededQuota | undefined {
  const quota = /^exceeded quota: ([^,]+), requested: (.*), used: (.*), limited: (.*)$/s.exec(text);
  if (!quota) return undefined;
  const [, name = '', requests = '', used = '', limited = ''] = quota;
  const [usedAmounts, limits] = [amounts(used), amounts(limited)];
  const resources = [...amounts(requests)].map(([resource, requested]) => ({
    resource,
    requested,
    used: usedAmounts.get(resource) ?? 0n,
    limit: limits.get(resource) ?? 0n,
  }));
  return { name, resources };
}

/** `limits.memory=800Mi,pods=1`, in nano-units. */
function amounts(text: string): ReadonlyMap<string, bigint> {
  return new Map(
    text.split(',').flatMap((pair) => {
      const [resource = '', amount = ''] = pair.trim().split('=');
      const quantity = parseQuantity(amount);
      return isRefusal(quantity) ? [] : [[resource, quantity.nanos] as const];
    }),
  );
}

/** `200Mi more limits.memory`, `1 more pod`. */
function moreOf(resource: string, nanos: bigint): string {
  if (resource === 'pods') return nounCount(Number(nanos / nano), 'more pod');
  const amount = /cpu$/.test(resource) ? cpuQuantity(nanos) : memoryQuantity(nanos);
  return `${amount} more ${resource}`;
}
