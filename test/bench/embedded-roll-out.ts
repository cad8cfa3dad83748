import { sleep, systemClock } from '../../src/clock.ts';
import { daemonSets, type KubeObject, pods } from '../../src/kube/objects.ts';
import type { EmbeddedCluster } from '../cluster/embedded/embedded-cluster.ts';
import { LargePods, type PodTemplate } from './large-pod.ts';
import type { LargeRollOut } from './rig.ts';

/** From the first event to the last, as fast as a real control plane might be. */
const lastsMs = 60_000;
/** How long one pod takes. */
const podMs = 15_000;
/** Created, bound to its node, and so on until all containers run. */
const eventsPerPod = 5;
/** How often the status of the DaemonSet moves meanwhile. */
const countEveryMs = 250;

/**
 * Plays the controllers and the kubelets of so many nodes: what the models of the embedded cluster would
 * compute, 5,000 nodes times 40 images, is written straight into its store. Lists and watches are the
 * cluster's own, over HTTP.
 */
export function largeRollOut(cluster: EmbeddedCluster, nodes: number): LargeRollOut {
  // They would take the pods away again, of nodes that they do not know.
  cluster.workloads.stop();
  return {
    setting: `${nodes} nodes played, ${eventsPerPod} events a pod within ${lastsMs / 1000} s`,
    async run(namespace) {
      const [daemonSet] = cluster.controlPlane.list(daemonSets, namespace);
      if (daemonSet === undefined) throw new Error(`there is no DaemonSet in ${namespace}`);
      const roll = new RollOut(cluster, daemonSet, nodes);
      const begun = performance.now();
      for (let elapsed = 0; elapsed < lastsMs; elapsed = performance.now() - begun) {
        roll.advance(elapsed);
        await sleep(systemClock, 10);
      }
      roll.advance(lastsMs);
    },
  };
}

interface Step {
  readonly atMs: number;
  readonly index: number;
  readonly event: number;
}

class RollOut {
  readonly #cluster: EmbeddedCluster;
  readonly #daemonSet: KubeObject;
  readonly #nodes: number;
  readonly #pods: LargePods;
  readonly #containers: number;
  readonly #steps: readonly Step[];
  #next = 0;
  #countedAtMs = Number.NEGATIVE_INFINITY;

  constructor(cluster: EmbeddedCluster, daemonSet: KubeObject, nodes: number) {
    this.#cluster = cluster;
    this.#daemonSet = daemonSet;
    this.#nodes = nodes;
    const { template } = daemonSet['spec'] as { template: PodTemplate };
    const { apiVersion, kind, metadata } = daemonSet;
    const { name = '', uid = '' } = metadata;
    const owner = { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
    this.#pods = new LargePods(template, owner);
    this.#containers = template.spec.containers.length;
    this.#steps = stepsOf(nodes);
  }

  /** Carries out what is due after so many milliseconds. */
  advance(elapsedMs: number): void {
    for (
      let step = this.#steps[this.#next];
      step !== undefined && step.atMs <= elapsedMs;
      step = this.#steps[this.#next]
    ) {
      this.#put(step);
      this.#next += 1;
    }
    const isOver = this.#next === this.#steps.length;
    if (!isOver && elapsedMs - this.#countedAtMs < countEveryMs) return;
    this.#countedAtMs = elapsedMs;
    this.#count();
  }

  #put({ index, event }: Step): void {
    const { namespace = '', name = '' } = this.#daemonSet.metadata;
    const number = String(index).padStart(5, '0');
    const pod = this.#pods.pod({
      name: `${name}-${number}`,
      namespace,
      uid: `00000000-0000-4000-8000-0000000${number}`,
      ...(event > 0 && { node: `node-${number}` }),
      running: runningAfter(event, this.#containers),
    });
    this.#cluster.store.put(pods, pod);
  }

  #count(): void {
    const { namespace = '', name = '' } = this.#daemonSet.metadata;
    const live = this.#cluster.controlPlane.get(daemonSets, namespace, name);
    if (live === undefined) throw new Error('the DaemonSet is gone');
    const done = this.#steps.slice(0, this.#next);
    const created = done.filter(({ event }) => event === 0).length;
    const ready = done.filter(({ event }) => event === eventsPerPod - 1).length;
    this.#cluster.controlPlane.updateStatus(daemonSets, {
      ...live,
      status: {
        currentNumberScheduled: created,
        desiredNumberScheduled: this.#nodes,
        numberAvailable: ready,
        numberMisscheduled: 0,
        numberReady: ready,
        numberUnavailable: this.#nodes - ready,
        observedGeneration: live.metadata.generation,
        updatedNumberScheduled: created,
      },
    });
  }
}

/** One node after the other begins, and many are on their way at a time. */
function stepsOf(nodes: number): readonly Step[] {
  const stepMs = podMs / (eventsPerPod - 1);
  return Array.from({ length: nodes * eventsPerPod }, (_, number) => {
    const index = Math.floor(number / eventsPerPod);
    const event = number % eventsPerPod;
    return { atMs: ((lastsMs - podMs) * index) / nodes + event * stepMs, index, event };
  }).sort((one, other) => one.atMs - other.atMs);
}

/** Nothing runs when a pod is created, nor when it is bound. */
function runningAfter(event: number, containers: number): number {
  return Math.floor((containers * Math.max(0, event - 1)) / (eventsPerPod - 2));
}
