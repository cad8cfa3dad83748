import type { RawSpec } from '../../src/api/types.ts';
import {
  configMaps,
  controllerOf,
  daemonSets,
  deployments,
  type KubeObject,
  pods,
} from '../../src/kube/objects.ts';
import type { RollStrategy } from '../../src/manifests/roll-strategy.ts';
import { templateContainers } from '../../src/manifests/template-images.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, type SceneOptions, startScene } from './scene.ts';

let scene: Scene;
/** Every strategy that a DaemonSet has had, in order. */
let strategies: string[];

afterEach(() => scene.stop());

const second = 1000;
const minute = 60_000;
const gapless = 'surge 10%';
const rollingInPlace = 'surge 0';
const inPlace = `${rollingInPlace}, unavailable 1`;

async function aScene(options: SceneOptions = {}): Promise<void> {
  scene = await startScene({ pullMs: 1000, ...options });
  strategies = [];
  rest = {};
  scene.cluster.controlPlane.onChange(daemonSets, ({ type, object }) => {
    if (type === 'DELETED') return;
    const strategy = strategyOf(object);
    if (strategies.at(-1) !== strategy) strategies.push(strategy);
  });
}

function strategyOf(daemonSet: KubeObject): string {
  const { updateStrategy } = daemonSet['spec'] as {
    readonly updateStrategy: { readonly rollingUpdate: RollStrategy };
  };
  const { maxSurge, maxUnavailable } = updateStrategy.rollingUpdate;
  return `surge ${maxSurge}${maxUnavailable === 0 ? '' : `, unavailable ${maxUnavailable}`}`;
}

const reference = (name: string) =>
  name === 'bad' ? 'registry.invalid/bad:1' : `quay.io/example/${name}:1`;

/** What the spec says beside the list. */
let rest: RawSpec;

function list(...names: readonly string[]): void {
  const images = names.map((name) => `${name}=${reference(name)}`).join(';');
  scene.apply(aPuller({ images, cachingCPURequest: '1m', ...rest }));
}

const isReady = () => {
  const { generation } = scene.puller()?.metadata ?? {};
  const ready = scene.condition('Ready');
  return ready?.status === 'True' && ready.observedGeneration === generation;
};

const messages = () =>
  scene
    .status()
    .conditions?.map(({ message }) => message)
    .join() ?? '';

const isOfDaemonSet = (write: string) => /^PATCH daemonsets\/[^/]+$/.test(write);

/** The nodes where a container runs from the image. */
const holdersOf = (name: string) =>
  scene.workloads.nodes.filter((node) => scene.workloads.runningOn(node).includes(reference(name)));

const isOver = () => {
  const [daemonSet] = scene.cluster.controlPlane.list(daemonSets, 'workspaces');
  return daemonSet !== undefined && strategyOf(daemonSet) === gapless;
};

/** Looks at every change of a pod which nodes lack one of the images; returns them as they come. */
function lackersOf(...names: readonly string[]): Set<string> {
  const lackers = new Set<string>();
  scene.cluster.controlPlane.onChange(pods, () => {
    for (const name of names) {
      const holders = new Set(holdersOf(name));
      for (const node of scene.workloads.nodes) if (!holders.has(node)) lackers.add(node);
    }
  });
  return lackers;
}

/** How many pods the Deployment of the puller is to have. */
function replicas(): number {
  const deployment = scene.get(deployments, 'kubernetes-image-puller') as KubeObject;
  return (deployment['spec'] as { readonly replicas: number }).replicas;
}

/** Keeps any two pods of a cache on different nodes. */
const apart = {
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      {
        topologyKey: 'kubernetes.io/hostname',
        labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'image-puller' } },
      },
    ],
  },
};

/** Claims that the pod of the puller is there. */
const hasPuller = () =>
  scene.cluster.controlPlane
    .list(pods, 'workspaces')
    .some((pod) => controllerOf(pod)?.kind === 'ReplicaSet');

/** From now on, how many pods the cache had each time that the puller got one. */
function cachePodsAtEachPuller(): number[] {
  const numbers: number[] = [];
  const { controlPlane } = scene.cluster;
  const ofCache = () =>
    controlPlane.list(pods, 'workspaces').filter((pod) => controllerOf(pod)?.kind === 'DaemonSet');
  controlPlane.onChange(pods, ({ type, object }) => {
    const isOfPuller = controllerOf(object)?.kind === 'ReplicaSet';
    if (isOfPuller && type === 'ADDED') numbers.push(ofCache().length);
  });
  return numbers;
}

/** Applied by whoever administers the namespace. */
function aQuota(hard: Readonly<Record<string, string>>): KubeObject {
  const metadata = { name: 'exact', namespace: 'workspaces' };
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } };
}

describe('a new list with an image that nobody can pull', () => {
  it('reaches all nodes with its other images within minutes, and no node loses any', async () => {
    await aScene({ nodes: 5 });
    list('kept', 'old');
    await scene.until(isReady);
    const lackers = lackersOf('kept');
    const begun = scene.clock.monotonic();
    list('bad', 'kept', 'new');
    await scene.until(() =>
      /the roll-out goes on without 2 new pods that lack an image/.test(messages()),
    );
    await scene.until(() => holdersOf('new').length === 5);
    expect(scene.clock.monotonic() - begun).toBeLessThan(5 * minute);
    expect(strategies).toEqual([gapless, 'surge 2', 'surge 3', 'surge 4', 'surge 100%']);
    expect(scene.condition('Ready')?.message).toMatch(/bad .*cannot pull/);
    await scene.settle();
    expect(strategies.slice(4)).toEqual(['surge 100%']);

    list('kept', 'new');
    await scene.until(() => isReady() && isOver());
    expect([...lackers]).toEqual([]);
    expect(scene.condition('Ready')?.message).not.toMatch(/the roll-out goes on/);
  });

  it('goes on past a restart of the operator without a step back', async () => {
    await aScene({ nodes: 4 });
    list('kept');
    await scene.until(isReady);
    list('bad', 'kept');
    await scene.until(() => strategies.includes('surge 3'));
    await scene.stopOperator();
    await scene.startOperator();
    await scene.pass(2 * minute);
    expect(strategies).toEqual([gapless, 'surge 2', 'surge 3', 'surge 100%']);
    expect(scene.writes().filter(isOfDaemonSet).length).toBeLessThanOrEqual(5);
  });

  it('holds up no part of a long list but its own', async () => {
    await aScene({ nodes: 2, pullMs: 10 });
    const names = Array.from({ length: 60 }, (_, number) => `image-${number}`);
    list(...names);
    await scene.until(isReady);
    const lackers = lackersOf(...names);
    list('bad', ...names, 'new');
    await scene.until(() => strategies.includes('surge 100%'));
    await scene.pass(minute);
    const parts = scene.cluster.controlPlane.list(daemonSets, 'workspaces');
    expect(parts.map(strategyOf).sort()).toEqual([gapless, 'surge 100%'].sort());
    expect(holdersOf('new')).toHaveLength(2);
    expect([...lackers]).toEqual([]);
  });
});

describe('a node that has no room for two pods', () => {
  /** Room for a pod and a half. */
  const small = { allocatable: { memory: '8Mi' } };

  it('gets a new list in place once all others have it, and only that one has a gap', async () => {
    await aScene({ nodes: 2 });
    scene.workloads.addNode('small', small);
    list('kept', 'old');
    await scene.until(isReady);
    const lackers = lackersOf('kept');
    const begun = scene.clock.monotonic();
    list('kept', 'new');
    await scene.until(() => strategies.includes(inPlace));
    expect(holdersOf('new')).toEqual(['node-1', 'node-2']);
    await scene.until(() => /no room for two pods at once/.test(messages()));
    await scene.until(() => isReady() && isOver());
    expect(scene.clock.monotonic() - begun).toBeLessThan(2 * minute);
    expect([...lackers]).toEqual(['small']);
    expect(strategies.at(-2)).toBe(inPlace);
  });
});

describe('pods of the cache that must not be near each other', () => {
  it('are replaced in place, which is noted, row 67', async () => {
    await aScene({ nodes: 2 });
    rest = { affinity: JSON.stringify(apart) };
    list('kept', 'old');
    await scene.until(isReady);
    expect(messages()).toContain('keeps pods of the cache from each other');
    const lackers = lackersOf('kept');
    list('kept', 'new');
    await scene.until(() => strategies.includes(inPlace));
    await scene.until(() => isReady() && isOver());
    expect(holdersOf('new')).toEqual(['node-1', 'node-2']);
    expect([...lackers].sort()).toEqual(['node-1', 'node-2']);
  });
});

describe('a quota that holds the cache or the puller, and not both', () => {
  it('is for the cache, and the puller is tried again when that has its pods', async () => {
    await aScene({ nodes: 1 });
    scene.apply(aQuota({ pods: '2' }));
    list('kept', 'old');
    await scene.until(isReady);
    expect(replicas()).toBe(1);
    scene.workloads.addNode('second');
    await scene.until(() => replicas() === 0);
    await scene.until(() => holdersOf('kept').length === 2);
    await scene.until(() => replicas() === 1);
    await scene.settle();
    expect(holdersOf('kept')).toHaveLength(2);
    scene.writes();
    await scene.pass(30 * minute);
    expect(scene.writes().filter((write) => /deployments|daemonsets/.test(write))).toEqual([]);
  });

  it('gets a new node its pod within half a minute, however often that was refused before', async () => {
    await aScene({ nodes: 1 });
    scene.apply(aQuota({ pods: '2' }));
    list('kept', 'old');
    await scene.until(() => isReady() && hasPuller());
    await scene.stopOperator();
    scene.workloads.addNode('second');
    // With each of these the DaemonSet controller tries in vain, until it pauses for 17 minutes.
    for (let change = 0; change < 20; change += 1) {
      await scene.pass(100);
      const daemonSet = scene.get(daemonSets, 'kubernetes-image-puller') as KubeObject;
      const annotations = { ...daemonSet.metadata.annotations, change: String(change) };
      const metadata = { ...daemonSet.metadata, annotations };
      scene.cluster.controlPlane.update(daemonSets, { ...daemonSet, metadata });
    }
    await scene.pass(minute);
    await scene.startOperator();
    await scene.until(() => replicas() === 0);
    scene.writes();
    const begun = scene.clock.monotonic();
    await scene.until(() => holdersOf('kept').length === 2);
    expect(scene.clock.monotonic() - begun).toBeLessThan(minute / 2);
    await scene.until(() => replicas() === 1);
    await scene.settle();
    expect(scene.writes().filter(isOfDaemonSet)).toHaveLength(1);
    const told = scene.get(daemonSets, 'kubernetes-image-puller')?.metadata.annotations;
    // The second generation of the Deployment is the one without replicas.
    expect(told?.['che.eclipse.org/room-made']).toBe('2');
  });
});

describe('the Deployment of a new puller', () => {
  /** How many seconds after its puller it is there. */
  const comesAfter = async () => {
    const begun = scene.clock.monotonic();
    list('kept');
    await scene.until(() => scene.get(deployments, 'kubernetes-image-puller') !== undefined);
    return (scene.clock.monotonic() - begun) / second;
  };

  it.each([
    ['comes once every node has a pod of the cache', { nodes: 3, daemonPodEveryMs: 2 * second }],
    ['comes at once where there are no nodes', { nodes: 0 }],
  ])('%s, and is written once', async (_what, { nodes, ...options }) => {
    await aScene({ nodes, ...options });
    const pullers = cachePodsAtEachPuller();
    expect(await comesAfter()).toBeLessThan(7);
    await scene.settle();
    expect(pullers).toEqual([nodes]);
    expect(scene.writes().filter((write) => /deployments/.test(write))).toHaveLength(1);
  });

  it('brings along what only its pod needs', async () => {
    await aScene({ nodes: 3, daemonPodEveryMs: 2 * second });
    const childrenOf = () => scene.childrenOf(scene.puller()?.metadata.uid ?? '');
    let before: readonly string[] = [];
    scene.cluster.controlPlane.onChange(pods, () => {
      if (scene.cluster.controlPlane.list(pods, 'workspaces').length < 3) before = childrenOf();
    });
    await comesAfter();
    expect(before).toEqual(['DaemonSet/kubernetes-image-puller']);
    await scene.settle();
    expect(childrenOf()).toHaveLength(7);
  });

  it('holds up nothing else that was there before it', async () => {
    await aScene({ nodes: 3, daemonPodEveryMs: 2 * second });
    await comesAfter();
    await scene.settle();
    for (const kind of [deployments, daemonSets]) {
      scene.cluster.controlPlane.remove(kind, 'workspaces', 'kubernetes-image-puller');
    }
    rest = { cachingIntervalHours: '7' };
    list('kept');
    const hours = () => {
      const { data } = scene.get(configMaps, 'k8s-image-puller') as {
        data?: Record<string, string>;
      };
      return data?.['CACHING_INTERVAL_HOURS'];
    };
    await scene.until(() => hours() === '7');
    expect(scene.get(deployments, 'kubernetes-image-puller')).toBeUndefined();
  });

  it('lets nothing go that it has no successor of', async () => {
    await aScene();
    scene.apply(aQuota({ 'count/deployments.apps': '0' }));
    list('kept');
    await scene.until(isReady);
    const present: unknown[] = [];
    scene.cluster.controlPlane.onChange(configMaps, ({ type, object }) => {
      if (type !== 'DELETED') return;
      present.push(object.metadata.name, scene.get(configMaps, 'next') !== undefined);
    });
    rest = { daemonsetName: 'next', configMapName: 'next' };
    list('kept');
    scene.apply(aQuota({ 'count/deployments.apps': '1' }));
    await scene.until(isReady);
    await scene.pass(minute);
    expect(present).toEqual(['k8s-image-puller', true]);
  });

  it('is looked for before the first write and when it comes, not with every pod', async () => {
    await aScene({ nodes: 10, daemonPodEveryMs: 2 * second });
    expect(await comesAfter()).toBeGreaterThan(15);
    const looks = scene.cluster.requests.filter(
      ({ method, path }) => method === 'GET' && /kubernetes-image-puller-report$/.test(path),
    );
    // Three kinds have objects of that name.
    expect(looks).toHaveLength(6);
  });

  it('comes after half a minute where nobody makes pods', async () => {
    await aScene();
    scene.workloads.stop();
    expect(await comesAfter()).toBeCloseTo(30, 0);
    expect(replicas()).toBe(1);
  });

  it('does not come where no DaemonSet can be made, nor anything else', async () => {
    await aScene();
    scene.apply(aQuota({ 'count/daemonsets.apps': '0' }));
    list('kept');
    await scene.until(() => scene.condition('Stalled')?.reason === 'Rejected');
    expect(scene.condition('Ready')?.message).toMatch(/exceeded quota: exact/);
    await scene.settle();
    expect(scene.childrenOf(scene.puller()?.metadata.uid ?? '')).toEqual([]);
    scene.apply(aQuota({ 'count/daemonsets.apps': '1' }));
    await scene.until(isReady);
  });

  it('has no pod where a quota refuses those of the cache, until it has room for them', async () => {
    await aScene({ nodes: 3 });
    scene.apply(aQuota({ pods: '2' }));
    expect(await comesAfter()).toBeLessThan(10);
    expect(replicas()).toBe(0);
    expect(messages()).toMatch(/the quota exact would have to hold 2 more pods, the puller's own/);
    scene.apply(aQuota({ pods: '4' }));
    await scene.until(() => isReady() && hasPuller());
  });

  it('has its pod where something else refuses those of the cache', async () => {
    await aScene({ nodes: 3 });
    const limits = [{ type: 'Container', max: { memory: '16Mi' } }];
    const metadata = { name: 'small', namespace: 'workspaces' };
    scene.apply({ apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits } });
    expect(await comesAfter()).toBeLessThan(10);
    expect(replicas()).toBe(1);
  });
});

/** The puller's own pod would fit into the place that a pod of the cache has on a node, not the other way. */
const large: RawSpec = { cachingMemoryLimit: '200Mi', cachingCPULimit: '400m' };
const ofPuller = { memory: 256, cpu: 500 };

/** What two such images may take on three nodes; and how many of them the puller may besides. */
function exactly({ pullers }: { readonly pullers: number }): KubeObject {
  const memory = 3 * 2 * 200 + pullers * ofPuller.memory;
  const cpu = 3 * 2 * 400 + pullers * ofPuller.cpu;
  return aQuota({ 'limits.memory': `${memory}Mi`, 'limits.cpu': `${cpu}m` });
}

/** From now on, in order: how many pods the Deployment is to have, and how the pods of the cache are replaced. */
function changes(): string[] {
  const lines: string[] = [];
  let puller = `puller ${replicas()}`;
  let strategy = strategies.at(-1) ?? '';
  const { controlPlane } = scene.cluster;
  controlPlane.onChange(deployments, () => {
    if (puller === `puller ${replicas()}`) return;
    puller = `puller ${replicas()}`;
    lines.push(puller);
  });
  controlPlane.onChange(daemonSets, ({ object }) => {
    if (strategy === strategyOf(object)) return;
    strategy = strategyOf(object);
    lines.push(strategy);
  });
  return lines;
}

/** How many pods the puller was to have, each time a pod of the cache went. */
function replicasAtEachLoss(): number[] {
  const numbers: number[] = [];
  scene.cluster.controlPlane.onChange(pods, ({ type, object }) => {
    const isOfCache = controllerOf(object)?.kind === 'DaemonSet';
    if (isOfCache && type === 'DELETED') numbers.push(replicas());
  });
  return numbers;
}

describe('a quota that is exactly what the documented formula says', () => {
  it('holds a roll in place, one node after another', async () => {
    await aScene({ nodes: 3 });
    // Three nodes, two images, 20Mi for each container.
    scene.apply(aQuota({ 'limits.memory': '120Mi' }));
    list('kept', 'old');
    await scene.until(isReady);
    const begun = scene.clock.monotonic();
    list('kept', 'new');
    await scene.until(() => strategies.includes(inPlace));
    await scene.until(() => {
      expect(holdersOf('kept').length).toBeGreaterThanOrEqual(2);
      return isReady() && isOver();
    });
    expect(scene.clock.monotonic() - begun).toBeLessThan(2 * minute);
    expect(strategies).toEqual([gapless, inPlace, gapless]);
  });

  it.each([
    ['under one operator', async () => {}],
    [
      'after a restart while the puller rests',
      async () => {
        await scene.until(() => replicas() === 0);
        await scene.pass(1_500);
        await scene.stopOperator();
        await scene.startOperator();
      },
    ],
    [
      'under an operator that finds the roll at a standstill',
      async () => {
        await scene.pass(2_000);
        await scene.stopOperator();
        await scene.pass(minute);
        await scene.startOperator();
      },
    ],
  ])('loses no place of the cache to the puller %s', async (_when, meanwhile) => {
    // Long enough for the operator to ask once more for refusals while a node pulls.
    await aScene({ nodes: 3, pullMs: minute });
    rest = large;
    scene.apply(exactly({ pullers: 0 }));
    list('kept', 'old');
    await scene.until(isReady);
    await scene.settle();
    expect(replicas()).toBe(1);
    const lines = changes();
    const losses = replicasAtEachLoss();
    list('kept', 'new');
    await meanwhile();
    await scene.until(() => {
      expect(holdersOf('kept').length).toBeGreaterThanOrEqual(2);
      return isReady() && isOver() && replicas() === 1;
    });
    await scene.settle();
    expect(losses).toEqual([0, 0, 0]);
    expect(lines.slice(0, 2)).toEqual(['puller 0', inPlace]);
    expect(lines.slice(2).sort()).toEqual(['puller 1', gapless]);
    expect(holdersOf('new')).toHaveLength(3);
  });

  it.each([
    ['under one operator', async () => {}],
    [
      'under an operator that is started anew meanwhile',
      async () => {
        await scene.pass(1_500);
        await scene.stopOperator();
        await scene.startOperator();
      },
    ],
  ])(
    'lets the first pods of the cache come before that of the puller, %s',
    async (_when, meanwhile) => {
      await aScene({ nodes: 3, daemonPodEveryMs: second });
      rest = large;
      scene.apply(exactly({ pullers: 0 }));
      const pullers = cachePodsAtEachPuller();
      list('kept', 'old');
      await meanwhile();
      const begun = scene.clock.monotonic();
      await scene.until(isReady);
      expect(scene.clock.monotonic() - begun).toBeLessThan(minute);
      await scene.until(() => /256Mi more limits\.memory/.test(messages()));
      expect(isReady()).toBe(true);
      expect(replicas()).toBe(1);
      expect(pullers).toEqual([]);
    },
  );

  it('that is too small for a longer list takes no image from any node', async () => {
    await aScene({ nodes: 3 });
    scene.apply(aQuota({ 'limits.memory': '120Mi' }));
    list('kept', 'old');
    await scene.until(isReady);
    const lackers = lackersOf('kept', 'old');
    list('kept', 'new', 'old');
    await scene.until(() => /the quota exact would have to hold/.test(messages()));
    await scene.pass(10 * minute);
    expect(strategies).toEqual([gapless]);
    scene.apply(aQuota({ 'limits.memory': '300Mi' }));
    await scene.until(isReady);
    expect([...lackers]).toEqual([]);
  });
});

describe('a quota that holds the cache and the puller, and no surge', () => {
  it.each([
    ['large', large, () => exactly({ pullers: 1 })],
    // Less than the puller takes: what it holds would be room for a surge.
    ['small', {}, () => aQuota({ 'limits.memory': `${3 * 2 * 20 + ofPuller.memory}Mi` })],
  ])('keeps both through a roll where pods of the cache are %s', async (_which, spec, quota) => {
    await aScene({ nodes: 3 });
    rest = spec;
    scene.apply(quota());
    list('kept', 'old');
    await scene.until(() => isReady() && hasPuller());
    await scene.settle();
    const lines = changes();
    list('kept', 'new');
    await scene.until(() => {
      expect(holdersOf('kept').length).toBeGreaterThanOrEqual(2);
      return isReady() && isOver() && holdersOf('new').length === 3;
    });
    await scene.settle();
    expect(lines).toEqual([inPlace, gapless]);
    expect(hasPuller()).toBe(true);
  });
});

describe('a roll in place beside a node that does not answer', () => {
  it.each([
    // Two images, 20Mi for each container, on three or on all four nodes.
    ['that takes no pods any more', '120Mi', {}, 'all 2 images on all 3 nodes'],
    [
      'that takes pods all the same',
      '160Mi',
      { tolerations: '[{"operator":"Exists"}]' },
      'all 2 images on all 3 reachable nodes; 1 node is unreachable: node-2',
    ],
  ])('%s reaches all others, one after another', async (_which, room, spec, said) => {
    await aScene({ nodes: 4 });
    rest = spec;
    list('kept', 'old');
    await scene.until(isReady);
    scene.workloads.setReachable('node-2', false);
    await scene.pass(minute);
    scene.apply(aQuota({ 'limits.memory': room }));
    const reachable = ['node-1', 'node-3', 'node-4'];
    let fewest = reachable.length;
    scene.cluster.controlPlane.onChange(pods, () => {
      const holders = holdersOf('kept').filter((node) => node !== 'node-2');
      fewest = Math.min(fewest, holders.length);
    });
    const begun = scene.clock.monotonic();
    list('kept', 'new');
    await scene.until(() => strategies.some((each) => each.startsWith(rollingInPlace)));
    await scene.until(() => isReady() && isOver() && replicas() === 1);
    expect(scene.clock.monotonic() - begun).toBeLessThan(4 * minute);
    expect(holdersOf('new')).toEqual(reachable);
    expect(fewest).toBe(2);
    expect(scene.condition('Ready')?.message).toBe(said);
    scene.writes();
    await scene.pass(30 * minute);
    expect(scene.writes().filter(isOfDaemonSet)).toEqual([]);

    scene.apply(aQuota({ 'limits.memory': '160Mi' }));
    scene.workloads.setReachable('node-2', true);
    await scene.until(() => isReady() && holdersOf('new').length === 4);
    await scene.settle();
    expect(strategies.at(-1)).toBe(gapless);
  });
});

describe('a roll past a node that refuses its pods', () => {
  const others = ['node-1', 'node-2', 'node-3', 'node-4'];
  const ofCache = () =>
    scene.cluster.controlPlane
      .list(pods, 'workspaces')
      .filter((pod) => controllerOf(pod)?.kind === 'DaemonSet');
  /** The uids of all pods that it has refused. */
  let refused: Set<string>;

  /** Five nodes hold a list; then one of them throws its pod out, and the operator takes note. */
  async function aRefusingNode(options: SceneOptions): Promise<void> {
    await aScene({ nodes: 5, ...options });
    list('kept', 'old');
    await scene.until(isReady);
    refused = new Set();
    scene.cluster.controlPlane.onChange(pods, ({ object }) => {
      const { phase } = (object['status'] ?? {}) as { readonly phase?: string };
      if (phase === 'Failed') refused.add(object.metadata.uid ?? '');
    });
    const evicted = ofCache().find(
      (pod) => (pod['spec'] as { readonly nodeName?: string }).nodeName === 'node-5',
    );
    scene.workloads.setDiskPressure('node-5', true);
    scene.workloads.evict('workspaces', evicted?.metadata.name ?? '');
    await scene.until(() => strategies.at(-1) === inPlace);
    await scene.settle();
  }

  it('takes no image from any other, and makes up for that node', async () => {
    await aRefusingNode({});
    const lackers = lackersOf('kept');
    list('kept', 'new');
    await scene.until(() => holdersOf('new').length === 4);
    await scene.until(() => strategies.at(-1) === inPlace);
    expect([...lackers]).toEqual(['node-5']);
    expect(strategies.slice(-3)).toEqual([inPlace, 'surge 2', inPlace]);
    expect(refused.size).toBeLessThan(100);
    await scene.pass(30 * minute);
    expect(refused.size).toBeLessThan(100);
    scene.workloads.setDiskPressure('node-5', false);
    await scene.until(() => isReady() && isOver());
    expect(holdersOf('new')).toEqual([...others, 'node-5']);
    expect([...lackers]).toEqual(['node-5']);
  });

  it('is gapless from the write that brings a list, as Kubernetes does not wait for another one', async () => {
    await aRefusingNode({ pullMs: 2 * minute });
    const begun: string[] = [];
    let template = '';
    scene.cluster.controlPlane.onChange(daemonSets, ({ object }) => {
      const next = templateContainers(object)
        .map(({ image }) => image)
        .join();
      if (next !== template) begun.push(strategyOf(object));
      template = next;
    });
    list('kept', 'new');
    await scene.until(
      () => strategies.at(-1)?.startsWith(rollingInPlace) === true && begun.length === 1,
    );
    list('kept', 'newer');
    await scene.until(() => begun.length === 2);
    expect(begun).toEqual(['surge 2', 'surge 2']);
  });

  it('comes to rest beside a container that somebody has put into the template', async () => {
    await aRefusingNode({});
    const agent = { name: 'agent', image: 'quay.io/example/agent:1' };
    scene.apply({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'kubernetes-image-puller', namespace: 'workspaces' },
      spec: { template: { spec: { containers: [agent] } } },
    });
    list('kept', 'new');
    await scene.until(() => holdersOf('new').length === 4 && holdersOf('agent').length === 4);
    await scene.until(() => strategies.at(-1) === inPlace);
  });

  it('is over when that node has its pod again, whatever it has left behind', async () => {
    await aRefusingNode({});
    list('kept', 'new');
    await scene.pass(90 * second);
    scene.workloads.setDiskPressure('node-5', false);
    await scene.until(() => holdersOf('new').length === 5);
    await scene.settle();
    const left = ofCache().filter(
      ({ status }) => (status as { phase?: string }).phase === 'Failed',
    );
    expect(left.length).toBeGreaterThan(10);
    for (let minutes = 0; minutes < 30; minutes += 1) {
      const told = ['Ready', 'Progressing', 'Degraded'].map(
        (type) => scene.condition(type)?.status,
      );
      expect(told).toEqual(['True', 'False', 'False']);
      await scene.pass(minute);
    }
  });

  it('goes on in place once that node has refused a hundred pods', async () => {
    await aRefusingNode({ pullMs: 2 * minute });
    list('kept', 'new');
    await scene.until(() => strategies.at(-1) === `${rollingInPlace}, unavailable 2`);
    // How many more come until the roll has changed is up to the pace of the DaemonSet controller.
    const most = refused.size;
    expect(most).toBeGreaterThanOrEqual(100);
    expect(most).toBeLessThan(200);
    await scene.until(() => {
      expect(holdersOf('kept').length).toBeGreaterThanOrEqual(3);
      return holdersOf('new').length === 4;
    });
    expect(refused.size).toBeLessThan(most + 10);
    expect(strategies.filter((strategy) => strategy === 'surge 2')).toHaveLength(1);
  });
});
