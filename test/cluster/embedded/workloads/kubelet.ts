import { pods as podResource } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { BackOffLimits } from './back-off.ts';
import { EventRecorder } from './events.ts';
import { ImageManager } from './image-manager.ts';
import { type NodeTimings, PodWorker } from './pod-worker.ts';
import { isTerminal } from './pods.ts';
import type { Registries } from './registry.ts';
import { find, listOf, type Node, nodes as nodeResource, type Pod, uidOf } from './shapes.ts';
import { writeStatus } from './write-status.ts';

/** How long things take on nodes, in milliseconds. */
export interface Timings extends NodeTimings {
  /** Until a registry answers. */
  readonly answerMs: number;
  /** Until a pod that is not let in is told to have failed. */
  readonly rejectMs: number;
  /** Of pulls that failed. */
  readonly pullBackOff: BackOffLimits;
}

/**
 * The kubelet's own back-offs (kubernetes/kubernetes: pkg/kubelet/kubelet.go), and what was measured
 * on a real node of 1.36.3 with containerd: 150 ms for each container to start, one after another,
 * and one to ten pods a second that are rejected. Half a second stands for the generic relist of every second.
 */
export const realTimings: Timings = {
  startMs: 150,
  stopMs: 50,
  relistMs: 500,
  retryMs: 10_000,
  answerMs: 20,
  rejectMs: 500,
  crashBackOff: { firstMs: 10_000, lastMs: 300_000 },
  pullBackOff: { firstMs: 10_000, lastMs: 300_000 },
};

/** An image on a node, as `node.status.images` lists it. */
export interface NodeImage {
  readonly digest: string;
  /** `repository@digest` and `repository:tag`. */
  readonly names: readonly string[];
}

/** The node of a kubelet and what it works with. */
export interface KubeletOptions {
  readonly node: string;
  readonly controlPlane: ControlPlane;
  readonly registries: Registries;
  readonly timings: Timings;
}

const evicted = 'Evicted';

/** Runs the pods that are bound to one node. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #images: ImageManager;
  readonly #events: EventRecorder;
  readonly #workers = new Map<string, PodWorker>();
  #isReachable = true;
  #isUnderPressure = false;
  /** Uids of pods that are about to fail. */
  readonly #rejected = new Set<string>();

  constructor(options: KubeletOptions) {
    const { controlPlane, registries, timings, node: name } = options;
    const node = find<Node>(controlPlane, nodeResource, { name });
    this.#options = options;
    this.#images = new ImageManager({
      clock: controlPlane.clock,
      registries,
      architecture: node?.metadata.labels?.['kubernetes.io/arch'] ?? 'amd64',
      answerMs: timings.answerMs,
      backOff: timings.pullBackOff,
    });
    this.#events = new EventRecorder(controlPlane, 'kubelet');
    this.#catchUp();
  }

  /** A pod that is bound to this node was made or changed. */
  see(pod: Pod): void {
    if (!this.#isReachable) return;
    const worker = this.#workers.get(uidOf(pod));
    if (worker === undefined) this.#run(pod);
    else worker.see(pod);
  }

  /** A pod of this node is gone from the API server. */
  forget(uid: string): void {
    if (!this.#isReachable) return;
    this.#workers.get(uid)?.stop();
    this.#workers.delete(uid);
  }

  /** Whether the kubelet can speak with the API server; its containers run on either way. */
  setReachable(isReachable: boolean): void {
    this.#isReachable = isReachable;
    if (!isReachable) return;
    this.#catchUp();
    for (const worker of this.#workers.values()) worker.reconnect();
  }

  /** Whether it is short of disk space: then it lets no new pod in. */
  setPressure(isUnderPressure: boolean): void {
    this.#isUnderPressure = isUnderPressure;
  }

  /** Ends a pod for good, as where the disk is full. */
  evict(uid: string): void {
    const message = 'The node was low on resource: ephemeral-storage. ';
    this.#workers.get(uid)?.evict({ reason: evicted, message });
  }

  images(): readonly NodeImage[] {
    return this.#images.store.list().map(({ image: { digest }, repoDigests, repoTags }) => ({
      digest,
      names: [...repoDigests, ...repoTags],
    }));
  }

  /** References of the images that containers run from at this moment. */
  running(): readonly string[] {
    return [...this.#workers.values()].flatMap((worker) => worker.imagesRunning);
  }

  /** Deletes the images that no container of a pod on this node was made from. */
  collectGarbage(): void {
    const inUse = [...this.#workers.values()].flatMap((worker) => worker.imagesInUse);
    this.#images.store.collectGarbage(new Set(inUse));
  }

  /** Ends everything at once, as when the machine is switched off. */
  stop(): void {
    for (const worker of this.#workers.values()) worker.stop();
    this.#workers.clear();
  }

  #catchUp(): void {
    const { controlPlane, node } = this.#options;
    const bound = listOf<Pod>(controlPlane, podResource).filter(
      ({ spec }) => spec.nodeName === node,
    );
    const uids = new Set(bound.map(uidOf));
    for (const uid of this.#workers.keys()) if (!uids.has(uid)) this.forget(uid);
    for (const pod of bound) this.see(pod);
  }

  #run(pod: Pod): void {
    const { controlPlane, timings } = this.#options;
    if (isTerminal(pod) || this.#rejected.has(uidOf(pod))) return;
    if (this.#isUnderPressure && !pod.status?.startTime) {
      this.#reject(pod);
      return;
    }
    const services = {
      controlPlane,
      images: this.#images,
      events: this.#events,
      timings,
      isReachable: () => this.#isReachable,
    };
    this.#workers.set(uidOf(pod), new PodWorker(pod, services));
  }

  /** kubernetes/kubernetes: pkg/kubelet/kubelet.go, rejectPod, and eviction/eviction_manager.go, Admit. */
  #reject(pod: Pod): void {
    const { controlPlane, timings } = this.#options;
    this.#rejected.add(uidOf(pod));
    controlPlane.clock.after(timings.rejectMs, () => {
      this.#rejected.delete(uidOf(pod));
      writeStatus(controlPlane, podResource, pod, {
        ...pod.status,
        phase: 'Failed',
        reason: evicted,
        message: 'Pod was rejected: The node had condition: [DiskPressure]. ',
      });
    });
  }
}
