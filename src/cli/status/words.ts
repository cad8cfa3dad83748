import { nounCount, printable } from '../../api/text.ts';
import type { CachedImage, Condition } from '../../api/types.ts';
import { toldFailure } from '../../status/causes.ts';
import { type ConditionType, conditionOf, conditionTypes } from '../../status/conditions.ts';
import { nameOf } from '../../status/image-rows.ts';
import type { NodeObservation, NodeVerdict } from '../../status/node-verdict.ts';
import type { Observation } from '../../status/observation.ts';
import { holdsImage } from '../../status/pods.ts';
import { toldRefusals } from '../../status/refusal-words.ts';
import { lackOf } from '../../status/scheduler-words.ts';
import type { PullerReport } from './report.ts';

/** The longest text of a cell. */
const longest = 500;

/** Verdicts on nodes as people read them. */
const verdicts: Readonly<Record<NodeVerdict, string>> = {
  holds: 'holds all',
  waiting: 'waiting for its pod',
  pulling: 'pulling',
  failing: 'failing',
  unscheduled: 'unscheduled',
  evicted: 'evicted',
  diskPressure: 'disk pressure',
  rejected: 'rejected',
  terminating: 'terminating',
  unreachable: 'unreachable',
};

/** What a node is to the puller: `failing`, or `pulling, new pod` of one that is given time. */
export function stateOf({ verdict, isExcused }: NodeObservation): string {
  return isExcused ? `${verdicts[verdict]}, new pod` : verdicts[verdict];
}

/** The images that a node does not hold, as the user calls them. */
export function lackingOn(
  { holdings }: NodeObservation,
  images: readonly CachedImage[],
): readonly string[] {
  return images
    .filter((_, index) => {
      const container = holdings.images[index];
      return container === undefined || !holdsImage(container);
    })
    .map(nameOf);
}

/** Why a node does not hold everything, in its own words or in those of its first failing container. */
export function whyOf({ message, holdings }: NodeObservation): string {
  if (message !== '') return printable(lackOf(message), longest);
  const failing = holdings.blocked ?? holdings.images.find((each) => each?.state === 'failing');
  return failing === undefined ? '' : toldFailure(failing);
}

/** What is wrong. That nodes are pulling is seen below, and what was mended in a spec is no news. */
export function complaints(puller: Pick<PullerReport, 'conditions'>): readonly string[] {
  const { degraded, progressing, ready } = conditionTypes;
  const told = (type: ConditionType, status: Condition['status']) => {
    const condition = conditionOf(puller, type);
    return condition?.status === status ? [condition.message] : [];
  };
  const wrong = told(degraded, 'True');
  if (wrong.length > 0) return wrong;
  return told(progressing, 'True').length > 0 ? [] : told(ready, 'False');
}

/** Sentences about nodes that have no pod to speak for them. */
export function absences({ missing, refusals, blocked }: Observation): readonly string[] {
  return [
    ...blocked.failures.map(
      ({ container, nodes }) =>
        `${nounCount(nodes.count, 'node')} cannot copy "sleep" to the containers: ${toldFailure(container)}`,
    ),
    ...(missing > 0 ? [`${nounCount(missing, 'node')} without a pod`] : []),
    ...refused({ refusals }),
  ];
}

/** Why nodes get no pod, in sentences. */
export function refused({ refusals }: Pick<Observation, 'refusals'>): readonly string[] {
  return toldRefusals(refusals).map(({ says }) => `pods are refused: ${says}`);
}
