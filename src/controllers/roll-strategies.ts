import type { KubeObject } from '../kube/objects.ts';
import type { PullerState } from '../manifests/deployment.ts';
import type { HandOver } from '../manifests/hand-over.ts';
import { isInPlace, strategyFor } from '../manifests/roll-strategy.ts';
import { unreachableNodes } from '../status/nodes.ts';
import type { PodRecord } from '../status/pods.ts';
import { isRefusedByQuota, type RefusedPod, rollOf } from '../status/roll.ts';

/** What the strategies of rolls depend on. */
export interface RollsInput {
  /** The DaemonSets of the puller, as they are now. */
  readonly owned: readonly KubeObject[];
  /** Of its namespace; undefined where they cannot be read. */
  readonly pods: readonly PodRecord[] | undefined;
  /** What is known of pods that could not be created, by the uid of their DaemonSet. */
  readonly refusals: ReadonlyMap<string, RefusedPod>;
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
 * A step of a hand-over with the strategies that bring the rolls under way to their ends. The puller
 * rests while a quota refuses pods of the cache, and while old ones go before new ones come: what they
 * leave is for their successors, and the cache is worth more than its freshness.
 */
export function withStrategies(
  step: HandOver,
  { owned, pods, refusals, maxSurge, now }: RollsInput,
): Step {
  let silent: ReadonlySet<string> | undefined;
  const unreachable = () => {
    silent ??= unreachableNodes({ daemonSets: owned, pods: pods ?? [], now });
    return silent;
  };
  const rolls = new Map(
    owned.map((daemonSet) => {
      const { name = '', uid = '' } = daemonSet.metadata;
      const refusal = refusals.get(uid);
      return [name, rollOf({ daemonSet, pods, unreachable, refusal, now })] as const;
    }),
  );
  const strategy = (name: string) => {
    const seen = rolls.get(name);
    return strategyFor(maxSurge, seen?.roll, seen?.refusing);
  };
  const times = [step.againMs, ...[...rolls.values()].map(({ againMs }) => againMs)].filter(
    (ms) => ms !== undefined,
  );
  const parts = step.parts.map((part) => ({ ...part, strategy: strategy(part.name) }));
  const mustRest =
    owned.some((each) => isRefusedByQuota(each, refusals.get(each.metadata.uid ?? ''))) ||
    parts.some(({ name, strategy }) => rolls.get(name)?.roll && isInPlace(strategy));
  return {
    ...step,
    parts,
    puller: mustRest ? 'rests' : 'works',
    againMs: times.length === 0 ? undefined : Math.min(...times),
  };
}
