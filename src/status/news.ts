import { count, nounCount } from '../api/text.ts';
import type { Finding, ImagePullerStatus, ImageStatus } from '../api/types.ts';
import { listedImages } from '../api/types.ts';
import { completeOf, conditionOf, conditionTypes, cut, reasons } from './conditions.ts';
import type { Complaint } from './facts.ts';
import { holdsOrHold } from './spoken-counts.ts';
import { worstOf } from './summarize.ts';

/** Something that has happened to a puller, to be told once as an Event of it. */
export interface News {
  readonly type: 'Normal' | 'Warning';
  /** One word for programs: one of {@link newsReasons}, or the reason of a condition. */
  readonly reason: string;
  /** For people, printable; an Event has room for 1,024 characters. */
  readonly note: string;
}

/** Reasons of news that are not reasons of conditions. */
const newsReasons = {
  imageFailed: 'ImageFailed',
  imageRecovered: 'ImageRecovered',
  imagesCached: 'ImagesCached',
  inputMended: 'InputMended',
} as const;

/** So many images are told one by one; the others are counted. */
const told = 10;

const noteLimit = 1024;

/** What is compared for news: a status, and what was told beside it. */
export interface Told {
  readonly status: ImagePullerStatus;
  /** All images; undefined where only those of the status are known. */
  readonly rows?: readonly ImageStatus[] | undefined;
  /** All that was wrong; undefined where only the status tells. */
  readonly complaints?: readonly Complaint[] | undefined;
  /** What was found in the spec; undefined where nobody knows. */
  readonly findings?: readonly Finding[] | undefined;
}

/**
 * What is new in a status that replaces another. Only what the two say differently is news, so an operator
 * that starts anew, and knows only what is stored, has none.
 */
export function newsBetween(previous: Told, next: Told): readonly News[] {
  return [
    ...mended(previous, next),
    ...troubled(previous, next),
    ...failed(previous, next),
    ...recovered(previous, next),
    ...cached(previous, next),
  ].map((news) => ({ ...news, note: cut(news.note, noteLimit) }));
}

/** Values that were taken after a rule of ours: told when others are than before. */
function mended(previous: Told, next: Told): readonly News[] {
  const fixes = fixesOf(next);
  const [first] = fixes;
  if (!first) return [];
  const isOld =
    previous.findings === undefined
      ? previous.status.observedGeneration === next.status.observedGeneration
      : spokenFixes(fixesOf(previous)) === spokenFixes(fixes);
  if (isOld) return [];
  const more = fixes.reduce((sum, { count }) => sum + count, -first.count);
  const note = more === 0 ? first.message : `${first.message} And ${more} more like this.`;
  return [{ type: 'Normal', reason: newsReasons.inputMended, note }];
}

function fixesOf({ findings = [] }: Told): readonly Finding[] {
  return findings.filter(({ verdict }) => verdict === 'fix');
}

function spokenFixes(fixes: readonly Finding[]): string {
  return JSON.stringify(fixes.map(({ message, count }) => [message, count]));
}

/** Each new reason to complain; images that fail are told one by one instead. */
function troubled(previous: Told, next: Told): readonly News[] {
  const known = reasonsOf(previous);
  if (known === undefined) return degraded(previous, next);
  const fresh = (next.complaints ?? []).filter(
    ({ reason }) => reason !== reasons.imagesFailing && !known.has(reason),
  );
  return [...Map.groupBy(fresh, ({ reason }) => reason)].map(([reason, complaints]) => ({
    type: 'Warning',
    reason,
    note: complaints.length === 1 ? (complaints[0]?.message ?? '') : worstOf(complaints),
  }));
}

/** Undefined where the status alone is known, which tells the worst one. */
function reasonsOf({ status, complaints }: Told): ReadonlySet<string> | undefined {
  if (complaints !== undefined) return new Set(complaints.map(({ reason }) => reason));
  return status.conditions === undefined ? new Set() : undefined;
}

/** The same, as far as the condition Degraded tells. */
function degraded(previous: Told, next: Told): readonly News[] {
  const before = conditionOf(previous.status, conditionTypes.degraded);
  const now = conditionOf(next.status, conditionTypes.degraded);
  if (now?.status !== 'True' || now.reason === reasons.imagesFailing) return [];
  if (before?.status === 'True' && before.reason === now.reason) return [];
  return [{ type: 'Warning', reason: now.reason, note: now.message }];
}

function failed(previous: Told, next: Told): readonly News[] {
  const before = byReference(previous);
  // A table that is full says nothing of the images that it has no room for.
  const isCut = previous.rows === undefined && before.size >= listedImages;
  const fresh = rowsOf(next).filter((row) => {
    const known = before.get(row.reference);
    return row.nodesFailing > 0 && !isFailing(known) && (known !== undefined || !isCut);
  });
  return perImage(fresh, { type: 'Warning', reason: newsReasons.imageFailed }, (row) => {
    const nodes = `${count(row.nodesFailing)} of ${nounCount(desiredIn(next), 'node')}`;
    return `${row.name} (${row.reference}) fails on ${nodes}: ${row.advice ?? row.reason ?? ''}`;
  });
}

/** An image that left the list has not recovered, and one that fell out of a long table may not have. */
function recovered(previous: Told, next: Told): readonly News[] {
  const now = byReference(next);
  const healed = rowsOf(previous).flatMap((row) => {
    const present = now.get(row.reference);
    return row.nodesFailing > 0 && present && !isFailing(present) ? [present] : [];
  });
  return perImage(healed, { type: 'Normal', reason: newsReasons.imageRecovered }, (row) => {
    const { name, reference, nodesReady } = row;
    const desired = desiredIn(next);
    const nodes = `${count(nodesReady)} of ${nounCount(desired, 'node')} ${holdsOrHold(nodesReady, desired)}`;
    return `${name} (${reference}) fails no more; ${nodes} it`;
  });
}

function cached(previous: Told, next: Told): readonly News[] {
  const complete = completeOf(next.status);
  if (!complete || completeOf(previous.status)) return [];
  return [{ type: 'Normal', reason: newsReasons.imagesCached, note: complete.message }];
}

function perImage(
  rows: readonly ImageStatus[],
  kind: Pick<News, 'type' | 'reason'>,
  note: (row: ImageStatus) => string,
): readonly News[] {
  const news = rows.slice(0, told).map((row) => ({ ...kind, note: note(row) }));
  const more = rows.length - news.length;
  return more === 0
    ? news
    : [...news, { ...kind, note: `and ${nounCount(more, 'more image')}, see status` }];
}

function desiredIn({ status }: Told): number {
  return status.nodesDesired ?? 0;
}

function rowsOf({ rows, status }: Told): readonly ImageStatus[] {
  return rows ?? status.images ?? [];
}

function byReference(told: Told): ReadonlyMap<string, ImageStatus> {
  return new Map(rowsOf(told).map((row) => [row.reference, row]));
}

function isFailing(row: ImageStatus | undefined): boolean {
  return row !== undefined && row.nodesFailing > 0;
}
