import type { Holdings } from './holdings.ts';

/**
 * What a node is to us, who may not read nodes: `holds` every image of the list; `waiting`, as pods of
 * it lack some of the list; `pulling`; `failing`, with an image that does not come; `unscheduled`, as
 * its pod has no room; `evicted` and `diskPressure`, as the node has thrown its pod out; `rejected`, as
 * it did not let it in; `terminating`; or `unreachable`.
 */
export type NodeVerdict =
  | 'holds'
  | 'waiting'
  | 'pulling'
  | 'failing'
  | 'unscheduled'
  | 'evicted'
  | 'diskPressure'
  | 'rejected'
  | 'terminating'
  | 'unreachable';

/** One node, by the words of its pods. */
export interface NodeObservation {
  readonly node: string;
  readonly verdict: NodeVerdict;
  /**
   * What the scheduler or the node says of `unscheduled`, `evicted`, `diskPressure` and `rejected`; what keeps the
   * pod of one that is `terminating`, once that has lasted for long.
   */
  readonly message: string;
  /** What the scheduler says of a further pod of a node that holds the list; empty otherwise. */
  readonly nextPod: string;
  /** Claims that it does not hold the list because it is new: that is no fault. */
  readonly isExcused: boolean;
  /** What its pods hold; of an unreachable node, what they held when it last spoke. */
  readonly holdings: Holdings;
}

/** The names of those among nodes that do not answer. */
export function namesOfUnreachable(nodes: Iterable<NodeObservation>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { node, verdict } of nodes) if (verdict === 'unreachable') names.add(node);
  return names;
}
