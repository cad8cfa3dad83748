import type { CachedImage } from '../../api/types.ts';
import type { NodeObservation } from '../../status/node-verdict.ts';
import { type ContainerRecord, holdsImage } from '../../status/pods.ts';
import type { NodeImages } from './node-images.ts';
import type { Outcome, PullerReport } from './report.ts';

/**
 * What is known of an image on a node: a container `held`s it there, is `pulling` it or `failing`;
 * where no container speaks of it, the node's own list has it (`listed`), does not (`absent`), or
 * cannot tell (`unknown`).
 */
export type CopyState = 'held' | 'pulling' | 'failing' | 'listed' | 'absent' | 'unknown';

/** One image on the node. */
export interface NodeCopy {
  readonly image: CachedImage;
  readonly state: CopyState;
  /** The container that was to hold it; undefined where no pod of the node has one. */
  readonly container: ContainerRecord | undefined;
  /** Claims that the node's own list has it, whatever the container says. */
  readonly isListed: boolean;
}

/** What a node has of the images of a puller. */
export interface NodePullerReport {
  readonly puller: PullerReport;
  /** What the pods say of the node; undefined where there is none of this puller, or none can be read. */
  readonly observation: NodeObservation | undefined;
  /** In the order of the list. */
  readonly copies: readonly NodeCopy[];
}

/** The node's own list, or why it cannot be had. */
export type NodeList = NodeImages | { readonly error: string };

/** What a node has of the images of pullers. */
export interface NodeReport {
  readonly node: string;
  readonly pullers: readonly NodePullerReport[];
  /** Undefined as long as nobody needed it. */
  readonly list: NodeList | undefined;
}

/** Claims that no container holds an image there, which may lie on the node nevertheless. */
export function leavesOpen(pullers: readonly PullerReport[], node: string): boolean {
  return nodeReport(pullers, node, undefined).pullers.some(({ copies }) =>
    copies.some(({ state }) => state !== 'held'),
  );
}

/** Puts together what pods say and, where they say nothing of an image, the node's own list. */
export function nodeReport(
  pullers: readonly PullerReport[],
  node: string,
  list: NodeList | undefined,
): NodeReport {
  return {
    node,
    list,
    pullers: pullers.map((puller) => {
      const observed = puller.observation.nodes.get(node);
      const copies = puller.list.map((image, index) => {
        const container = observed?.holdings.images[index];
        const isListed = list !== undefined && 'has' in list && list.has(image.reference);
        return { image, container, isListed, state: stateOf(container, isListed, list) };
      });
      return { puller, observation: observed, copies };
    }),
  };
}

/** A container's word counts before the node's list, which not everybody may read. */
function stateOf(
  container: ContainerRecord | undefined,
  isListed: boolean,
  list: NodeList | undefined,
): CopyState {
  if (container !== undefined) return containerStateOf(container);
  if (isListed) return 'listed';
  return list !== undefined && 'has' in list && !list.isCut ? 'absent' : 'unknown';
}

function containerStateOf(container: ContainerRecord): CopyState {
  if (holdsImage(container)) return 'held';
  return container.state === 'failing' ? 'failing' : 'pulling';
}

/**
 * What is to become of the images on the node, as of a puller; `untold` where neither pods nor the node
 * tell of an image, or where it was long ago that they did.
 */
export function nodeOutcome({ puller, observation, copies }: NodePullerReport): Outcome | 'untold' {
  const states = new Set(copies.map(({ state }) => state));
  states.delete('held');
  states.delete('listed');
  if (!puller.observation.hasPods)
    return copies.length > 0 && states.size === 0 ? 'ready' : 'untold';
  const isSilent = observation?.verdict === 'unreachable';
  if (states.size === 0) return isSilent ? 'untold' : 'ready';
  if (puller.outcome === 'stuck') return 'stuck';
  if (isSilent || states.has('unknown')) return 'untold';
  // Without a pod nothing is on its way.
  return states.has('absent') ? 'stuck' : 'underway';
}
