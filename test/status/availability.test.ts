import type { KubeObject } from '../../src/kube/objects.ts';
import { availabilityOf } from '../../src/status/availability.ts';

describe('the availability of the puller', () => {
  const aDeployment = (conditions: readonly object[]): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'puller', creationTimestamp: '2026-01-01T00:00:00Z' },
    status: { conditions },
  });

  it('is what its Available condition says', () => {
    expect(availabilityOf(aDeployment([{ type: 'Available', status: 'True' }])).available).toBe(
      true,
    );
  });

  it('is missing since that condition turned, in its words', () => {
    const conditions = [
      {
        type: 'Available',
        status: 'False',
        message: 'Deployment does not have minimum availability.',
        lastTransitionTime: '2026-01-01T01:00:00Z',
      },
    ];
    expect(availabilityOf(aDeployment(conditions))).toEqual({
      available: false,
      message: 'Deployment does not have minimum availability.',
      unavailableSince: Date.parse('2026-01-01T01:00:00Z'),
    });
  });

  it('is missing for want of room in a quota, which is told with the amounts', () => {
    const available = { type: 'Available', status: 'False', message: 'Deployment has none.' };
    const amounts = [
      'requested: limits.cpu=500m,limits.memory=256Mi',
      'used: limits.cpu=2400m,limits.memory=1200Mi',
      'limited: limits.cpu=2400m,limits.memory=1300Mi',
    ];
    const refused = {
      type: 'ReplicaFailure',
      status: 'True',
      message: `pods "puller-7d4f48ccd7-" is forbidden: exceeded quota: exact, ${amounts.join(', ')}`,
    };
    const said =
      'the quota exact would have to hold 500m more limits.cpu and 156Mi more limits.memory';
    expect(availabilityOf(aDeployment([available, refused])).message).toBe(said);
    const past = { ...refused, status: 'False' };
    expect(availabilityOf(aDeployment([available, past])).message).toBe('Deployment has none.');
  });

  it('is missing since its creation where nothing was said yet', () => {
    expect(availabilityOf(aDeployment([])).unavailableSince).toBe(
      Date.parse('2026-01-01T00:00:00Z'),
    );
  });
});
