import type { Condition } from '../../src/api/types.ts';
import { figuresOf } from '../../src/status/figures.ts';

const since = '2026-01-01T00:00:00Z';

function aReady(status: Condition['status']): Condition {
  return {
    type: 'Ready',
    status,
    reason: 'X',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: since,
  };
}

describe('the figures of a status', () => {
  it('are its counts, as far as it has them', () => {
    expect(figuresOf({ imagesDesired: 3, imagesReady: 1, nodesDesired: 2, nodesReady: 0 })).toEqual(
      {
        imagesDesired: 3,
        imagesReady: 1,
        imagesFailing: undefined,
        nodesDesired: 2,
        nodesReady: 0,
        incompleteSince: undefined,
      },
    );
  });

  it.each<[Condition['status'], number | undefined]>([
    ['True', undefined],
    ['False', Date.parse(since)],
    ['Unknown', Date.parse(since)],
  ])('say since when a puller is incomplete whose Ready is %s', (status, incompleteSince) => {
    const conditions = [{ ...aReady('True'), type: 'Other' }, aReady(status)];
    expect(figuresOf({ conditions })).toMatchObject({ incompleteSince });
  });
});
