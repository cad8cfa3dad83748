import type { Key, KubeObject } from '../kube/objects.ts';
import type { PodRecord } from '../status/pods.ts';
import { type ReadPods, type Rewrites, readPods } from '../status/rewrites.ts';
import type { KnownPods } from './known-pods.ts';

/** Reads the pods of pullers, and remembers for each what its cluster writes in place of its references. */
export class PodReadings {
  readonly #known = new Map<Key, Rewrites>();

  /**
   * The pods of these DaemonSets, all that a puller has, in the words of their templates.
   *
   * @param isAsNewAs claims that the pods are known as they were when a DaemonSet was written, or later
   */
  read(
    puller: Key,
    daemonSets: readonly KubeObject[],
    pods: readonly PodRecord[],
    isAsNewAs: KnownPods['isAsNewAs'],
  ): ReadPods {
    const read = readPods(daemonSets, pods, { before: this.#known.get(puller), isAsNewAs });
    this.#known.set(puller, read.rewrites);
    return read;
  }

  /** The puller is gone. */
  forget(puller: Key): void {
    this.#known.delete(puller);
  }
}
