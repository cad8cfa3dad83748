import { parseReference, repositoryOf } from '../../api/reference.ts';
import { isRefusal } from '../../api/refusal.ts';
import type { KubeObject } from '../../kube/objects.ts';

/**
 * What a kubelet tells of its images at most, the largest first: so many, and of each so many names
 * (Kubernetes: KubeletConfiguration, nodeStatusMaxImages; kubernetes/kubernetes:
 * pkg/kubelet/nodestatus/setters.go).
 */
export const most = { images: 50, namesOfEach: 5 } as const;

/** The images that a node says it has. */
export interface NodeImages {
  /** Claims that the list is as long as lists get, so that the node may have more. */
  readonly isCut: boolean;
  /** Claims that the list has the image that a reference names. */
  has(reference: string): boolean;
}

/** Reads the images of a node's own status. */
export function nodeImages(node: KubeObject): NodeImages {
  const { images = [] } = (node['status'] ?? {}) as NodeStatus;
  const names = images.map((image) => image.names ?? []);
  const listed = new Set(names.flat());
  return {
    isCut: images.length >= most.images || names.some(({ length }) => length >= most.namesOfEach),
    has: (reference) => listed.has(canonical(reference)),
  };
}

/** core/v1 Node, as far as it is read. */
interface NodeStatus {
  readonly images?: readonly { readonly names?: readonly string[] }[];
}

/** A reference as container runtimes list it (distribution/reference: normalize.go). */
function canonical(reference: string): string {
  const parsed = parseReference(reference);
  if (isRefusal(parsed)) return reference;
  const { tag = 'latest', digest } = parsed;
  return `${repositoryOf(parsed)}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}
