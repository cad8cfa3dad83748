import type { KubeObject } from '../kube/objects.ts';
import { cachedReferences } from '../manifests/daemon-set.ts';
import type { PullerState } from '../manifests/deployment.ts';
import type { HandOver } from '../manifests/hand-over.ts';
import { roomMadeAnnotation } from '../manifests/names.ts';
import { gapless, isInPlace, type RollStrategy, strategyFor } from '../manifests/roll-strategy.ts';
import type { Part } from '../manifests/shards.ts';
import { unreachableNodes } from '../status/nodes.ts';
import type { PodRecord } from '../status/pods.ts';
import { rollOf, type SeenRoll } from '../status/roll.ts';
import { appliedAt, lacksPods, rolloutOf } from '../status/rollout.ts';
import { isAtRest, placeOfPuller, roomMade } from './puller-place.ts';
import type { KnownRefusal } from './refusals.ts';

/** A new puller waits for the first pods of the cache no longer than this. */
const fillingMs = 30_000;

/** What the strategies of rolls depend on. */
export interface RollsInput {
  /** The DaemonSets of the puller, as they are now. */
  readonly owned: readonly KubeObject[];
  /** The Deployments of the puller, as they are now. */
  readonly deployments: readonly KubeObject[];
  /** Of its namespace; undefined where they cannot be read. */
  readonly pods: readonly PodRecord[] | undefined;
  /** What is known of pods that could not be created, by the uid of their DaemonSet. */
  readonly refusals: ReadonlyMap<string, KnownRefusal>;
  /** That of the settings. */
  readonly maxSurge: number | string;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** A step of a hand-over, and what its rolls need. */
export interface Step extends HandOver {
  readonly puller: PullerState;
}

/**
 * A step of a hand-over with the strategies that bring the rolls under way to their ends, and whether the
 * puller has its pod meanwhile. One that is to rest does so before any old pod goes ahead of its successor.
 */
export function withStrategies(step: HandOver, input: RollsInput): Step {
  const { deployments, owned, maxSurge } = input;
  const rolls = seenRolls(input);
  const strategies = new Map(
    step.parts.map((part) => {
      const seen = rolls.get(part.name);
      const moment = seen && { ...seen, bringsList: bringsList(part, owned) };
      return [part.name, strategyFor(maxSurge, seen?.roll, moment)] as const;
    }),
  );
  const all = [...rolls.values()];
  const fillsForMs = deployments.length === 0 ? untilFilled(step, input) : 0;
  const puller = placeOfPuller({
    deployments,
    isRefused: all.some(({ shortage }) => shortage !== 'none'),
    isShort: all.some(({ shortage }) => shortage === 'pods'),
    isInPlace: [...strategies].some(([name, each]) => rolls.get(name)?.roll && isInPlace(each)),
    isUnclear: isUnclear(input),
    isFilling: fillsForMs > 0,
  });
  const mayGoInPlace = puller === 'works' || deployments.every(isAtRest);
  const strategy = (name: string): RollStrategy => {
    const next = strategies.get(name) ?? gapless(maxSurge);
    const present = rolls.get(name)?.roll?.present ?? gapless(maxSurge);
    // The Deployment's next change, or its controller's word on it, is what the roll waits for.
    return mayGoInPlace || !isInPlace(next) ? next : present;
  };
  const room = roomMade(deployments, input.now);
  const waitMs = puller === 'waits' ? fillsForMs : undefined;
  const times = [step.againMs, waitMs, room.againMs, ...all.map(({ againMs }) => againMs)].filter(
    (ms) => ms !== undefined,
  );
  const roomFor = (name: string) => {
    const isShort = rolls.get(name)?.shortage === 'pods';
    return (isShort ? room.mark : undefined) ?? lastRoomOf(name, owned);
  };
  return {
    ...step,
    parts: step.parts.map((part) => ({
      ...part,
      strategy: strategy(part.name),
      roomMade: roomFor(part.name),
    })),
    puller,
    againMs: times.length === 0 ? undefined : Math.min(...times),
  };
}

/** Claims that a DaemonSet is to hold other images than now, beside what others have put into it. */
function bringsList({ name, images }: Part, owned: readonly KubeObject[]): boolean {
  const daemonSet = namedOf(name, owned);
  if (daemonSet === undefined) return false;
  const next = images.map(({ reference }) => reference);
  return next.toSorted().join() !== cachedReferences(daemonSet).toSorted().join();
}

/** What the DaemonSet of that name was told last of room that was made for it. */
function lastRoomOf(name: string, owned: readonly KubeObject[]): string | undefined {
  return namedOf(name, owned)?.metadata.annotations?.[roomMadeAnnotation];
}

function namedOf(name: string, owned: readonly KubeObject[]): KubeObject | undefined {
  return owned.find(({ metadata }) => metadata.name === name);
}

/** By the names of their DaemonSets. */
function seenRolls({ owned, pods, refusals, now }: RollsInput): ReadonlyMap<string, SeenRoll> {
  let silent: ReadonlySet<string> | undefined;
  const unreachable = () => {
    silent ??= unreachableNodes({ daemonSets: owned, pods: pods ?? [], now });
    return silent;
  };
  return new Map(
    owned.map((daemonSet) => {
      const { name = '', uid = '' } = daemonSet.metadata;
      const refusal = refusals.get(uid)?.refusal;
      return [name, rollOf({ daemonSet, pods, unreachable, refusal, now })] as const;
    }),
  );
}

/** Claims that pods cannot be read, or nobody has been asked yet why a DaemonSet lacks pods as it is now. */
function isUnclear({ owned, pods, refusals }: RollsInput): boolean {
  return pods === undefined || owned.some((each) => lacksPods(each) && !isAsked(each, refusals));
}

/** Claims that the server has been asked for refusals since the DaemonSet was last changed, in whole seconds. */
function isAsked(daemonSet: KubeObject, refusals: RollsInput['refusals']): boolean {
  const { toldAt } = refusals.get(daemonSet.metadata.uid ?? '') ?? {};
  return toldAt !== undefined && toldAt >= appliedAt(daemonSet) + 1000;
}

/**
 * How much longer, in milliseconds, the first pods of the cache may be on their way without anything being known
 * to hold them up. Those of a few nodes are there at once; the DaemonSet controller makes 20 a second of them
 * (kubernetes/kubernetes: cmd/kube-controller-manager, --kube-api-qps).
 */
function untilFilled({ parts }: HandOver, { owned, refusals, now }: RollsInput): number {
  const byName = new Map(owned.map((daemonSet) => [daemonSet.metadata.name, daemonSet]));
  const waits = parts.map(({ name }) => {
    const daemonSet = byName.get(name);
    if (daemonSet === undefined) return fillingMs;
    const isFilled = rolloutOf(daemonSet).observed && !lacksPods(daemonSet);
    if (isFilled || isAsked(daemonSet, refusals)) return 0;
    return Date.parse(daemonSet.metadata.creationTimestamp ?? '') + fillingMs - now;
  });
  return Math.max(0, ...waits);
}
