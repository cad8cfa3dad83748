import { printable } from '../api/text.ts';
import {
  type CachedImage,
  type ImagePullerStatus,
  type ImageStatus,
  listedImages,
} from '../api/types.ts';
import { isMute } from './causes.ts';
import { timestamp } from './conditions.ts';
import { causesAmong } from './failure-words.ts';
import { spoken } from './node-names.ts';
import type { ImageObservation, Observation } from './observation.ts';

/** Characters of the texts of a row. */
const limits = { name: 120, reason: 64, message: 253, advice: 253 };

type NodeCount = 'nodesDesired' | 'nodesUnreachable';

/** What rows depend on beside what was seen: what was told before. */
export interface RowContext {
  readonly previous: Pick<ImagePullerStatus, 'images' | NodeCount>;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** A row for each image, failing ones first; {@link listed} has those that a status tells. */
export function imageRows(
  {
    images,
    nodesDesired,
    unreachable,
  }: Pick<Observation, 'images' | 'nodesDesired' | 'unreachable'>,
  { previous, now }: RowContext,
): readonly ImageStatus[] {
  const before = new Map(previous.images?.map((row) => [row.reference, row]));
  const counts = { nodesDesired, nodesUnreachable: unreachable.count };
  return images
    .map((image) => {
      const known = before.get(image.image.reference);
      const present = row(image, known, now);
      const was = known !== undefined && isComplete(known, previous);
      return { ...present, ...lastComplete(known, { was, is: isComplete(present, counts), now }) };
    })
    .sort((a, b) => b.nodesFailing - a.nodesFailing);
}

/** Claims that every node that answers holds the image. */
function isComplete(
  { nodesReady }: ImageStatus,
  { nodesDesired = 0, nodesUnreachable = 0 }: Pick<ImagePullerStatus, NodeCount>,
): boolean {
  return nodesDesired > nodesUnreachable && nodesReady + nodesUnreachable >= nodesDesired;
}

/** As of a whole status: since when it is complete, or when it ceased to be. */
function lastComplete(
  before: ImageStatus | undefined,
  { was, is, now }: { readonly was: boolean; readonly is: boolean; readonly now: number },
): Pick<ImageStatus, 'lastCompleteTime'> {
  const known = before?.lastCompleteTime;
  if (was !== is || (is && known === undefined)) return { lastCompleteTime: timestamp(now) };
  return known === undefined ? {} : { lastCompleteTime: known };
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
  const [worst] = causesAmong(failures);
  if (!worst) return {};
  const { container } = worst;
  // Kubelets before 1.32 say nothing of the cause while they back off.
  if (isMute(container) && before?.reason === container.reason && before.message) {
    const { reason, message, advice } = before;
    return { reason, message, ...(advice !== undefined && { advice }) };
  }
  return {
    reason: printable(container.reason, limits.reason),
    ...(container.message !== '' && { message: printable(container.message, limits.message) }),
    advice: printable(worst.advice, limits.advice),
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
