import type { CachedImage } from '../../src/api/types.ts';
import { listOf } from '../../src/status/observation.ts';
import {
  aDaemonSet,
  aPod,
  creating,
  digest,
  ended,
  images,
  marked,
  minute,
  nodeNames,
  now,
  observed,
  timeAt,
  unauthorized,
  unscheduled,
  unspoken,
  waiting,
} from './scenes.ts';

const pods = (count: number) => nodeNames(count).map((node) => aPod(node));
const verdictOf = (pod: Parameters<typeof aPod>[1] & object = {}) =>
  observed([aPod('node-1', pod)]).nodes.get('node-1')?.verdict;

describe('the images of a list', () => {
  it('are counted by what the pods of each node say', () => {
    const { images: seen } = observed([
      aPod('node-1'),
      aPod('node-2'),
      aPod('node-3', { said: { 'my-image': creating } }),
      aPod('node-4', { said: { 'my-image': unauthorized } }),
    ]);
    expect(seen).toMatchObject([
      { desired: 4, cached: 2, pulling: 1, failing: 1, image: { names: ['my_Image'] } },
      { desired: 4, cached: 4, pulling: 0, failing: 0, failures: [] },
    ]);
  });

  it('fail for the reason that most nodes have, with names of nodes', () => {
    const unreachable = waiting('ErrImagePull', 'x509: unknown authority');
    const { images: seen } = observed([
      ...nodeNames(6).map((node) => aPod(node, { said: { 'my-image': unreachable } })),
      aPod('other', { said: { 'my-image': unauthorized } }),
    ]);
    expect(seen[0]?.failures).toMatchObject([
      {
        container: { reason: 'ErrImagePull', message: 'x509: unknown authority' },
        nodes: { count: 6, first: ['node-1', 'node-2', 'node-3'] },
      },
      { nodes: { count: 1, first: ['other'] } },
    ]);
  });

  it('have the digests that nodes hold, most nodes first', () => {
    const moved = { 'my-image': { imageID: `registry.example/x@${digest('b')}` } };
    const { images: seen } = observed([aPod('node-1', { said: moved }), ...pods(3).slice(1)]);
    expect(seen[0]?.digests).toEqual([
      { digest: digest('a'), nodes: 2 },
      { digest: digest('b'), nodes: 1 },
    ]);
    expect(seen[1]?.digests).toHaveLength(1);
  });

  it('are held by a node where either of two pods holds them', () => {
    const seen = observed(
      [
        aPod('node-1', { uid: 'old', said: { tools: unauthorized } }),
        aPod('node-1', { uid: 'new', createdAt: now - minute, said: { 'my-image': creating } }),
      ],
      { daemonSets: [aDaemonSet(1)] },
    );
    expect(seen.images).toMatchObject([{ cached: 1 }, { cached: 1 }]);
    expect(seen.nodesReady).toBe(1);
  });

  it('are told by the younger of two pods where neither holds them, whatever order they come in', () => {
    const old = aPod('node-1', { uid: 'old', said: { tools: unauthorized } });
    const young = aPod('node-1', { uid: 'new', createdAt: now, said: { tools: creating } });
    for (const both of [
      [old, young],
      [young, old],
    ]) {
      const seen = observed(both, { daemonSets: [aDaemonSet(1)] });
      expect(seen.images[1]).toMatchObject({ failing: 0, pulling: 1 });
    }
  });

  it('are found by their reference, so that a pod of the list before counts for what stayed', () => {
    const before: readonly CachedImage[] = [
      { container: 'another-name', reference: 'registry.example/x:1', names: [] },
      { container: 'gone', reference: 'registry.example/gone:1', names: [] },
    ];
    const seen = observed([aPod('node-1', { images: before })]);
    expect(seen.images).toMatchObject([{ cached: 1 }, { cached: 0, pulling: 0 }]);
    expect(seen.nodes.get('node-1')?.verdict).toBe('waiting');
  });

  it('are held by a node whose DaemonSets hold a part each', () => {
    const [first, second] = images;
    const parts = [[first], [second]].map((part) => part.filter((image) => image !== undefined));
    const seen = observed(
      nodeNames(3).flatMap((node) =>
        parts.map((part, index) =>
          aPod(node, { uid: `${node}-${index}`, owner: `d${index}`, images: part }),
        ),
      ),
      { daemonSets: [aDaemonSet(3, { uid: 'd0' }), aDaemonSet(3, { uid: 'd1' })] },
    );
    expect(seen).toMatchObject({ nodesDesired: 3, nodesReady: 3, missing: 0 });
  });
});

describe('a pod', () => {
  it.each([
    ['owned by another DaemonSet', { owner: 'another' }],
    ['owned by nobody, with all our labels', { metadata: { ownerReferences: [] } }],
    [
      'that names our DaemonSet as an owner, and not as its controller',
      {
        metadata: {
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'cache', uid: 'd1' }],
        },
      },
    ],
  ])('%s does not count', (_what, traits) => {
    const seen = observed([aPod('node-1', traits)]);
    expect(seen).toMatchObject({ nodesReady: 0, missing: 1 });
    expect(seen.nodes.size).toBe(0);
  });

  it('that was refused, or not made yet, is missing', () => {
    const daemonSets = [aDaemonSet(5)];
    expect(observed(pods(3), { daemonSets })).toMatchObject({ nodesDesired: 5, missing: 2 });
  });

  it('of one part that is missing is missing, though the node has those of others', () => {
    const daemonSets = [aDaemonSet(2), aDaemonSet(2, { uid: 'd2' })];
    const others = nodeNames(1).map((node) => aPod(node, { uid: 'other', owner: 'd2' }));
    expect(observed([...pods(2), ...others], { daemonSets }).missing).toBe(1);
  });
});

describe('a node', () => {
  it.each([
    ['holds', 'every container runs', {}],
    ['pulling', 'a container is made', { said: { tools: creating } }],
    ['failing', 'an image does not come', { said: { tools: unauthorized } }],
    ['unreachable', 'its pod has the mark of a silent node', { conditions: marked }],
    ['terminating', 'its only pod goes', { metadata: { deletionTimestamp: timeAt(now) } }],
    [
      'unreachable',
      'its only pod has that mark and has to go',
      { conditions: marked, metadata: { deletionTimestamp: timeAt(now) } },
    ],
    [
      'pulling',
      'its kubelet was given the pod just now',
      { said: silent(), createdAt: now - 59_000 },
    ],
    [
      'unreachable',
      'its kubelet has not spoken for a minute',
      { said: silent(), createdAt: now - 60_000 },
    ],
  ])('is "%s" when %s', (verdict, _when, traits) => {
    expect(verdictOf(traits)).toBe(verdict);
  });

  it.each([
    ['evicted', 'Evicted', 'The node was low on resource: memory.'],
    ['diskPressure', 'Evicted', 'The node was low on resource: ephemeral-storage.'],
    ['diskPressure', 'Evicted', 'Pod was rejected: The node had condition: [DiskPressure]. '],
    ['rejected', 'OutOfpods', "Pod was rejected: Node didn't have enough resource: pods"],
  ])('is "%s" when its pod ended as %s: %s', (verdict, reason, message) => {
    expect(observed([ended('node-1', reason, message)]).nodes.get('node-1')).toMatchObject({
      verdict,
      message: message.replace(/^Pod was rejected: |\. ?$/g, ''),
    });
  });

  it('is "unscheduled" when it has no room for its pod, in the words of the scheduler', () => {
    const message = '0/5 nodes are available: 1 Insufficient memory';
    expect(observed([unscheduled('node-9', message)]).nodes.get('node-9')).toMatchObject({
      verdict: 'unscheduled',
      message,
    });
  });

  it('is not judged by a pod that is gone when it has another', () => {
    const seen = observed([ended('node-1', 'Evicted', 'memory'), aPod('node-1', { uid: 'new' })]);
    expect(seen.nodes.get('node-1')?.verdict).toBe('holds');
  });

  it('is not judged by a pod that is gone while the next one comes to life', () => {
    const next = aPod('node-1', { uid: 'new', said: { tools: creating } });
    const seen = observed([ended('node-1', 'Evicted', 'memory'), next]);
    expect(seen.nodes.get('node-1')).toMatchObject({ verdict: 'pulling', message: '' });
  });

  it('is reachable while an older pod speaks, however silent the new one is', () => {
    const seen = observed([
      aPod('node-1', { uid: 'old', said: { tools: creating } }),
      aPod('node-1', { uid: 'new', said: silent(), createdAt: now - 5 * minute }),
    ]);
    expect(seen.unreachable.count).toBe(0);
  });

  it("that is unreachable is desired, and neither ready nor in anybody's way", () => {
    const seen = observed([aPod('node-1'), aPod('node-2', { conditions: marked })]);
    expect(seen).toMatchObject({
      nodesDesired: 2,
      nodesReady: 1,
      unreachable: { count: 1, first: ['node-2'] },
      lagging: [],
    });
    expect(seen.images[0]).toMatchObject({ desired: 2, cached: 1, pulling: 0, failing: 0 });
  });

  it('that waits for the end of its pod is looked at again when that has lasted for long', () => {
    const going = aPod('node-2', { metadata: { deletionTimestamp: timeAt(now - minute / 4) } });
    const seen = observed([aPod('node-1'), going], { daemonSets: [aDaemonSet(2)] });
    expect(seen).toMatchObject({ nodesDesired: 2, againMs: (3 * minute) / 4 });
  });

  it('that is unreachable is desired, also when its DaemonSet has forgotten it', () => {
    const daemonSets = [aDaemonSet(1)];
    const seen = observed([aPod('node-1'), aPod('node-2', { conditions: marked })], { daemonSets });
    expect(seen).toMatchObject({ nodesDesired: 2, missing: 0, rollout: { complete: true } });
  });

  describe('that its DaemonSet wants no pod on any more', () => {
    const unwanted = (numberMisscheduled: number, more = {}) => [
      aDaemonSet(2, { status: { numberMisscheduled, ...more } }),
    ];
    const pulling = (node: string, ago: number) =>
      aPod(node, { said: { tools: creating }, createdAt: now - ago });

    it('is unreachable when its pod lacks an image and says nothing for six minutes', () => {
      const seen = (ago: number) =>
        observed([...pods(2), pulling('node-3', ago)], { daemonSets: unwanted(1) });
      expect(seen(6 * minute).unreachable).toEqual({ count: 1, first: ['node-3'] });
      expect(seen(5 * minute)).toMatchObject({ unreachable: { count: 0 }, againMs: minute });
    });

    it('is the one that has been silent for longest', () => {
      const all = [pulling('node-1', 60 * minute), aPod('node-2'), pulling('node-3', 70 * minute)];
      expect(observed(all, { daemonSets: unwanted(1) }).unreachable.first).toEqual(['node-3']);
    });

    it('is none on which a pod is ready: were it silent, that one would have the mark', () => {
      const former = { uid: 'former', createdAt: now - 70 * minute, images: images.slice(0, 1) };
      const third = [aPod('node-3', former), pulling('node-3', 60 * minute)];
      const seen = observed([...pods(2), ...third], { daemonSets: unwanted(1) });
      expect(seen.unreachable.count).toBe(0);
      expect(seen.nodes.get('node-3')).toMatchObject({ verdict: 'pulling' });
    });

    it('is none beside those that have the mark of a silent node', () => {
      const all = [aPod('node-1', { conditions: marked }), aPod('node-2')];
      const seen = observed([...all, pulling('node-3', 60 * minute)], { daemonSets: unwanted(1) });
      expect(seen.unreachable.first).toEqual(['node-1']);
    });

    it.each([
      ['it holds the list', aPod('node-3'), unwanted(1)],
      [
        'the controller has not seen the last change',
        pulling('node-3', 60 * minute),
        unwanted(1, { observedGeneration: 0 }),
      ],
      ['it is wanted, and takes long', pulling('node-3', 60 * minute), unwanted(0)],
    ])('is reachable where %s', (_where, third, daemonSets) => {
      expect(observed([...pods(2), third], { daemonSets }).unreachable.count).toBe(0);
    });
  });

  describe('that keeps a pod of one DaemonSet, and has none of another any more', () => {
    const of = (owner: string, node: string, image: number, more = {}) =>
      aPod(node, {
        uid: `${owner}-${node}`,
        owner,
        images: images.slice(image, image + 1),
        ...more,
      });
    const both = (second: object = {}, first: object = {}) => [
      aDaemonSet(2, { status: { numberMisscheduled: 1, ...first } }),
      aDaemonSet(2, { uid: 'd2', status: second }),
    ];
    const all = nodeNames(2).flatMap((node) => [of('d1', node, 0), of('d2', node, 1)]);

    it('is not counted: it is tainted, and the other one wants no pod there', () => {
      const seen = observed([...all, of('d1', 'node-3', 0)], { daemonSets: both() });
      expect(seen).toMatchObject({ nodesDesired: 2, nodesReady: 2, lagging: [], missing: 0 });
      expect([...seen.nodes.keys()]).toEqual(nodeNames(2));
    });

    it('is not counted either while the other one is rolled out, or cannot get ready', () => {
      const rolling = { updatedNumberScheduled: 0, numberAvailable: 1 };
      const seen = observed([...all, of('d1', 'node-3', 0)], { daemonSets: both(rolling) });
      expect(seen).toMatchObject({ nodesDesired: 2, nodesReady: 2 });
    });

    it.each([
      [
        'the other one wants one more pod somewhere',
        of('d1', 'node-3', 0),
        both({ desiredNumberScheduled: 3 }),
      ],
      [
        'the other one keeps one as well, somewhere else',
        of('d1', 'node-3', 0),
        both({ numberMisscheduled: 1 }),
      ],
      ['the other one is not followed', of('d1', 'node-3', 0), both({ observedGeneration: 0 })],
      ['the one wants it there', of('d1', 'node-3', 0), both({}, { numberMisscheduled: 0 })],
      [
        'nothing tells that it answers',
        of('d1', 'node-3', 0, { said: { 'my-image': creating } }),
        both(),
      ],
      ['it is unreachable', of('d1', 'node-3', 0, { conditions: marked }), both()],
    ])('is counted where %s', (_where, third, daemonSets) => {
      const seen = observed([...all, third], { daemonSets });
      expect(seen).toMatchObject({ nodesDesired: 3, nodesReady: 2 });
    });

    it('is counted where the other one is about to go', () => {
      const [one = aDaemonSet(2), other = aDaemonSet(2)] = both();
      const metadata = { ...other.metadata, deletionTimestamp: timeAt(now) };
      const daemonSets = [one, { ...other, metadata }];
      const seen = observed([...all, of('d1', 'node-3', 0)], { daemonSets });
      expect(seen.nodes.has('node-3')).toBe(true);
    });

    it('is what a pod is not wanted on, so that no other node is taken for silent', () => {
      const pulling = { said: { 'my-image': creating } };
      const slow = [
        of('d1', 'node-4', 0, pulling),
        of('d2', 'node-4', 1, { said: { tools: creating } }),
      ];
      const seen = observed([...all, of('d1', 'node-3', 0), ...slow], { daemonSets: both() });
      expect(seen.unreachable.count).toBe(0);
      expect(seen.nodesDesired).toBe(3);
    });
  });

  it('that is unreachable makes no roll-out complete that has still to reach others', () => {
    const daemonSets = [aDaemonSet(2, { status: { updatedNumberScheduled: 1 } })];
    const outdated = aPod('node-2', { template: 1 });
    const all = [aPod('node-1'), outdated, aPod('node-3', { conditions: marked })];
    expect(observed(all, { daemonSets }).rollout.complete).toBe(false);
  });

  it('leaves a roll-out complete that waits for nobody but it', () => {
    const daemonSets = [aDaemonSet(2, { status: { numberAvailable: 1 } })];
    const silentOne = aPod('node-2', { conditions: marked });
    const complete = (others: Parameters<typeof observed>[0]) =>
      observed(others, { daemonSets }).rollout.complete;
    expect(complete([aPod('node-1'), silentOne])).toBe(true);
    expect(complete([aPod('node-1'), aPod('node-2', { said: { tools: creating } })])).toBe(false);
  });

  it('that fails to copy sleep is failing, and its images are not', () => {
    const copying = {
      spec: {
        initContainers: [{ name: 'copy-sleep', image: 'registry.example/sleeper:1' }],
        containers: images.map(({ container, reference }) => ({
          name: container,
          image: reference,
        })),
        nodeName: 'node-1',
      },
      status: {
        initContainerStatuses: [{ name: 'copy-sleep', imageID: '', ...unauthorized }],
        containerStatuses: images.map(({ container }) => ({
          name: container,
          imageID: '',
          ...waiting('PodInitializing'),
        })),
      },
    };
    const seen = observed([aPod('node-1', copying)]);
    expect(seen.nodes.get('node-1')?.verdict).toBe('failing');
    expect(seen.images[0]).toMatchObject({ failing: 0, pulling: 1 });
    expect(seen.blocked).toMatchObject({
      failing: 1,
      failures: [{ container: { name: 'copy-sleep', reference: 'registry.example/sleeper:1' } }],
    });
  });

  it('is none of a sidecar that crashes beside the images', () => {
    const pod = aPod('node-1');
    const sidecar = { name: 'proxy', image: 'mesh.example/proxy:1', restartPolicy: 'Always' };
    const crashing = { name: 'proxy', ...waiting('CrashLoopBackOff') };
    const beside = {
      ...pod,
      spec: { ...(pod['spec'] as object), initContainers: [sidecar] },
      status: { ...(pod['status'] as object), initContainerStatuses: [crashing] },
    };
    const seen = observed([beside]);
    expect(seen.nodes.get('node-1')?.verdict).toBe('holds');
    expect(seen.blocked.failing).toBe(0);
  });
});

describe('a new node', () => {
  const young = (age: number, traits = {}) =>
    aPod('new', { said: { tools: creating }, createdAt: now - age, ...traits });
  const isExcused = (pod: ReturnType<typeof aPod>, facts = {}) =>
    observed([pod, ...pods(3)], facts).nodes.get('new')?.isExcused;

  it('is excused for ten minutes once the cache was complete', () => {
    expect(isExcused(young(9 * minute), { isSettled: true })).toBe(true);
    expect(isExcused(young(10 * minute), { isSettled: true })).toBe(false);
  });

  it('is not told from the others in the first minutes of a list', () => {
    const changed = (ago: number) => {
      const daemonSet = aDaemonSet(4);
      const managedFields = [
        {
          manager: 'kubernetes-image-puller-operator',
          operation: 'Apply' as const,
          time: timeAt(now - ago),
        },
      ];
      return [{ ...daemonSet, metadata: { ...daemonSet.metadata, managedFields } }];
    };
    expect(isExcused(young(minute), { daemonSets: changed(5 * minute) })).toBe(false);
    expect(isExcused(young(minute), { daemonSets: changed(12 * minute) })).toBe(true);
  });

  it('is as old as its oldest pod', () => {
    const seen = observed([young(minute), aPod('new', { uid: 'old', said: { tools: creating } })], {
      isSettled: true,
    });
    expect(seen.nodes.get('new')?.isExcused).toBe(false);
  });

  it('is judged again when it is new no more', () => {
    expect(observed([young(9 * minute), ...pods(3)], { isSettled: true }).againMs).toBe(minute);
    expect(observed(pods(3), { isSettled: true }).againMs).toBeUndefined();
  });

  it('that says nothing is judged again when its minute is over', () => {
    const pod = young(20_000, { said: silent() });
    expect(observed([pod, ...pods(3)]).againMs).toBe(40_000);
  });

  it('is as new by the clock of an operator that is an hour behind', () => {
    const late = { isSettled: true, now: now - 60 * minute };
    const recent = aPod('newest', { createdAt: now });
    const seen = observed([young(9 * minute), recent, ...pods(3)], late);
    expect(seen.nodes.get('new')?.isExcused).toBe(true);
    const older = observed([young(11 * minute), recent, ...pods(3)], late);
    expect(older.nodes.get('new')?.isExcused).toBe(false);
  });
});

describe('an observation without pods', () => {
  it('has the counts of the DaemonSets', () => {
    const counts = { currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 2 };
    const daemonSets = [aDaemonSet(5, { status: counts })];
    expect(observed([], { pods: undefined, daemonSets })).toMatchObject({
      hasPods: false,
      nodesDesired: 5,
      nodesReady: 2,
      missing: 1,
      images: [],
    });
  });

  it('has those of the slowest of several', () => {
    const daemonSets = [
      aDaemonSet(5, { status: { numberAvailable: 2 } }),
      aDaemonSet(5, { uid: 'd2' }),
    ];
    expect(observed([], { pods: undefined, daemonSets })).toMatchObject({
      nodesDesired: 5,
      nodesReady: 2,
      rollout: { complete: false, pods: { desired: 10, ready: 7 } },
    });
  });
});

describe('the list of what DaemonSets hold', () => {
  it('has every reference once, in order', () => {
    expect(listOf([aDaemonSet(1), aDaemonSet(1, { uid: 'd2' })])).toEqual([
      { container: 'my-image', reference: 'registry.example/x:1', names: ['my-image'] },
      { container: 'tools', reference: 'registry.example/y:2', names: ['tools'] },
    ]);
  });
});

function silent() {
  return { 'my-image': unspoken, tools: unspoken };
}
