import { enumerated, printable } from '../api/text.ts';
import { causeOf, isMute, isPullFailure, toldFailure } from './causes.ts';
import { type NodeNames, NodeTally, spoken } from './node-names.ts';
import type { FailureGroup } from './observation.ts';
import type { ContainerRecord } from './pods.ts';

/** Nodes that fail for one cause. */
export interface CauseGroup {
  /** One of those that fail so. */
  readonly container: ContainerRecord;
  /** What is told of them all. */
  readonly advice: string;
  readonly nodes: NodeNames;
}

/**
 * Failures by what is told of them, most nodes first: registries and kubelets tell one cause in many ways.
 * Kubelets before 1.32 say nothing of the cause while they back off: theirs is taken for the most frequent.
 */
export function causesAmong(failures: readonly FailureGroup[]): readonly CauseGroup[] {
  const told = failures.filter(({ container }) => !isMute(container));
  const mute = failures.filter(({ container }) => isMute(container));
  const [worst, ...others] = byAdvice(told.length === 0 ? mute : told);
  if (worst === undefined || told.length === 0) return worst ? [worst] : [];
  const nodes = tallied([worst, ...mute]);
  return [{ ...worst, nodes }, ...others];
}

function byAdvice(failures: readonly FailureGroup[]): readonly CauseGroup[] {
  const groups = Map.groupBy(failures, ({ container }) => toldFailure(container));
  return [...groups]
    .map(([advice, alike]) => ({
      advice,
      nodes: tallied(alike),
      container: (alike[0] as FailureGroup).container, // no group is empty
    }))
    .sort((a, b) => b.nodes.count - a.nodes.count || (a.advice < b.advice ? -1 : 1));
}

function tallied(groups: readonly Pick<FailureGroup, 'nodes'>[]): NodeNames {
  const tally = new NodeTally();
  for (const { nodes } of groups) tally.addAll(nodes);
  return tally;
}

/** Causes beside the worst that are named. */
const namedOthers = 2;

/**
 * Why nodes fail, and which where not all of them do so for one cause: `401 Unauthorized; check … (on
 * node-1 and node-2); elsewhere: no TLS connection that the node trusts (on node-3)`. In place of the worst
 * cause's advice that of its row is told, which may be known from before.
 */
export function toldCauses(
  [worst, ...others]: readonly CauseGroup[],
  { of, advice = worst?.advice ?? '' }: { readonly of: number; readonly advice?: string },
): string {
  const where = worst && worst.nodes.count < of ? ` (on ${spoken(worst.nodes)})` : '';
  if (others.length === 0) return `${advice}${where}`;
  const named = others.slice(0, namedOthers).map(shortly);
  const more = others.length - named.length;
  return `${advice}${where}; elsewhere: ${enumerated(more > 0 ? [...named, `${more} more`] : named)}`;
}

/** Without the remedy: that of the worst is enough for one sentence. */
function shortly({ container, nodes }: CauseGroup): string {
  const { says, remedy } = causeOf(container);
  const what = remedy === '' ? printable(toldFailure(container), 100) : says;
  return `${what} (on ${spoken(nodes)})`;
}

/** What kubelets were at when they failed: `pull`, `run`, or `pull or run`. */
export function attempts(causes: readonly CauseGroup[]): string {
  const verbs = new Set(causes.map(({ container }) => attempt(container)));
  return verbs.size === 2 ? 'pull or run' : ([...verbs][0] ?? 'pull');
}

/** A container keeps the digest of a former run while it is pulled. */
function attempt({ reason, digest }: ContainerRecord): 'pull' | 'run' {
  const hasImage = digest !== '' || startReasons.test(reason);
  return hasImage && !isPullFailure(reason) ? 'run' : 'pull';
}

const startReasons =
  /^(?:Create|Run)Container|^(?:StartError|ContainerCannotRun|OOMKilled|CrashLoopBackOff)$/;
