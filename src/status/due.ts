import type { Condition, ImagePullerStatus } from '../api/types.ts';

/** Counts that move during a roll-out are written at most this often. */
export const countsIntervalMs = 5000;

/** Claims that the stored status already says everything that the new one would. */
export function saysTheSame(stored: ImagePullerStatus, next: ImagePullerStatus): boolean {
  return (
    meaning(stored) === meaning(next) &&
    stored.nodesDesired === next.nodesDesired &&
    stored.nodesReady === next.nodesReady &&
    (next.conditions ?? []).every(
      (condition) => of(stored, condition.type)?.message === condition.message,
    )
  );
}

/** Claims that the new status means the same, so that its moving counts may wait for their turn. */
export function meansTheSame(stored: ImagePullerStatus, next: ImagePullerStatus): boolean {
  return meaning(stored) === meaning(next);
}

function meaning(status: ImagePullerStatus): string {
  return JSON.stringify([
    status.observedGeneration,
    status.imagePullerImage,
    status.imagesDesired,
    (['Ready', 'Progressing', 'Degraded'] as const).map((type) => {
      const condition = of(status, type);
      return [
        condition?.status,
        condition?.reason,
        condition?.observedGeneration,
        condition?.lastTransitionTime,
      ];
    }),
  ]);
}

function of(status: ImagePullerStatus, type: string): Condition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}
