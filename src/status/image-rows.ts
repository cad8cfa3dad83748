import { printable } from '../api/text.ts';
import { type CachedImage, type ImageStatus, listedImages } from '../api/types.ts';
import { isMute, toldFailure } from './causes.ts';
import { timestamp } from './conditions.ts';
import { spoken } from './node-names.ts';
import type { ImageObservation, Observation } from './observation.ts';

/** Characters of the texts of a row. */
const limits = { name: 120, reason: 64, message: 253, advice: 253 };

/** What rows depend on beside what was seen: what was told before. */
export interface RowContext {
  readonly previous: readonly ImageStatus[] | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** A row for each image, failing ones first; {@link listed} has those that a status tells. */
export function imageRows(
  { images }: Pick<Observation, 'images'>,
  { previous = [], now }: RowContext,
): readonly ImageStatus[] {
  const before = new Map(previous.map((row) => [row.reference, row]));
  return images
    .map((image) => row(image, before.get(image.image.reference), now))
    .sort((a, b) => b.nodesFailing - a.nodesFailing);
}

/** The rows that a status has room for. */
export function listed(rows: readonly ImageStatus[]): readonly ImageStatus[] {
  return rows.slice(0, listedImages);
}

/** The name by which to speak of an image. */
export function nameOf({ names: [name = ''] }: CachedImage): string {
  return printable(name, limits.name);
}

function row(seen: ImageObservation, before: ImageStatus | undefined, now: number): ImageStatus {
  const { image, cached, failing, digests } = seen;
  return {
    name: nameOf(image),
    container: image.container,
    reference: image.reference,
    ...(digests[0] && { digest: digests[0].digest }),
    nodesReady: cached,
    nodesFailing: failing,
    ...(failing > 0
      ? { failingSince: before?.failingSince ?? timestamp(now), ...failure(seen, before) }
      : difference(seen)),
  };
}

type Told = Pick<ImageStatus, 'reason' | 'message' | 'advice'>;

function failure({ failures }: ImageObservation, before: ImageStatus | undefined): Told {
  const telling = failures.find(({ container }) => !isMute(container)) ?? failures[0];
  if (!telling) return {};
  const { container } = telling;
  // Kubelets before 1.32 say nothing of the cause while they back off.
  if (isMute(container) && before?.reason === container.reason && before.message) {
    const { reason, message, advice } = before;
    return { reason, message, ...(advice !== undefined && { advice }) };
  }
  return {
    reason: printable(container.reason, limits.reason),
    ...(container.message !== '' && { message: printable(container.message, limits.message) }),
    advice: printable(toldFailure(container), limits.advice),
  };
}

function difference({ digests }: ImageObservation): Told {
  if (digests.length < 2) return {};
  const shown = digests
    .slice(0, 3)
    .map(({ digest, nodes }) => `${digest.slice(0, 19)} on ${nodes}`);
  const message = spoken({ count: digests.length, first: shown });
  return { reason: 'DigestsDiffer', message: `nodes hold different content: ${message}` };
}
