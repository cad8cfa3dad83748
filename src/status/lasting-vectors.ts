import type { KubeObject } from '../kube/objects.ts';
import {
  type ContainerRecord,
  type ContainerVector,
  holdsImage,
  isMadeFrom,
  type PodRecord,
} from './pods.ts';
import { hasNoFormerPods, referencesOf, templateGenerationOf } from './rollout.ts';

/**
 * What the pods of a DaemonSet hold and will go on holding. A pod of a former list that is not ready goes as soon
 * as there is another one, before that is ready (kubernetes/kubernetes: pkg/controller/daemon/daemon_controller.go,
 * podsShouldBeOnNode): that it still runs something is no promise.
 */
export class LastingVectors {
  readonly #generation: number;
  readonly #template: ReadonlySet<string>;
  readonly #isOver: boolean;
  readonly #known = new Map<ContainerVector, ContainerVector>();

  constructor(daemonSet: KubeObject) {
    this.#generation = templateGenerationOf(daemonSet);
    this.#template = new Set(referencesOf(daemonSet));
    this.#isOver = hasNoFormerPods(daemonSet);
  }

  /** The containers of a pod; those that will not last wait for their successors. Equal ones stay one. */
  of({ condition, containers, templateGeneration }: PodRecord): ContainerVector {
    // Containers that are ready in a pod that is not are the mark of a silent node, whose last word stands.
    if (condition.isReady || condition.areContainersReady) return containers;
    if (this.#isOver || templateGeneration === this.#generation) return containers;
    const known = this.#known.get(containers) ?? this.#lasting(containers);
    this.#known.set(containers, known);
    return known;
  }

  #lasting(containers: ContainerVector): ContainerVector {
    if (isMadeFrom(this.#template, containers)) return containers;
    const isBegun = containers.some(({ isInit, state }) => !isInit && state === 'running');
    return containers.map((one) => (one.isInit ? started(one, isBegun) : waiting(one)));
  }
}

function waiting(container: ContainerRecord): ContainerRecord {
  return holdsImage(container) ? { ...container, state: 'waiting', digest: '' } : container;
}

/** One that crashes once others run keeps nothing from starting. */
function started(container: ContainerRecord, isBegun: boolean): ContainerRecord {
  return isBegun && container.state === 'failing' ? { ...container, state: 'done' } : container;
}
