import type { Key, KubeObject } from '../kube/objects.ts';
import type { PodRecord } from '../status/pods.ts';
import { type ReadPods, type Rewrites, readPods } from '../status/rewrites.ts';

/** Reads the pods of pullers, and remembers for each what its cluster writes in place of its references. */
export class PodReadings {
  readonly #known = new Map<Key, Rewrites>();

  /** The pods of these DaemonSets, all that a puller has, in the words of their templates. */
  read(puller: Key, daemonSets: readonly KubeObject[], pods: readonly PodRecord[]): ReadPods {
    const read = readPods(daemonSets, pods, this.#known.get(puller));
    this.#known.set(puller, read.rewrites);
    return read;
  }

  /** The puller is gone. */
  forget(puller: Key): void {
    this.#known.delete(puller);
  }
}
