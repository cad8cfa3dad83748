import type { Finding, ImagePullerStatus, ImageStatus } from '../api/types.ts';
import { conditionTypes, cut, reasons } from './conditions.ts';

/** Something that has happened to a puller, to be told once as an Event of it. */
export interface News {
  readonly type: 'Normal' | 'Warning';
  /** One word for programs: one of {@link newsReasons}, or the reason of a condition. */
  readonly reason: string;
  /** For people, printable; an Event has room for 1,024 characters. */
  readonly note: string;
}

/** Reasons of news that are not reasons of conditions. */
export const newsReasons = {
  imageFailed: 'ImageFailed',
  imageRecovered: 'ImageRecovered',
  imagesCached: 'ImagesCached',
  inputMended: 'InputMended',
} as const;

/** So many images are told one by one; the others are counted. */
const told = 10;

const noteLimit = 1024;

/**
 * What is new in a status that replaces another. Only what the two statuses say differently is news, so an
 * operator that starts anew has none.
 */
export function newsBetween(
  previous: ImagePullerStatus,
  next: ImagePullerStatus,
  findings: readonly Finding[],
): readonly News[] {
  return [
    ...mended(previous, next, findings),
    ...troubled(previous, next),
    ...failed(previous, next),
    ...recovered(previous, next),
    ...cached(previous, next),
  ].map((news) => ({ ...news, note: cut(news.note, noteLimit) }));
}

/** Values that were taken after a rule of ours: told when the spec is read for the first time. */
function mended(
  previous: ImagePullerStatus,
  next: ImagePullerStatus,
  findings: readonly Finding[],
): readonly News[] {
  const fixes = findings.filter(({ verdict }) => verdict === 'fix');
  const [first] = fixes;
  if (!first || previous.observedGeneration === next.observedGeneration) return [];
  const more = fixes.reduce((sum, { count }) => sum + count, -first.count);
  const note = more === 0 ? first.message : `${first.message} And ${more} more like this.`;
  return [{ type: 'Normal', reason: newsReasons.inputMended, note }];
}

/** A new reason to be Degraded; images that fail are told one by one instead. */
function troubled(previous: ImagePullerStatus, next: ImagePullerStatus): readonly News[] {
  const [before, now] = [degradedOf(previous), degradedOf(next)];
  if (now?.status !== 'True' || now.reason === reasons.imagesFailing) return [];
  if (before?.status === 'True' && before.reason === now.reason) return [];
  return [{ type: 'Warning', reason: now.reason, note: now.message }];
}

function failed(previous: ImagePullerStatus, next: ImagePullerStatus): readonly News[] {
  const before = rowsOf(previous);
  const fresh = (next.images ?? []).filter(
    (row) => row.nodesFailing > 0 && !isFailing(before.get(row.reference)),
  );
  return perImage(fresh, { type: 'Warning', reason: newsReasons.imageFailed }, (row) => {
    const nodes = `${row.nodesFailing} of ${next.nodesDesired} nodes`;
    return `${row.name} (${row.reference}) fails on ${nodes}: ${row.advice ?? row.reason ?? ''}`;
  });
}

/** An image that left the list has not recovered, and one that fell out of a long table may not have. */
function recovered(previous: ImagePullerStatus, next: ImagePullerStatus): readonly News[] {
  const now = rowsOf(next);
  const healed = (previous.images ?? []).flatMap((row) => {
    const present = now.get(row.reference);
    return row.nodesFailing > 0 && present && !isFailing(present) ? [present] : [];
  });
  return perImage(healed, { type: 'Normal', reason: newsReasons.imageRecovered }, (row) => {
    return `${row.name} (${row.reference}) fails no more; ${row.nodesReady} of ${next.nodesDesired} nodes hold it`;
  });
}

function cached(previous: ImagePullerStatus, next: ImagePullerStatus): readonly News[] {
  const complete = completeOf(next);
  if (!complete || completeOf(previous)) return [];
  return [{ type: 'Normal', reason: newsReasons.imagesCached, note: complete.message }];
}

function perImage(
  rows: readonly ImageStatus[],
  kind: Pick<News, 'type' | 'reason'>,
  note: (row: ImageStatus) => string,
): readonly News[] {
  const news = rows.slice(0, told).map((row) => ({ ...kind, note: note(row) }));
  const more = rows.length - news.length;
  return more === 0 ? news : [...news, { ...kind, note: `and ${more} more images, see status` }];
}

function rowsOf({ images = [] }: ImagePullerStatus): ReadonlyMap<string, ImageStatus> {
  return new Map(images.map((row) => [row.reference, row]));
}

function isFailing(row: ImageStatus | undefined): boolean {
  return row !== undefined && row.nodesFailing > 0;
}

function degradedOf({ conditions = [] }: ImagePullerStatus) {
  return conditions.find(({ type }) => type === conditionTypes.degraded);
}

function completeOf({ conditions = [] }: ImagePullerStatus) {
  return conditions.find(
    ({ type, status, reason }) =>
      type === conditionTypes.ready && status === 'True' && reason === reasons.allResourcesReady,
  );
}
