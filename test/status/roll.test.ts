import type { KubeObject } from '../../src/kube/objects.ts';
import { projectPod } from '../../src/status/pods.ts';
import type { RefusedPod } from '../../src/status/refusals.ts';
import { hopelessAfterMs, rollOf, rollsOf } from '../../src/status/roll.ts';
import {
  aDaemonSet,
  aPod,
  ended,
  images,
  marked,
  now,
  type PodTraits,
  timeAt,
  unauthorized,
  unscheduled,
  unspoken,
} from './scenes.ts';

const second = 1000;
const noRoom = '0/3 nodes are available: 1 Insufficient memory.';
const before = now - hopelessAfterMs;

/** A DaemonSet whose first template has been replaced on none of three nodes. */
function rolling(status: object = {}, rollingUpdate?: object): KubeObject {
  const daemonSet = aDaemonSet(3, { status: { updatedNumberScheduled: 0, ...status } });
  const spec = { ...(daemonSet['spec'] as object), updateStrategy: { rollingUpdate } };
  return rollingUpdate ? { ...daemonSet, spec } : daemonSet;
}

const old = (node: string) => aPod(node);
const late = (node: string, traits: PodTraits = {}): PodTraits => ({
  uid: `${node}-new`,
  createdAt: before,
  ...traits,
});
const stuck = (node: string, traits?: PodTraits) =>
  aPod(node, late(node, { said: { 'my-image': unauthorized }, ...traits }));
const crowded = (node: string, traits?: PodTraits) => unscheduled(node, noRoom, late(node, traits));
const pulling = (node: string) =>
  aPod(
    node,
    late(node, { said: { tools: { state: { waiting: { reason: 'ContainerCreating' } } } } }),
  );

const silence = { 'my-image': unspoken, tools: unspoken };

const seen = (pods: readonly KubeObject[], more: Partial<Parameters<typeof rollOf>[0]> = {}) =>
  rollOf({
    daemonSet: rolling(),
    pods: pods.map(projectPod),
    unreachable: () => new Set(),
    refusal: undefined,
    now,
    ...more,
  });
const obstacles = (...of: Parameters<typeof seen>) => seen(...of).roll?.obstacles;

describe('a roll', () => {
  it('is none when every node has a pod of the present template', () => {
    const { roll } = seen([stuck('node-1')], { daemonSet: aDaemonSet(3) });
    expect(roll).toBeUndefined();
  });

  it('tells how many pods are left, and by which strategy they are replaced', () => {
    const daemonSet = rolling({ updatedNumberScheduled: 1 }, { maxSurge: 2, maxUnavailable: 0 });
    expect(seen([], { daemonSet }).roll).toMatchObject({
      desired: 3,
      outdated: 2,
      present: { maxSurge: 2, maxUnavailable: 0 },
    });
  });

  it('has the strategy that the API server takes for granted', () => {
    const daemonSet = rolling({}, {});
    expect(seen([], { daemonSet }).roll?.present).toEqual({ maxSurge: 0, maxUnavailable: 1 });
  });

  it('is unknown where pods cannot be read, or tell of a former template', () => {
    expect(seen([], { pods: undefined }).roll).toMatchObject({ obstacles: undefined });
    const daemonSet = rolling({ observedGeneration: 0 });
    expect(obstacles([old('node-1'), stuck('node-1')], { daemonSet })).toBeUndefined();
    const edited = aDaemonSet(3, { status: { observedGeneration: 0 } });
    expect(seen([], { daemonSet: edited }).roll).toMatchObject({ obstacles: undefined });
  });
});

describe('a new pod', () => {
  it.each([
    [
      'that lacks an image beside the old one is stuck',
      [old('node-1'), stuck('node-1')],
      { stuck: 1 },
    ],
    ['that lacks an image alone is stuck', [stuck('node-1')], { stuckAlone: 1 }],
    [
      'without room beside the old one is crowded',
      [old('node-1'), crowded('node-1')],
      { crowded: 1 },
    ],
    ["without room alone takes nobody's place", [crowded('node-1')], {}],
    ['that pulls is neither', [old('node-1'), pulling('node-1')], {}],
    [
      'that is going is neither',
      [old('node-1'), stuck('node-1', { metadata: { deletionTimestamp: timeAt(now) } })],
      {},
    ],
    ['of another DaemonSet is neither', [old('node-1'), stuck('node-1', { owner: 'd2' })], {}],
  ])('%s', (_what, pods, expected) => {
    const none = { stuck: 0, stuckAlone: 0, crowded: 0, lost: 0, refusing: 0, refused: 0 };
    expect(obstacles(pods)).toEqual({ ...none, isQuotaFull: false, ...expected });
  });

  it('is given time before it counts, and the roll is looked at again then', () => {
    const young = [old('node-1'), stuck('node-1', { createdAt: before + 5 * second })];
    expect(obstacles(young)?.stuck).toBe(0);
    expect(seen(young).againMs).toBe(5 * second);
    expect(seen([old('node-1'), stuck('node-1')]).againMs).toBeUndefined();
  });

  it('is as old as it is by the clock of the server, where ours is behind', () => {
    const newest = aPod('node-2', { createdAt: now });
    const pods = [old('node-1'), stuck('node-1'), newest];
    expect(obstacles(pods, { now: now - 60 * second })?.stuck).toBe(1);
  });
});

describe('a node that does not answer', () => {
  const unreachable = () => new Set(['node-3']);
  const going = { metadata: { deletionTimestamp: timeAt(now) } };
  const former = { images: images.slice(1) };
  const others = ['node-1', 'node-2'].map((node) => aPod(node));

  it.each([
    ['with an old pod', [aPod('node-3', { conditions: marked })]],
    ['with a pod that has to go', [aPod('node-3', going)]],
    ['with a pod that nobody has begun with', [aPod('node-3', { said: silence })]],
    ['with two pods', [aPod('node-3', going), stuck('node-3')]],
  ])('%s is lost, and nothing else', (_with, pods) => {
    expect(obstacles([...others, ...pods], { unreachable })).toEqual({
      ...{ stuck: 0, stuckAlone: 0, crowded: 0, lost: 1, refusing: 0, refused: 0 },
      isQuotaFull: false,
    });
  });

  it('is not among those whose pods are left to be replaced', () => {
    const daemonSet = rolling({ updatedNumberScheduled: 1 });
    const pods = [...others, aPod('node-3', former)];
    expect(seen(pods, { daemonSet, unreachable }).roll?.outdated).toBe(1);
    const done = rolling({ updatedNumberScheduled: 2 });
    expect(seen(pods, { daemonSet: done, unreachable }).roll).toBeUndefined();
    expect(seen(pods, { daemonSet: done }).roll?.outdated).toBe(1);
  });

  it('is none of those either where its DaemonSet wants no pod on it', () => {
    const daemonSet = rolling({ updatedNumberScheduled: 2, numberMisscheduled: 1 });
    const pods = [...others, aPod('node-3', former)];
    expect(seen(pods, { daemonSet, unreachable }).roll?.outdated).toBe(1);
  });

  it('is none of those either where its pod is a new one', () => {
    const daemonSet = rolling({ updatedNumberScheduled: 2 });
    const pods = [...others, aPod('node-3', { conditions: marked })];
    expect(seen(pods, { daemonSet, unreachable }).roll?.outdated).toBe(1);
  });
});

describe('a quota', () => {
  const refusal: RefusedPod = {
    message:
      'Error creating: pods "cache-x" is forbidden: exceeded quota: exact, requested: limits.memory=40Mi, used: limits.memory=120Mi, limited: limits.memory=120Mi',
    at: now - 60 * second,
  };
  /** Each of its two images may take 20Mi. */
  const limited = (node: string, traits: PodTraits = {}) => {
    const resources = { limits: { memory: '20Mi' } };
    const containers = images.map(({ container, reference }) => ({
      ...{ name: container, image: reference, resources },
    }));
    return aPod(node, { ...traits, spec: { nodeName: node, containers } });
  };
  const all = ['node-1', 'node-2', 'node-3'].map((node) => limited(node));
  const isFull = (...[pods, more]: Parameters<typeof seen>) =>
    obstacles(pods, { refusal, ...more })?.isQuotaFull;

  it('is full when it refuses the next pod and nothing moves', () => {
    expect(isFull(all)).toBe(true);
    expect(isFull(all, { refusal: undefined })).toBe(false);
  });

  it('is not full while a pod that it let in may still get ready', () => {
    expect(isFull([...all, pulling('node-1')])).toBe(false);
    expect(isFull([...all, stuck('node-1')])).toBe(true);
  });

  it('is not full a moment after something has moved', () => {
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: timeAt(now) }];
    const ready = { type: 'ContainersReady', status: 'True', lastTransitionTime: timeAt(now) };
    const fresh = limited('node-1', { conditions: [...conditions, ready] });
    expect(isFull([fresh, ...all.slice(1)])).toBe(false);
    expect(seen([fresh, ...all.slice(1)], { refusal }).againMs).toBe(hopelessAfterMs);
  });

  it('that refused a pod before the last change says nothing of it', () => {
    expect(isFull(all, { refusal: { ...refusal, at: now - 180 * 60 * second } })).toBe(false);
  });

  it('that leaves a node without any pod is not made better by taking pods away', () => {
    const daemonSet = rolling({ currentNumberScheduled: 2 });
    expect(isFull(all.slice(1), { daemonSet })).toBe(false);
  });

  it('is not full for rolls in place where the next pod takes more than the old one leaves', () => {
    const message = refusal.message.replace('=40Mi', '=60Mi');
    expect(isFull(all, { refusal: { ...refusal, message } })).toBe(false);
  });

  it('is not what another refusal tells of', () => {
    const message = 'Error creating: admission webhook "policy" denied the request';
    expect(isFull(all, { refusal: { ...refusal, message } })).toBe(false);
  });
});

describe('a node', () => {
  const refused = (agoMs = second, uid = 'refused') => {
    const pod = ended('node-1', 'Evicted', 'The node had condition: [DiskPressure].');
    const { metadata } = pod;
    return { ...pod, metadata: { ...metadata, uid, creationTimestamp: timeAt(now - agoMs) } };
  };
  const next = aPod('node-1', { uid: 'next', said: silence });
  const inPlace = rolling({ updatedNumberScheduled: 3 }, { maxSurge: 0, maxUnavailable: 1 });
  const gapless = rolling({ updatedNumberScheduled: 3 }, { maxSurge: 1, maxUnavailable: 0 });

  it.each<[string, KubeObject, readonly KubeObject[], number]>([
    ['that has thrown its pod out refuses pods', gapless, [refused()], 1],
    ['does so in a roll too', rolling(), [refused(), old('node-2')], 1],
    ['does so while the next pod is on its way there', gapless, [refused(), next], 1],
    ['does so where that has taken the place of the other', inPlace, [next], 1],
    ['does no more once that has begun', inPlace, [aPod('node-1')], 0],
    ['that has another pod refuses none', gapless, [refused(), aPod('node-1', { uid: 'x' })], 0],
    ['that gets its first pod refuses none', gapless, [next], 0],
  ])('%s', (_what, daemonSet, pods, expected) => {
    expect(seen(pods, { daemonSet }).refusing).toBe(expected);
  });

  it('that has refused a pod is tried again after ten seconds, and the later the longer it has refused pods', () => {
    const since = (seconds: number) => refused((9 + seconds) * second, `refused-${seconds}`);
    const againMs = (...pods: readonly KubeObject[]) => seen(pods, { daemonSet: inPlace }).againMs;
    expect(seen([since(0)], { daemonSet: inPlace })).toMatchObject({
      refusing: 1,
      againMs: second,
    });
    expect(againMs(since(0), since(30))).toBe(second);
    expect(againMs(since(80), since(40), since(0))).toBe(11 * second);
    expect(againMs(since(0), since(86_400))).toBe(1_791 * second);
    const past = [refused(11 * second)];
    expect(seen(past, { daemonSet: inPlace })).toMatchObject({ refusing: 0, againMs: undefined });
    expect(seen(past, { daemonSet: rolling() }).refusing).toBe(1);
  });

  it('that refuses pods is not among those whose pods are left to be replaced', () => {
    const former = { ...refused(), spec: aPod('node-1', { images: images.slice(1) })['spec'] };
    const pods = [former, refused(), refused(second, 'other'), old('node-2')];
    const status = { updatedNumberScheduled: 1 };
    const { roll } = seen(pods, { daemonSet: rolling(status) });
    expect(roll).toMatchObject({ outdated: 1, obstacles: { refusing: 1, refused: 2 } });
    const done = rolling({ updatedNumberScheduled: 2 });
    expect(seen(pods, { daemonSet: done })).toMatchObject({ roll: undefined, refusing: 1 });
  });

  it('that has no pod for a moment looks like one in a roll, which replaces nothing', () => {
    const others = [aPod('node-1'), aPod('node-2')];
    const daemonSet = rolling({ updatedNumberScheduled: 2 });
    const { roll, replacesPods } = seen(others, { daemonSet });
    expect(roll?.outdated).toBe(1);
    expect(replacesPods()).toBe(false);
    const former = aPod('node-3', { images: images.slice(1) });
    expect(seen([...others, former], { daemonSet }).replacesPods()).toBe(true);
    expect(seen([], { daemonSet, pods: undefined }).replacesPods()).toBe(true);
  });

  it('that does not answer refuses none', () => {
    const unreachable = () => new Set(['node-1']);
    expect(seen([next], { daemonSet: inPlace, unreachable }).refusing).toBe(0);
  });
});

describe('the rolls of several DaemonSets', () => {
  it('are told together', () => {
    const first = rolling({}, { maxSurge: 2, maxUnavailable: 0 });
    const inPlace = rolling({}, { maxSurge: 0, maxUnavailable: 1 });
    const second = { ...inPlace, metadata: { ...inPlace.metadata, uid: 'd2' } };
    const pods = [old('node-1'), stuck('node-1'), stuck('node-1', { owner: 'd2', uid: 'x' })];
    const unreachable = () => new Set<string>();
    const records = pods.map(projectPod);
    const rolls = rollsOf({ daemonSets: [first, second], pods: records, unreachable, now });
    expect(rolls).toEqual({ isInPlace: true, refusing: 0, passed: 2 });
    expect(rollsOf({ daemonSets: [first], pods: [], unreachable, now })).toEqual({
      isInPlace: false,
      refusing: 0,
      passed: 0,
    });
  });

  it('in place are told with the nodes that refuse their pods, and others without', () => {
    const pods = [old('node-1'), ended('node-3', 'Evicted', 'DiskPressure')].map(projectPod);
    const rolls = (maxSurge: number) => {
      const daemonSets = [rolling({}, { maxSurge, maxUnavailable: 1 })];
      return rollsOf({ daemonSets, pods, unreachable: () => new Set<string>(), now });
    };
    expect(rolls(0)).toMatchObject({ isInPlace: true, refusing: 1 });
    expect(rolls(1)).toMatchObject({ isInPlace: false, refusing: 0 });
  });
});
