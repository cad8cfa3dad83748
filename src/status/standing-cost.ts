import { defaults } from '../api/defaults.ts';
import { parseQuantity } from '../api/quantity.ts';
import { isRefusal } from '../api/refusal.ts';
import type { PullerSpec } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { rolloutOf } from './rollout.ts';

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

/** What a puller takes from its nodes for as long as it exists. */
export interface StandingCost {
  /** From a node that all DaemonSets of the puller select. */
  readonly eachNode: Cost;
  /** From the nodes that its DaemonSets select, together. */
  readonly allNodes: Cost;
  /** Beside that, for as long as a DaemonSet rolls: its new pods come before the old ones go. */
  readonly surge: Cost;
  /** The puller's own pods. */
  readonly puller: Cost;
  /** All of these together: what a ResourceQuota must hold for nothing to be refused. */
  readonly quota: Cost;
  /**
   * The rule that users know: limit × images × nodes (che-incubator/kubernetes-image-puller:
   * README.md, "Project Quotas"). It leaves out the surge and the puller's own pod.
   */
  readonly formula: Amount;
}

/** What the cost is made of: a puller's DaemonSets and, where it could be read, its Deployment. */
export interface CostSources {
  readonly spec: PullerSpec;
  readonly daemonSets: readonly KubeObject[];
  readonly deployment: KubeObject | undefined;
}

/** What DaemonSets take of a node that all of them select, and of all nodes together. */
export function cacheCost(
  daemonSets: readonly KubeObject[],
): Pick<StandingCost, 'eachNode' | 'allNodes'> {
  return {
    eachNode: costOf(daemonSets, () => 1),
    allNodes: costOf(daemonSets, (daemonSet) => rolloutOf(daemonSet).desired),
  };
}

/** What the Go operator (1.1.2) reserves on each node for so many images, if nothing is chosen. */
export function peerReservation(images: number): Amount {
  const { cachingCPURequest: cpu, cachingMemoryRequest: memory } = defaults;
  return { cpu: nanosOf(cpu) * BigInt(images), memory: nanosOf(memory) * BigInt(images) };
}

/** Adds up what a puller takes. */
export function standingCost({ spec, daemonSets, deployment }: CostSources): StandingCost {
  const { eachNode, allNodes } = cacheCost(daemonSets);
  const surge = costOf(daemonSets, surgePods);
  const puller =
    deployment === undefined
      ? nothing
      : times(podCost(podSpecOf(deployment)), replicasOf(deployment));
  const nodes = Math.max(0, ...daemonSets.map((daemonSet) => rolloutOf(daemonSet).desired));
  const copies = BigInt(spec.images.length) * BigInt(nodes);
  return {
    eachNode,
    allNodes,
    surge,
    puller,
    quota: sum([allNodes, surge, puller]),
    formula: {
      cpu: nanosOf(spec.limits.cpu) * copies,
      memory: nanosOf(spec.limits.memory) * copies,
    },
  };
}

/**
 * What one pod takes: of init containers, which run alone and one by
 * one, the largest amount counts, of the others the sum (Kubernetes documentation, "Init Containers",
 * "Resource sharing within containers"); an amount for the pod as a whole stands above both.
 */
export function podCost({ resources, initContainers = [], containers }: PodSpec): Cost {
  const amount = (kind: Kind, resource: keyof Amount): bigint => {
    const whole = amountOf(resources, kind, resource);
    if (whole !== undefined) return whole;
    const of = ({ resources }: Container) => amountOf(resources, kind, resource) ?? 0n;
    const together = containers.reduce((total, container) => total + of(container), 0n);
    return initContainers.map(of).reduce((most, one) => (one > most ? one : most), together);
  };
  const both = (kind: Kind) => ({ cpu: amount(kind, 'cpu'), memory: amount(kind, 'memory') });
  return { pods: 1, requests: both('requests'), limits: both('limits') };
}

type Kind = 'requests' | 'limits';

/** Of a pod or a container: quantities as text. */
export type Resources = {
  readonly [kind in Kind]?: { readonly [resource in keyof Amount]?: string };
};

interface Container {
  readonly resources?: Resources;
}

/** A pod's spec, as far as its cost depends on it. */
export interface PodSpec {
  /** Of the pod as a whole (KEP-2837). */
  readonly resources?: Resources;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}

interface WorkloadSpec {
  readonly replicas?: number;
  readonly updateStrategy?: { readonly rollingUpdate?: { readonly maxSurge?: number | string } };
  readonly template: { readonly spec: PodSpec };
}

const nothing: Cost = {
  pods: 0,
  requests: { cpu: 0n, memory: 0n },
  limits: { cpu: 0n, memory: 0n },
};

function costOf(daemonSets: readonly KubeObject[], pods: (daemonSet: KubeObject) => number): Cost {
  return sum(daemonSets.map((each) => times(podCost(podSpecOf(each)), pods(each))));
}

function specOf(workload: KubeObject): WorkloadSpec {
  return workload['spec'] as WorkloadSpec; // apps/v1
}

/** The pods that a DaemonSet or Deployment makes. */
export function podSpecOf(workload: KubeObject): PodSpec {
  return specOf(workload).template.spec;
}

/** A puller that rests, as a quota is too small, needs room all the same. */
function replicasOf(deployment: KubeObject): number {
  return Math.max(1, specOf(deployment).replicas ?? 1);
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

function nanosOf(text: string): bigint {
  const quantity = parseQuantity(text);
  return isRefusal(quantity) ? 0n : quantity.nanos;
}

/** A percentage is of the desired pods, rounded up (kubernetes/kubernetes: pkg/controller/daemon/util). */
function surgePods(daemonSet: KubeObject): number {
  const { desired } = rolloutOf(daemonSet);
  const { maxSurge: told = 0 } = specOf(daemonSet).updateStrategy?.rollingUpdate ?? {};
  // One that rolls in place lacks the room for a single pod more.
  const maxSurge = specOf(daemonSet).updateStrategy && told === 0 ? 1 : told;
  const surge =
    typeof maxSurge === 'number'
      ? maxSurge
      : Math.ceil((desired * Number.parseInt(maxSurge, 10)) / 100);
  return Math.min(surge, desired);
}

function times({ pods, requests, limits }: Cost, number: number): Cost {
  const factor = BigInt(number);
  const multiplied = ({ cpu, memory }: Amount) => ({ cpu: cpu * factor, memory: memory * factor });
  return { pods: pods * number, requests: multiplied(requests), limits: multiplied(limits) };
}

function sum(costs: readonly Cost[]): Cost {
  const added = (a: Amount, b: Amount) => ({ cpu: a.cpu + b.cpu, memory: a.memory + b.memory });
  return costs.reduce(
    (total, { pods, requests, limits }) => ({
      pods: total.pods + pods,
      requests: added(total.requests, requests),
      limits: added(total.limits, limits),
    }),
    nothing,
  );
}
