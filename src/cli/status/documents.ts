import { Document, Scalar, visit } from 'yaml';
import { cpuQuantity, memoryQuantity } from '../../api/quantity.ts';
import type { CachedImage } from '../../api/types.ts';
import { causeOf } from '../../status/causes.ts';
import type { NodeObservation } from '../../status/node-verdict.ts';
import type { FailureGroup } from '../../status/observation.ts';
import type { Amount, Cost } from '../../status/pod-cost.ts';
import type { StandingCost } from '../../status/standing-cost.ts';
import type { NodeReport } from './node-report.ts';
import { type ImageReport, otherNodes, type PullerReport, type Report } from './report.ts';
import { lackingOn, whyOf } from './words.ts';

/**
 * A report as data. Fields are documented in docs/status-command.md; more may come, none goes and
 * none changes its meaning. What is not known is absent.
 */
export function reportDocument({ pullers, unread }: Report): object {
  return { pullers: pullers.map(pullerDocument), unread };
}

/** What a node holds and lacks, as data. */
export function nodeDocument(
  { node, pullers, list }: NodeReport,
  unread: readonly string[],
): object {
  return {
    node,
    pullers: pullers.map(({ puller: { namespace, name, outcome }, observation, copies }) => ({
      namespace,
      name,
      outcome,
      ...(observation && { verdict: observation.verdict, message: observation.message }),
      images: copies.map(({ image, container, state, isListed }) => ({
        ...identity(image),
        state,
        ...(list && 'has' in list && { isListed }),
        ...(container?.digest && { digest: container.digest }),
        ...(container?.state === 'failing' && failure(container)),
      })),
    })),
    ...(list && {
      nodeList: 'error' in list ? { error: list.error } : { mayBeCut: list.isCut },
    }),
    unread,
  };
}

/** JSON in ASCII, so that no text of the cluster means something to a terminal. */
export function json(value: object, indent?: number): string {
  return escaped(JSON.stringify(value, undefined, indent));
}

/** The same as YAML. */
export function yaml(value: object): string {
  // Readers of YAML 1.1 take `yes` and dates for more than text.
  const document = new Document(value, { aliasDuplicateObjects: false, compat: 'yaml-1.1' });
  visit(document, {
    Scalar(_key, node) {
      const isPlain = typeof node.value !== 'string' || /^[ -~]*$/.test(node.value);
      // Only between double quotes characters can be escaped.
      if (!isPlain) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escaped(document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: 1e9 }));
}

function escaped(text: string): string {
  return text.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function pullerDocument(puller: PullerReport): object {
  const { namespace, name, outcome, conditions, isOutdated, isTerminating } = puller;
  const { observation, cost } = puller;
  const images = observation.images.map(({ image }) => image);
  const troubled = [...observation.nodes.values()].filter(({ verdict }) => verdict !== 'holds');
  return {
    namespace,
    name,
    outcome,
    isOutdated,
    isTerminating,
    conditions,
    images: puller.images.map((image) => imageDocument(image, observation.nodesDesired)),
    nodes: {
      desired: observation.nodesDesired,
      ready: observation.nodesReady,
      ...(observation.hasPods && {
        unreachable: observation.unreachable.count,
        withoutPod: observation.missing,
        refusals: observation.refusals.map(({ message }) => message),
        lacking: troubled
          .sort((a, b) => (a.node < b.node ? -1 : 1))
          .map((node) => nodeEntry(node, images)),
      }),
    },
    ...(cost && { cost: costDocument(cost) }),
  };
}

function imageDocument(image: ImageReport, desired: number): object {
  const { row, seen } = image;
  const { name, container, reference, nodesReady, nodesFailing } = row;
  const { failingSince, lastCompleteTime } = row;
  return {
    ...(seen ? identity(seen.image) : { name, container, reference }),
    nodes: {
      desired,
      cached: nodesReady,
      ...(seen && { pulling: seen.pulling }),
      failing: nodesFailing,
      ...(seen && { other: otherNodes(image, desired) }),
    },
    digests: seen?.digests ?? (row.digest ? [{ digest: row.digest, nodes: nodesReady }] : []),
    ...(failingSince && { failingSince }),
    ...(lastCompleteTime && { lastCompleteTime }),
    failures: seen?.failures.map(failureEntry) ?? [],
    ...(row.advice && { advice: row.advice }),
  };
}

function failureEntry({ container, nodes }: FailureGroup): object {
  return { ...failure(container), nodes: nodes.count, firstNodes: nodes.first };
}

function identity({ names, container, reference }: CachedImage): object {
  return { name: names[0] ?? '', names, container, reference };
}

function failure(container: FailureGroup['container']): object {
  const { code, says, remedy } = causeOf(container);
  const { reason, message } = container;
  return {
    reason,
    message,
    cause: code,
    ...(says && { says }),
    ...(remedy && { remedy }),
  };
}

function nodeEntry(node: NodeObservation, images: readonly CachedImage[]): object {
  const { node: name, verdict, isExcused } = node;
  return {
    name,
    verdict,
    isNew: isExcused,
    lacks: lackingOn(node, images),
    why: whyOf(node),
  };
}

function costDocument({ eachNode, allNodes, surge, puller, quota, formula }: StandingCost): object {
  return {
    eachNode: costEntry(eachNode),
    allNodes: costEntry(allNodes),
    surge: costEntry(surge),
    puller: costEntry(puller),
    quota: costEntry(quota),
    formula: { limits: amountEntry(formula) },
  };
}

function costEntry({ pods, requests, limits }: Cost): object {
  return { pods, requests: amountEntry(requests), limits: amountEntry(limits) };
}

function amountEntry({ cpu, memory }: Amount): object {
  return { cpu: cpuQuantity(cpu), memory: memoryQuantity(memory) };
}
