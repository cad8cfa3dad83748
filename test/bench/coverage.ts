import type { Change } from '../../src/kube/store.ts';
import type { PodRecord } from '../../src/status/pods.ts';

/** An image and on how many nodes no container ran from it. */
export interface Lack {
  readonly reference: string;
  readonly nodes: number;
}

/**
 * Follows, by each change of a pod, on how many nodes an image has a holder: a container that runs. Fed
 * with what `projectPod` makes of the pods.
 */
export class Coverage {
  readonly #nodes: Set<string>;
  readonly #pods = new Map<string, PodRecord>();
  /** By image and node: how many containers run from it. */
  readonly #holders = new Map<string, Map<string, number>>();
  /** By image that is expected: the nodes without a holder. */
  #lacking = new Map<string, Set<string>>();
  #worst: Lack = { reference: '', nodes: 0 };

  constructor(nodes: readonly string[]) {
    this.#nodes = new Set(nodes);
  }

  /** From now on every node is to hold these images, and no others. Forgets what was lacking before. */
  expect(references: readonly string[]): void {
    this.#worst = { reference: '', nodes: 0 };
    this.#lacking = new Map(references.map((reference) => [reference, new Set()]));
    for (const reference of references) {
      for (const node of this.#nodes) this.#look(reference, node);
    }
  }

  /** These nodes are to hold nothing any more. */
  forget(nodes: readonly string[]): void {
    for (const node of nodes) {
      this.#nodes.delete(node);
      for (const lacking of this.#lacking.values()) lacking.delete(node);
    }
  }

  /** The image that most nodes lacked at any moment since `expect`. */
  get worst(): Lack {
    return this.#worst;
  }

  /** Claims that every node has a holder of each of these images now. */
  holds(references: readonly string[]): boolean {
    return references.every((reference) => {
      const nodes = this.#holders.get(reference);
      return [...this.#nodes].every((node) => (nodes?.get(node) ?? 0) > 0);
    });
  }

  take({ type, object }: Change): void {
    const { uid = '' } = object.metadata;
    const before = this.#pods.get(uid);
    const after = type === 'deleted' ? undefined : (object as PodRecord); // by the projection
    if (after === undefined) this.#pods.delete(uid);
    else this.#pods.set(uid, after);
    for (const reference of heldBy(before)) this.#count(reference, before?.node ?? '', -1);
    for (const reference of heldBy(after)) this.#count(reference, after?.node ?? '', 1);
    // Only now, as a pod that goes on holding an image has just been taken away and put back.
    for (const reference of heldBy(before)) this.#look(reference, before?.node ?? '');
    for (const reference of heldBy(after)) this.#look(reference, after?.node ?? '');
  }

  #count(reference: string, node: string, by: number): void {
    const nodes = this.#holders.get(reference) ?? new Map<string, number>();
    this.#holders.set(reference, nodes);
    nodes.set(node, (nodes.get(node) ?? 0) + by);
  }

  #look(reference: string, node: string): void {
    const lacking = this.#lacking.get(reference);
    if (lacking === undefined || !this.#nodes.has(node)) return;
    if ((this.#holders.get(reference)?.get(node) ?? 0) > 0) lacking.delete(node);
    else lacking.add(node);
    if (lacking.size > this.#worst.nodes) this.#worst = { reference, nodes: lacking.size };
  }
}

function heldBy(pod: PodRecord | undefined): readonly string[] {
  const running = pod?.containers.filter(({ isInit, state }) => !isInit && state === 'running');
  return running?.map(({ reference }) => reference) ?? [];
}
