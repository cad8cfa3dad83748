import type { Key } from '../kube/objects.ts';
import type { Change } from '../kube/store.ts';
import { type PodRecord, secondsToHold } from '../status/pods.ts';

/**
 * Tells, once for each pod of a cache, how long it took to hold its images. Pods that held them when
 * they were first seen are left out: that was told by whoever watched then, or by nobody.
 */
export class Pulls {
  readonly #tell: (key: Key, seconds: number) => void;
  /** The uids of pods that have held their images. */
  readonly #held = new Set<string>();

  constructor(tell: (key: Key, seconds: number) => void) {
    this.#tell = tell;
  }

  /** Takes in what happened to a pod, and whose that is; one without a key is nobody's. */
  take({ type, object }: Change, key: Key | undefined): void {
    const pod = object as PodRecord;
    const { uid } = pod.metadata;
    if (type === 'deleted') {
      this.#held.delete(uid);
      return;
    }
    const seconds = secondsToHold(pod);
    if (key === undefined || seconds === undefined || this.#held.has(uid)) return;
    this.#held.add(uid);
    if (type === 'updated') this.#tell(key, seconds);
  }
}
