import type { ImagePullerStatus, ImageStatus } from '../api/types.ts';
import { conditionOf, conditionTypes } from './conditions.ts';

/** Counts that move during a roll-out are written at most this often. */
export const countsIntervalMs = 5000;

/** The last ones are not left waiting for that: what has not moved for so long is written. */
export const calmIntervalMs = 500;

/** Claims that the stored status already says everything that the new one would. */
export function saysTheSame(stored: ImagePullerStatus, next: ImagePullerStatus): boolean {
  return meaning(stored) === meaning(next) && counts(stored) === counts(next);
}

/**
 * Claims that the new status means the same, so that what has moved (counts, rows of images, messages,
 * which tell of counts) may wait for its turn.
 */
export function meansTheSame(stored: ImagePullerStatus, next: ImagePullerStatus): boolean {
  return meaning(stored) === meaning(next);
}

/** Claims that both draw the same conclusions, whenever these turned. */
export function concludesTheSame(one: ImagePullerStatus, other: ImagePullerStatus): boolean {
  return conclusions(one) === conclusions(other);
}

const types = Object.values(conditionTypes);

function meaning(status: ImagePullerStatus): string {
  return JSON.stringify([
    status.imagePullerImage,
    status.imagesDesired,
    status.lastCompleteTime,
    conclusions(status),
  ]);
}

function conclusions(status: ImagePullerStatus): string {
  return JSON.stringify([
    status.observedGeneration,
    types.map((type) => {
      const condition = conditionOf(status, type);
      return [condition?.status, condition?.reason, condition?.observedGeneration];
    }),
  ]);
}

function counts(status: ImagePullerStatus): string {
  return JSON.stringify([
    status.nodesDesired,
    status.nodesReady,
    status.nodesUnreachable,
    status.imagesReady,
    status.imagesFailing,
    types.map((type) => conditionOf(status, type)?.message),
    status.images?.map(cells),
  ]);
}

/** In an order of our own: the server gives fields back in its. */
function cells(row: ImageStatus): readonly unknown[] {
  return [
    row.name,
    row.container,
    row.reference,
    row.digest,
    row.nodesReady,
    row.nodesFailing,
    row.failingSince,
    row.lastCompleteTime,
    row.reason,
    row.message,
    row.advice,
  ];
}
