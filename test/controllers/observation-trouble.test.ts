import { ApiError } from '../../src/kube/client.ts';
import { coreEvents, daemonSets, type KubeObject, pods, roles } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.stop());

const told = (type: string) => {
  const condition = scene.condition(type);
  return condition && `${condition.status} ${condition.reason}`;
};
const message = (type: string) => scene.condition(type)?.message ?? '';
const becomes = (type: string, claim: string) => scene.until(() => told(type) === claim);

const roleName = 'kubernetes-image-puller-operator-role';

interface Rule {
  readonly resources: readonly string[];
}

/** Takes the right to look at pods away from the operator, or gives it back. */
function mayReadPods(may: boolean): void {
  const role = scene.get(roles, roleName) as KubeObject & { readonly rules: readonly Rule[] };
  const others = role.rules.filter(({ resources }) => !resources.includes('pods'));
  const rule = { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] };
  const rules = may ? [...others, rule] : others;
  scene.cluster.controlPlane.update(roles, { ...role, rules });
}

/** An operator in one namespace, which may not look at pods there. */
async function startBlind(): Promise<void> {
  scene = await startScene({ rightsIn: ['workspaces'], env: { WATCH_NAMESPACE: 'workspaces' } });
  await scene.stopOperator();
  mayReadPods(false);
  await scene.startOperator();
}

describe('an operator that may not read pods', () => {
  it('counts by the DaemonSet, and says in one condition what is missing', async () => {
    await startBlind();
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    expect(told('Degraded')).toBe('True PodsUnreadable');
    expect(message('Degraded')).toMatch(/cannot list resource "pods"/);
    expect(scene.status()).toMatchObject({ nodesDesired: 3, nodesReady: 3, imagesDesired: 2 });
    const { images, imagesReady, imagesFailing } = scene.status();
    expect([images, imagesReady, imagesFailing]).toEqual([undefined, undefined, undefined]);
    const figures = await scene.metrics.text();
    expect(figures).toMatch(/^image_puller_images_desired\{.*\} 2$/m);
    expect(figures).not.toMatch(/^image_puller_images_(?:ready|failing)\{/m);
    await scene.settle();
    scene.writes();
    await scene.pass(20 * 60_000);
    expect(scene.writes()).toEqual([]);
  });

  it('counts the pods that a quota has let in, where it refuses the others', async () => {
    await startBlind();
    const metadata = { name: 'small', namespace: 'workspaces' };
    const spec = { hard: { pods: '2' } };
    scene.apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec });
    scene.apply(aPuller());
    await becomes('Ready', 'False QuotaExceeded');
    await scene.settle();
    expect(scene.status()).toMatchObject({ nodesDesired: 3, nodesReady: 2 });
  });

  it('sees them as soon as it may, without a new start', async () => {
    await startBlind();
    scene.apply(aPuller());
    await becomes('Degraded', 'True PodsUnreadable');
    const begun = scene.clock.monotonic();
    mayReadPods(true);
    await becomes('Degraded', 'False ReconcileComplete');
    expect(scene.status().images).toHaveLength(2);
    expect(scene.clock.monotonic() - begun).toBeLessThan(60_000);
  });

  it('does not go on believing what it saw before the right was taken away', async () => {
    scene = await startScene({ rightsIn: ['workspaces'], env: { WATCH_NAMESPACE: 'workspaces' } });
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    mayReadPods(false);
    await scene.pass(11 * 60_000);
    await becomes('Degraded', 'True PodsUnreadable');
    expect(told('Ready')).toBe('True AllResourcesReady');
  });
});

describe('a list of pods', () => {
  it('that never comes is waited for a while, and then done without', async () => {
    scene = await startScene();
    await scene.stopOperator();
    scene.failWith((verb, resource) =>
      verb === 'list' && resource === pods ? new ApiError('list pods', 504, {}) : undefined,
    );
    await scene.startOperator();
    scene.apply(aPuller());
    await scene.pass(5_000);
    expect(scene.status()).toEqual({});
    expect(scene.get(daemonSets, 'kubernetes-image-puller')).toBeDefined();
    await becomes('Degraded', 'True PodsUnreadable');
    await becomes('Ready', 'True AllResourcesReady');
    scene.failWith(undefined);
    await becomes('Degraded', 'False ReconcileComplete');
  });

  it('that answers 410 half way is begun anew', async () => {
    scene = await startScene({ nodes: 60, pullMs: 1 });
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    await scene.stopOperator();
    let pages = 0;
    scene.failWith((verb, resource) => {
      if (verb !== 'list' || resource !== pods) return undefined;
      pages += 1;
      return pages === 2 ? new ApiError('list pods', 410, { reason: 'Expired' }) : undefined;
    });
    scene.writes();
    await scene.startOperator();
    await scene.settle();
    expect(pages).toBe(5);
    expect(scene.status()).toMatchObject({ nodesDesired: 60, nodesReady: 60 });
    expect(scene.writes()).toEqual([]);
  });
});

describe('pods of others', () => {
  /** As like ours as anybody can make it: our labels, a failing container of our name, on a node of ours. */
  function aForgery(owner: object | undefined): KubeObject {
    const [ours] = scene.cluster.controlPlane.list(pods);
    const { labels } = ours?.metadata ?? {};
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'forged',
        namespace: 'workspaces',
        ...(labels && { labels }),
        ...(owner && { ownerReferences: [owner as never] }),
      },
      spec: {
        nodeName: 'node-1',
        containers: [{ name: 'tools', image: 'registry.invalid/forged:1' }],
      },
    };
  }

  it.each<[string, () => object | undefined]>([
    ['no owner', () => undefined],
    ['an owner of our name', () => ({ ...ownerNamed('kubernetes-image-puller'), uid: 'forged' })],
    ['another owner', () => ownerNamed('theirs')],
  ])('that look like ours, with %s, neither count nor cost anything', async (_what, owner) => {
    scene = await startScene();
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    await scene.settle();
    const before = scene.status();
    scene.writes();
    for (let round = 0; round < 20; round += 1) {
      scene.cluster.controlPlane.create(pods, aForgery(owner()));
      await scene.pass(5_000);
      scene.cluster.controlPlane.remove(pods, 'workspaces', 'forged', { gracePeriodSeconds: 0 });
    }
    await scene.settle();
    expect(scene.status()).toEqual(before);
    expect(scene.writes()).toEqual([]);
  });

  const ownerNamed = (name: string) => ({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    name,
    uid: 'd-1',
    controller: true,
  });
});

describe('a message of a hundred thousand characters', () => {
  it('is cut and made printable wherever it is told', async () => {
    scene = await startScene();
    const registry = scene.registries.add('registry.example');
    registry.pull = () => ({ refusal: `\u001b[31m${'ä\n'.repeat(50_000)}` });
    scene.apply(aPuller({ images: 'a=registry.example/a:1' }));
    await becomes('Degraded', 'True ImagesFailing');
    await scene.settle();
    const [row] = scene.status().images ?? [];
    expect(row?.message?.length).toBeLessThanOrEqual(256);
    for (const { message: text } of scene.status().conditions ?? []) {
      expect(text.length).toBeLessThanOrEqual(1024);
    }
    const news = scene.cluster.controlPlane.list(coreEvents).filter((event) => {
      const { kind } = event['involvedObject'] as { readonly kind: string };
      return kind === 'KubernetesImagePuller';
    });
    expect(news.map((event) => event['reason'])).toEqual(['ImageFailed']);
    // What is left of JSON without backslashes that are told as such: no escapes of its own.
    const json = JSON.stringify([scene.status(), news]).replaceAll(String.raw`\\`, '');
    expect(json).not.toContain('\\');
  });
});

describe('a clock of the operator', () => {
  const hour = 60 * 60_000;

  it.each([
    ['an hour ahead', hour],
    ['an hour behind', -hour],
  ])('%s of the cluster changes nothing of what is told', async (_what, skewMs) => {
    const turns = new Set<string>();
    const info = (text: string, fields: object = {}) => {
      if (text === 'status') turns.add(Object.values(fields).join(', '));
    };
    const log = { debug() {}, info, warn() {}, error() {} };
    scene = await startScene({ skewMs, log, pullMs: 3_000 });
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    await scene.settle();
    expect(scene.status()).toMatchObject({ nodesReady: 3, nodesUnreachable: 0 });
    expect([...turns].filter((turn) => /Unreachable|Stalled|Failing/.test(turn))).toEqual([]);
  });
});

describe('a kubelet that takes its time', () => {
  it.each([
    ['five minutes ahead', 5 * 60_000],
    ['five minutes behind', -5 * 60_000],
  ])('is waited for by an operator whose clock is %s', async (_what, skewMs) => {
    scene = await startScene({ skewMs, pullMs: 20_000 });
    scene.apply(aPuller());
    const onThird = () =>
      scene.cluster.controlPlane.list(pods).find((pod) => nodeOf(pod) === 'node-3');
    await scene.until(() => onThird() !== undefined);
    scene.workloads.setReachable('node-3', false);
    // As if its kubelet had not said a word of it.
    const { containerStatuses, ...status } = { ...(onThird()?.['status'] as Spoken) };
    scene.cluster.controlPlane.update(pods, { ...(onThird() as KubeObject), status });
    await scene.until(() => scene.status().nodesReady === 2);
    expect(containerStatuses).toBeDefined();
    await scene.pass(10_000);
    expect(told('Ready')).toBe('False ImagesPulling');
    await becomes('Ready', 'True AllResourcesReady');
    expect(message('Ready')).toContain('1 node is unreachable: node-3');
  });

  const nodeOf = (pod: KubeObject) => (pod['spec'] as { readonly nodeName?: string }).nodeName;

  interface Spoken {
    readonly containerStatuses?: readonly object[];
  }
});

describe('a burst of failing pods', () => {
  it('is told once of each image, and costs nothing while it goes on', async () => {
    scene = await startScene({ nodes: 40 });
    const images = Array.from({ length: 5 }, (_, i) => `i${i}=registry.invalid/${i}:1`).join(';');
    scene.apply(aPuller({ images }));
    await becomes('Degraded', 'True ImagesFailing');
    await scene.until(() => scene.status().images?.at(-1)?.nodesFailing === 40);
    await scene.settle();
    const writes = scene.writes();
    expect(writes.filter((write) => write === 'POST events')).toHaveLength(5);
    expect(writes.filter((write) => write.endsWith('/status')).length).toBeLessThanOrEqual(5);
    // Back-offs of 200 containers, which change pods all the time and nothing of what they mean.
    await scene.pass(5 * 60_000);
    expect(scene.writes()).toEqual([]);
  });
});

describe('a flood of events of pods', () => {
  it('wakes the puller twice a second at most, and half a second after its end', async () => {
    const runs = async () => {
      const count = /^controller_runtime_reconcile_total\{.*result="success".*\} (\d+)$/gm;
      const counts = [...(await scene.metrics.text()).matchAll(count)];
      return counts.reduce((sum, [, times]) => sum + Number(times), 0);
    };
    scene = await startScene({ nodes: 10 });
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    await scene.settle();
    const before = await runs();
    for (let round = 0; round < 30; round += 1) {
      for (const pod of scene.cluster.controlPlane.list(pods)) {
        const annotations = { round: String(round) };
        const metadata = { ...pod.metadata, annotations };
        scene.cluster.controlPlane.update(pods, { ...pod, metadata });
      }
      await scene.pass(100);
    }
    await scene.pass(1_000);
    const during = (await runs()) - before;
    expect(during).toBeGreaterThanOrEqual(4);
    expect(during).toBeLessThanOrEqual(8);
    await scene.pass(10_000);
    expect((await runs()) - before).toBe(during);
  });
});
