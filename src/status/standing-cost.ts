import { defaults } from '../api/defaults.ts';
import type { PullerSpec } from '../api/types.ts';
import type { KubeObject } from '../kube/objects.ts';
import { pullerResources } from '../manifests/puller-resources.ts';
import { type Amount, type Cost, nanosOf, podCost, podSpecOf } from './pod-cost.ts';
import { rolloutOf } from './rollout.ts';

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

/** What the puller's own pod takes. */
export const usualPuller = podCost({ containers: [{ resources: pullerResources }] });

/** What the cost is made of: a puller's DaemonSets and, where there is one to be read, its Deployment. */
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
  const puller = pullerCost(deployment);
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

/** A Deployment that is not there yet will be like all others. */
function pullerCost(deployment: KubeObject | undefined): Cost {
  if (deployment === undefined) return usualPuller;
  return times(podCost(podSpecOf(deployment)), replicasOf(deployment));
}

interface WorkloadSpec {
  readonly replicas?: number;
  readonly updateStrategy?: { readonly rollingUpdate?: { readonly maxSurge?: number | string } };
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

/** A puller that rests, as a quota is too small, needs room all the same. */
function replicasOf(deployment: KubeObject): number {
  return Math.max(1, specOf(deployment).replicas ?? 1);
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
