import { aDeployment, aReplicaSet } from './builders.ts';
import {
  deploymentStatus,
  leeway,
  newReplicas,
  type Rollout,
  rollingStep,
} from './deployment-plan.ts';
import { condition } from './pods.ts';
import { type Deployment, nameOf, type ReplicaSet } from './shapes.ts';

const now = '2026-01-01T01:00:00Z';

function step(deployment: Deployment, current: ReplicaSet, ...old: ReplicaSet[]) {
  return rollingStep(deployment, current, old).map(({ replicaSet, replicas }) => [
    nameOf(replicaSet),
    replicas,
  ]);
}

function rollout(more: Partial<Rollout>): Rollout {
  return { deployment: aDeployment(), current: undefined, old: [], isNew: false, now, ...more };
}

describe('the leeway of a rolling update', () => {
  it.each([
    [1, 1, 0],
    [3, 1, 0],
    [4, 1, 1],
    [10, 3, 2],
  ])(
    'of %i replicas is by default a surge of %i and %i unavailable',
    (replicas, surge, unavailable) => {
      expect(leeway(aDeployment({ replicas }))).toEqual({ surge, unavailable });
    },
  );

  it('is one unavailable pod where both come to 0', () => {
    const rollingUpdate = { maxSurge: 0, maxUnavailable: '10%' };
    const strategy = { type: 'RollingUpdate', rollingUpdate };
    expect(leeway(aDeployment({ replicas: 3, strategy }))).toEqual({ surge: 0, unavailable: 1 });
  });

  it('is none under Recreate', () => {
    const strategy = { type: 'Recreate' };
    expect(leeway(aDeployment({ replicas: 9, strategy }))).toEqual({ surge: 0, unavailable: 0 });
  });
});

describe('a rolling update of a Deployment', () => {
  const ten = aDeployment({ replicas: 10 });

  it('starts with as many new pods as surge allows', () => {
    expect(newReplicas(ten, 0, [aReplicaSet('old', 10)])).toBe(3);
  });

  it('starts with all of them where there are no others', () => {
    expect(newReplicas(ten, 0, [])).toBe(10);
  });

  it('removes old pods as far as enough stay available', () => {
    expect(step(ten, aReplicaSet('new', 3, 0), aReplicaSet('old', 10))).toEqual([['old', 8]]);
  });

  it('grows when there is room', () => {
    expect(step(ten, aReplicaSet('new', 3, 0), aReplicaSet('old', 8))).toEqual([['new', 5]]);
  });

  it('waits for new pods to be available', () => {
    expect(step(ten, aReplicaSet('new', 5, 0), aReplicaSet('old', 8))).toEqual([]);
  });

  it('removes pods that are not available before those that are', () => {
    const old = [aReplicaSet('a', 4, 4), aReplicaSet('b', 4, 2)];
    expect(step(ten, aReplicaSet('new', 5, 4), ...old)).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
  });

  it('shrinks a ReplicaSet that has too many', () => {
    expect(step(ten, aReplicaSet('new', 12))).toEqual([['new', 10]]);
  });
});

describe('the status of a Deployment', () => {
  it('counts the pods of all ReplicaSets', () => {
    const deployment = aDeployment({ replicas: 4 });
    const status = deploymentStatus(
      rollout({ deployment, current: aReplicaSet('new', 2, 1), old: [aReplicaSet('old', 3)] }),
    );
    expect(status).toMatchObject({
      observedGeneration: 1,
      replicas: 5,
      updatedReplicas: 2,
      readyReplicas: 4,
      availableReplicas: 4,
      unavailableReplicas: 1,
    });
  });

  it('is Available with all pods but those that may be missing', () => {
    const deployment = aDeployment({ replicas: 4 });
    const status = (available: number) =>
      condition(
        {
          status: deploymentStatus(
            rollout({ deployment, current: aReplicaSet('new', 4, available) }),
          ),
        },
        'Available',
      )?.status;
    expect([status(2), status(3)]).toEqual(['False', 'True']);
  });

  const withProgress = (reason: string, lastUpdateTime: string) => ({
    ...aDeployment({ progressDeadlineSeconds: 60 }),
    status: {
      updatedReplicas: 1,
      replicas: 1,
      conditions: [
        {
          type: 'Progressing',
          status: 'True' as const,
          reason,
          lastUpdateTime,
          lastTransitionTime: lastUpdateTime,
        },
      ],
    },
  });
  const progress = (more: Partial<Rollout>) =>
    condition({ status: deploymentStatus(rollout(more)) }, 'Progressing');

  it('says that a ReplicaSet was made', () => {
    expect(progress({ current: aReplicaSet('new', 1, 0), isNew: true })).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetCreated',
      message: 'Created new replica set "new"',
    });
  });

  it('says that the rollout is complete, and keeps the time of the transition', () => {
    const deployment = withProgress('ReplicaSetUpdated', '2026-01-01T00:59:30Z');
    expect(progress({ deployment, current: aReplicaSet('new', 1) })).toEqual({
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: 'ReplicaSet "new" has successfully progressed.',
      lastUpdateTime: now,
      lastTransitionTime: '2026-01-01T00:59:30Z',
    });
  });

  it('says that the deadline has passed without progress', () => {
    const deployment = withProgress('ReplicaSetUpdated', '2026-01-01T00:58:59Z');
    expect(progress({ deployment, current: aReplicaSet('new', 1, 0) })).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      lastTransitionTime: now,
    });
  });

  it('gives a rollout its time', () => {
    const deployment = withProgress('ReplicaSetUpdated', '2026-01-01T00:59:00Z');
    const { reason } = progress({ deployment, current: aReplicaSet('new', 1, 0) }) ?? {};
    expect(reason).toBe('ReplicaSetUpdated');
  });

  it('passes on that pods cannot be made', () => {
    const failing = aReplicaSet('new', 1, 0);
    const failure = { type: 'ReplicaFailure', status: 'True' as const, reason: 'FailedCreate' };
    const current = { ...failing, status: { replicas: 0, conditions: [failure] } };
    const status = deploymentStatus(rollout({ current }));
    expect(condition({ status }, 'ReplicaFailure')).toEqual(failure);
  });
});
