import type { RawSpec } from '../../src/api/types.ts';
import { PodRequestsKnowledge } from '../../src/controllers/pod-requests.ts';
import type { Cache } from '../../src/kube/cache.ts';
import { ApiError, type ApplyOptions } from '../../src/kube/client.ts';
import { daemonSets, type KubeObject, pods, type Resource } from '../../src/kube/objects.ts';
import { silentLog } from '../../src/log.ts';
import { daemonSet } from '../../src/manifests/daemon-set.ts';
import type { PodRequests } from '../../src/manifests/input.ts';
import { podSpecOf } from '../../src/status/pod-cost.ts';
import { projectPod } from '../../src/status/pods.ts';
import { anInput } from '../manifests/inputs.ts';
import { ManualClock } from '../manual-clock.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, type SceneOptions, startScene } from './scene.ts';

const minute = 60_000;
const hour = 60 * minute;

const inputOf = (namespace = 'workspaces', spec?: RawSpec) =>
  anInput(aPuller(spec, { namespace, uid: `uid-${namespace}` }));

/** A DaemonSet of the puller of that namespace, as it would be stored. */
function present(podRequests?: PodRequests): KubeObject {
  const input = inputOf();
  const settings = { ...input.settings, podRequests };
  const made = daemonSet({ ...input, settings }, { name: 'cache', images: input.spec.images });
  return { ...made, metadata: { ...made.metadata, uid: 'uid-cache' } };
}

/** A pod of that DaemonSet that a kubelet has turned away. */
function rejected(reason: string): KubeObject {
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'cache', uid: 'uid-cache' };
  return projectPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'cache-1',
      namespace: 'workspaces',
      uid: 'uid-pod',
      ownerReferences: [{ ...owner, controller: true }],
    },
    spec: { nodeName: 'n1' },
    status: { phase: 'Failed', reason, message: `Pod was rejected: ${reason}` },
  });
}

describe('what is known of requests for whole pods', () => {
  let clock: ManualClock;
  let asked: { readonly resource: Resource; readonly body: KubeObject; options: ApplyOptions }[];
  /** What the server makes of a dry run. */
  let answer: 'keeps' | 'drops' | Error;
  let stored: KubeObject[];
  let seen: KubeObject[];
  let known: PodRequestsKnowledge;

  beforeEach(() => {
    clock = new ManualClock();
    asked = [];
    answer = 'keeps';
    stored = [];
    seen = [];
    const apply = async (resource: Resource, body: KubeObject, options: ApplyOptions) => {
      asked.push({ resource, body, options });
      if (answer instanceof Error) throw answer;
      if (answer === 'keeps') return body;
      const { resources, ...spec } = podSpecOf(body);
      return { ...body, spec: { template: { spec } } };
    };
    const list = (all: () => readonly KubeObject[]): Pick<Cache, 'list'> => ({
      list: (namespace) => all().filter(({ metadata }) => metadata.namespace === namespace),
    });
    known = new PodRequestsKnowledge({
      client: { apply },
      children: new Map([[daemonSets, list(() => stored)]]),
      pods: list(() => seen),
      clock,
      log: silentLog,
    });
  });

  const serverError = () => new ApiError('apply', 500, { message: 'etcd is away' });
  const refusal = () => new ApiError('apply', 403, { message: 'no dry runs here' });
  const conflict = () => new ApiError('apply', 409, { message: 'there is one of that name' });

  it('is asked of the server by a dry run of what would be applied, under a name of its own', async () => {
    expect(await known.of(inputOf())).toBe('kept');
    expect(asked).toHaveLength(1);
    const [{ resource, body, options } = {}] = asked;
    expect([resource, options]).toEqual([
      daemonSets,
      { fieldManager: 'kubernetes-image-puller-operator', force: false, dryRun: true },
    ]);
    expect(body?.metadata).toMatchObject({
      name: 'kubernetes-image-puller-dry-run',
      namespace: 'workspaces',
      resourceVersion: '1',
    });
    expect(body?.metadata.ownerReferences).toBeUndefined();
  });

  it('is no where the server drops them', async () => {
    answer = 'drops';
    expect(await known.of(inputOf())).toBeUndefined();
  });

  it('holds for an hour, in all namespaces', async () => {
    await known.of(inputOf());
    answer = 'drops';
    await clock.advance(hour - 1);
    expect(await known.of(inputOf('elsewhere'))).toBe('kept');
    await clock.advance(1);
    expect(await known.of(inputOf('elsewhere'))).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  it('is not asked for where nothing depends on it', async () => {
    const chosen = { cachingCPURequest: '1m', cachingMemoryRequest: '1Mi' };
    expect(await known.of(inputOf('workspaces', chosen))).toBeUndefined();
    expect(await known.of(inputOf('workspaces', { images: '{}' }))).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is waited for where nothing is made yet: silence is no answer', async () => {
    answer = serverError();
    await expect(known.of(inputOf())).rejects.toThrow('etcd is away');
    answer = 'keeps';
    expect(await known.of(inputOf())).toBe('kept');
  });

  it.each([
    ['without an answer', serverError],
    ['with a refusal of the question', refusal],
    ['with an object of the name that is asked about', conflict],
  ])('is what it was so far, %s', async (_, error) => {
    answer = error();
    stored = [present('kept')];
    expect(await known.of(inputOf())).toBe('kept');
    stored = [present()];
    expect(await known.of(inputOf())).toBeUndefined();

    answer = 'keeps';
    await clock.advance(hour);
    expect(await known.of(inputOf())).toBe('kept');
    answer = error();
    await clock.advance(hour);
    expect(await known.of(inputOf())).toBe('kept');
  });

  it.each([
    ['refuses', refusal],
    ['cannot tell', conflict],
  ])('is asked for in another namespace where one %s, and there in an hour', async (_, error) => {
    answer = error();
    expect(await known.of(inputOf())).toBeUndefined();
    expect(await known.of(inputOf())).toBeUndefined();
    expect(asked).toHaveLength(1);
    answer = 'keeps';
    expect(await known.of(inputOf('elsewhere'))).toBe('kept');
    expect(await known.of(inputOf())).toBe('kept');
    expect(asked).toHaveLength(2);
  });

  describe('and of namespaces that refuse such pods', () => {
    const puller = inputOf().puller;

    it.each([
      'Error creating: pods "cache-x" is forbidden: minimum cpu usage per Container is 10m, but request is 0',
      'Error creating: pods "cache-x" is forbidden: [maximum cpu usage per Container is 1m, but limit is 2m, minimum memory usage per Container is 1Mi, but request is 0]',
      'Error creating: pods "cache-x" is forbidden: minimum memory usage per Pod is 1Gi, but request is 5242880',
      'Error creating: pods "cache-x" is forbidden: cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ])('is learnt from a LimitRange: %s', async (message) => {
      stored = [present('kept')];
      expect(known.learn(puller, [message])).toBe(true);
      expect(await known.of(inputOf())).toBe('refused');
      expect(await known.of(inputOf('elsewhere'))).toBe('kept');
    });

    it('is learnt from a kubelet that is older than the server', async () => {
      stored = [present('kept')];
      seen = [rejected('OutOfpods')];
      expect(known.learn(puller, [])).toBe(false);
      seen = [rejected('PodLevelResourcesNotSupported')];
      expect(known.learn(puller, [])).toBe(true);
      expect(await known.of(inputOf())).toBe('refused');
    });

    it.each([
      'Error creating: pods "cache-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3',
      'Error creating: pods "cache-x" is forbidden: maximum cpu usage per Container is 100m, but limit is 200m',
    ])('is not learnt from what has nothing to do with requests: %s', (message) => {
      stored = [present('kept')];
      expect(known.learn(puller, [message])).toBe(false);
    });

    it('is not learnt from pods whose containers have requests', () => {
      stored = [present()];
      const message = 'minimum cpu usage per Container is 1, but request is 50m';
      expect(known.learn(puller, [message])).toBe(false);
    });

    it('is news once', () => {
      stored = [present('kept')];
      const message = 'minimum cpu usage per Container is 10m, but request is 0';
      expect(known.learn(puller, [message])).toBe(true);
      expect(known.learn(puller, [message])).toBe(false);
    });

    it('is remembered by the DaemonSets, until somebody takes the mark off', async () => {
      stored = [present('refused')];
      expect(await known.of(inputOf())).toBe('refused');
      expect(asked).toEqual([]);
      stored = [present()];
      expect(await known.of(inputOf())).toBe('kept');
    });
  });
});

describe('a puller that leaves its requests open', () => {
  let scene: Scene;

  afterEach(() => scene.stop());

  async function aReadyPuller(options: SceneOptions = {}): Promise<void> {
    scene = await startScene(options);
    scene.apply(aPuller());
    await becomesReady();
  }

  const becomesReady = (name?: string) =>
    scene.until(() => scene.condition('Ready', name)?.status === 'True');
  const cache = (name = 'kubernetes-image-puller') => {
    const live = scene.get(daemonSets, name);
    if (live === undefined) throw new Error(`there is no DaemonSet ${name}`);
    return live;
  };
  const requests = (name?: string) => {
    const { resources, containers } = podSpecOf(cache(name));
    return [resources?.requests, containers[0]?.resources?.requests];
  };
  const podNames = () =>
    scene.cluster.controlPlane.list(pods).flatMap(({ metadata }) => metadata.name ?? []);
  const dryRuns = () => scene.cluster.requests.filter(({ path }) => path.includes('dryRun=All'));

  const once = [
    { cpu: '50m', memory: '5Mi' },
    { cpu: '0', memory: '0' },
  ];
  const each = [undefined, { cpu: '50m', memory: '10Mi' }];
  const mark = { 'che.eclipse.org/requests': 'per-container' };

  /** Refuses containers that ask for less than this. */
  const aLimitRange = (cpu: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'least', namespace: 'workspaces' },
    spec: { limits: [{ type: 'Container', min: { cpu }, default: { cpu: '1' } }] },
  });

  it('reserves them once a pod; the server is asked once, and nothing is written anew later', async () => {
    await aReadyPuller();
    expect(requests()).toEqual(once);
    expect(dryRuns()).toHaveLength(1);
    expect(scene.get(daemonSets, 'kubernetes-image-puller-dry-run')).toBeUndefined();
    await scene.settle();
    scene.writes();
    await scene.pass(1.5 * hour);
    expect(scene.writes()).toEqual([]);
    expect(dryRuns()).toHaveLength(2);
  });

  it('reserves them for each container where the server is older', async () => {
    await aReadyPuller({ version: 'v1.33.4' });
    expect(requests()).toEqual(each);
  });

  it('reserves them for each container where a LimitRange wants that, and goes on to', async () => {
    scene = await startScene();
    scene.apply(aLimitRange('10m'), aPuller());
    await becomesReady();
    expect(requests()).toEqual(each);
    expect(cache().metadata.annotations).toMatchObject(mark);

    const before = podNames();
    await scene.stopOperator();
    await scene.startOperator();
    scene.apply(
      aPuller(
        { daemonsetName: 'other', deploymentName: 'o', configMapName: 'o' },
        { name: 'other' },
      ),
    );
    await becomesReady('other');
    expect(requests('other')).toEqual(each);
    expect(podNames()).toEqual(expect.arrayContaining(before));
  });

  it('says nothing of a refusal that it has overcome', async () => {
    scene = await startScene();
    const told = new Set<string>();
    scene.apply(aLimitRange('10m'), aPuller());
    await scene.until(() => {
      for (const { type, status, reason } of scene.status().conditions ?? []) {
        if (type === 'Degraded') told.add(`${status} ${reason}`);
      }
      return scene.condition('Ready')?.status === 'True';
    });
    expect([...told].filter((text) => text.startsWith('True'))).toEqual([]);
  });

  it('keeps every pod while new ones with requests of their own are refused', async () => {
    scene = await startScene();
    const chosen = { cachingCPURequest: '.05', cachingMemoryRequest: '10Mi' };
    scene.apply(aLimitRange('10m'), aPuller(chosen));
    await becomesReady();
    const before = podNames();
    // The defaults are what was chosen: but for the mark everything is as it was.
    scene.apply(aPuller({}));
    await scene.until(
      () => cache().metadata.annotations?.['che.eclipse.org/requests'] !== undefined,
    );
    await becomesReady();
    expect(requests()).toEqual(each);
    expect(podNames()).toEqual(before);
  });

  /** As somebody does who has done away with what refused pods of the other kind. */
  async function takeOffTheMark(): Promise<void> {
    const ranges: Resource = {
      ...{ group: '', version: 'v1', plural: 'limitranges', kind: 'LimitRange' },
      namespaced: true,
    };
    scene.cluster.controlPlane.remove(ranges, 'workspaces', 'least');
    const { annotations, ...metadata } = cache().metadata;
    scene.cluster.controlPlane.update(daemonSets, { ...cache(), metadata });
    await scene.until(() => requests()[0] !== undefined);
    await becomesReady();
    expect(requests()).toEqual(once);
    expect(cache().metadata.annotations).not.toMatchObject(mark);
  }

  it('tries anew once the mark is taken off', async () => {
    scene = await startScene();
    scene.apply(aLimitRange('10m'), aPuller());
    await becomesReady();
    await takeOffTheMark();
  });

  it('learns nothing from what was refused long ago, also when it starts again', async () => {
    scene = await startScene({ pullMs: minute });
    scene.apply(aLimitRange('10m'), aPuller());
    await becomesReady();
    await takeOffTheMark();
    await scene.stopOperator();
    await scene.startOperator();
    await scene.settle();
    const { images = '' } = aPuller()['spec'] as RawSpec;
    scene.apply(aPuller({ images: `${images};more=quay.io/example/more:1` }));
    await scene.pass(minute / 2);
    await becomesReady();
    expect(requests()[1]).toEqual(once[1]);
    expect(cache().metadata.annotations).not.toMatchObject(mark);
  });
});
