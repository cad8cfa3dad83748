import type { ContainerRecord, ContainerVector } from './pods.ts';
import { holdsImage } from './pods.ts';

/**
 * What the pods of a node say of the images of a list. Nodes whose pods say the same share one, so
 * that thousands of them are counted by what they say and not one container after another.
 */
export interface Holdings {
  /** In the order of the list; undefined where no pod of the node has the image. */
  readonly images: readonly (ContainerRecord | undefined)[];
  /** An init container that keeps those behind it from starting. */
  readonly blocked: ContainerRecord | undefined;
  readonly held: number;
  readonly failing: number;
  /** Images that no pod of the node has. */
  readonly absent: number;
}

/** Holdings of a node, and what they become with one more pod. */
interface Stage extends Holdings {
  next: Map<ContainerVector, Stage> | undefined;
}

/**
 * Adds up pods to holdings. An image is held where any pod of the node holds it; of those that do not,
 * the one added last has the word, so pods come oldest first.
 */
export class HoldingsOf {
  readonly none: Holdings;
  readonly #indexes: ReadonlyMap<string, number>;

  /** @param references the images of the list */
  constructor(references: readonly string[]) {
    this.#indexes = new Map(references.map((reference, index) => [reference, index]));
    const none: Stage = {
      images: references.map(() => undefined),
      blocked: undefined,
      held: 0,
      failing: 0,
      absent: references.length,
      next: undefined,
    };
    this.none = none;
  }

  /** The holdings of a node that has one more pod. */
  with(holdings: Holdings, containers: ContainerVector): Holdings {
    const stage = holdings as Stage; // every Holdings that leaves this class is one
    const known = stage.next?.get(containers);
    if (known !== undefined) return known;
    const added = this.#add(stage, containers);
    stage.next ??= new Map();
    stage.next.set(containers, added);
    return added;
  }

  #add(before: Holdings, containers: ContainerVector): Stage {
    const images = [...before.images];
    let { blocked } = before;
    // A sidecar that crashes once others run keeps nothing from starting.
    const isBegun = containers.some(({ isInit, state }) => !isInit && state === 'running');
    for (const container of containers) {
      if (container.isInit) {
        if (container.state === 'failing' && !isBegun) blocked ??= container;
        continue;
      }
      const index = this.#indexes.get(container.reference);
      if (index === undefined) continue;
      const known = images[index];
      if (known === undefined || !holdsImage(known)) images[index] = container;
    }
    return { images, blocked, ...countsOf(images), next: undefined };
  }
}

function countsOf(images: Holdings['images']): Pick<Holdings, 'held' | 'failing' | 'absent'> {
  let held = 0;
  let failing = 0;
  let absent = 0;
  for (const container of images) {
    if (container === undefined) absent += 1;
    else if (holdsImage(container)) held += 1;
    else if (container.state === 'failing') failing += 1;
  }
  return { held, failing, absent };
}
