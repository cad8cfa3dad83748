import { count, nounCount, printable } from '../../api/text.ts';
import { toldFailure } from '../../status/causes.ts';
import { nameOf } from '../../status/image-rows.ts';
import type { Role, Style } from '../style.ts';
import { wrapped } from '../text.ts';
import { fitted } from './fitted.ts';
import { most } from './node-images.ts';
import type { CopyState, NodeCopy, NodePullerReport, NodeReport } from './node-report.ts';
import { keyOf } from './report.ts';
import { headline, mostProse, shortDigest } from './table.ts';
import { refused, stateOf, whyOf } from './words.ts';

/** How a node is drawn. */
export interface NodeDrawing {
  readonly width: number;
  readonly style: Style;
  readonly isWide: boolean;
}

const states: Readonly<Record<CopyState, readonly [text: string, role: Role]>> = {
  held: ['held', 'good'],
  pulling: ['pulling', 'waiting'],
  failing: ['failing', 'bad'],
  listed: ['on its disk', 'good'],
  absent: ['missing', 'bad'],
  unknown: ['unknown', 'quiet'],
};

/** What a node holds and lacks of the images of each puller. Ends with a line feed. */
export function nodeTable(report: NodeReport, drawing: NodeDrawing): string {
  const sections = [
    ...report.pullers.map((puller) => pullerLines(puller, drawing)),
    notes(report).flatMap((note) => wrapped(note, Math.min(drawing.width, mostProse))),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

function pullerLines(report: NodePullerReport, drawing: NodeDrawing): readonly string[] {
  const { puller, observation, copies } = report;
  const { width, style, isWide } = drawing;
  const head = headline(
    [
      ['heading', keyOf(puller)],
      ['plain', nodeText({ puller, observation })],
      ...countOf({ observation, copies }).map((text) => ['plain', text] as const),
    ],
    drawing,
  );
  if (copies.length === 0) return head;
  const isSilent = observation?.verdict === 'unreachable';
  const paint = (text: string, row: number) =>
    style.paint(isSilent ? 'quiet' : states[copies[row]?.state ?? 'unknown'][1], text);
  const rows = copies.map((copy) => [
    nameOf(copy.image),
    states[copy.state][0],
    digestText(copy, isWide),
    ...(isWide ? [copy.image.reference, copy.image.container] : []),
    remarkOn(copy),
  ]);
  return [
    ...head,
    ...remarks(report).flatMap((remark) =>
      wrapped(remark, Math.min(width, mostProse) - 2).map((line) => `  ${line}`),
    ),
    ...fitted(
      [
        { heading: 'IMAGE', cut: 'alike' },
        { heading: 'STATE', paint },
        { heading: 'DIGEST', isSpare: !isWide },
        ...(isWide ? [{ heading: 'REFERENCE' }, { heading: 'CONTAINER' }] : []),
        { heading: 'WHY', cut: 'end' },
      ],
      rows,
      drawing,
    ),
  ];
}

function nodeText({
  puller,
  observation,
}: Pick<NodePullerReport, 'puller' | 'observation'>): string {
  if (!puller.observation.hasPods) return 'its pods cannot be read';
  return observation === undefined ? 'no pod of it is there' : stateOf(observation);
}

/** What keeps images from the node, if no row says so. */
function remarks({ puller, observation, copies }: NodePullerReport): readonly string[] {
  if (observation === undefined) return refused(puller.observation);
  const why = whyOf(observation);
  return why === '' || copies.some((copy) => failureOf(copy) === why) ? [] : [why];
}

/** How many images are there, where anything is known of that. */
function countOf({
  observation,
  copies,
}: Pick<NodePullerReport, 'observation' | 'copies'>): readonly string[] {
  if (copies.every(({ state }) => state === 'unknown')) return [];
  const held = copies.filter(({ state }) => state === 'held' || state === 'listed').length;
  const then = observation?.verdict === 'unreachable' ? ' when it last spoke' : '';
  return [`${count(held)} of ${nounCount(copies.length, 'image')}${then}`];
}

function failureOf({ container }: NodeCopy): string {
  return container?.state === 'failing' ? toldFailure(container) : '';
}

/** Why the image is not held; that it lies there nevertheless comes last, as it helps nobody who starts. */
function remarkOn(copy: NodeCopy): string {
  const isIdle = copy.isListed && (copy.state === 'failing' || copy.state === 'pulling');
  return [failureOf(copy), isIdle ? 'on its disk' : ''].filter((each) => each !== '').join('; ');
}

function digestText({ container }: NodeCopy, isWhole: boolean): string {
  const { digest = '' } = container ?? {};
  return (isWhole ? digest : digest.slice(0, shortDigest)) || '-';
}

/** Where what is told comes from, if not from pods. */
function notes({ node, list, pullers }: NodeReport): readonly string[] {
  const open = pullers
    .flatMap(({ copies }) => copies)
    .filter(({ container }) => container === undefined).length;
  if (list === undefined || open === 0) return [];
  const hasPods = pullers.some(({ puller }) => puller.observation.hasPods);
  const them = open === 1 ? 'one image' : nounCount(open, 'image');
  const lack = hasPods ? `No container on the node speaks of ${them}` : 'Pods cannot be read';
  if ('error' in list) {
    const name = printable(node, mostProse);
    const cannot = hasPods
      ? `${lack}, and the node ${name} cannot be read`
      : `Neither pods nor the node ${name} can be read`;
    return [`${cannot}: ${printable(list.error, 500)}`];
  }
  const cut = list.isCut
    ? ` Kubernetes cuts that list at ${most.images} images and ${most.namesOfEach} names of each, so an image that is not on it may be there nevertheless.`
    : '';
  return [`${lack}, so the node's own list was asked.${cut}`];
}
