import type { ImagePullerStatus, RawSpec } from '../../src/api/types.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { ConfigError } from '../../src/errors.ts';
import { ApiError } from '../../src/kube/client.ts';
import {
  configMaps,
  daemonSets,
  deployments,
  type KubeObject,
  type Resource,
  roles,
} from '../../src/kube/objects.ts';
import type { Fields } from '../../src/log.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.stop());

const told = (type: string) => {
  const condition = scene.condition(type);
  return condition && `${condition.status} ${condition.reason}`;
};
const message = (type: string) => scene.condition(type)?.message ?? '';
const uid = () => scene.puller()?.metadata.uid ?? '';

/** Somebody else's object, in the namespace of the puller. */
function aForeign(resource: Resource, name: string): KubeObject {
  const labels = { app: 'theirs' };
  const pod = { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'theirs:1' }] } };
  const bodies: Readonly<Record<string, object>> = {
    ConfigMap: { data: { theirs: 'yes' } },
    DaemonSet: { spec: { selector: { matchLabels: labels }, template: pod } },
    Deployment: { spec: { selector: { matchLabels: labels }, template: pod } },
    Role: { rules: [] },
  };
  return {
    apiVersion: resource.group === '' ? 'v1' : `${resource.group}/${resource.version}`,
    kind: resource.kind,
    metadata: { name, namespace: 'workspaces', labels },
    ...bodies[resource.kind],
  };
}

describe('a name that somebody else has', () => {
  it.each<[Resource, string, RawSpec, string]>([
    [daemonSets, 'theirs', { daemonsetName: 'theirs' }, 'daemonsetName'],
    [configMaps, 'theirs', { configMapName: 'theirs' }, 'configMapName'],
    [deployments, 'theirs', { deploymentName: 'theirs' }, 'deploymentName'],
    [roles, 'theirs-report', { deploymentName: 'theirs' }, 'deploymentName'],
  ])(
    'is left alone, nothing at all is written, and the condition says what to do: $plural',
    async (resource, name, spec, field) => {
      scene = await startScene();
      scene.apply(aForeign(resource, name));
      const before = scene.get(resource, name);
      scene.apply(aPuller(spec));
      await scene.until(() => told('Ready') === 'False NameConflict');
      expect(told('Degraded')).toBe('True NameConflict');
      expect(message('Degraded')).toContain(`${resource.kind} ${name} exists`);
      expect(message('Degraded')).toContain(`spec.${field}`);
      await scene.settle();
      expect(scene.childrenOf(uid())).toEqual([]);
      expect(scene.get(resource, name)?.metadata.uid).toBe(before?.metadata.uid);
      expect(scene.get(resource, name)?.['data']).toEqual(before?.['data']);
      expect(scene.get(resource, name)?.['spec']).toEqual(before?.['spec']);
    },
  );

  it('is taken when the other goes, without waiting for a resync', async () => {
    scene = await startScene();
    scene.apply(aForeign(daemonSets, 'theirs'), aPuller({ daemonsetName: 'theirs' }));
    await scene.until(() => told('Ready') === 'False NameConflict');
    await scene.settle();
    const begun = scene.clock.monotonic();
    scene.cluster.controlPlane.remove(daemonSets, 'workspaces', 'theirs');
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(scene.clock.monotonic() - begun).toBeLessThan(60_000);
  });

  it('is taken when the other goes just before it is watched', async () => {
    scene = await startScene();
    scene.apply(aForeign(daemonSets, 'theirs'));
    scene.failWith((verb, resource) => {
      const isGoing = verb === 'list' && resource === daemonSets;
      if (isGoing && scene.get(daemonSets, 'theirs')) {
        scene.cluster.controlPlane.remove(daemonSets, 'workspaces', 'theirs');
      }
      return undefined;
    });
    scene.apply(aPuller({ daemonsetName: 'theirs' }));
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(scene.clock.monotonic()).toBeLessThan(60_000);
  });

  it('costs next to nothing while it lasts', async () => {
    scene = await startScene();
    scene.apply(aForeign(daemonSets, 'theirs'), aPuller({ daemonsetName: 'theirs' }));
    await scene.until(() => told('Ready') === 'False NameConflict');
    await scene.settle();
    scene.writes();
    await scene.pass(30 * 60_000);
    expect(scene.writes()).toEqual([]);
  });

  it('of a puller whose spec is mended is not watched any more', async () => {
    scene = await startScene();
    scene.apply(aForeign(daemonSets, 'theirs'), aPuller({ daemonsetName: 'theirs' }));
    await scene.until(() => told('Ready') === 'False NameConflict');
    scene.apply(aPuller({ daemonsetName: 'mine' }));
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(scene.childrenOf(uid())).toContain('DaemonSet/mine');
  });
});

describe('a spec that cannot be followed', () => {
  it.each<[string, RawSpec, string]>([
    ['a selector that is no JSON', { nodeSelector: '{' }, 'InvalidNodeSelector'],
    ['tolerations that are no list', { tolerations: '{}' }, 'InvalidTolerations'],
    ['an affinity that is a word', { affinity: 'near' }, 'InvalidAffinity'],
    ['an impossible name', { daemonsetName: 'My_DS' }, 'InvalidName'],
    ['two names alike', { configMapName: 'kubernetes-image-puller-report' }, 'InvalidName'],
    ['too many images', { images: manyImages(501) }, 'TooManyImages'],
    ['a list that fits no ConfigMap', { images: manyImages(30_000) }, 'SpecTooLarge'],
  ])('leaves the children as they are, and creates none: %s', async (_what, spec, reason) => {
    scene = await startScene();
    scene.apply(aPuller(spec));
    await scene.until(() => told('Degraded') === `True ${reason}`);
    expect(told('Ready')).toBe(`False ${reason}`);
    await scene.settle();
    expect(scene.childrenOf(uid())).toEqual([]);

    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    const children = scene.childrenOf(uid()).map((child) => child);
    const images = JSON.stringify(scene.get(daemonSets, 'kubernetes-image-puller')?.['spec']);
    scene.apply(aPuller(spec));
    await scene.until(() => told('Degraded') === `True ${reason}`);
    await scene.settle();
    expect(scene.childrenOf(uid())).toEqual(children);
    expect(JSON.stringify(scene.get(daemonSets, 'kubernetes-image-puller')?.['spec'])).toBe(images);
    expect(scene.status()).toMatchObject({ imagesDesired: 2, nodesReady: 3 });
  });

  it('costs no write while it lasts', async () => {
    scene = await startScene();
    scene.apply(aPuller({ nodeSelector: '{' }));
    await scene.until(() => told('Degraded') === 'True InvalidNodeSelector');
    await scene.settle();
    scene.writes();
    await scene.pass(30 * 60_000);
    expect(scene.writes()).toEqual([]);
  });
});

function manyImages(count: number): string {
  const entry = (_: unknown, index: number) => `i${index}=registry.example/team/image-${index}:1`;
  return Array.from({ length: count }, entry).join(';');
}

describe('input that is mended, skipped or replaced', () => {
  it('skips an entry and caches the others', async () => {
    scene = await startScene();
    scene.apply(aPuller({ images: 'good=quay.io/example/good:1;bad=quay.io/Example/bad:1' }));
    await scene.until(() => scene.status().nodesReady === 3);
    expect(told('Ready')).toBe('False InvalidImages');
    expect(told('Degraded')).toBe('True InvalidImages');
    expect(message('Degraded')).toContain('quay.io/Example/bad:1');
    expect(scene.status().imagesDesired).toBe(1);
  });

  it('is Ready with a field that fell back to its default, and names it', async () => {
    scene = await startScene();
    scene.apply(aPuller({ cachingMemoryLimit: '10MB' }));
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(told('Degraded')).toBe('True InvalidField');
    expect(message('Degraded')).toMatch(/spec\.cachingMemoryLimit.*10MB/);
  });

  it('is Ready with a name that was mended, and says how', async () => {
    scene = await startScene();
    scene.apply(aPuller({ images: 'My_Tool=quay.io/example/tool:1' }));
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(message('Ready')).toMatch(/^the image on all 3 nodes\. .*My_Tool.*my-tool/);
  });

  it('has messages that end at 1,024 characters, however much is wrong', async () => {
    const bad = Array.from({ length: 400 }, (_, index) => `bad${index}=quay.io/Bad/${index}:1`);
    const good = 'good=quay.io/example/good:1';
    scene = await startScene();
    scene.apply(aPuller({ images: [good, ...bad].join(';') }));
    await scene.until(() => scene.status().nodesReady === 3);
    expect(message('Degraded').length).toBeLessThanOrEqual(1024);
    expect(message('Degraded')).toMatch(/and \d+ more$/);
  });

  it('counts all of what is wrong, not only what it can tell', async () => {
    const bad = Array.from({ length: 500 }, (_, index) => `bad${index}=quay.io/B/${index}:1`);
    scene = await startScene();
    scene.apply(aPuller({ images: ['good=quay.io/example/good:1', ...bad].join(';') }));
    await scene.until(() => told('Degraded') === 'True InvalidImages');
    expect(message('Ready')).toMatch(/^500 entries of spec\.images had to be skipped/);
    const shown = new Set(message('Degraded').match(/bad\d+=/g));
    const [, more] = /and (\d+) more$/.exec(message('Degraded')) ?? [];
    expect(shown.size + Number(more)).toBe(500);
  });

  it('is Ready where no node matches', async () => {
    scene = await startScene();
    scene.apply(aPuller({ nodeSelector: '{"disk":"ssd"}' }));
    await scene.until(() => told('Ready') === 'True NoMatchingNodes');
    expect(told('Progressing')).toBe('False ReconcileComplete');
  });

  it('says so where its pods have to be near others that there are not', async () => {
    scene = await startScene();
    const labelSelector = { matchLabels: { app: 'nobody-has-it' } };
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector };
    const podAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
    scene.apply(aPuller({ affinity: JSON.stringify({ podAffinity }) }));
    await scene.until(() => told('Ready') === 'False Unschedulable');
    expect(scene.condition('Degraded')?.message).toContain(
      "no room for the cache: node(s) didn't match pod affinity rules; change spec.affinity",
    );
  });

  it('takes a spec that is empty as the defaults', async () => {
    scene = await startScene();
    scene.apply(aPuller({}));
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(scene.status().imagesDesired).toBe(2);
  });

  // As the API server does by the schema of crds/.
  it.each([
    ['a number', 5],
    ['an object', { a: 1 }],
    ['a list', ['a']],
    ['a boolean', true],
  ])('never sees a value of another type: %s is refused by the schema', async (_what, images) => {
    scene = await startScene();
    const puller = aPuller({ images: images as unknown as string });
    expect(() => scene.cluster.controlPlane.create(imagePullers, puller)).toThrow(
      /spec\.images: Invalid value: .*must be of type string/,
    );
  });

  it('never sees null or unknown fields: they are pruned', async () => {
    scene = await startScene();
    const spec = { images: null, unknown: 'field', cachingIntervalHours: '2' };
    const puller = aPuller(spec as unknown as RawSpec);
    scene.cluster.controlPlane.create(imagePullers, puller);
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(scene.puller()?.['spec']).toEqual({ cachingIntervalHours: '2' });
  });

  it('takes a puller with the longest name there is', async () => {
    const name = 'p'.repeat(253);
    scene = await startScene();
    scene.apply(aPuller({}, { name }));
    await scene.until(() => scene.condition('Ready', name)?.status === 'True');
    expect(scene.childrenOf(scene.puller(name)?.metadata.uid ?? '')).toHaveLength(7);
  });
});

describe('a roll-out that does not advance', () => {
  const oneBad = { images: 'good=quay.io/example/good:1;bad=registry.invalid/bad:1' };

  it('is stalled after its deadline, while the other images are cached', async () => {
    scene = await startScene({ env: { PROGRESS_DEADLINE_SECONDS: '30' } });
    scene.apply(aPuller(oneBad));
    await scene.until(() => told('Degraded') === 'True ImagesFailing');
    expect(told('Ready')).toBe('False ImagesFailing');
    await scene.pass(25_000);
    expect(told('Progressing')).toBe('True ImagesPulling');
    expect(told('Stalled')).toBeUndefined();
    await scene.until(() => told('Progressing') === 'False RolloutStalled');
    expect(told('Stalled')).toBe('True ImagesFailing');
    expect(message('Degraded')).toContain('The roll-out does not advance');
    for (const node of scene.workloads.nodes) {
      const names = scene.workloads.imagesOn(node).flatMap((image) => image.names);
      expect(names).toContain('quay.io/example/good:1');
    }
  });

  it('is not said to advance again only because the operator started again', async () => {
    scene = await startScene({ env: { PROGRESS_DEADLINE_SECONDS: '30' } });
    scene.apply(aPuller(oneBad));
    await scene.until(() => told('Progressing') === 'False RolloutStalled');
    await scene.settle();
    await scene.stopOperator();
    scene.writes();
    await scene.startOperator();
    await scene.settle();
    expect(told('Progressing')).toBe('False RolloutStalled');
    expect(scene.writes()).toEqual([]);
  });

  it('goes on when the image can be pulled', async () => {
    scene = await startScene({ env: { PROGRESS_DEADLINE_SECONDS: '30' } });
    const registry = scene.registries.add('registry.example');
    scene.apply(aPuller({ images: 'late=registry.example/late:1' }));
    await scene.until(() => told('Progressing') === 'False RolloutStalled');
    registry.push('late:1');
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(told('Degraded')).toBe('False ReconcileComplete');
  });
});

describe('a roll-out that was stalled', () => {
  const bad = { images: 'bad=registry.invalid/bad:1' };
  const env = { PROGRESS_DEADLINE_SECONDS: '30' };

  it('does not make the next one stalled that begins while the operator is away', async () => {
    scene = await startScene({ env, pullMs: 20_000 });
    scene.apply(aPuller(bad));
    await scene.until(() => told('Progressing') === 'False RolloutStalled');
    await scene.settle();
    await scene.stopOperator();
    scene.apply(aPuller({ images: 'good=quay.io/example/good:1' }));
    await scene.startOperator();
    await scene.until(() => scene.status().observedGeneration === 2);
    expect(told('Progressing')).toBe('True ImagesPulling');
    expect(told('Degraded')).toBe('False ReconcileComplete');
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
  });

  it('is reported though nodes come and go all the time', async () => {
    scene = await startScene({ env });
    scene.apply(aPuller(bad));
    for (let second = 0; second < 60; second += 10) {
      scene.workloads.addNode('guest');
      await scene.pass(5000);
      scene.workloads.removeNode('guest');
      await scene.pass(5000);
    }
    expect(told('Progressing')).toBe('False RolloutStalled');
    expect(told('Stalled')).toBe('True ImagesFailing');
  });
});

describe('a list that becomes empty', () => {
  it('is never said to be held by nodes that hold nothing any more', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    scene.apply(aPuller({ images: '{}' }));
    await scene.until(() => told('Ready') === 'True NoImages');
    expect(scene.status()).toMatchObject({ imagesDesired: 0, nodesDesired: 0, nodesReady: 0 });
  });
});

describe('somebody who keeps changing a child back', () => {
  it('is named in Degraded, and neither condition turns with every round', async () => {
    const turns: string[] = [];
    const take = (text: string, { ready, degraded }: Fields = {}) => {
      if (text === 'status') turns.push(`${ready}, ${degraded}`);
    };
    scene = await startScene({ log: { debug() {}, info: take, warn() {}, error() {} } });
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    turns.length = 0;
    for (let second = 0; second < 180; second += 1) {
      const configMap = scene.get(configMaps, 'k8s-image-puller') as KubeObject;
      const data = { ...(configMap['data'] as object), IMAGES: 'mine=quay.io/mine:1' };
      scene.cluster.controlPlane.update(configMaps, { ...configMap, data });
      await scene.pass(1000);
    }
    expect(turns).toEqual(['True AllResourcesReady, True Contended']);
    expect(message('Degraded')).toMatch(
      /keeps changing data\.IMAGES of ConfigMap k8s-image-puller/,
    );
    await scene.until(() => told('Degraded') === 'False ReconcileComplete');
  });
});

describe('somebody else who writes the status', () => {
  const theirs = (object: KubeObject): KubeObject => {
    const { conditions = [] } = object['status'] as ImagePullerStatus;
    const turned = conditions.map((condition) => ({ ...condition, reason: 'Theirs' }));
    return { ...object, status: { conditions: turned } };
  };

  /** Writes it over for so long, ten times a second, and returns how often it was ours again. */
  async function writtenOver(ms: number): Promise<number> {
    let times = 0;
    for (let passed = 0; passed < ms; passed += 100) {
      const live = scene.puller() as KubeObject;
      if (told('Ready') !== 'True Theirs') {
        times += 1;
        scene.cluster.controlPlane.updateStatus(imagePullers, theirs(live));
      }
      await scene.pass(100);
    }
    return times;
  }

  it('is put right at once, and at growing intervals where it goes on', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    await scene.settle();
    const inTheFirstMinutes = await writtenOver(5 * 60_000);
    // After 1, 2, 4 ... seconds.
    expect(inTheFirstMinutes).toBeGreaterThan(6);
    expect(inTheFirstMinutes).toBeLessThan(12);
    expect(await writtenOver(20 * 60_000)).toBeLessThan(7);
    await scene.pass(5 * 60_000);
    expect(told('Ready')).toBe('True AllResourcesReady');
  });
});

describe('a failure of the API server', () => {
  const unavailable = () => new ApiError('apply', 503, { message: 'try again later' });

  it('that passes within ten seconds turns no condition', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    await scene.settle();
    scene.writes();
    scene.failWith((verb) => (verb === 'apply' ? unavailable() : undefined));
    scene.cluster.controlPlane.remove(configMaps, 'workspaces', 'k8s-image-puller');
    await scene.pass(8000);
    scene.failWith(undefined);
    await scene.until(() => scene.get(configMaps, 'k8s-image-puller') !== undefined);
    expect(scene.writes()).toEqual(['PATCH configmaps/k8s-image-puller']);
  });

  it('that lasts is told, and forgotten when it has passed', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    scene.failWith((_verb, resource) => (resource === configMaps ? unavailable() : undefined));
    scene.cluster.controlPlane.remove(configMaps, 'workspaces', 'k8s-image-puller');
    await scene.until(() => told('Degraded') === 'True ReconcileError');
    expect(message('Degraded')).toContain('try again later');
    scene.failWith(undefined);
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(told('Degraded')).toBe('False ReconcileComplete');
  });

  it('that keeps only a status from being written is tried again, though nothing happens', async () => {
    scene = await startScene();
    const conflict = new ApiError('apply', 409, { message: 'the object has been modified' });
    scene.failWith((verb, resource) =>
      verb === 'apply' && resource === imagePullers ? conflict : undefined,
    );
    scene.apply(aPuller());
    // Longer than anything takes, and shorter than what is looked at anew in any case.
    await scene.pass(60_000);
    expect(scene.status()).toEqual({});
    scene.failWith(undefined);
    await scene.pass(5_000);
    expect(told('Ready')).toBe('True AllResourcesReady');
  });

  it('is told at once to a puller that has no status yet', async () => {
    scene = await startScene();
    scene.failWith((_verb, resource) => (resource === configMaps ? unavailable() : undefined));
    scene.apply(aPuller());
    await scene.until(() => told('Degraded') === 'True ReconcileError');
  });

  it('is a refusal where it names a rule: told at once, tried again the later the longer it lasts', async () => {
    scene = await startScene();
    const tries: number[] = [];
    scene.failWith((verb, resource) => {
      if (verb !== 'apply' || resource !== daemonSets) return undefined;
      tries.push(scene.clock.monotonic());
      return new ApiError('apply', 422, { reason: 'Invalid', message: 'a policy forbids it' });
    });
    scene.apply(aPuller());
    await scene.until(() => told('Degraded') === 'True Rejected');
    expect(message('Degraded')).toContain('a policy forbids it');
    expect(told('Stalled')).toBe('True Rejected');
    await scene.pass(16 * 60_000);
    // The first is the dry run that finds out how resources are asked for.
    const times = tries.slice(1);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(gaps.map((ms) => Math.round(ms / 1000))).toEqual([10, 20, 40, 80, 160, 300, 300]);
    expect(scene.childrenOf(scene.puller()?.metadata.uid ?? '')).toEqual([]);
  });
});

describe('something beside the cache that the server does not take', () => {
  const webhook = 'admission webhook "policy.example.com" denied the request: no';
  const right = 'User "operator" cannot patch resource "deployments" in API group "apps"';
  /** The Deployment is refused; returns how often. */
  const refusing = (said: string) => {
    const tries: number[] = [];
    scene.failWith((verb, resource) => {
      if (verb !== 'apply' || resource !== deployments) return undefined;
      tries.push(scene.clock.monotonic());
      return new ApiError('apply', 403, { reason: 'Forbidden', message: said });
    });
    return tries;
  };

  it.each([
    ['by what admits objects', webhook, 'Rejected'],
    ['for want of a right', right, 'Forbidden'],
  ])('%s leaves Ready to the nodes, and is told', async (_why, said, reason) => {
    scene = await startScene();
    refusing(said);
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    await scene.until(() => told('Degraded') === `True ${reason}`);
    await scene.pass(20 * 60_000);
    expect(message('Degraded')).toContain(said);
    expect(told('Ready')).toBe('True AllResourcesReady');
    expect(told('Progressing')).toBe(`False ${reason}`);
    expect(scene.condition('Stalled')).toBeUndefined();
  });

  it('holds up no change of the cache', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    refusing(webhook);
    scene.apply(aPuller({ daemonsetName: 'renamed' }));
    await scene.until(() => scene.get(daemonSets, 'kubernetes-image-puller') === undefined);
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
  });

  it('is tried again no sooner than the server asks, where that is busy', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    const tries: number[] = [];
    scene.failWith((verb, resource) => {
      if (verb !== 'apply' || resource !== deployments) return undefined;
      tries.push(scene.clock.monotonic());
      return tries.length > 1 ? undefined : new ApiError('apply', 429, { message: 'busy' }, 7_000);
    });
    scene.apply(aPuller({ cachingIntervalHours: '7' }));
    await scene.until(() => tries.length > 1);
    expect((tries[1] ?? 0) - (tries[0] ?? 0)).toBeGreaterThanOrEqual(7_000);
  });

  it('is not sent again with every event', async () => {
    scene = await startScene({ pullMs: 1000 });
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    const tries = refusing(webhook);
    scene.apply(aPuller({ cachingIntervalHours: '7' }));
    for (let node = 0; node < 60; node += 1) {
      scene.workloads.addNode(`more-${node}`);
      await scene.pass(1000);
    }
    expect(tries).toHaveLength(3);
  });
});

describe("a puller's Deployment that is not available", () => {
  it('is reported after a minute and does not touch Ready', async () => {
    scene = await startScene({ env: { RELATED_IMAGE_OPERATOR: 'registry.invalid/operator:1' } });
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    await scene.pass(30_000);
    expect(told('Degraded')).toBe('False ReconcileComplete');
    await scene.pass(60_000);
    await scene.until(() => told('Degraded') === 'True DeploymentNotAvailable');
    expect(told('Ready')).toBe('True AllResourcesReady');
  });
});

describe('where the operator may work', () => {
  it('is every namespace, unless it is told otherwise', async () => {
    scene = await startScene();
    scene.apply(aPuller(), aPuller({}, { namespace: 'elsewhere' }));
    await scene.until(
      () =>
        scene.condition('Ready')?.status === 'True' &&
        scene.condition('Ready', 'puller', 'elsewhere')?.status === 'True',
    );
  });

  it('are the namespaces of WATCH_NAMESPACE, with rights in these alone', async () => {
    scene = await startScene({
      env: { WATCH_NAMESPACE: 'workspaces,default' },
      rightsIn: ['workspaces', 'default'],
    });
    scene.apply(
      aPuller(),
      aPuller({}, { namespace: 'default' }),
      aPuller({}, { namespace: 'elsewhere' }),
    );
    await scene.until(
      () =>
        scene.condition('Ready')?.status === 'True' &&
        scene.condition('Ready', 'puller', 'default')?.status === 'True',
    );
    await scene.settle();
    expect(scene.status('puller', 'elsewhere')).toEqual({});
  });

  it('is not held up by one namespace in which a right is missing', async () => {
    scene = await startScene({
      env: { WATCH_NAMESPACE: 'elsewhere,workspaces' },
      rightsIn: ['workspaces'],
    });
    scene.apply(aPuller(), aPuller({}, { namespace: 'elsewhere' }));
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    expect(scene.status('puller', 'elsewhere')).toEqual({});
  });

  it('is told where a kind cannot be read, and goes on when it can', async () => {
    scene = await startScene({ rightsIn: ['workspaces'], env: { WATCH_NAMESPACE: 'workspaces' } });
    await scene.stopOperator();
    const name = 'kubernetes-image-puller-operator-role';
    const role = scene.get(roles, name) as KubeObject;
    const rules = (role['rules'] as { resources: string[] }[]).filter(
      ({ resources }) => !resources.includes('daemonsets'),
    );
    scene.cluster.controlPlane.update(roles, { ...role, rules });
    scene.apply(aPuller());
    await scene.startOperator();
    await scene.until(() => told('Degraded') === 'True Forbidden');
    expect(message('Degraded')).toMatch(/cannot list resource "(daemonsets|deployments)"/);
    expect(scene.childrenOf(uid())).toEqual([]);
    scene.cluster.controlPlane.update(roles, {
      ...(scene.get(roles, name) as KubeObject),
      rules: role['rules'],
    });
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
  });

  it('is told where a kind cannot be read any more, and nothing is decided by what it was like', async () => {
    scene = await startScene({ rightsIn: ['workspaces'], env: { WATCH_NAMESPACE: 'workspaces' } });
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    const name = 'kubernetes-image-puller-operator-role';
    const role = scene.get(roles, name) as KubeObject;
    const rules = (role['rules'] as { resources: string[]; verbs: string[] }[]).map((rule) =>
      rule.resources.includes('daemonsets') ? { ...rule, verbs: ['patch', 'delete', 'get'] } : rule,
    );
    scene.cluster.controlPlane.update(roles, { ...role, rules });
    await scene.until(() => told('Degraded') === 'True Forbidden');
    expect(message('Degraded')).toMatch(/cannot (list|watch) resource "(daemonsets|deployments)"/);
    scene.apply(aPuller({ images: 'other=quay.io/example/other:1' }));
    await scene.pass(15 * 60_000);
    expect(told('Ready')).toBe('False Forbidden');
    scene.cluster.controlPlane.update(roles, {
      ...(scene.get(roles, name) as KubeObject),
      rules: role['rules'],
    });
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
  });

  it('is told where a right is missing, and goes on when it is granted', async () => {
    scene = await startScene({ rightsIn: ['workspaces'], env: { WATCH_NAMESPACE: 'workspaces' } });
    const role = scene.get(roles, 'kubernetes-image-puller-operator-role') as KubeObject;
    const rules = (role['rules'] as { resources: string[] }[]).map((rule) =>
      rule.resources.includes('daemonsets') ? { ...rule, verbs: ['get', 'list', 'watch'] } : rule,
    );
    scene.cluster.controlPlane.update(roles, { ...role, rules });
    scene.apply(aPuller());
    await scene.until(() => told('Degraded') === 'True Forbidden');
    expect(message('Degraded')).toMatch(/cannot patch resource "daemonsets"/);
    expect(told('Stalled')).toBeUndefined();
    await scene.until(() => told('Stalled') === 'True Forbidden');
    scene.cluster.controlPlane.update(roles, {
      ...(scene.get(roles, 'kubernetes-image-puller-operator-role') as KubeObject),
      rules: role['rules'],
    });
    await scene.pass(5 * 60_000);
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
  });
});

describe('the server', () => {
  const runAsUser = () =>
    JSON.stringify(scene.get(daemonSets, 'kubernetes-image-puller')).includes('"runAsUser"');

  it.each(['route.openshift.io/v1', 'config.openshift.io/v1'])(
    'that serves %s is an OpenShift, where no uids are set',
    async (group) => {
      scene = await startScene({ groups: [group] });
      scene.apply(aPuller());
      await scene.until(() => scene.get(daemonSets, 'kubernetes-image-puller') !== undefined);
      expect(runAsUser()).toBe(false);
    },
  );

  it('that serves neither gets uids', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(() => scene.get(daemonSets, 'kubernetes-image-puller') !== undefined);
    expect(runAsUser()).toBe(true);
  });

  it('that is too old is refused with a sentence', async () => {
    scene = await startScene();
    await scene.stopOperator();
    const old = startScene({ version: 'v1.24.17' });
    await expect(old).rejects.toThrow(ConfigError);
    await expect(old).rejects.toThrow(/v1\.24\.17.*maxSurge.*1\.25 or newer/);
  });
});

describe('the log', () => {
  it('has a line with the key for each thing that changed the world, and no other', async () => {
    const lines: string[] = [];
    const take = (text: string, fields: Fields = {}) =>
      lines.push([fields['key'], text, fields['kind'], fields['name']].filter(Boolean).join(' '));
    scene = await startScene({ log: { debug() {}, info: take, warn: take, error: take } });
    scene.apply(aPuller());
    await scene.until(() => told('Ready') === 'True AllResourcesReady');
    await scene.settle();
    const about = lines.filter((line) => line.startsWith('workspaces/puller '));
    expect(about.filter((line) => line.includes('created')).sort()).toEqual([
      'workspaces/puller created ConfigMap k8s-image-puller',
      'workspaces/puller created ConfigMap kubernetes-image-puller-report',
      'workspaces/puller created DaemonSet kubernetes-image-puller',
      'workspaces/puller created Deployment kubernetes-image-puller',
      'workspaces/puller created Role kubernetes-image-puller-report',
      'workspaces/puller created RoleBinding kubernetes-image-puller-report',
      'workspaces/puller created ServiceAccount k8s-image-puller',
    ]);
    expect(about.filter((line) => line.endsWith(' status'))).toHaveLength(2);
    expect(about).toHaveLength(9);
    expect(scene.cluster.controlPlane.list(imagePullers)).toHaveLength(1);
  });
});
