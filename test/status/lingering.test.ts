import { lingering } from '../../src/status/lingering.ts';
import { aDaemonSet, aPod, images, minute, now, observed, statusOf, timeAt } from './scenes.ts';

/** The DaemonSet of a part that is wanted no more, whose deletion began so long ago. */
function aFormer(name: string, agoMs: number) {
  const { metadata, ...rest } = aDaemonSet(2, { uid: name });
  const finalizers = ['foregroundDeletion', 'example.com/keep'];
  const deletionTimestamp = timeAt(now - agoMs);
  return { ...rest, metadata: { ...metadata, name, finalizers, deletionTimestamp } };
}

describe('a DaemonSet whose deletion has begun', () => {
  it('lingers after a minute, and not before', () => {
    const finalizers = ['foregroundDeletion', 'example.com/keep'];
    const all = [aDaemonSet(2), aFormer('cache-s1', minute), aFormer('cache-s01', minute)];
    expect(lingering(all, now)).toEqual({
      daemonSets: [
        { name: 'cache-s01', finalizers },
        { name: 'cache-s1', finalizers },
      ],
      againMs: undefined,
    });
    expect(lingering([aFormer('cache-s1', minute / 4)], now)).toEqual({
      daemonSets: [],
      againMs: (3 * minute) / 4,
    });
  });

  it('is named with what it waits for, and leaves Ready to the nodes', () => {
    const { daemonSets } = lingering([aFormer('cache-s1', minute)], now);
    const status = statusOf([aPod('node-1')], { seen: { lingering: daemonSets } });
    expect(status.conditions).toMatchObject([
      { type: 'Ready', status: 'True' },
      { type: 'Progressing', status: 'False' },
      {
        type: 'Degraded',
        status: 'True',
        reason: 'WaitingForDeletion',
        message:
          'the deletion of DaemonSet cache-s1 has waited for more than a minute for its finalizers foregroundDeletion, example.com/keep',
      },
    ]);
  });

  it('is no part of the roll-out, while its pods hold what they hold', () => {
    const former = aFormer('cache-s1', minute);
    const status = { updatedNumberScheduled: 0, observedGeneration: 0 };
    const daemonSets = [aDaemonSet(2), { ...former, status }];
    const pods = [aPod('node-1'), aPod('node-2', { images: images.slice(0, 1) })];
    const more = { images: images.slice(1), owner: 'cache-s1', uid: 'more' };
    expect(observed([...pods, aPod('node-2', more)], { daemonSets })).toMatchObject({
      rollout: { observed: true, complete: true },
      nodesReady: 2,
      missing: 0,
    });
  });
});
