import { holdOf } from '../api/findings.ts';
import { nounCount } from '../api/text.ts';
import { type Claim, reasons } from './conditions.ts';
import { countOf, type Facts, isComplete } from './facts.ts';
import { impairments } from './impairments.ts';
import { progressOf } from './progress.ts';

/** One rule: what it objects to, or nothing. */
export type Check = (facts: Facts) => Claim | undefined;

/** What stands against Ready, or makes it True for a reason of its own; the first that speaks decides. */
export const readyChecks: readonly Check[] = [
  notInPlace,
  entriesSkipped,
  nothingToCache,
  cacheImpaired,
  nodesStillPulling,
  noNodeMatches,
];

/** What the spec or the API server stands in the way of. */
export function notInPlace({ findings, failure }: Facts): Claim | undefined {
  const held = holdOf(findings);
  if (held) {
    return {
      status: 'False',
      reason: held.reason,
      message: `nothing is changed until the spec is: ${held.message}`,
    };
  }
  if (!failure || failure.sparesCache) return undefined;
  return { status: 'False', reason: failure.reason, message: failure.message };
}

function entriesSkipped(facts: Facts): Claim | undefined {
  const findings = facts.findings.filter(
    ({ verdict, field }) => verdict === 'skip' && field === 'images',
  );
  const skipped = countOf(findings);
  if (skipped === 0) return undefined;
  const isValid = findings.every(({ reason }) => reason === reasons.registryNotAllowed);
  const { images } = facts.spec;
  const rest =
    images.length === 0 ? 'no image is left to cache' : `of the others, ${progressOf(facts)}`;
  return {
    status: 'False',
    reason: isValid ? reasons.registryNotAllowed : reasons.invalidImages,
    message: `${nounCount(skipped, 'entry', 'entries')} of spec.images had to be skipped, see Degraded; ${rest}`,
  };
}

function nothingToCache({ spec }: Facts): Claim | undefined {
  return spec.images.length === 0
    ? { status: 'True', reason: reasons.noImages, message: 'spec.images names no image' }
    : undefined;
}

function cacheImpaired(facts: Facts): Claim | undefined {
  const [worst, ...others] = impairments(facts);
  if (!worst) return undefined;
  const more = countOf(others);
  return {
    status: 'False',
    reason: worst.reason,
    message: more === 0 ? worst.message : `${worst.message}; and ${more} more, see Degraded`,
  };
}

function nodesStillPulling(facts: Facts): Claim | undefined {
  return isComplete(facts)
    ? undefined
    : { status: 'False', reason: reasons.imagesPulling, message: progressOf(facts) };
}

function noNodeMatches({ observation }: Facts): Claim | undefined {
  return observation.nodesDesired === 0
    ? {
        status: 'True',
        reason: reasons.noMatchingNodes,
        message:
          'no node takes pods of the cache now: none matches nodeSelector, affinity and tolerations, or those that do are not ready',
      }
    : undefined;
}
