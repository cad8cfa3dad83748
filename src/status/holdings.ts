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
}

/** Holdings of a node, and what they become with one more pod. */
interface Stage extends Holdings {
  readonly next: Map<ContainerVector, Stage>;
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
      next: new Map(),
    };
    this.none = none;
  }

  /** The holdings of a node that has one more pod. */
  with(holdings: Holdings, containers: ContainerVector): Holdings {
    const stage = holdings as Stage; // every Holdings that leaves this class is one
    const known = stage.next.get(containers);
    if (known !== undefined) return known;
    const added = this.#add(stage, containers);
    stage.next.set(containers, added);
    return added;
  }

  #add({ images: before }: Holdings, containers: ContainerVector): Stage {
    const images = [...before];
    let blocked: ContainerRecord | undefined;
    for (const container of containers) {
      if (container.isInit) {
        if (container.state === 'failing') blocked ??= container;
        continue;
      }
      const index = this.#indexes.get(container.reference);
      if (index === undefined) continue;
      const known = images[index];
      if (known === undefined || !holdsImage(known)) images[index] = container;
    }
    const count = (claim: (container: ContainerRecord) => boolean) =>
      images.filter((container) => container !== undefined && claim(container)).length;
    return {
      images,
      blocked,
      held: count(holdsImage),
      failing: count(({ state }) => state === 'failing'),
      next: new Map(),
    };
  }
}
