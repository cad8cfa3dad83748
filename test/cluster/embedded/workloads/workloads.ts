import { pods as podResource } from '../../../../src/kube/objects.ts';
import type { ControlPlane } from '../control-plane.ts';
import { startDaemonSets } from './daemonset.ts';
import { startDeployments } from './deployment.ts';
import { Kubelet, type NodeImage, realTimings, type Timings } from './kubelet.ts';
import { addNode, markDiskPressure, markReachable, type NodeOptions, removeNode } from './nodes.ts';
import { Registries, type Registry } from './registry.ts';
import { startReplicaSets } from './replicaset.ts';
import { startScheduler } from './scheduler.ts';
import {
  find,
  listOf,
  type Node,
  nameOf,
  nodes as nodeResource,
  type Pod,
  uidOf,
} from './shapes.ts';

/** The nodes of a cluster at its start, and what surrounds them. */
export interface WorkloadOptions {
  /** How many nodes there are at first, named `node-1`, `node-2` …; 3 by default. */
  readonly nodes?: number;
  /** Where nodes pull from; by default every host is an open registry that serves anything. */
  readonly registries?: Registries;
  /** Where they differ from {@link realTimings}. */
  readonly timings?: Partial<Timings>;
  /**
   * The time between two pods that the DaemonSet controller makes, as in a large cluster, where its
   * client waits for its turn; none by default.
   */
  readonly daemonPodEveryMs?: number;
}

/** The nodes of a cluster and what runs there, for tests to look at and to disturb. */
export interface Workloads {
  /** Names of the nodes that exist, sorted. */
  readonly nodes: readonly string[];
  addNode(name: string, options?: NodeOptions): void;
  /** Takes a node away for ever, with its disk. */
  removeNode(name: string): void;
  /** Cuts a node off from the API server or reconnects it; its containers run on. */
  setReachable(name: string, isReachable: boolean): void;
  /**
   * Whether a node is short of disk space: tainted, and rejecting every new pod. What runs there is
   * evicted by {@link Workloads.evict} alone.
   */
  setDiskPressure(name: string, isShort: boolean): void;
  /** Ends a pod for good, as the kubelet of a node without disk space does: Failed, reason Evicted. */
  evict(namespace: string, pod: string): void;
  /** The registry of a host such as `quay.io`. */
  registry(host: string): Registry;
  /** The images on a node's disk. */
  imagesOn(node: string): readonly NodeImage[];
  /** References of the images that containers on a node run from, as their pods spell them. */
  runningOn(node: string): readonly string[];
  /** Deletes from a node's disk every image that no container there was made from. */
  collectGarbage(node: string): void;
  stop(): void;
}

/**
 * Starts the controllers of workloads, a scheduler and the nodes: models of their namesakes in
 * Kubernetes that act on any Deployment, ReplicaSet, DaemonSet and Pod of the control plane.
 */
export function startWorkloads(
  controlPlane: ControlPlane,
  options: WorkloadOptions = {},
): Workloads {
  const { nodes = 3, registries = new Registries() } = options;
  const timings = { ...realTimings, ...options.timings };
  const kubelets = new Map<string, Kubelet>();
  const kubelet = (node: string) => {
    const found = kubelets.get(node);
    if (found === undefined) throw new Error(`there is no node "${node}"`);
    return found;
  };
  const add = (node: string, nodeOptions?: NodeOptions) => {
    addNode(controlPlane, node, nodeOptions);
    kubelets.set(node, new Kubelet({ node, controlPlane, registries, timings }));
  };
  for (let index = 1; index <= nodes; index += 1) add(`node-${index}`);
  const stops = [
    dispatchPods(controlPlane, kubelets),
    startScheduler(controlPlane),
    startReplicaSets(controlPlane),
    startDeployments(controlPlane),
    startDaemonSets(controlPlane, options.daemonPodEveryMs),
  ];
  return {
    get nodes() {
      return listOf<Node>(controlPlane, nodeResource).map(nameOf);
    },
    addNode: add,
    removeNode(node) {
      kubelet(node).stop();
      kubelets.delete(node);
      removeNode(controlPlane, node);
    },
    setReachable(node, isReachable) {
      if (!isReachable) kubelet(node).setReachable(false);
      markReachable(controlPlane, node, isReachable);
      if (isReachable) kubelet(node).setReachable(true);
    },
    setDiskPressure(node, isShort) {
      kubelet(node).setPressure(isShort);
      markDiskPressure(controlPlane, node, isShort);
    },
    evict(namespace, name) {
      const pod = find<Pod>(controlPlane, podResource, { namespace, name });
      if (pod === undefined) throw new Error(`there is no pod "${namespace}/${name}"`);
      kubelet(pod.spec.nodeName ?? '').evict(uidOf(pod));
    },
    registry: (host) => registries.at(host),
    imagesOn: (node) => kubelet(node).images(),
    runningOn: (node) => kubelet(node).running(),
    collectGarbage: (node) => kubelet(node).collectGarbage(),
    stop() {
      for (const stop of stops) stop();
      for (const each of kubelets.values()) each.stop();
    },
  };
}

/** Tells each kubelet of the pods that are bound to its node. */
function dispatchPods(
  controlPlane: ControlPlane,
  kubelets: ReadonlyMap<string, Kubelet>,
): () => void {
  return controlPlane.onChange(podResource, ({ type, object }) => {
    const pod = object as Pod; // stored, and therefore of its kind's shape
    const kubelet = kubelets.get(pod.spec.nodeName ?? '');
    if (type === 'DELETED') kubelet?.forget(uidOf(pod));
    else kubelet?.see(pod);
  });
}
