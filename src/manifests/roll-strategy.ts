/** How the pods of a DaemonSet are replaced: `rollingUpdate` of its `updateStrategy`. */
export interface RollStrategy {
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
}

/** What is seen of a DaemonSet some of whose nodes still have a pod of a former template. */
export interface Roll {
  /** Nodes that should have a pod. */
  readonly desired: number;
  /**
   * Of these, nodes that answer and whose pod is one of a former template, whether or not a new one
   * waits beside it.
   */
  readonly outdated: number;
  /** The strategy in force, where it is one of replacing pods step by step. */
  readonly present: RollStrategy | undefined;
  /** What holds it up; undefined where pods cannot be read. */
  readonly obstacles: RollObstacles | undefined;
}

/**
 * With a surge Kubernetes makes up to ten pods a second for a node that refuses them, and leaves each behind. That
 * other nodes lose nothing is worth so many.
 */
const mostRefused = 100;

/** What is known of a DaemonSet whether or not it rolls. */
export interface RollMoment {
  /** Nodes that should have a pod. */
  readonly desired: number;
  /** Nodes that refuse their pods. */
  readonly refusing: number;
  /** Claims that the strategy is written together with other images than those of the present template. */
  readonly bringsList: boolean;
  /** Claims that pods of a former list live, or that nobody can tell. */
  readonly replacesPods: () => boolean;
}

const calm: RollMoment = {
  desired: 0,
  refusing: 0,
  bringsList: false,
  replacesPods: () => true,
};

/** What takes the places of those that could go on. Nothing counts that may pass within moments. */
export interface RollObstacles {
  /** New pods beside old ones that hold all that can be had, which is not everything. */
  readonly stuck: number;
  /** The same without an old one. */
  readonly stuckAlone: number;
  /** New pods that have no room beside the old one. */
  readonly crowded: number;
  /** Nodes that do not answer and have a pod: it is never available. */
  readonly lost: number;
  /** Nodes that refuse their pods. */
  readonly refusing: number;
  /** Pods of the present template that they have refused and that are still there. */
  readonly refused: number;
  /** Claims that nothing moves any more, as a quota has no room for another pod. */
  readonly isQuotaFull: boolean;
}

/** New pods hold every image before old ones go, as long as the old ones are Ready. */
export function gapless(maxSurge: number | string): RollStrategy {
  return { maxSurge, maxUnavailable: 0 };
}

/** Claims that each old pod goes before the new one of its node comes. */
export function isInPlace(strategy: RollStrategy | undefined): boolean {
  return strategy !== undefined && /^0%?$/.test(String(strategy.maxSurge));
}

/**
 * The strategy that brings a roll to its end. It is gapless as far as that goes: pods that will get no
 * further are made up for, up to all nodes. Where all that is left are nodes without room for two
 * pods, or a quota without, they are replaced in place, one after another, beside those whose pods
 * would not be available anyway; this lasts until the roll is over, as nobody sees what is missing
 * while nobody needs it. A strategy is no part of the template, so
 * changing it rolls nothing. What cannot be seen changes nothing.
 *
 * Where a node refuses its pods, a roll is gapless until it has refused too many, and there is no surge otherwise:
 * with one, Kubernetes makes the next pod as soon as the last one has failed, without an end; without, it takes
 * more and more time between two. One of another list is gapless from the write that brings it: Kubernetes does
 * not wait for the next one.
 *
 * @param roll undefined when no pod is left to be replaced
 */
export function strategyFor(
  maxSurge: number | string,
  roll: Roll | undefined,
  { desired: nodes, refusing, bringsList, replacesPods }: RollMoment = calm,
): RollStrategy {
  // Between two pods that it refuses a node refuses none, and looks as if one was being replaced there.
  const beginsRoll = bringsList && (refusing > 0 || !replacesPods());
  if (beginsRoll) return gapless(raised(maxSurge, refusing, nodes));
  if (roll === undefined) {
    return refusing > 0 ? { maxSurge: 0, maxUnavailable: 1 } : gapless(maxSurge);
  }
  const { desired, outdated, present, obstacles } = roll;
  if (obstacles === undefined) return present ?? gapless(maxSurge);
  const { stuck, stuckAlone, crowded, lost, refusing: absentees, isQuotaFull } = obstacles;
  // Nodes that do not answer count as unavailable also where no pod is desired on them.
  const absent = lost + absentees;
  const maxUnavailable = absent === 0 ? raised(1, stuckAlone, desired) : 1 + stuckAlone + absent;
  const isOnlyCrowded = crowded > 0 && crowded + stuck >= outdated;
  return staysInPlace(present, obstacles) || isOnlyCrowded || isQuotaFull
    ? { maxSurge: 0, maxUnavailable }
    : gapless(raised(maxSurge, stuck + crowded + absentees, desired));
}

/**
 * Claims that a roll is one in place for good. Where nodes refuse their pods it is one from when they have refused
 * too many; that there was no surge before it began says nothing.
 */
function staysInPlace(
  present: RollStrategy | undefined,
  { refusing, refused }: RollObstacles,
): boolean {
  if (refusing === 0) return isInPlace(present);
  return refused >= (isInPlace(present) ? 1 : mostRefused);
}

/** A number of pods and so many more, in a form that does not depend on the number of nodes where it can. */
function raised(number: number | string, by: number, desired: number): number | string {
  const pods = scaled(number, desired);
  if (by === 0 || pods >= desired) return number;
  return pods + by >= desired ? '100%' : pods + by;
}

/** Percentages are rounded up (kubernetes/kubernetes: pkg/controller/daemon/util, SurgeCount). */
function scaled(number: number | string, desired: number): number {
  return typeof number === 'number'
    ? number
    : Math.ceil((desired * Number.parseInt(number, 10)) / 100);
}
