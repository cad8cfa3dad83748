import { cpuQuantity, memoryQuantity, nano, parseQuantity } from '../api/quantity.ts';
import { isRefusal } from '../api/refusal.ts';
import { enumerated, nounCount, printable } from '../api/text.ts';
import type { Cost } from './pod-cost.ts';
import type { MissedPods } from './refusals.ts';

/** Why pods of a DaemonSet do not come into being. */
export interface RefusedPods {
  readonly isQuota: boolean;
  /** How many of them. */
  readonly missing: number;
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
 * What is to be done about words of admission plug-ins that name a rule and no remedy (kubernetes/kubernetes:
 * staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go;
 * staging/src/k8s.io/pod-security-admission/admission/admission.go; plugin/pkg/admission/priority/admission.go).
 */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/^failed quota: .*: must specify /s, 'a LimitRange can give defaults'],
  [
    /^insufficient quota to match these scopes: /,
    'the namespace needs a ResourceQuota of that scope',
  ],
  [
    /^violates PodSecurity /,
    'look what changes the pods, or relax pod-security.kubernetes.io/enforce of the namespace',
  ],
  [/^no PriorityClass with name /, 'make it, or correct PRIORITY_CLASS of the operator'],
];

/** Reads the message of a FailedCreate Event: why so many pods do not come into being. */
export function refusedPods(message: string, missing: number): RefusedPods {
  const text = withoutPreambles(message);
  return told([{ text, quota: exceededQuota(text), missing, at: 0 }], []);
}

/**
 * Why pods of several DaemonSets do not come into being, once for each quota or other reason, in the order
 * of the refusals. Of an exceeded quota it tells how much more it would have to hold for all pods that are
 * missing, or for one where none is; and for what is to come `besides`. (kubernetes/kubernetes:
 * pkg/controller/daemon/daemon_controller.go;
 * staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go)
 */
export function toldRefusals(
  refusals: readonly MissedPods[],
  besides: readonly Cost[] = [],
): readonly RefusedPods[] {
  const read = refusals.map(({ message, ...refusal }) => {
    const text = withoutPreambles(message);
    return { ...refusal, text, quota: exceededQuota(text) };
  });
  const reasons = Map.groupBy(read, ({ text, quota }) => (quota ? `quota ${quota.name}` : text));
  return [...reasons.values()].map((each) => told(each, besides));
}

/** A refusal, and the quota that is exceeded where that is the reason. */
interface ReadRefusal extends Omit<MissedPods, 'message'> {
  readonly text: string;
  readonly quota: ExceededQuota | undefined;
}

/** Of refusals that have one reason. */
function told(refusals: readonly ReadRefusal[], besides: readonly Cost[]): RefusedPods {
  const newestFirst = refusals.toSorted((a, b) => b.at - a.at);
  const missing = refusals.reduce((sum, each) => sum + each.missing, 0);
  const [{ text, quota } = { text: '' }] = newestFirst;
  if (quota === undefined) return { isQuota: false, missing, says: withRemedy(text) };
  const claims = newestFirst.flatMap((each) =>
    (each.quota?.resources ?? []).map((resource) => ({ ...resource, pods: each.missing })),
  );
  const shortages = [...Map.groupBy(claims, ({ resource }) => resource)]
    .map(([resource, of]) => shortageOf(resource, of, { missing, besides }))
    .filter(({ more }) => more > 0n);
  const words = enumerated(shortages.map(({ resource, more }) => moreOf(resource, more)));
  const aside = shortages.some(({ aside }) => aside > 0n) ? ", the puller's own included" : '';
  const says = `the quota ${quota.name} would have to hold ${words}${aside}`;
  return { isQuota: true, missing, says: printable(shortages.length === 0 ? text : says, 400) };
}

/** What a DaemonSet would take of a resource, as far as its pods are missing; the newest word first. */
interface Claim extends QuotaResource {
  readonly pods: number;
}

/** How much more of a resource a quota would have to hold, in nano-units, and how much of it for others. */
function shortageOf(
  resource: string,
  claims: readonly Claim[],
  { missing, besides }: { readonly missing: number; readonly besides: readonly Cost[] },
) {
  const [newest] = claims;
  const { used = 0n, limit = 0n, requested = 0n } = newest ?? {};
  const sum = claims.reduce((sum, each) => sum + each.requested * BigInt(each.pods), 0n);
  // A refusal names only what is exceeded already, and each pod is one.
  const all = countsPods(resource) ? nano * BigInt(missing) : sum;
  const aside = besides.reduce((sum, cost) => sum + (amountsOf(cost).get(resource) ?? 0n), 0n);
  return { resource, aside, more: used + (missing === 0 ? requested : all) + aside - limit };
}

function withRemedy(text: string): string {
  const [, remedy] = remedies.find(([words]) => words.test(text)) ?? [];
  const whole = remedy === undefined ? '' : `; ${remedy}`;
  return limitRanged(text) ?? `${printable(text, 400)}${whole}`;
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
export function wouldFitInPlaceOf(message: string, cost: Cost): boolean {
  const freed = amountsOf(cost);
  const { resources } = exceededQuota(withoutPreambles(message)) ?? { resources: [] };
  return resources.every(
    ({ resource, requested, used, limit }) =>
      used - (freed.get(resource) ?? 0n) + requested <= limit,
  );
}

/** By the names that quotas have for them, in nano-units. */
function amountsOf({ pods, requests, limits }: Cost): ReadonlyMap<string, bigint> {
  return new Map([
    ['pods', BigInt(pods) * nano],
    ['count/pods', BigInt(pods) * nano],
    ['cpu', requests.cpu],
    ['requests.cpu', requests.cpu],
    ['limits.cpu', limits.cpu],
    ['memory', requests.memory],
    ['requests.memory', requests.memory],
    ['limits.memory', limits.memory],
  ]);
}

function withoutPreambles(message: string): string {
  return preambles.reduce((rest, preamble) => rest.replace(preamble, ''), message);
}

/** A quota and the resources that it has too little of for a pod. */
interface ExceededQuota {
  readonly name: string;
  readonly resources: readonly QuotaResource[];
}

/** What a quota says of a resource that a pod would take of it, in nano-units. */
interface QuotaResource {
  readonly resource: string;
  readonly requested: bigint;
  readonly used: bigint;
  readonly limit: bigint;
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

function countsPods(resource: string): boolean {
  return resource === 'pods' || resource === 'count/pods';
}

/** `200Mi more limits.memory`, `1 more pod`. */
function moreOf(resource: string, nanos: bigint): string {
  if (countsPods(resource)) return nounCount(Number(nanos / nano), 'more pod');
  const amount = /cpu$/.test(resource) ? cpuQuantity(nanos) : memoryQuantity(nanos);
  return `${amount} more ${resource}`;
}
