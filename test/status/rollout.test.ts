import type { KubeObject } from '../../src/kube/objects.ts';
import { follow, rolloutOf } from '../../src/status/rollout.ts';

/** A DaemonSet of generation 2 on five nodes, all of them up to date, or with other numbers. */
function aDaemonSet(status: object = {}, metadata: KubeObject['metadata'] = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'cache', uid: 'd1', generation: 2, ...metadata },
    spec: { template: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } } },
    status: {
      observedGeneration: 2,
      desiredNumberScheduled: 5,
      currentNumberScheduled: 5,
      updatedNumberScheduled: 5,
      numberAvailable: 5,
      ...status,
    },
  };
}

describe('the roll-out of a DaemonSet', () => {
  it('is complete when every node runs an available pod of the present template', () => {
    expect(rolloutOf(aDaemonSet())).toEqual({
      identity: 'd1 2',
      changedAt: 0,
      images: 2,
      desired: 5,
      ready: 5,
      complete: true,
      observed: true,
      pods: { desired: 5, ready: 5 },
    });
  });

  it('is not complete before its controller has seen the change', () => {
    expect(rolloutOf(aDaemonSet({ observedGeneration: 1 }))).toMatchObject({
      ready: 0,
      complete: false,
      observed: false,
    });
  });

  it('counts the nodes that pull for the first time as not ready', () => {
    expect(rolloutOf(aDaemonSet({ numberAvailable: 2 }))).toMatchObject({
      ready: 2,
      complete: false,
    });
  });

  it('does not count nodes whose pod is available but outdated', () => {
    expect(rolloutOf(aDaemonSet({ updatedNumberScheduled: 3 }))).toMatchObject({
      ready: 3,
      complete: false,
    });
  });

  it('counts no node twice where pods are outdated and others not available', () => {
    const rollout = rolloutOf(aDaemonSet({ updatedNumberScheduled: 3, numberAvailable: 1 }));
    expect(rollout.ready).toBe(0);
  });

  it.each([
    ['before any other', { updatedNumberScheduled: 3, numberAvailable: 2 }, 2],
    ['while it rolls', { updatedNumberScheduled: 2, numberAvailable: 3 }, 2],
    ['while some nodes pull as well', { updatedNumberScheduled: 2, numberAvailable: 2 }, 1],
  ])('takes nothing from the others for nodes whose pod is refused, %s', (_when, counts, ready) => {
    const refused = aDaemonSet({ currentNumberScheduled: 3, ...counts });
    expect(rolloutOf(refused)).toMatchObject({ desired: 5, ready, complete: false });
  });

  it('is complete on no nodes', () => {
    const none = { desiredNumberScheduled: 0, currentNumberScheduled: 0 };
    const counts = { updatedNumberScheduled: 0, numberAvailable: 0 };
    expect(rolloutOf(aDaemonSet({ ...none, ...counts }))).toMatchObject({
      desired: 0,
      complete: true,
    });
  });

  it('has not begun where the DaemonSet has no status', () => {
    expect(rolloutOf({ ...aDaemonSet(), status: undefined })).toMatchObject({ complete: false });
  });
});

describe('following a roll-out', () => {
  const twoOfFive = aDaemonSet({ numberAvailable: 2 });
  const begun = follow(undefined, rolloutOf(twoOfFive), 100);

  it('keeps the time of the last advance while nothing moves', () => {
    expect(follow(begun, rolloutOf(twoOfFive), 900).since).toBe(100);
  });

  it('starts anew when more nodes are ready than ever before', () => {
    expect(follow(begun, rolloutOf(aDaemonSet({ numberAvailable: 3 })), 900).since).toBe(900);
  });

  it('is not fooled by pods that come and go', () => {
    const fallen = follow(begun, rolloutOf(aDaemonSet({ numberAvailable: 1 })), 500);
    expect(follow(fallen, rolloutOf(twoOfFive), 900).since).toBe(100);
  });

  it('goes on when nodes are added or go, so that a moving cluster hides no stall', () => {
    const nodes = { desiredNumberScheduled: 6, currentNumberScheduled: 6 };
    const more = { ...nodes, updatedNumberScheduled: 6, numberAvailable: 2 };
    const larger = follow(begun, rolloutOf(aDaemonSet(more)), 500);
    expect(larger.since).toBe(100);
    expect(follow(larger, rolloutOf(twoOfFive), 900).since).toBe(100);
  });

  it('counts nodes that become ready after others have gone', () => {
    const nodes = { desiredNumberScheduled: 4, currentNumberScheduled: 4 };
    const fewer = { ...nodes, updatedNumberScheduled: 4 };
    const smaller = follow(begun, rolloutOf(aDaemonSet({ ...fewer, numberAvailable: 1 })), 500);
    expect(smaller.since).toBe(100);
    expect(
      follow(smaller, rolloutOf(aDaemonSet({ ...fewer, numberAvailable: 2 })), 900).since,
    ).toBe(900);
  });

  it.each([
    ['the template changes', aDaemonSet({ numberAvailable: 2 }, { generation: 3 })],
    ['the DaemonSet is another one', aDaemonSet({ numberAvailable: 2 }, { uid: 'd2' })],
  ])('starts anew when %s', (_what, daemonSet) => {
    expect(follow(begun, rolloutOf(daemonSet), 900).since).toBe(900);
  });
});
