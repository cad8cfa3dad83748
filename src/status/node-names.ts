import { enumerated } from '../api/text.ts';

/** Some nodes: how many, and the first few in alphabetical order, so that a message does not flicker. */
export interface NodeNames {
  readonly count: number;
  readonly first: readonly string[];
}

/** Nodes that a message names. */
const named = 3;

/** Counts nodes and remembers the first few names, in time that does not depend on their number. */
export class NodeTally implements NodeNames {
  count = 0;
  readonly first: string[] = [];

  add(node: string): void {
    this.count += 1;
    this.#remember(node);
  }

  /** Takes in nodes that are not in it yet. */
  addAll({ count, first }: NodeNames): void {
    this.count += count;
    for (const node of first) this.#remember(node);
  }

  #remember(node: string): void {
    const { first } = this;
    if (first.length === named && node >= (first[named - 1] ?? '')) return;
    const at = first.findIndex((known) => node < known);
    first.splice(at < 0 ? first.length : at, 0, node);
    if (first.length > named) first.pop();
  }
}

/** `node-1`, `node-1 and node-2`, `node-1, node-2, node-3 and 4 more`. */
export function spoken({ count, first }: NodeNames): string {
  const more = count - first.length;
  return enumerated(more > 0 ? [...first, `${more} more`] : first);
}
