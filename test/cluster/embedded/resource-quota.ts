import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import type { Clock } from '../../../src/clock.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { asList, asObject, asObjects, at, isEqual } from './json.ts';
import { type Kind, type Kinds, pods, resourceQuotas } from './kinds.ts';
import { addResources, podResources, type ResourceList } from './pod-resources.ts';
import { compareQuantities, storedQuantity } from './quantity.ts';
import { forbidden, type GroupResource, qualified } from './status-error.ts';
import type { Store } from './store.ts';
import type { Admission, Writer } from './writer.ts';

/**
 * ResourceQuota: how much of what a namespace may hold. Rules and texts follow
 * kubernetes/kubernetes: pkg/quota/v1/evaluator/core/pods.go and
 * apiserver/pkg/admission/plugin/resourcequota/controller.go. Where the real server reads the usage
 * off the quota's status, which follows the objects a moment later, this one counts.
 */

interface Parts {
  readonly store: Store;
  readonly clock: Clock;
}

/** Refuses an object that a quota of its namespace has no room for. */
export function quotaAdmission(parts: Parts): Admission {
  return ({ verb, kind, namespace, name, next }) => {
    if (verb !== 'create' || next === undefined || !kind.namespaced) return;
    for (const quota of parts.store.list(resourceQuotas, namespace)) {
      const why = refusal(parts, quota, kind, next);
      if (why !== undefined) throw forbidden(kind, name, why);
    }
  };
}

function refusal(
  parts: Parts,
  quota: KubeObject,
  kind: Kind,
  next: KubeObject,
): string | undefined {
  const name = quota.metadata.name ?? '';
  const hard = hardLimits(quota);
  const limited = Object.keys(hard);
  const isMeasured = limited.some((resource) => measures(kind, resource));
  if (!isMeasured || !isInScope(quota, kind, next)) return undefined;
  const missing = isPod(kind) ? missingResources(specOf(next), limited) : undefined;
  if (missing !== undefined) return `failed quota: ${name}: must specify ${missing}`;
  const requested = masked(usageOf(parts.clock, kind, next), limited);
  const used = { ...zeros(limited), ...usedOf(parts, quota, [kind]) };
  const total = addResources(used, requested);
  const exceeded = Object.keys(requested).filter(
    (resource) =>
      !isZero(requested[resource]) &&
      compareQuantities(total[resource] ?? '0', hard[resource] ?? '0') > 0,
  );
  if (exceeded.length === 0) return undefined;
  const show = (amounts: ResourceList) => shown(masked(amounts, exceeded));
  return `exceeded quota: ${name}, requested: ${show(requested)}, used: ${show(used)}, limited: ${show(hard)}`;
}

/** Keeps the status of every quota; returns what stops it. */
export function keepQuotas(parts: Parts & { kinds: Kinds; writer: Writer }): void {
  const { store, kinds, writer } = parts;
  store.onCommit(({ resource, type, object, previous }) => {
    if (resource === qualified(resourceQuotas)) {
      if (type !== 'DELETED') update(object);
      return;
    }
    // Only what comes, goes or ends changes what is used.
    if (type === 'MODIFIED' && phaseOf(object) === phaseOf(previous)) return;
    for (const quota of store.list(resourceQuotas, object.metadata.namespace ?? '')) {
      if (quota.metadata.namespace === object.metadata.namespace) update(quota);
    }
  });

  function update(quota: KubeObject): void {
    const { namespace = '', name = '' } = quota.metadata;
    const live = store.get(resourceQuotas, namespace, name);
    if (live === undefined || live.metadata.deletionTimestamp !== undefined) return;
    const hard = hardLimits(live);
    const used = { ...zeros(Object.keys(hard)), ...usedOf(parts, live, kinds.all()) };
    const status = { hard, used };
    if (isEqual(live['status'], status)) return;
    const change = (current: KubeObject) => ({ ...current, status });
    const manager = 'kube-controller-manager';
    writer.update(resourceQuotas, namespace, name, change, { manager, subresource: 'status' });
  }
}

/** What the objects of these kinds take of the resources that the quota limits. */
function usedOf({ store, clock }: Parts, quota: KubeObject, kinds: readonly Kind[]): ResourceList {
  const { namespace = '' } = quota.metadata;
  const limited = Object.keys(hardLimits(quota));
  return kinds
    .filter((kind) => kind.namespaced && limited.some((resource) => measures(kind, resource)))
    .flatMap((kind) =>
      store
        .list(kind, namespace)
        .filter((object) => isInScope(quota, kind, object))
        .map((object) => masked(usageOf(clock, kind, object), limited)),
    )
    .reduce(addResources, {});
}

/** Kinds that were counted under their plain names before there was `count/`. */
const plainlyCounted: ReadonlySet<string> = new Set(['configmaps', 'resourcequotas', 'secrets']);

const isPod = (kind: GroupResource) => qualified(kind) === qualified(pods);

function measures(kind: Kind, resource: string): boolean {
  // Events are never counted: apiserver/pkg/quota, DefaultIgnoredResources.
  if (kind.plural === 'events') return false;
  if (!isPod(kind)) return resource in countOf(kind);
  return resource === 'count/pods' || resource === 'pods' || computeResource.test(resource);
}

const computeResource = /^(requests\.|limits\.|hugepages-)|^(cpu|memory|ephemeral-storage)$/;

function countOf(kind: GroupResource): ResourceList {
  const plural = qualified(kind);
  return { [`count/${plural}`]: '1', ...(plainlyCounted.has(plural) ? { [plural]: '1' } : {}) };
}

/** What one object takes; a pod that has ended, or should have by now, only counts as an object. */
function usageOf(clock: Clock, kind: Kind, object: KubeObject): ResourceList {
  if (!isPod(kind)) return countOf(kind);
  if (isOver(clock, object)) return { 'count/pods': '1' };
  const spec = specOf(object);
  return {
    'count/pods': '1',
    ...computeUsage(podResources(spec, 'requests'), podResources(spec, 'limits')),
  };
}

function computeUsage(requests: ResourceList, limits: ResourceList): ResourceList {
  const renamed = (list: ResourceList, prefix: string) =>
    Object.fromEntries(Object.entries(list).map(([name, amount]) => [`${prefix}${name}`, amount]));
  return {
    pods: '1',
    ...requests,
    ...renamed(requests, 'requests.'),
    ...renamed(limits, 'limits.'),
  };
}

function isOver(clock: Clock, pod: KubeObject): boolean {
  if (['Failed', 'Succeeded'].includes(phaseOf(pod))) return true;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
  if (deletionTimestamp === undefined) return false;
  return clock.now() > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** Where a quota limits one of these, every container must say how much it takes. */
const mustBeSpecified = [
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
];

/** `limits.cpu for: a,b; limits.memory for: b`; undefined where nothing is missing. */
function missingResources(spec: V1PodSpec, limited: readonly string[]): string | undefined {
  if (isPodLevelSet(spec)) return undefined;
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const lacks =
    (resource: string) =>
    ({ resources }: V1Container) =>
      !(resource in computeUsage(resources?.requests ?? {}, resources?.limits ?? {}));
  const missing = mustBeSpecified
    .filter((resource) => limited.includes(resource))
    .sort()
    .map((resource) => ({ resource, names: containers.filter(lacks(resource)).map(nameOf).sort() }))
    .filter(({ names }) => names.length > 0);
  if (missing.length === 0) return undefined;
  return missing
    .map(({ resource, names }) => `${resource} for: ${[...new Set(names)].join(',')}`)
    .join('; ');
}

const nameOf = ({ name }: V1Container) => name;

/** Claims that the pod says as a whole how much cpu or memory it takes. */
function isPodLevelSet({ resources }: V1PodSpec): boolean {
  const amounts = { ...resources?.requests, ...resources?.limits };
  return 'cpu' in amounts || 'memory' in amounts;
}

/** Objects that are no pods are in no scope. */
function isInScope(quota: KubeObject, kind: GroupResource, object: KubeObject): boolean {
  const scopes = asList(at(quota, 'spec', 'scopes')).map((scope) => ({
    scopeName: scope,
    operator: 'Exists',
    values: [],
  }));
  const selected = asObjects(at(quota, 'spec', 'scopeSelector', 'matchExpressions'));
  const all = [...scopes, ...selected];
  if (all.length === 0) return true;
  return isPod(kind) && all.every((scope) => isPodInScope(specOf(object), scope));
}

function isPodInScope(spec: V1PodSpec, scope: Readonly<Record<string, unknown>>): boolean {
  switch (scope['scopeName']) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return isBestEffort(spec);
    case 'NotBestEffort':
      return !isBestEffort(spec);
    case 'PriorityClass':
      return isOfPriority(spec.priorityClassName, scope);
    default:
      return false;
  }
}

/** Claims that neither the pod nor any container asks for any cpu or memory. */
function isBestEffort(spec: V1PodSpec): boolean {
  const amounts = { ...podResources(spec, 'requests'), ...podResources(spec, 'limits') };
  return [amounts['cpu'], amounts['memory']].every(
    (amount) => amount === undefined || isZero(amount),
  );
}

function isOfPriority(
  name: string | undefined,
  { operator, values }: Readonly<Record<string, unknown>>,
): boolean {
  const isNamed = name !== undefined && asList(values).includes(name);
  switch (operator) {
    case 'In':
      return isNamed;
    case 'NotIn':
      return !isNamed;
    case 'DoesNotExist':
      return !name;
    default:
      return Boolean(name);
  }
}

function hardLimits(quota: KubeObject): ResourceList {
  return asObject(at(quota, 'spec', 'hard')) as ResourceList; // quantities: it was decoded
}

function specOf(pod: KubeObject): V1PodSpec {
  return pod['spec'] as V1PodSpec; // decoded by its kind
}

function phaseOf(object: KubeObject | undefined): string {
  return String(at(object, 'status', 'phase') ?? '');
}

function isZero(amount: string | undefined): boolean {
  return amount === undefined || storedQuantity(amount).nanos === 0n;
}

function zeros(names: readonly string[]): ResourceList {
  return Object.fromEntries(names.map((name) => [name, '0']));
}

function masked(amounts: ResourceList, names: readonly string[]): ResourceList {
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => names.includes(name)));
}

/** `limits.cpu=1,pods=2`, by name. */
function shown(amounts: ResourceList): string {
  return Object.entries(amounts)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, amount]) => `${name}=${amount}`)
    .join(',');
}
