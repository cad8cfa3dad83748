import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { matchesNode, toleratesNode } from './node-fit.ts';
import { Neighbours, type Surroundings } from './pod-affinity.ts';
import { isTerminal } from './pods.ts';
import { quantityValue } from './quantity.ts';
import { type Node, nameOf, type Pod } from './shapes.ts';

/** What the scheduler decides, as pure functions. */

/** Amounts of each resource: cores, bytes, pods. */
export type Amounts = Readonly<Record<string, number>>;

/** The node for a pod, or why there is none. */
export type Decision = { readonly node: string } | { readonly unschedulable: string };

/** Pods are counted at every round; a spec never changes but for another one. */
const known = new WeakMap<V1PodSpec, Amounts>();

/**
 * What a pod takes of a node: the sum over its containers, or its largest init container where that
 * is more; what the pod requests as a whole counts instead. (kubernetes/kubernetes:
 * component-helpers/resource/helpers.go)
 */
export function requestsOf({ spec }: Pod): Amounts {
  const amounts = known.get(spec) ?? requestsIn(spec);
  known.set(spec, amounts);
  return amounts;
}

function requestsIn(spec: V1PodSpec): Amounts {
  const running = added(spec.containers.map(requests));
  const starting = (spec.initContainers ?? []).map(requests);
  return { ...starting.reduce(larger, running), ...amounts(spec.resources?.requests), pods: 1 };
}

/** A container without a request but with a limit requests its limit. */
function requests({ resources }: V1Container): Amounts {
  return { ...amounts(resources?.limits), ...amounts(resources?.requests) };
}

function amounts(quantities: Readonly<Record<string, string>> = {}): Amounts {
  return Object.fromEntries(
    Object.entries(quantities).map(([resource, quantity]) => [resource, quantityValue(quantity)]),
  );
}

/** The sum, resource by resource. */
export function added(all: readonly Amounts[]): Amounts {
  const total: Record<string, number> = {};
  for (const each of all) {
    for (const [resource, amount] of Object.entries(each)) {
      total[resource] = (total[resource] ?? 0) + amount;
    }
  }
  return total;
}

function larger(a: Amounts, b: Amounts): Amounts {
  const resources = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries(
    [...resources].map((resource) => [resource, Math.max(a[resource] ?? 0, b[resource] ?? 0)]),
  );
}

/** The nodes, and the pods that are bound to them and have not ended. */
export class Scene {
  readonly nodes: readonly Node[];
  readonly neighbours: Neighbours;
  readonly #taken = new Map<string, Amounts>();

  constructor(surroundings: Surroundings, pods: readonly Pod[]) {
    this.nodes = surroundings.nodes;
    this.neighbours = new Neighbours(surroundings);
    const bound = pods.filter((pod) => pod.spec.nodeName && !isTerminal(pod));
    for (const [node, own] of Map.groupBy(bound, ({ spec }) => spec.nodeName ?? '')) {
      this.#taken.set(node, added(own.map(requestsOf)));
    }
    for (const pod of bound) this.neighbours.add(pod);
  }

  /** What the pods of a node take of it. */
  takenOf(node: string): Amounts {
    return this.#taken.get(node) ?? {};
  }

  /** Takes note of a pod that has been bound. */
  add(pod: Pod): void {
    const { nodeName = '' } = pod.spec;
    this.#taken.set(nodeName, added([this.takenOf(nodeName), requestsOf(pod)]));
    this.neighbours.add(pod);
  }
}

/**
 * Of the nodes where the pod fits the one with the fewest pods. The message counts, for each
 * reason, the nodes it rules out. (kubernetes/kubernetes: pkg/scheduler/framework/types.go, FitError)
 */
export function schedule(pod: Pod, scene: Scene): Decision {
  const { nodes } = scene;
  const judged = nodes.map((node) => ({ node, why: misfits(pod, node, scene) }));
  const [best] = judged
    .filter(({ why }) => why.length === 0)
    .map(({ node }) => nameOf(node))
    .toSorted((a, b) => podsOn(scene, a) - podsOn(scene, b) || a.localeCompare(b));
  if (best !== undefined) return { node: best };
  const reasons = Map.groupBy(
    judged.flatMap(({ why }) => why),
    (reason) => reason,
  );
  const counted = [...reasons].map(([reason, each]) => `${each.length} ${reason}`).sort();
  const why = counted.length === 0 ? 'no nodes available to schedule pods' : counted.join(', ');
  return {
    unschedulable: nodes.length === 0 ? why : `0/${nodes.length} nodes are available: ${why}.`,
  };
}

function podsOn(scene: Scene, node: string): number {
  return scene.takenOf(node)['pods'] ?? 0;
}

/** Why a pod cannot go to a node; the first filter that objects speaks. */
function misfits(pod: Pod, node: Node, scene: Scene): readonly string[] {
  if (!matchesNode(pod.spec, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  if (!isTolerated(pod.spec, node)) return ['node(s) had untolerated taint(s)'];
  const lacks = lacksOf(pod, node, scene.takenOf(nameOf(node)));
  if (lacks.length > 0) return lacks;
  const objection = scene.neighbours.objection(pod, node);
  return objection === undefined ? [] : [objection];
}

/** The resources of which a node has too little left. */
function lacksOf(pod: Pod, node: Node, taken: Amounts): readonly string[] {
  const allocatable = amounts(node.status?.allocatable);
  return Object.entries(requestsOf(pod))
    .filter(([, amount]) => amount > 0)
    .filter(([resource, amount]) => (taken[resource] ?? 0) + amount > (allocatable[resource] ?? 0))
    .map(([resource]) => (resource === 'pods' ? 'Too many pods' : `Insufficient ${resource}`));
}

function isTolerated(spec: V1PodSpec, node: Node): boolean {
  return toleratesNode(spec.tolerations ?? [], node, ['NoSchedule', 'NoExecute']);
}
