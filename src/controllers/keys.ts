import * as api from '../api/types.ts';
import type { Cache } from '../kube/cache.ts';
import {
  controllerOf,
  daemonSets,
  type Key,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from '../kube/objects.ts';

/** KubernetesImagePuller, as the API server serves it. */
export const imagePullers: Resource = {
  group: api.group,
  version: api.version,
  plural: api.plural,
  kind: api.kind,
  namespaced: true,
};

/** The key of the puller that an event is about: the puller itself, or the owner of a child. */
export function pullerKeyOf(object: KubeObject): Key | undefined {
  const { namespace = '', name = '' } = object.metadata;
  if (object.kind === api.kind) return `${namespace}/${name}`;
  // By name, not uid: when a deleted puller's child goes, its successor of the same name is waiting.
  const owner = controllerOf(object);
  return owner && isPuller(owner) ? `${namespace}/${owner.name}` : undefined;
}

/** Claims that an owner is a KubernetesImagePuller. */
export function isPuller({ apiVersion, kind }: OwnerReference): boolean {
  return kind === api.kind && apiVersion.startsWith(`${api.group}/`);
}

/**
 * The key of the puller whose DaemonSet controls a pod. Anybody can label a pod like ours, so only the
 * uid of a DaemonSet that we know counts; the event of one that we do not know yet tells of its pods.
 */
export function pullerKeyOfPod(
  pod: KubeObject,
  known: Pick<Cache, 'get'> | undefined,
): Key | undefined {
  const owner = controllerOf(pod);
  if (owner?.kind !== daemonSets.kind) return undefined;
  const daemonSet = known?.get(pod.metadata.namespace ?? '', owner.name);
  return daemonSet?.metadata.uid === owner.uid ? pullerKeyOf(daemonSet) : undefined;
}
