import type { ImagePullerStatus } from '../api/types.ts';
import { conditionOf, conditionTypes } from './conditions.ts';

/** The numbers of a status. What is undefined is not known. */
export interface PullerFigures {
  readonly imagesDesired: number | undefined;
  readonly imagesReady: number | undefined;
  readonly imagesFailing: number | undefined;
  readonly nodesDesired: number | undefined;
  readonly nodesReady: number | undefined;
  /** Since when it is not Ready, in milliseconds since the epoch; undefined while it is. */
  readonly incompleteSince: number | undefined;
}

/** What is to be counted of a puller whose status says this. */
export function figuresOf(status: ImagePullerStatus): PullerFigures {
  const { imagesDesired, imagesReady, imagesFailing, nodesDesired, nodesReady } = status;
  const ready = conditionOf(status, conditionTypes.ready);
  const isComplete = ready === undefined || ready.status === 'True';
  return {
    imagesDesired,
    imagesReady,
    imagesFailing,
    nodesDesired,
    nodesReady,
    incompleteSince: isComplete ? undefined : Date.parse(ready.lastTransitionTime),
  };
}
