import { count, nounCount, printable } from '../../api/text.ts';
import { conditionOf, conditionTypes } from '../../status/conditions.ts';
import { conditionsLine, unspoken } from '../conditions-line.ts';
import type { Role, Style } from '../style.ts';
import { cut, shortened } from '../text.ts';
import { type ImageReport, keyOf, type PullerReport } from './report.ts';
import { complaints } from './words.ts';

/** How far a puller is, as text: `12 of 30 copies, 1 of 5 nodes ready, 2 failing`. */
export function progressOf({ images, observation }: PullerReport): string {
  const { nodesReady, nodesDesired } = observation;
  const { held, failing } = copiesOf(images);
  const all = images.length * nodesDesired;
  const copies =
    images.length === 0 ? '' : `${count(held)} of ${nounCount(all, 'copy', 'copies')}, `;
  const failed = failing === 0 ? '' : `, ${count(failing)} failing`;
  return `${copies}${count(nodesReady)} of ${nounCount(nodesDesired, 'node')} ready${failed}`;
}

/** The conditions in one line of plain text: `Ready False ImagesPulling; …`. */
export function conditionsOf({ conditions }: PullerReport): string {
  return conditions.length === 0 ? unspoken : printable(conditionsLine(conditions), 1000);
}

/** Where a frame has to fit in. */
export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** Characters of a bar, where a quarter of the width is no less. */
const mostBarWidth = 20;

/** Pullers and their images with progress bars, a line for each, in no more lines than there are. */
export function frame(
  pullers: readonly PullerReport[],
  { width, height }: Extent,
  style: Style,
): readonly string[] {
  const heads = pullers.map((puller) => headLine(puller, width, style));
  const room = Math.max(0, height - heads.length);
  const shares = sharesOf(needsOf(pullers, room), room);
  const lines = pullers.flatMap((puller, index) => [
    heads[index] ?? '',
    ...bodyLines(puller, { width, height: shares[index] ?? 0 }, style),
  ]);
  if (lines.length <= height) return lines;
  const shown = Math.max(0, height - 1);
  const rest = pullers.length - lines.slice(0, shown).length;
  return [...lines.slice(0, shown), style.paint('quiet', `and ${nounCount(rest, 'more puller')}`)];
}

/** How many lines each puller takes below its head; a Ready one none where others need them. */
function needsOf(pullers: readonly PullerReport[], room: number): readonly number[] {
  const needs = pullers.map((puller) => complaints(puller).length + puller.images.length);
  const all = needs.reduce((sum, each) => sum + each, 0);
  return pullers.map(({ outcome }, index) =>
    all > room && outcome === 'ready' ? 0 : (needs[index] ?? 0),
  );
}

/** Lines for each puller below its head: what one does not need the others have. */
function sharesOf(needs: readonly number[], room: number): readonly number[] {
  let left = room;
  let others = needs.length;
  const shares = new Map<number, number>();
  for (const [index, need] of [...needs.entries()].sort(([, a], [, b]) => a - b)) {
    const share = Math.min(need, Math.floor(left / others));
    shares.set(index, share);
    left -= share;
    others -= 1;
  }
  return needs.map((_, index) => shares.get(index) ?? 0);
}

function headLine(puller: PullerReport, width: number, style: Style): string {
  const { outcome, observation } = puller;
  const ready = conditionOf(puller, conditionTypes.ready);
  const reason = ready?.reason ?? unspoken;
  const name = cut(printable(keyOf(puller), 1000), Math.max(16, width - 60), style.ellipsis);
  const text = cut(
    printable(`  ${reason}  ${progressOf(puller)}`, 1000),
    Math.max(0, width - name.length),
    style.ellipsis,
  );
  const roles = { ready: 'good', stuck: 'bad', underway: 'waiting' } as const;
  const role = observation.nodesDesired === 0 && outcome === 'underway' ? 'quiet' : roles[outcome];
  return `${style.paint('heading', name)}${style.paint(role, text)}`;
}

/** What is wrong, as far as it fits in a line, and the images. */
function bodyLines(puller: PullerReport, { width, height }: Extent, style: Style) {
  const wrong = complaints(puller)
    .slice(0, height)
    .map((complaint) => cut(`  ${printable(complaint, 1000)}`, width, style.ellipsis));
  return [...wrong, ...imageLines(puller, { width, height: height - wrong.length }, style)];
}

/** The images there is room for: failing ones first, then what is not everywhere. */
function imageLines(
  { images, observation }: PullerReport,
  { width, height }: Extent,
  style: Style,
): readonly string[] {
  const { nodesDesired } = observation;
  const isEverywhere = ({ row }: ImageReport) => row.nodesReady >= nodesDesired;
  const ordered = [...images].sort((a, b) => Number(isEverywhere(a)) - Number(isEverywhere(b)));
  const shown = images.length <= height ? images : ordered.slice(0, Math.max(0, height - 1));
  const left = images.length - shown.length;
  const counts = shown.map(
    ({ row }) =>
      `${row.nodesReady}/${nodesDesired}${row.nodesFailing > 0 ? `, ${row.nodesFailing} failing` : ''}`,
  );
  const countWidth = Math.max(0, ...counts.map((text) => text.length));
  const barWidth = Math.min(mostBarWidth, Math.floor(width / 4));
  const names = shortened(
    shown.map(({ row }) => printable(row.name, 1000)),
    Math.max(8, width - barWidth - countWidth - 6),
    style.ellipsis,
  );
  const nameWidth = Math.max(0, ...names.map((name) => name.length));
  const lines = shown.map(
    (image, index) =>
      `  ${(names[index] ?? '').padEnd(nameWidth)}  ${bar(image, { desired: nodesDesired, width: barWidth }, style)}  ${counts[index] ?? ''}`,
  );
  if (left === 0 || height === 0) return lines;
  return [...lines, style.paint('quiet', `  and ${nounCount(left, 'more image')}`)];
}

/** What is held, what fails, and what is still missing, in proportion; one failure is seen. */
function bar(
  { row }: ImageReport,
  { desired, width }: { readonly desired: number; readonly width: number },
  { signs, paint }: Style,
): string {
  const cells = (nodes: number, round: (value: number) => number) =>
    desired === 0 ? 0 : Math.min(width, round((nodes / desired) * width));
  const failing = cells(row.nodesFailing, Math.ceil);
  const held = Math.min(cells(row.nodesReady, Math.floor), width - failing);
  const parts: readonly (readonly [Role, string, number])[] = [
    ['good', signs.held, held],
    ['bad', signs.failing, failing],
    ['quiet', signs.missing, width - held - failing],
  ];
  return parts
    .map(([role, sign, length]) => (length ? paint(role, sign.repeat(length)) : ''))
    .join('');
}

function copiesOf(images: readonly ImageReport[]): {
  readonly held: number;
  readonly failing: number;
} {
  return {
    held: images.reduce((sum, { row }) => sum + row.nodesReady, 0),
    failing: images.reduce((sum, { row }) => sum + row.nodesFailing, 0),
  };
}
