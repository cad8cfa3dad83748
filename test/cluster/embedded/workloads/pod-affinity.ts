import type { V1PodAffinityTerm } from '@kubernetes/client-node';
import { type Labels, type Requirement, satisfies, selects } from './labels.ts';
import { type Node, nameOf, type Pod } from './shapes.ts';

/** A pod that has a node, and the labels of that node. */
interface Neighbour {
  readonly pod: Pod;
  readonly place: Labels;
}

/** Where pods find each other. */
export interface Surroundings {
  readonly nodes: readonly Node[];
  readonly labelsOfNamespace: (name: string) => Labels | undefined;
}

/**
 * The pods that have a node, as they draw others to it or keep them away where that is required.
 * (kubernetes/kubernetes: pkg/scheduler/framework/plugins/interpodaffinity/filtering.go)
 */
export class Neighbours {
  readonly #places: ReadonlyMap<string, Labels>;
  readonly #labelsOfNamespace: Surroundings['labelsOfNamespace'];
  readonly #all: Neighbour[] = [];
  /** Those that keep others away: few, and asked for every pod. */
  readonly #unsociable: Neighbour[] = [];

  constructor({ nodes, labelsOfNamespace }: Surroundings) {
    this.#places = new Map(nodes.map((node) => [nameOf(node), placeOf(node)]));
    this.#labelsOfNamespace = labelsOfNamespace;
  }

  add(pod: Pod): void {
    const neighbour = { pod, place: this.#places.get(pod.spec.nodeName ?? '') ?? {} };
    this.#all.push(neighbour);
    if (requiredTerms(pod, 'podAntiAffinity').length > 0) this.#unsociable.push(neighbour);
  }

  /** Why the pod cannot be on the node, in the words of the scheduler; undefined where it can. */
  objection(pod: Pod, node: Node): string | undefined {
    const place = placeOf(node);
    if (!this.#isDrawn(pod, place)) return "node(s) didn't match pod affinity rules";
    if (this.#isRepelled(pod, place)) return "node(s) didn't match pod anti-affinity rules";
    if (this.#isUnwanted(pod, place))
      return "node(s) didn't satisfy existing pods anti-affinity rules";
    return undefined;
  }

  /** The first of several that want to be together need not wait for each other. */
  #isDrawn(pod: Pod, place: Labels): boolean {
    const terms = requiredTerms(pod, 'podAffinity');
    if (terms.length === 0) return true;
    if (terms.some(({ topologyKey }) => place[topologyKey] === undefined)) return false;
    const isWanted = (other: Pod) => terms.every((term) => this.#selects(term, pod, other));
    const wanted = this.#all.filter((other) => isWanted(other.pod));
    const isNear = (term: V1PodAffinityTerm) =>
      wanted.some((other) => isShared(term, place, other.place));
    if (terms.every(isNear)) return true;
    const hasNone = terms.every(({ topologyKey }) =>
      wanted.every((other) => other.place[topologyKey] === undefined),
    );
    return hasNone && isWanted(pod);
  }

  #isRepelled(pod: Pod, place: Labels): boolean {
    return requiredTerms(pod, 'podAntiAffinity').some((term) =>
      this.#all.some(
        (other) => isShared(term, place, other.place) && this.#selects(term, pod, other.pod),
      ),
    );
  }

  #isUnwanted(pod: Pod, place: Labels): boolean {
    return this.#unsociable.some((other) =>
      requiredTerms(other.pod, 'podAntiAffinity').some(
        (term) => isShared(term, place, other.place) && this.#selects(term, other.pod, pod),
      ),
    );
  }

  /** Claims that a term of a pod speaks of another one, wherever that is. */
  #selects(term: V1PodAffinityTerm, { metadata }: Pod, other: Pod): boolean {
    const { namespace = '', labels = {} } = other.metadata;
    if (term.labelSelector === undefined) return false;
    return (
      this.#reaches(term, metadata.namespace ?? '', namespace) &&
      selects(term.labelSelector, labels) &&
      likeOwn(term, metadata.labels ?? {}).every((requirement) => satisfies(labels, requirement))
    );
  }

  /** Without a word about namespaces a term is about its own. */
  #reaches({ namespaces = [], namespaceSelector }: V1PodAffinityTerm, own: string, other: string) {
    if (namespaceSelector === undefined && namespaces.length === 0) return other === own;
    if (namespaces.includes(other)) return true;
    return (
      namespaceSelector !== undefined && selects(namespaceSelector, this.#labelsOfNamespace(other))
    );
  }
}

function placeOf(node: Node): Labels {
  return node.metadata.labels ?? {};
}

function requiredTerms(
  { spec }: Pod,
  kind: 'podAffinity' | 'podAntiAffinity',
): readonly V1PodAffinityTerm[] {
  return spec.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** Claims that two places are one, as the term divides the world. */
function isShared({ topologyKey }: V1PodAffinityTerm, place: Labels, other: Labels): boolean {
  return place[topologyKey] !== undefined && place[topologyKey] === other[topologyKey];
}

/**
 * What a term asks of the labels that are named by their keys alone, which the API server adds to the selector.
 * (kubernetes/kubernetes: pkg/registry/core/pod/strategy.go, applyMatchLabelKeysAndMismatchLabelKeys)
 */
function likeOwn(
  { matchLabelKeys = [], mismatchLabelKeys = [] }: V1PodAffinityTerm,
  own: Labels,
): readonly Requirement[] {
  const asked = (keys: readonly string[], operator: string) =>
    keys.flatMap((key) => (own[key] === undefined ? [] : [{ key, operator, values: [own[key]] }]));
  return [...asked(matchLabelKeys, 'In'), ...asked(mismatchLabelKeys, 'NotIn')];
}
