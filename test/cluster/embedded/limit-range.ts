import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { asObject, asObjects } from './json.ts';
import { podResources, type ResourceList } from './pod-resources.ts';
import { compareQuantities, storedQuantity } from './quantity.ts';

/**
 * LimitRange: what containers and pods of a namespace get where they say nothing, and what they may
 * say. As pure functions; rules and texts follow kubernetes/kubernetes:
 * plugin/pkg/admission/limitranger/admission.go and pkg/apis/core/v1/defaults.go.
 */

interface RangeItem {
  readonly type: string;
  readonly default?: ResourceList;
  readonly defaultRequest?: ResourceList;
  readonly min?: ResourceList;
  readonly max?: ResourceList;
  readonly maxLimitRequestRatio?: ResourceList;
}

/** A range with its own gaps filled: a default limit is the maximum, a default request the limit. */
export function limitRangeDefaults(object: KubeObject): KubeObject {
  const items = itemsOf(object);
  if (items.length === 0) return object;
  const limits = items.map((item) => {
    if (item.type !== 'Container') return item;
    const limit = { ...item.max, ...item.default };
    const request = { ...item.min, ...limit, ...item.defaultRequest };
    return { ...item, ...named('default', limit), ...named('defaultRequest', request) };
  });
  return { ...object, spec: { ...asObject(object['spec']), limits } };
}

/** The pod with what the ranges of its namespace fill in, one after the other. */
export function withDefaultResources(pod: KubeObject, ranges: readonly KubeObject[]): KubeObject {
  return ranges.reduce((filled, range) => withDefaultsOf(filled, range), pod);
}

function withDefaultsOf(pod: KubeObject, range: KubeObject): KubeObject {
  const items = itemsOf(range).filter(({ type }) => type === 'Container');
  const limits = Object.assign({}, ...items.map((item) => item.default)) as ResourceList;
  const requests = Object.assign({}, ...items.map((item) => item.defaultRequest)) as ResourceList;
  const told: string[] = [];
  const fill = (what: string) => (container: V1Container) => {
    const own = container.resources ?? {};
    told.push(
      ...telling(requests, own.requests, `request for ${what} ${container.name}`),
      ...telling(limits, own.limits, `limit for ${what} ${container.name}`),
    );
    const resources = {
      ...own,
      ...named('limits', { ...limits, ...own.limits }),
      ...named('requests', { ...requests, ...own.requests }),
    };
    return { ...container, resources };
  };
  const spec = specOf(pod);
  const filled = {
    ...spec,
    containers: spec.containers.map(fill('container')),
    ...(spec.initContainers
      ? { initContainers: spec.initContainers.map(fill('init container')) }
      : {}),
  };
  return told.length === 0 ? pod : withNote({ ...pod, spec: filled }, told);
}

/** `cpu, memory request for container main`, where something is filled in. */
function telling(defaults: ResourceList, own: ResourceList = {}, what: string): readonly string[] {
  const names = Object.keys(defaults).filter((name) => !(name in own));
  return names.length === 0 ? [] : [`${names.sort().join(', ')} ${what}`];
}

function withNote(pod: KubeObject, told: readonly string[]): KubeObject {
  const annotations = {
    ...pod.metadata.annotations,
    'kubernetes.io/limit-ranger': `LimitRanger plugin set: ${told.join('; ')}`,
  };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

/** Why the range does not admit the pod; undefined where it does. */
export function limitRangeRefusal(pod: KubeObject, range: KubeObject): string | undefined {
  const spec = specOf(pod);
  const texts = new Set(itemsOf(range).flatMap((item) => violations(spec, item)));
  if (texts.size === 0) return undefined;
  return texts.size === 1 ? [...texts][0] : `[${[...texts].join(', ')}]`;
}

function violations(spec: V1PodSpec, item: RangeItem): readonly string[] {
  switch (item.type) {
    case 'Container':
      return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
        violationsOf(item, {
          requests: resources?.requests ?? {},
          limits: resources?.limits ?? {},
        }),
      );
    case 'Pod':
      return violationsOf(item, {
        requests: podResources(spec, 'requests'),
        limits: podResources(spec, 'limits'),
      });
    default:
      return [];
  }
}

interface Resources {
  readonly requests: ResourceList;
  readonly limits: ResourceList;
}

function violationsOf(item: RangeItem, resources: Resources): readonly string[] {
  const check = (
    bounds: ResourceList | undefined,
    constraint: (name: string, bound: string) => string | undefined,
  ) =>
    Object.entries(bounds ?? {})
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .flatMap(([name, bound]) => constraint(name, bound) ?? []);
  return [
    ...check(item.min, (name, bound) => belowMinimum(item.type, { name, bound }, resources)),
    ...check(item.max, (name, bound) => aboveMaximum(item.type, { name, bound }, resources)),
    ...check(item.maxLimitRequestRatio, (name, bound) =>
      aboveRatio(item.type, { name, bound }, resources),
    ),
  ];
}

interface Bound {
  readonly name: string;
  readonly bound: string;
}

function belowMinimum(
  type: string,
  { name, bound }: Bound,
  { requests, limits }: Resources,
): string | undefined {
  const text = `minimum ${name} usage per ${type} is ${bound}`;
  const [request, limit] = [requests[name], limits[name]];
  if (request === undefined) return `${text}.  No request is specified`;
  if (compareQuantities(request, bound) < 0) return `${text}, but request is ${request}`;
  const isLow = limit !== undefined && compareQuantities(limit, bound) < 0;
  return isLow ? `${text}, but limit is ${limit}` : undefined;
}

function aboveMaximum(
  type: string,
  { name, bound }: Bound,
  { requests, limits }: Resources,
): string | undefined {
  const text = `maximum ${name} usage per ${type} is ${bound}`;
  const [request, limit] = [requests[name], limits[name]];
  if (limit === undefined) return `${text}.  No limit is specified`;
  if (compareQuantities(limit, bound) > 0) return `${text}, but limit is ${limit}`;
  const isHigh = request !== undefined && compareQuantities(request, bound) > 0;
  return isHigh ? `${text}, but request is ${request}` : undefined;
}

function aboveRatio(
  type: string,
  { name, bound }: Bound,
  { requests, limits }: Resources,
): string | undefined {
  const text = `${name} max limit to request ratio per ${type} is ${bound}`;
  const value = (amount: string | undefined) => Number(storedQuantity(amount ?? '0').nanos);
  const [request, limit] = [value(requests[name]), value(limits[name])];
  if (request === 0) return `${text}, but no request is specified or request is 0`;
  if (limit === 0) return `${text}, but no limit is specified or limit is 0`;
  const ratio = limit / request;
  return ratio > value(bound) / 1e9
    ? `${text}, but provided ratio is ${ratio.toFixed(6)}`
    : undefined;
}

function itemsOf(range: KubeObject): readonly RangeItem[] {
  return asObjects(asObject(range['spec'])['limits']) as unknown as readonly RangeItem[]; // decoded
}

/** An empty list of amounts is left out. */
function named(field: string, amounts: ResourceList): Record<string, ResourceList> {
  return Object.keys(amounts).length === 0 ? {} : { [field]: amounts };
}

function specOf(pod: KubeObject): V1PodSpec {
  return pod['spec'] as V1PodSpec; // decoded by its kind
}
