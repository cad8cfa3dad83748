import { cpuQuantity, memoryQuantity } from '../../api/quantity.ts';
import { count, nounCount, printable } from '../../api/text.ts';
import { conditionOf, conditionTypes } from '../../status/conditions.ts';
import type { NodeObservation } from '../../status/node-verdict.ts';
import type { Amount, Cost } from '../../status/pod-cost.ts';
import { unspoken } from '../conditions-line.ts';
import type { Role, Style } from '../style.ts';
import { wrapped } from '../text.ts';
import { type Column, fitted } from './fitted.ts';
import { type ImageReport, keyOf, type Outcome, otherNodes, type PullerReport } from './report.ts';
import { absences, complaints, lackingOn, stateOf, whyOf } from './words.ts';

/** How a report is drawn. */
export interface Drawing {
  /** Columns; infinite where lines may be as long as they like. */
  readonly width: number;
  readonly style: Style;
  /** With references and whole digests, and every node. */
  readonly isWide: boolean;
}

/** Paragraphs are no wider than this: longer lines are hard to read. */
export const mostProse = 100;

/** Narrower terminals have headings of two lines. */
const usualWidth = 80;

/** Nodes that are named one by one, unless all are asked for. */
const mostNodes = 20;

/** What is told of a puller: the operator's words, images, nodes and costs. Ends with a line feed. */
export function pullerTable(puller: PullerReport, drawing: Drawing): string {
  const sections = [
    headLines(puller, drawing),
    imageLines(puller, drawing),
    nodeLines(puller, drawing),
    costLines(puller, drawing),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

const outcomes: Readonly<Record<Outcome, Role>> = {
  ready: 'good',
  stuck: 'bad',
  underway: 'waiting',
};

function headLines(puller: PullerReport, { width, style }: Drawing): readonly string[] {
  const { outcome, observation } = puller;
  const ready = conditionOf(puller, conditionTypes.ready);
  const verdict = ready === undefined ? unspoken : `Ready ${ready.status}, ${ready.reason}`;
  const counts = `${count(observation.nodesReady)} of ${nounCount(observation.nodesDesired, 'node')} ready`;
  return [
    ...headline(
      [
        ['heading', keyOf(puller)],
        [outcomes[outcome], printable(verdict, mostProse)],
        ['plain', counts],
      ],
      { width, style },
    ),
    ...remarks(puller).flatMap((remark) =>
      wrapped(printable(remark, 2000), Math.min(width, mostProse) - 2).map((line) => `  ${line}`),
    ),
  ];
}

/** Parts that stand in a line; under each other where that is too short for them. */
export function headline(
  parts: readonly (readonly [role: Role | 'plain', text: string])[],
  { width, style }: Pick<Drawing, 'width' | 'style'>,
): readonly string[] {
  const texts = parts.map(([role, text]) => (role === 'plain' ? text : style.paint(role, text)));
  const fits = parts.map(([, text]) => text).join('  ').length <= width;
  return fits ? [texts.join('  ')] : texts.map((text, index) => (index === 0 ? text : `  ${text}`));
}

function remarks(puller: PullerReport): readonly string[] {
  const { isOutdated, isTerminating, observation } = puller;
  const wrong = complaints(puller);
  return [
    ...(isTerminating ? ['it is being deleted'] : []),
    ...(isOutdated
      ? [
          `the operator has not spoken of the present spec yet${wrong.length > 0 ? '; of the last:' : ''}`,
        ]
      : []),
    // Where the operator complains, it knows of nodes without pods, too.
    ...(wrong.length > 0 ? wrong : absences(observation)),
  ];
}

function imageLines({ observation, images }: PullerReport, drawing: Drawing): readonly string[] {
  if (images.length === 0) return [];
  const { style, isWide } = drawing;
  const { nodesDesired, hasPods } = observation;
  const others = images.map((image) => otherNodes(image, nodesDesired));
  const hasOthers = hasPods && others.some((nodes) => nodes > 0);
  const role = (row: number): Role => {
    const { nodesReady = 0, nodesFailing = 0 } = images[row]?.row ?? {};
    if (nodesFailing > 0) return 'bad';
    if (nodesDesired === 0) return 'quiet';
    return nodesReady < nodesDesired ? 'waiting' : 'good';
  };
  const table: readonly (Column | undefined)[] = [
    { heading: 'IMAGE', cut: 'alike' },
    { heading: 'CACHED', paint: (text, row) => style.paint(role(row), text) },
    hasPods ? { heading: 'PULLING' } : undefined,
    { heading: 'FAILING' },
    hasOthers ? { heading: 'OTHER', isSpare: !isWide } : undefined,
    { heading: 'DIGEST', isSpare: !isWide },
    isWide ? { heading: 'REFERENCE' } : undefined,
    isWide ? { heading: 'CONTAINER' } : undefined,
    { heading: 'WHY', cut: 'end' },
  ];
  const rows = images.map((image, index) => {
    const { name, reference, container, nodesReady, nodesFailing, advice, message } = image.row;
    return [
      printable(name, mostProse),
      `${nodesReady}/${nodesDesired}`,
      String(image.seen?.pulling ?? ''),
      String(nodesFailing),
      String(others[index]),
      digestText(image, isWide),
      printable(reference, 2000),
      container,
      printable(advice ?? message ?? '', 2000),
    ];
  });
  const isShown = (_: unknown, index: number) => table[index] !== undefined;
  return fitted(
    table.filter((column) => column !== undefined),
    rows.map((row) => row.filter(isShown)),
    drawing,
  );
}

/** Characters of a digest that tell it from others. */
export const shortDigest = 'sha256:'.length + 12;

function digestText({ row, seen }: ImageReport, isWhole: boolean): string {
  const digests = seen?.digests.map(({ digest }) => digest) ?? [];
  if (isWhole) return digests.join(',') || row.digest || '-';
  if (digests.length > 1) return `${count(digests.length)} different`;
  return row.digest?.slice(0, shortDigest) ?? '-';
}

function nodeLines({ observation }: PullerReport, drawing: Drawing): readonly string[] {
  const { style, isWide } = drawing;
  const images = observation.images.map(({ image }) => image);
  const nodes = [...observation.nodes.values()]
    .filter((node) => node.verdict !== 'holds' && (isWide || rank(node) < 2))
    .sort((a, b) => rank(a) - rank(b) || (a.node < b.node ? -1 : 1));
  if (nodes.length === 0) return [];
  const shown = isWide ? nodes : nodes.slice(0, mostNodes);
  const paint = (text: string, row: number) =>
    style.paint(rank(shown[row] as NodeObservation) === 0 ? 'bad' : 'waiting', text);
  const table: readonly Column[] = [
    { heading: 'NODE', cut: 'alike' },
    { heading: 'STATE', paint },
    { heading: 'LACKS', cut: 'end' },
    { heading: 'WHY', cut: 'end' },
  ];
  const rows = shown.map((node) => [
    printable(node.node, mostProse),
    stateOf(node),
    lackingText(lackingOn(node, images), isWide),
    whyOf(node),
  ]);
  const left = nodes.length - shown.length;
  return [
    ...fitted(table, rows, drawing),
    ...(left === 0
      ? []
      : [style.paint('quiet', `and ${nounCount(left, 'more node')}: see -o wide`)]),
  ];
}

/** Failures first, then what else keeps a node from its images, then those that are on the way. */
function rank({ verdict, isExcused }: NodeObservation): number {
  if (verdict === 'pulling' || verdict === 'waiting') return 2;
  return isExcused || verdict === 'unreachable' || verdict === 'terminating' ? 1 : 0;
}

function lackingText(names: readonly string[], isWhole: boolean): string {
  if (isWhole || names.length < 3) return names.join(', ');
  return `${names[0]} and ${count(names.length - 1)} more`;
}

function costLines({ cost, observation }: PullerReport, drawing: Drawing): readonly string[] {
  if (cost === undefined) return [];
  const { style, width } = drawing;
  const isNarrow = width < usualWidth;
  const headings = isNarrow
    ? ['COST', 'CPU', 'MEMORY', 'CPU', 'MEMORY', 'PODS']
    : ['COST', 'CPU', 'MEMORY', 'CPU LIMIT', 'MEMORY LIMIT', 'PODS'];
  const rows = [
    ...(isNarrow ? [['', '', '', 'LIMIT', 'LIMIT', '']] : []),
    ['each node', ...costCells(cost.eachNode)],
    [`all ${nounCount(observation.nodesDesired, 'node')}`, ...costCells(cost.allNodes)],
    ['surge of a roll', ...costCells(cost.surge)],
    ["the puller's own pod", ...costCells(cost.puller)],
    ['a quota must hold', ...costCells(cost.quota)],
    ['limit x images x nodes', '', '', ...amountCells(cost.formula), ''],
  ];
  return fitted(
    headings.map((heading, index) => ({
      heading,
      ...(index === 0 && { cut: 'end' }),
      paint: (text, row) => (isNarrow && row === 0 ? style.paint('heading', text) : text),
    })),
    rows,
    drawing,
  );
}

function costCells({ pods, requests, limits }: Cost): readonly string[] {
  return [...amountCells(requests), ...amountCells(limits), count(pods)];
}

function amountCells({ cpu, memory }: Amount): readonly [string, string] {
  return [cpuQuantity(cpu), memoryQuantity(memory)];
}
