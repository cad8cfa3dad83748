import { count, nounCount } from '../api/text.ts';
import { type Facts, imagesOf } from './facts.ts';
import { spoken } from './node-names.ts';
import type { RollsOnTheWay } from './roll.ts';
import { all, holdsOrHold } from './spoken-counts.ts';

/** How many nodes hold the list. */
export function progressOf(facts: Facts): string {
  const { observation } = facts;
  const { rollout, nodesReady, nodesDesired, unreachable } = observation;
  const images = all(imagesOf(facts), 'image');
  if (rollout.identity === '' || (!rollout.observed && !facts.isSettled)) {
    return `${images} to be put on the nodes`;
  }
  const reachable = nodesDesired - unreachable.count;
  const nodes = nounCount(reachable, unreachable.count > 0 ? 'reachable node' : 'node');
  return `${count(nodesReady)} of ${nodes} ${holdsOrHold(nodesReady, reachable)} ${images}${asides(facts)}`;
}

/** Said of a cache that is complete. */
export function completeness(facts: Facts): string {
  const { unreachable, nodesDesired, nodesReady } = facts.observation;
  const reachable = nodesDesired - unreachable.count;
  const noun = unreachable.count > 0 ? 'reachable node' : 'node';
  const nodes =
    facts.observation.hasPods && nodesReady < reachable
      ? `${count(nodesReady)} of ${nounCount(reachable, noun)}`
      : all(reachable, noun);
  return `${all(facts.spec.images.length, 'image')} on ${nodes}${asides(facts)}`;
}

/** Nodes that are counted and named and hold nothing up. */
function asides({ observation, excuses }: Facts): string {
  const { unreachable, lagging, rolls } = observation;
  const parts = [...manner(rolls)];
  if (unreachable.count > 0) {
    const verb = unreachable.count === 1 ? 'is' : 'are';
    parts.push(
      `${nounCount(unreachable.count, 'node')} ${verb} unreachable: ${spoken(unreachable)}`,
    );
  }
  for (const { nodes } of excuses ? lagging.filter((group) => group.isExcused) : []) {
    const what = nodes.count === 1 ? 'has a new pod and is' : 'have new pods and are';
    parts.push(`${nounCount(nodes.count, 'node')} ${what} not done: ${spoken(nodes)}`);
  }
  return parts.map((part) => `; ${part}`).join('');
}

/** How pods are replaced where that is not as usual. */
function manner({ isInPlace, refusing, passed }: RollsOnTheWay): readonly string[] {
  const parts: string[] = [];
  if (isInPlace) {
    const verb = refusing === 1 ? 'refuses its' : 'refuse their';
    const cause =
      refusing === 0
        ? 'there is no room for two pods at once, on a node or in the quota'
        : `${nounCount(refusing, 'node')} ${verb} pods`;
    parts.push(`${cause}, so one node after another loses its images for a moment`);
  }
  if (passed > 0) {
    const lack = passed === 1 ? 'lacks an image or has no room' : 'lack an image or have no room';
    parts.push(`the roll-out goes on without ${nounCount(passed, 'new pod')} that ${lack}`);
  }
  return parts;
}
