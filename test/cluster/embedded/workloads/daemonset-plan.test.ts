import { fc } from '../../../properties.ts';
import { aDaemonSet, aNode, aPod, observed, type PodOptions } from './builders.ts';
import {
  manage,
  type Plan,
  placement,
  roll,
  rollingLimits,
  statusNumbers,
} from './daemonset-plan.ts';
import { nameOf, type Pod } from './shapes.ts';

const n1 = aNode('n1');
const n2 = aNode('n2');
const n3 = aNode('n3');
const surging = aDaemonSet({ maxSurge: 1, maxUnavailable: 0 });
const removing = aDaemonSet({ maxUnavailable: 1 });

function on(node: string, name: string, options: PodOptions = {}): Pod {
  return aPod(name, { node, ...options });
}

function named({ create, remove }: Plan) {
  return { create, remove: remove.map(nameOf) };
}

describe('where a DaemonSet wants pods', () => {
  it('runs on a node without taints', () => {
    expect(placement(aDaemonSet(), n1)).toBe('run');
  });

  it('follows the nodeSelector', () => {
    const daemonSet = aDaemonSet({}, { template: { nodeSelector: { disk: 'ssd' } } });
    expect(placement(daemonSet, aNode('n', { labels: { disk: 'ssd' } }))).toBe('run');
    expect(placement(daemonSet, n1)).toBe('leave');
  });

  it('follows required node affinity, to labels and to fields', () => {
    const wanting = (term: object) =>
      aDaemonSet(
        {},
        {
          template: {
            affinity: {
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
              },
            },
          },
        },
      );
    const byName = wanting({
      matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }],
    });
    expect([n1, n2].map((node) => placement(byName, node))).toEqual(['leave', 'run']);
    const byLabel = wanting({ matchExpressions: [{ key: 'gpu', operator: 'DoesNotExist' }] });
    expect(placement(byLabel, aNode('n', { labels: { gpu: '1' } }))).toBe('leave');
    expect(placement(wanting({}), n1)).toBe('leave');
  });

  it('stays away from a taint that it does not tolerate', () => {
    const tainted = aNode('n', { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] });
    const tolerations = [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }];
    expect(placement(aDaemonSet({}, { template: { tolerations } }), tainted)).toBe('run');
    expect(placement(aDaemonSet(), tainted)).toBe('keep');
  });

  it('leaves a node for an untolerated NoExecute taint', () => {
    const tainted = aNode('n', { taints: [{ key: 'gone', effect: 'NoExecute' }] });
    expect(placement(aDaemonSet(), tainted)).toBe('leave');
  });

  it('runs on a cordoned node', () => {
    expect(placement(aDaemonSet(), aNode('n', { unschedulable: true }))).toBe('run');
  });

  it('keeps its pod on an unreachable node but would not make one there', () => {
    const key = 'node.kubernetes.io/unreachable';
    const taints = [
      { key, effect: 'NoSchedule' },
      { key, effect: 'NoExecute' },
    ];
    expect(placement(aDaemonSet(), aNode('n', { taints }))).toBe('keep');
  });
});

describe('the pods of a DaemonSet', () => {
  it('come one to each node', () => {
    const plan = manage(observed(removing, [n1, n2, n3], [on('n2', 'b')]));
    expect(named(plan)).toEqual({ create: ['n1', 'n3'], remove: [] });
  });

  it('leave a node that is no longer wanted', () => {
    const daemonSet = aDaemonSet({}, { template: { nodeSelector: { disk: 'ssd' } } });
    const plan = manage(
      observed(daemonSet, [n1], [on('n1', 'a'), on('n1', 'b', { isDeleting: true })]),
    );
    expect(named(plan)).toEqual({ create: [], remove: ['a'] });
  });

  it('give way to the oldest of them on a node', () => {
    const pods = [
      on('n1', 'young', { createdAt: '2026-01-01T00:00:09Z' }),
      on('n1', 'oldest'),
      on('n1', 'middle', { createdAt: '2026-01-01T00:00:05Z' }),
    ];
    const plan = manage(observed(removing, [n1], pods));
    expect(named(plan).remove).toEqual(['middle', 'young']);
  });

  it('are removed when they have ended', () => {
    const plan = manage(observed(removing, [n1], [on('n1', 'a', { phase: 'Failed' })]));
    expect(named(plan).remove).toEqual(['a']);
  });

  it('are not replaced while the last one is still going, unless surge allows a second', () => {
    const pods = [on('n1', 'a', { isDeleting: true })];
    expect(manage(observed(removing, [n1], pods)).create).toEqual([]);
    expect(manage(observed(surging, [n1], pods)).create).toEqual(['n1']);
  });

  it('that were never bound are removed with their node', () => {
    const lost = aPod('lost');
    const plan = manage({
      ...observed(removing, [n1], [on('n1', 'a')]),
      pods: new Map([
        ['gone', [lost]],
        ['n1', [on('n1', 'a')]],
      ]),
    });
    expect(named(plan)).toEqual({ create: [], remove: ['lost'] });
  });
});

describe('two pods on a node while surging', () => {
  const share = (old: PodOptions, fresh: PodOptions) =>
    named(
      manage(
        observed(
          surging,
          [n1],
          [on('n1', 'old', { hash: 'old', ...old }), on('n1', 'new', { hash: 'new', ...fresh })],
        ),
      ),
    ).remove;

  it('stay while the old one is Ready and the new one is not', () => {
    expect(share({ isReady: true }, { isReady: false })).toEqual([]);
  });

  it('become one when the new one is available', () => {
    expect(share({ isReady: true }, { isReady: true })).toEqual(['old']);
  });

  it('become one when the old one is not Ready, whatever the new one is', () => {
    expect(share({ isReady: false }, { isReady: false })).toEqual(['old']);
  });

  it('are the oldest of each kind', () => {
    const pods = [
      on('n1', 'old-1', { hash: 'a' }),
      on('n1', 'old-2', { hash: 'b', createdAt: '2026-01-01T00:00:01Z' }),
      on('n1', 'new', { hash: 'new', isReady: false, createdAt: '2026-01-01T00:00:02Z' }),
    ];
    expect(named(manage(observed(surging, [n1], pods))).remove).toEqual(['old-2']);
  });
});

describe('the limits of a rolling update', () => {
  const nodes = Array.from({ length: 15 }, (_, index) => aNode(`n${index}`));

  it('round both percentages up', () => {
    const limits = rollingLimits(
      observed(aDaemonSet({ maxSurge: '10%', maxUnavailable: '10%' }), nodes, []),
    );
    expect(limits).toEqual({ maxSurge: 2, maxUnavailable: 2, desired: 15 });
  });

  it('allow one unavailable pod where both are 0', () => {
    const limits = rollingLimits(
      observed(aDaemonSet({ maxSurge: 0, maxUnavailable: 0 }), nodes, []),
    );
    expect(limits.maxUnavailable).toBe(1);
  });
});

describe('a rolling update without surge', () => {
  const old = (node: string, options: PodOptions = {}) =>
    on(node, `old-${node}`, { hash: 'old', ...options });
  const fresh = (node: string, options: PodOptions = {}) =>
    on(node, `new-${node}`, { hash: 'new', ...options });

  it('removes as many old pods as may be unavailable', () => {
    const plan = roll(observed(removing, [n1, n2, n3], [old('n1'), old('n2'), old('n3')]));
    expect(named(plan)).toEqual({ create: [], remove: ['old-n1'] });
  });

  it('waits while a new pod is not available', () => {
    const plan = roll(observed(removing, [n1, n2], [fresh('n1', { isReady: false }), old('n2')]));
    expect(plan.remove).toEqual([]);
  });

  it('waits while a node has no pod', () => {
    expect(roll(observed(removing, [n1, n2], [old('n2')])).remove).toEqual([]);
  });

  it('removes every old pod that is not available, beyond the limit', () => {
    const pods = [old('n1', { isReady: false }), old('n2', { isReady: false }), old('n3')];
    expect(named(roll(observed(removing, [n1, n2, n3], pods))).remove).toEqual([
      'old-n1',
      'old-n2',
    ]);
  });

  it('counts a new pod only when it has been Ready for long enough', () => {
    const patient = aDaemonSet({ maxUnavailable: 1 }, { minReadySeconds: 60 });
    const removedIfReadySince = (readySince: string) =>
      roll(observed(patient, [n1, n2], [fresh('n1', { readySince }), old('n2')])).remove.length;
    expect(removedIfReadySince('2026-01-01T00:59:30Z')).toBe(0);
    expect(removedIfReadySince('2026-01-01T00:59:00Z')).toBe(1);
  });
});

describe('a rolling update with surge', () => {
  const old = (node: string, options: PodOptions = {}) =>
    on(node, `old-${node}`, { hash: 'old', ...options });
  const fresh = (node: string, options: PodOptions = {}) =>
    on(node, `new-${node}`, { hash: 'new', ...options });

  it('makes as many second pods as surge allows and removes nothing', () => {
    const plan = roll(observed(surging, [n1, n2], [old('n1'), old('n2')]));
    expect(named(plan)).toEqual({ create: ['n1'], remove: [] });
  });

  it('removes the old pod when the new one is available, and goes on', () => {
    const plan = roll(observed(surging, [n1, n2], [old('n1'), fresh('n1'), old('n2')]));
    expect(named(plan)).toEqual({ create: ['n2'], remove: ['old-n1'] });
  });

  it('stops at a new pod that never becomes available', () => {
    const pods = [old('n1'), fresh('n1', { isReady: false }), old('n2')];
    expect(named(roll(observed(surging, [n1, n2], pods)))).toEqual({ create: [], remove: [] });
  });

  it('goes on beside stuck pods when maxSurge is raised by their number', () => {
    const pods = [old('n1'), fresh('n1', { isReady: false }), old('n2')];
    const wider = aDaemonSet({ maxSurge: 2, maxUnavailable: 0 });
    expect(roll(observed(wider, [n1, n2], pods)).create).toEqual(['n2']);
  });

  it('makes a second pod at once where the old one is not available, beyond the limit', () => {
    const pods = [old('n1', { isReady: false }), old('n2', { isReady: false }), old('n3')];
    expect(roll(observed(surging, [n1, n2, n3], pods)).create).toEqual(['n1', 'n2', 'n3']);
  });

  it('has nothing to do when it is complete', () => {
    expect(roll(observed(surging, [n1, n2], [fresh('n1'), fresh('n2')]))).toEqual({
      create: [],
      remove: [],
    });
  });

  it('has nothing to do under OnDelete', () => {
    expect(roll(observed(aDaemonSet('OnDelete'), [n1], [old('n1')]))).toEqual({
      create: [],
      remove: [],
    });
  });

  it('ends with one new pod on every node and never leaves a node without an available pod', () => {
    const strategies = fc.record({
      maxSurge: fc.integer({ min: 1, max: 4 }),
      nodes: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(strategies, fc.infiniteStream(fc.boolean()), ({ maxSurge, nodes }, coins) => {
        const names = Array.from({ length: nodes }, (_, index) => `n${index}`);
        const daemonSet = aDaemonSet({ maxSurge, maxUnavailable: 0 });
        let pods = names.map((name) => old(name));
        for (
          let step = 0;
          step < 200 && pods.some((pod) => nameOf(pod).startsWith('old'));
          step += 1
        ) {
          const now = observed(
            daemonSet,
            names.map((name) => aNode(name)),
            pods,
          );
          const managed = manage(now);
          const plan = managed.create.length + managed.remove.length > 0 ? managed : roll(now);
          pods = [
            ...pods.filter((pod) => !plan.remove.includes(pod)),
            ...plan.create.map((name) => fresh(name, { isReady: false })),
          ].map((pod) =>
            coins.next().value
              ? aPod(nameOf(pod), {
                  node: pod.spec.nodeName ?? '',
                  hash: pod.metadata.labels?.['controller-revision-hash'] ?? '',
                })
              : pod,
          );
          const ready = pods.filter((pod) => pod.status?.conditions?.[0]?.status === 'True');
          expect(new Set(ready.map((pod) => pod.spec.nodeName)).size).toBe(nodes);
          expect(pods.length).toBeLessThanOrEqual(nodes + maxSurge);
        }
        expect(pods.map(nameOf).sort()).toEqual(names.map((name) => `new-${name}`));
      }),
    );
  });
});

describe('the status of a DaemonSet', () => {
  it('counts what is where', () => {
    const daemonSet = aDaemonSet(
      {},
      { template: { nodeSelector: { disk: 'ssd' } }, minReadySeconds: 600 },
    );
    const wanted = ['w1', 'w2', 'w3', 'w4'].map((name) => aNode(name, { labels: { disk: 'ssd' } }));
    const pods = [
      on('w1', 'a', { hash: 'new' }),
      on('w2', 'b', { hash: 'old', readySince: '2026-01-01T00:59:00Z' }),
      on('w3', 'c', { hash: 'new', isReady: false }),
      on('n1', 'd', { hash: 'new' }),
    ];
    expect(statusNumbers(observed(daemonSet, [...wanted, n1], pods))).toEqual({
      observedGeneration: 1,
      desiredNumberScheduled: 4,
      currentNumberScheduled: 3,
      numberMisscheduled: 1,
      numberReady: 2,
      updatedNumberScheduled: 2,
      numberAvailable: 1,
      numberUnavailable: 3,
    });
  });

  it('counts the older of two pods on a node', () => {
    const pods = [
      on('n1', 'b', { hash: 'new', createdAt: '2026-01-01T00:00:01Z', isReady: false }),
      on('n1', 'a', { hash: 'old' }),
    ];
    const numbers = statusNumbers(observed(surging, [n1], pods));
    expect(numbers).toMatchObject({
      numberReady: 1,
      numberAvailable: 1,
      updatedNumberScheduled: 0,
    });
  });
});
