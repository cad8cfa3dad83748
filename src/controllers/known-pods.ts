import type { Cache } from '../kube/cache.ts';
import { isRefusal } from '../kube/client.ts';
import type { KubeObject } from '../kube/objects.ts';
import { isOlder } from '../kube/resource-version.ts';
import type { PodRecord } from '../status/pods.ts';

/** What is known of the pods of a namespace. */
export interface KnownPods {
  /**
   * As they were when they were last heard of, which outlives a lost connection but not the right to
   * read them; undefined where nothing is known.
   */
  readonly records: readonly PodRecord[] | undefined;
  /** Why nothing newer is known; undefined while they are watched, or have not been listed yet. */
  readonly error: Error | undefined;
  /** Claims that the error is the server's refusal to show them. */
  readonly isRefused: boolean;
  /** Claims that all is known of them that had happened when an object, as it is here, was written. */
  readonly isAsNewAs: (object: KubeObject) => boolean;
}

/** What our cache of projected pods knows of a namespace, and how far that can be relied on. */
export function knownPods(namespace: string, pods: Cache): KnownPods {
  const error = pods.lastError(namespace);
  const isRefused = isRefusal(error);
  const isKnown = pods.hasSynced(namespace) && !isRefused;
  // The reflector projects them.
  const records = isKnown ? (pods.list(namespace) as readonly PodRecord[]) : undefined;
  const position = pods.position(namespace);
  // Kinds have one count, as they are in one etcd (all but Events, where that is set up otherwise at all).
  const isAsNewAs = ({ metadata }: KubeObject) =>
    position !== undefined && !isOlder(position, metadata.resourceVersion ?? '');
  return { records, error, isRefused, isAsNewAs };
}
