import type { KubeObject } from '../kube/objects.ts';
import { type ContainerVector, holdsImage, isMadeFrom, type PodRecord } from './pods.ts';
import { referencesOf, templateGenerationOf } from './rollout.ts';

/**
 * What the pods of a DaemonSet hold and will go on holding. A pod of a former template that is not ready is
 * replaced as soon as the controller looks, before its successor is ready (kubernetes/kubernetes:
 * pkg/controller/daemon/update.go): that it still runs something is no promise. Of a node that fell silent the
 * last word stands.
 */
export class LastingVectors {
  readonly #generation: number;
  readonly #template: ReadonlySet<string>;
  readonly #known = new Map<ContainerVector, ContainerVector>();

  constructor(daemonSet: KubeObject) {
    this.#generation = templateGenerationOf(daemonSet);
    this.#template = new Set(referencesOf(daemonSet));
  }

  /** The containers of a pod; those that will not last wait for their successors. Equal ones stay one. */
  of({ condition, containers, templateGeneration }: PodRecord): ContainerVector {
    if (condition.isReady || condition.areContainersReady) return containers;
    if (templateGeneration === this.#generation) return containers;
    const known = this.#known.get(containers) ?? this.#lasting(containers);
    this.#known.set(containers, known);
    return known;
  }

  /** An edit that is undone counts twice: such pods are as the present template has them. */
  #lasting(containers: ContainerVector): ContainerVector {
    if (isMadeFrom(this.#template, containers)) return containers;
    return containers.map((one) =>
      holdsImage(one) ? { ...one, state: 'waiting', digest: '' } : one,
    );
  }
}
