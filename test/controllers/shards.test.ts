import { createHash } from 'node:crypto';
import { imagePullers } from '../../src/controllers/keys.ts';
import { daemonSets, type KubeObject, pods, roles } from '../../src/kube/objects.ts';
import { partsOf } from '../../src/manifests/shards.ts';
import { nodes as nodeResource } from '../cluster/embedded/workloads/shapes.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, type SceneOptions, startScene } from './scene.ts';

let scene: Scene;
let guard: Guard;

afterEach(async () => {
  await scene.stop();
  expect(guard.losses).toEqual([]);
});

/** Those below zero cannot be had. */
const reference = (number: number) =>
  number < 0 ? `registry.invalid/image${number}:1` : `quay.io/example/image-${number}:1`;
const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);
const name = 'kubernetes-image-puller';
const hashOf = (number: number) => createHash('sha256').update(reference(number)).digest('hex');
/** Claims that an image belongs to the right half of a split. */
const isRight = (number: number) => hashOf(number) >= '8';
/** The first of those numbers whose images fall into the halves of the split by turns. */
const balanced = (count: number) => {
  const left = range(0, 200).filter((number) => !isRight(number));
  const right = range(0, 200).filter(isRight);
  return range(0, count).flatMap((at) => (at % 2 === 0 ? right : left)[at >> 1] ?? []);
};
const listOf = (numbers: readonly number[]) =>
  numbers.map((number) => `i${number}=${reference(number)}`).join(';');

/**
 * Looks at what the containers of each node run from, at every change of a pod: an image that was
 * everywhere and has been in the list ever since is to be on every node that can be reached.
 */
class Guard {
  readonly losses: string[] = [];
  readonly unguarded = new Set<string>();
  #due: ReadonlySet<string> = new Set();
  #isReady = false;

  constructor() {
    scene.cluster.controlPlane.onChange(pods, () => this.#look());
  }

  /** Every image of the list that can be had is everywhere. */
  begin(numbers: readonly number[]): void {
    this.#due = new Set(numbers.filter((number) => number >= 0).map(reference));
    this.#isReady = true;
    this.#look();
  }

  /** Nobody promises anything of images that are not in the list. */
  edit(numbers: readonly number[]): void {
    const listed = new Set(numbers.map(reference));
    this.#due = new Set([...this.#due].filter((each) => listed.has(each)));
  }

  #look(): void {
    if (!this.#isReady) return;
    for (const node of scene.workloads.nodes.filter((name) => !this.unguarded.has(name))) {
      const running = new Set(scene.workloads.runningOn(node));
      const lost = [...this.#due].filter((each) => !running.has(each));
      if (lost.length > 0 && this.losses.length < 5) this.losses.push(`${node}: ${lost.join()}`);
    }
  }
}

async function aScene(options: SceneOptions = {}): Promise<void> {
  scene = await startScene({ nodes: 5, pullMs: 100, ...options });
  guard = new Guard();
}

let listed: readonly number[] = [];

/** Changes the list, and waits for nothing. */
function list(numbers: readonly number[], spec: Parameters<typeof aPuller>[0] = {}): void {
  listed = numbers;
  guard.edit(numbers);
  scene.apply(aPuller({ cachingCPURequest: '1m', images: listOf(numbers), ...spec }));
}

const isReady = () => {
  const { generation } = scene.puller()?.metadata ?? {};
  const ready = scene.condition('Ready');
  return ready?.status === 'True' && ready.observedGeneration === generation;
};

/** Waits until every image is everywhere, in the DaemonSets of the split and no others. */
async function becomesReady(): Promise<void> {
  await scene.until(() => isReady() && hasParts());
  guard.begin(listed);
}

const templates = () =>
  Object.fromEntries(
    scene.cluster.controlPlane
      .list(daemonSets, 'workspaces')
      .map((daemonSet) => [daemonSet.metadata.name, imagesOf(daemonSet)]),
  );

function imagesOf(daemonSet: KubeObject): readonly string[] {
  const { template } = daemonSet['spec'] as {
    template: { spec: { containers: { image: string }[] } };
  };
  return template.spec.containers.map(({ image }) => image).sort();
}

function hasParts(): boolean {
  const images = listed.map((number) => ({
    container: `i${number}`,
    reference: reference(number),
    names: [],
  }));
  const { daemonsetName = 'kubernetes-image-puller' } = (scene.puller()?.['spec'] ?? {}) as {
    daemonsetName?: string;
  };
  const parts = partsOf({ daemonsetName, images }).map(({ name, images }) => [
    name,
    images.map(({ reference }) => reference).sort(),
  ]);
  return JSON.stringify(parts.sort()) === JSON.stringify(Object.entries(templates()).sort());
}

const writesToDaemonSets = () =>
  scene.writes().filter((write) => write.includes('daemonsets/') && !write.endsWith('/status'));

const uidsOfPods = () =>
  scene.cluster.controlPlane.list(pods, 'workspaces').map(({ metadata }) => metadata.uid);

/** Takes the right to read pods from the operator. */
function withoutPods(): void {
  const role = scene.get(roles, 'kubernetes-image-puller-operator-role') as KubeObject & {
    readonly rules: readonly { readonly resources: readonly string[] }[];
  };
  const rules = role.rules.filter(({ resources }) => !resources.includes('pods'));
  scene.cluster.controlPlane.update(roles, { ...role, rules });
}

/** Keeps new pods from a node, or no longer; those that it has stay. */
function taint(node: string, isTainted = true): void {
  guard.unguarded.add(node);
  const live = scene.cluster.controlPlane.get(nodeResource, '', node) as KubeObject;
  const taints = isTainted ? [{ key: 'example.com/team', effect: 'NoSchedule' }] : [];
  const spec = { ...(live['spec'] as object), taints };
  scene.cluster.controlPlane.update(nodeResource, { ...live, spec });
}

function allow(pods: number): void {
  const metadata = { name: 'few-pods', namespace: 'workspaces' };
  const spec = { hard: { pods: String(pods) } };
  scene.apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec });
}

/** Lets these nodes have an image on disk that takes longer than half an hour elsewhere. */
async function withSlowImage(number: number, holders: readonly string[]): Promise<void> {
  const slowMs = 45 * 60_000;
  scene.registries.at('quay.io').push(`example/image-${number}:1`, { pullMs: slowMs });
  for (const nodeName of holders) {
    const metadata = { name: `work-on-${nodeName}`, namespace: 'elsewhere' };
    const spec = { nodeName, containers: [{ name: 'work', image: reference(number) }] };
    scene.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
  }
  await scene.pass(slowMs + 60_000);
  for (const node of holders) {
    scene.cluster.controlPlane.remove(pods, 'elsewhere', `work-on-${node}`);
  }
}

describe('200 images on five nodes', () => {
  const rightmost = 'kubernetes-image-puller-s11';
  const isRightmost = (number: number) => hashOf(number) >= 'c';
  // The rightmost part is full, and has no room for the next image.
  const others = range(187, 250).filter((number) => !isRightmost(number));
  const images = [...range(0, 187), ...others.slice(0, 13)];
  const [another = 0] = others.slice(13);
  /** Of its right half. */
  const next = range(187, 250).find((number) => hashOf(number) >= 'e') ?? 0;
  /** The DaemonSets that were written to since the last call. */
  const touched = () =>
    [...new Set(writesToDaemonSets().map((write) => write.replace(/^.*\//, '')))].sort();
  /** A thousand containers take a while of the test's own time, too. */
  const timeoutMs = 180_000;

  async function roll(numbers: readonly number[]): Promise<void> {
    list(numbers);
    await scene.pass(40_000);
    await becomesReady();
    await scene.settle();
  }

  beforeEach(async () => {
    await aScene();
    // So slow that others of its part, which a kubelet starts behind it, are late.
    scene.registries.at('quay.io').push(`example/image-${next}:1`, { pullMs: 15_000 });
    await roll(images);
    expect(images).toHaveLength(200);
    expect(Object.keys(templates())).toHaveLength(7);
    expect(templates()[rightmost]).toHaveLength(40);
    touched();
  }, timeoutMs);

  it(
    'stay on every node while one edit touches a part, the next splits one, and the last merges it',
    async () => {
      await roll([...images, another]);
      expect(writesToDaemonSets()).toHaveLength(1);
      for (const numbers of [
        [...images, another, next],
        [...images, another],
      ]) {
        await roll(numbers);
        expect(touched()).toEqual([rightmost, `${rightmost}1`]);
      }
    },
    timeoutMs,
  );

  it(
    'stay on every node where edits across the bound do not wait for each other',
    async () => {
      for (const ms of [300, 2000, 5000, 100, 9000, 700]) {
        list(listed.length === 200 ? [...images, next] : images);
        await scene.pass(ms);
      }
      await roll([...images, next]);
      expect(Object.keys(templates())).toHaveLength(8);
      expect(touched()).toEqual([rightmost, `${rightmost}1`]);
    },
    timeoutMs,
  );
});

describe('a list on three nodes', () => {
  it.each([
    [40, 41],
    [80, 81],
  ])(
    'that goes from %i images to %i and back leaves no node without what stays',
    async (few, many) => {
      // The last image comes so slowly that others of its part are late.
      await aScene({ nodes: 3, pullMs: 8000 });
      list(balanced(few));
      await becomesReady();
      const parts = Object.keys(templates()).length;
      expect(parts).toBe(few / 40);
      list(balanced(many));
      await becomesReady();
      expect(Object.keys(templates())).toHaveLength(parts + 1);
      list(balanced(few));
      await becomesReady();
      expect(Object.keys(templates())).toHaveLength(parts);
    },
  );

  it('that is edited again and again before the last edit is done loses nothing', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 40));
    await becomesReady();
    // From the first write to the last container of a roll-out.
    for (const ms of [0, 300, 1000, 2000, 4000, 7000, 11_000, 500, 3000]) {
      list(listed.length === 40 ? range(0, 41) : range(1, 41));
      await scene.pass(ms);
    }
    await becomesReady();
  });

  it('hands over what it can while an image cannot be had anywhere', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 40));
    await becomesReady();
    scene.apply(
      aPuller({ cachingCPURequest: '1m', images: `${listOf(range(0, 41))};bad=x.invalid/a:1` }),
    );
    await scene.until(() => scene.condition('Ready')?.reason === 'ImagesFailing');
    await scene.settle();
    const held = Object.values(templates());
    expect(held.flat()).toHaveLength(42);
    expect(new Set(held.flat()).size).toBe(42);
  });

  it.each([
    ['stays where it is', false],
    ['changes hands with others', true],
  ])('lets go of images without a gap where one that cannot be had %s', async (_which, moves) => {
    await aScene({ nodes: 3 });
    const bad = -(range(1, 99).find((number) => isRight(-number) === moves) ?? 0);
    const added = range(200, 299).find(isRight) ?? 0;
    list([...range(0, 39), bad]);
    const { nodes, runningOn } = scene.workloads;
    await scene.until(() => nodes.every((node) => runningOn(node).length >= 39));
    guard.begin(listed);
    list([...range(0, 39), bad, added]);
    await scene.until(hasParts);
    await scene.settle();
    expect(hasParts()).toBe(true);
    expect(scene.condition('Ready')?.reason).toBe('ImagesFailing');
  });

  it('says which DaemonSet does not go when it is merged, and for whom it waits', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 41));
    await becomesReady();
    const right = `${name}-s1`;
    const keep = (finalizers: readonly string[]) => {
      const live = scene.get(daemonSets, right) as KubeObject;
      const metadata = { ...live.metadata, finalizers };
      scene.cluster.controlPlane.update(daemonSets, { ...live, metadata });
    };
    keep(['example.com/keep']);
    list(range(0, 40));
    await scene.until(() => scene.condition('Degraded')?.status === 'True');
    expect(scene.condition('Degraded')).toMatchObject({
      reason: 'WaitingForDeletion',
      message: expect.stringMatching(`DaemonSet ${right} .* example.com/keep$`),
    });
    expect(isReady()).toBe(true);
    keep([]);
    await scene.until(() => scene.condition('Degraded')?.status === 'False');
    await becomesReady();
  });

  it('changes hands without a node that cannot be reached', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 40));
    await becomesReady();
    guard.unguarded.add('node-2');
    scene.workloads.setReachable('node-2', false);
    await scene.pass(60_000);
    list(range(0, 41));
    await scene.until(hasParts);
    scene.workloads.setReachable('node-2', true);
    await becomesReady();
  });

  it('changes hands in steps that a restart of the operator does not undo', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 40));
    await becomesReady();
    for (const numbers of [range(0, 41), range(0, 40)]) {
      list(numbers);
      await scene.until(() => scene.writes().some((write) => write.includes('daemonsets/')));
      await scene.stopOperator();
      await scene.pass(60_000);
      expect(hasParts()).toBe(false);
      await scene.startOperator();
      await becomesReady();
    }
  });

  it('changes hands by complete roll-outs where the operator may not read pods', async () => {
    await aScene({ nodes: 3, rightsIn: ['workspaces'], env: { WATCH_NAMESPACE: 'workspaces' } });
    list(range(0, 40));
    await becomesReady();
    await scene.stopOperator();
    withoutPods();
    await scene.startOperator();
    for (const numbers of [range(0, 41), range(0, 40)]) {
      list(numbers);
      await scene.until(hasParts);
    }
  });

  it('keeps its images while it gets the name of one of its own parts, however old that is', async () => {
    await aScene({ nodes: 5 });
    list(range(0, 41));
    await becomesReady();
    await scene.pass(31 * 60_000);
    list(range(0, 41), { daemonsetName: `${name}-s1` });
    await becomesReady();
    await scene.settle();
    const bearing = scene.cluster.controlPlane
      .list(daemonSets, 'workspaces')
      .filter(({ metadata }) => metadata.annotations?.['che.eclipse.org/successor-since']);
    expect(bearing).toEqual([]);
  });

  it('keeps its images where it gets its name back shortly before the half hour is over', async () => {
    await aScene({ nodes: 12 });
    list(range(0, 2));
    await becomesReady();
    const slow = 77;
    const holders = scene.workloads.nodes.filter((node) => node !== 'node-12');
    await withSlowImage(slow, holders);
    list([slow, ...range(0, 2)], { daemonsetName: 'new' });
    await scene.pass(29 * 60_000 + 55_000);
    const lacking = () =>
      holders.filter((node) => !scene.workloads.runningOn(node).includes(reference(slow)));
    expect(lacking()).toEqual([]);
    list([slow, ...range(0, 2)]);
    for (let seconds = 0; seconds < 120; seconds += 1) {
      await scene.pass(1000);
      expect(lacking()).toEqual([]);
    }
    await becomesReady();
  });

  it('keeps its images while all its DaemonSets get another name, the operator being away', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 41));
    await becomesReady();
    await scene.settle();
    await scene.stopOperator();
    list(range(0, 41), { daemonsetName: 'cache' });
    await scene.startOperator();
    await becomesReady();
    expect(Object.keys(templates()).sort()).toEqual(['cache', 'cache-s1']);
  });
});

describe('a list of which some nodes take long to get their part', () => {
  const rightPods = () =>
    scene.cluster.controlPlane
      .list(pods, 'workspaces')
      .filter(({ metadata }) => metadata.name?.startsWith(`${name}-s1-`));
  const nodesWithRight = () =>
    rightPods().map(({ spec }) => (spec as { readonly nodeName?: string }).nodeName);

  it('loses nothing where a quota has no room for a pod, and another node is tainted', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 40));
    await becomesReady();
    // Three of the first part, and two of the second: the puller gives way.
    allow(5);
    list(range(0, 41));
    await scene.pass(7 * 60_000);
    const [tainted = '', ...others] = nodesWithRight();
    expect(others).toHaveLength(1);
    taint(tainted);
    await scene.pass(10 * 60_000);
    expect(scene.status().nodesUnreachable).toBe(0);
    expect(templates()[name]).toHaveLength(40);
    taint(tainted, false);
    allow(50);
    await becomesReady();
  });

  it('loses nothing where an image is slow on one node, and another is tainted', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 40));
    await becomesReady();
    const slow = range(200, 299).find(isRight) ?? 0;
    await withSlowImage(slow, ['node-1', 'node-2']);
    list([slow, ...range(0, 40)]);
    await scene.pass(60_000);
    taint('node-1');
    await scene.pass(8 * 60_000);
    expect(scene.status().nodesUnreachable).toBe(0);
    expect(hasParts()).toBe(false);
    await becomesReady();
    expect(scene.status()).toMatchObject({ nodesDesired: 2, nodesReady: 2 });
  });

  it('gets another name beside a tainted node, and loses nothing on all others', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 41));
    await becomesReady();
    taint('node-1');
    list(range(0, 41), { daemonsetName: 'cache' });
    await becomesReady();
    expect(scene.workloads.runningOn('node-1')).not.toContain(reference(0));
    taint('node-1', false);
    await scene.until(() => scene.status().nodesReady === 3);
  });

  it('is ready without a tainted node once that has pods of some parts only', async () => {
    await aScene({ nodes: 3 });
    list(range(0, 41));
    await becomesReady();
    taint('node-1');
    await scene.pass(8 * 60_000);
    expect(scene.status()).toMatchObject({ nodesDesired: 3, nodesReady: 3 });
    list(range(0, 42));
    await becomesReady();
    expect(scene.status()).toMatchObject({ nodesDesired: 2, nodesReady: 2, nodesUnreachable: 0 });
    await scene.pass(20 * 60_000);
    expect(isReady()).toBe(true);
    taint('node-1', false);
    await scene.until(() => scene.status().nodesReady === 3);
    expect(scene.status()).toMatchObject({ nodesDesired: 3 });
  });
});

it('a name that a split needs and another puller has is left to it, and nothing is lost', async () => {
  await aScene({ nodes: 3 });
  const name = 'kubernetes-image-puller-s1';
  const others = { daemonsetName: name, deploymentName: 'other', configMapName: 'other' };
  scene.apply(aPuller({ images: listOf([500]), ...others }, { name: 'other' }));
  await scene.until(() => scene.condition('Ready', 'other')?.status === 'True');
  list(range(0, 40));
  await scene.until(isReady);
  guard.begin(listed);
  list(range(0, 41));
  await scene.until(() => scene.condition('Ready')?.reason === 'NameConflict');
  expect(scene.condition('Ready')?.message).toContain(`DaemonSet ${name} belongs`);
  await scene.settle();
  expect(templates()).toMatchObject({ [name]: [reference(500)] });
  scene.cluster.controlPlane.remove(imagePullers, 'workspaces', 'other');
  await becomesReady();
});

describe('a DaemonSet whose selector cannot be kept', () => {
  const selectorOf = (daemonSet: KubeObject | undefined) =>
    (daemonSet?.['spec'] as { selector?: object } | undefined)?.selector;

  /** Puts one in the place of ours that is like it but for its selector. */
  async function anotherSelector(labels: Readonly<Record<string, string>>): Promise<void> {
    guard.edit([]);
    const ours = scene.get(daemonSets, name) as KubeObject;
    scene.cluster.controlPlane.remove(daemonSets, 'workspaces', name);
    await scene.until(() => uidsOfPods().length === 1);
    const { ownerReferences = [], labels: ownLabels = {} } = ours.metadata;
    const spec = structuredClone(ours['spec']) as { template: { metadata: object } };
    spec.template.metadata = { labels };
    scene.cluster.controlPlane.create(daemonSets, {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name, namespace: 'workspaces', labels: ownLabels, ownerReferences },
      spec: { ...spec, selector: { matchLabels: labels } },
    });
    await scene.pass(10_000);
    guard.begin(listed);
  }

  /** Its pods are the only ones that the operator does not see, or not. */
  const unseen = { app: 'of-another-time' };
  const seen = { ...unseen, test: 'daemonset-test' };

  /** A cache of three nodes whose DaemonSet has this selector; the operator is away. */
  async function ofAnotherTime(labels: Readonly<Record<string, string>>): Promise<void> {
    await aScene({ nodes: 3 });
    list(range(0, 3));
    await becomesReady();
    await scene.settle();
    await scene.stopOperator();
    await anotherSelector(labels);
  }

  const isOurs = () =>
    JSON.stringify(selectorOf(scene.get(daemonSets, name))).includes('che.eclipse.org/daemonset');

  it('is replaced under its name, and no node loses an image by it', async () => {
    await ofAnotherTime(unseen);
    const before = uidsOfPods();
    await scene.startOperator();
    await scene.until(() => templates()[`${name}-stand-in`] !== undefined);
    await becomesReady();
    expect(isOurs()).toBe(true);
    await scene.settle();
    // The pod of the puller.
    expect(uidsOfPods().filter((uid) => before.includes(uid))).toHaveLength(1);
  });

  it.each([
    ['are not seen', unseen],
    ['are seen', seen],
  ])(
    'is replaced without a gap by operators of which each ends after a write, where its pods %s',
    async (_which, labels) => {
      await ofAnotherTime(labels);
      let operators = 0;
      for (; !(isOurs() && hasParts()); operators += 1) {
        await scene.startOperator();
        await scene.until(() => writesToDaemonSets().length > 0);
        await scene.stopOperator();
        await scene.pass(60_000);
      }
      expect(operators).toBeGreaterThanOrEqual(3);
      await scene.startOperator();
      await becomesReady();
      expect(isOurs()).toBe(true);
    },
  );

  it('is replaced though a node does not answer, and an image of it cannot be had', async () => {
    await ofAnotherTime(seen);
    guard.unguarded.add('node-2');
    scene.workloads.setReachable('node-2', false);
    await scene.pass(60_000);
    await scene.startOperator();
    list([...range(0, 3), -1]);
    await scene.until(() => hasParts() && isOurs());
    expect(scene.condition('Ready')?.reason).toBe('ImagesFailing');
  });

  it('of whose pods nothing is seen waits half an hour for what never gets complete', async () => {
    await ofAnotherTime(unseen);
    await scene.startOperator();
    list([...range(0, 3), -1]);
    await scene.until(() => templates()[`${name}-stand-in`]?.length === 4);
    await scene.pass(29 * 60_000);
    expect(isOurs()).toBe(false);
    await scene.until(() => hasParts() && isOurs());
  });
});
