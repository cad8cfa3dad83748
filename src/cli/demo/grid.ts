import type { CachedImage } from '../../api/types.ts';
import type { KubeObject } from '../../kube/objects.ts';

/**
 * What became of an image on a node: `missing`, `pulled` on its disk, `held` there by a running
 * container, or `failing`. A kubelet tells of a pod's containers only when it has tried them all, so
 * that `pulled` is ahead of what pods say.
 */
export type CopyState = 'missing' | 'pulled' | 'held' | 'failing';

/** One image on all nodes. */
export interface GridRow {
  readonly image: CachedImage;
  /** In the order of the nodes. */
  readonly copies: readonly CopyState[];
}

/** Images by nodes, at one moment. */
export interface Grid {
  readonly nodes: readonly string[];
  readonly rows: readonly GridRow[];
}

/** What a grid is made of. */
export interface Seen {
  readonly images: readonly CachedImage[];
  /** Those that should hold them. */
  readonly nodes: readonly string[];
  /** Those that hold the images. */
  readonly pods: readonly KubeObject[];
  /** Claims that a node's disk has the image that a reference names. */
  readonly isOnDisk: (node: string, reference: string) => boolean;
}

/** Puts together what pods and disks say. */
export function grid({ images, nodes, pods, isOnDisk }: Seen): Grid {
  const said = new Map<string, ContainerStatus>();
  for (const pod of pods) {
    for (const status of statusesOf(pod)) said.set(`${nodeOf(pod)} ${status.name}`, status);
  }
  const copy = (node: string, { container, reference }: CachedImage): CopyState => {
    const state = said.get(`${node} ${container}`)?.state;
    if (state?.running !== undefined) return 'held';
    if (isFailure(state?.waiting)) return 'failing';
    return isOnDisk(node, reference) ? 'pulled' : 'missing';
  };
  return {
    nodes,
    rows: images.map((image) => ({ image, copies: nodes.map((node) => copy(node, image)) })),
  };
}

/** How many copies of images there are in each state. */
export function countCopies({ rows }: Pick<Grid, 'rows'>): Readonly<Record<CopyState, number>> {
  const counts = { missing: 0, pulled: 0, held: 0, failing: 0 };
  for (const { copies } of rows) for (const state of copies) counts[state] += 1;
  return counts;
}

/** Nodes on which every image is held. */
export function completeNodes({ nodes, rows }: Grid): readonly string[] {
  return nodes.filter((_node, index) => rows.every(({ copies }) => copies[index] === 'held'));
}

/** A container that does not start, in the kubelet's words, and on how many nodes that is so. */
export interface ContainerFailure {
  readonly container: string;
  readonly image: string;
  /** One after another: a pull that failed and the pause after it are one failure. */
  readonly reasons: readonly string[];
  readonly message: string;
  readonly nodes: number;
}

/** What keeps containers of these pods from starting; the same on several nodes is told once. */
export function failuresOf(pods: readonly KubeObject[]): readonly ContainerFailure[] {
  const found = new Map<string, ContainerFailure & { readonly on: ReadonlySet<string> }>();
  for (const pod of pods) {
    for (const { name: container, image, state } of statusesOf(pod)) {
      const waiting = state?.waiting;
      if (!isFailure(waiting)) continue;
      const message = causeOf(waiting.message ?? '');
      const key = JSON.stringify([container, image, message]);
      const before = found.get(key);
      const on = new Set(before?.on).add(nodeOf(pod));
      const reasons = [...new Set(before?.reasons).add(waiting.reason)].sort();
      found.set(key, { container, image, reasons, message, nodes: on.size, on });
    }
  }
  return [...found.values()]
    .sort((a, b) => Number(a.image > b.image) - Number(a.image < b.image))
    .map(({ on: _on, ...failure }) => failure);
}

/** Container statuses of a core/v1 pod, as far as they are looked at. */
interface ContainerStatus {
  readonly name: string;
  readonly image: string;
  readonly state?: { readonly running?: object; readonly waiting?: Waiting };
}

interface Waiting {
  readonly reason: string;
  readonly message?: string;
}

interface PodStatus {
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

function statusesOf(pod: KubeObject): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = (pod['status'] ?? {}) as PodStatus;
  return [...initContainerStatuses, ...containerStatuses];
}

/** The node that a pod is bound to; empty before it is. */
export function nodeOf(pod: KubeObject): string {
  return (pod['spec'] as { readonly nodeName?: string } | undefined)?.nodeName ?? '';
}

/** Reasons of a container whose turn has not come. */
const idleReasons: ReadonlySet<string> = new Set(['PodInitializing', 'ContainerCreating']);

function isFailure(waiting: Waiting | undefined): waiting is Waiting {
  return waiting !== undefined && !idleReasons.has(waiting.reason);
}

/** During the pause after a failed pull the kubelet puts that pause in front of the failure. */
function causeOf(message: string): string {
  return message.replace(/^Back-off pulling image "[^"]*": ErrImagePull: /, '');
}
