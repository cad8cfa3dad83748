import type { ImageStatus, RawSpec } from '../../src/api/types.ts';
import { controllerOf, daemonSets, type KubeObject, pods } from '../../src/kube/objects.ts';
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
/** The row of an image, by what the user called it. */
const row = (name: string): ImageStatus | undefined =>
  scene.status().images?.find((image) => image.name === name);

/** Applied by whoever administers the namespace. */
function aQuota(hard: Readonly<Record<string, string>>): KubeObject {
  const metadata = { name: 'small', namespace: 'workspaces' };
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } };
}

describe('an image that is on all nodes', () => {
  it('is told with what the nodes hold', async () => {
    scene = await startScene();
    const digest = `sha256:${'a'.repeat(64)}`;
    scene.registries.add('registry.example').push('team/tool:1', { digest });
    scene.apply(aPuller({ images: 'My_Tool=registry.example/team/tool:1' }));
    await becomes('Ready', 'True AllResourcesReady');
    expect(scene.status().images).toEqual([
      {
        name: 'My_Tool',
        container: 'my-tool',
        reference: 'registry.example/team/tool:1',
        digest,
        nodesReady: 3,
        nodesFailing: 0,
        lastCompleteTime: scene.status().lastCompleteTime,
      },
    ]);
    expect(scene.status()).toMatchObject({ imagesReady: 1, imagesFailing: 0, nodesReady: 3 });
  });
});

describe('an image that cannot be cached', () => {
  it('is said with its cause and the remedy, row 28', async () => {
    scene = await startScene();
    scene.apply(aPuller({ images: 'a=reg:99999999/a' }));
    await becomes('Degraded', 'True ImagesFailing');
    expect(told('Ready')).toBe('False ImagesFailing');
    expect(message('Ready')).toContain('a (reg:99999999/a): none of 3 nodes can pull it: ');
    expect(row('a')).toMatchObject({ nodesFailing: 3, reason: 'ErrImagePull' });
    expect(row('a')?.message).toContain('invalid port');
    expect(row('a')?.advice).toContain('check the host');
    expect(scene.status()).toMatchObject({ imagesFailing: 1, imagesReady: 0, nodesReady: 0 });
  });

  it('is said to need a pull secret, row 75', async () => {
    scene = await startScene();
    const registry = scene.registries.add('registry.example');
    registry.push('team/secret:1');
    registry.requireSecret('team/secret', 'pull');
    const images = 'my_Image=registry.example/team/secret:1';
    scene.apply(aPuller({ images, imagePullSecrets: 'pull' }));
    await becomes('Degraded', 'True ImagesFailing');
    expect(message('Ready')).toContain(
      'my_Image (registry.example/team/secret:1): none of 3 nodes can',
    );
    expect(message('Ready')).toContain('401 Unauthorized; check imagePullSecrets');
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/dockerconfigjson' };
    const metadata = { name: 'pull', namespace: 'workspaces' };
    const data = { '.dockerconfigjson': 'e30=' };
    scene.apply({ ...secret, metadata, data });
    await becomes('Ready', 'True AllResourcesReady');
    expect(told('Degraded')).toBe('False ReconcileComplete');
  });

  it('on one node only is said with the name of that node', async () => {
    scene = await startScene();
    const registry = scene.registries.add('registry.example');
    registry.push('rare:1');
    const onOne = { 'kubernetes.io/hostname': 'node-1' };
    const images = 'rare=registry.example/rare:1;common=quay.io/example/common:1';
    scene.apply(aPuller({ images, nodeSelector: JSON.stringify(onOne) }));
    await becomes('Ready', 'True AllResourcesReady');
    registry.stop();
    scene.apply(aPuller({ images, nodeSelector: '{}' }));
    await becomes('Degraded', 'True ImagesFailing');
    await scene.until(() => row('rare')?.nodesFailing === 2);
    expect(row('rare')).toMatchObject({ nodesReady: 1, nodesFailing: 2 });
    await scene.until(() => row('common')?.nodesReady === 3);
    expect(message('Ready')).toMatch(/2 of 3 nodes cannot .*\(on node-2 and node-3\)/);
    expect(scene.status().images?.map(({ name }) => name)).toEqual(['rare', 'common']);
  });
});

describe('pods that never come to life', () => {
  it('for want of memory are said to be unschedulable, row 45', async () => {
    scene = await startScene();
    scene.apply(aPuller({ cachingMemoryRequest: '1E', cachingMemoryLimit: '1E' }));
    await becomes('Ready', 'False Unschedulable');
    expect(told('Degraded')).toBe('True Unschedulable');
    expect(message('Degraded')).toMatch(/all 3 nodes .*Insufficient memory/);
  });

  it('for want of quota are said so, with what is missing, until there is room', async () => {
    scene = await startScene();
    scene.apply(aQuota({ pods: '2' }), aPuller());
    await becomes('Ready', 'False QuotaExceeded');
    expect(told('Degraded')).toBe('True QuotaExceeded');
    expect(message('Degraded')).toContain('small');
    scene.apply(aQuota({ pods: '10' }));
    await becomes('Ready', 'True AllResourcesReady');
    await becomes('Degraded', 'False ReconcileComplete');
  });
});

describe('containers without a memory limit', () => {
  it.each<RawSpec>([
    { cachingMemoryRequest: '0', cachingMemoryLimit: '0' },
    { cachingMemoryLimit: '0', cachingCPULimit: '0' },
    { cachingMemoryRequest: '5Mi', cachingMemoryLimit: '0' },
  ])('start like any other, row 42: %j', async (spec) => {
    scene = await startScene();
    scene.apply(aPuller(spec));
    await becomes('Ready', 'True AllResourcesReady');
  });
});

describe('containers that never start', () => {
  it("for a limit of one byte make the roll-out stall, and the kubelet's Event says why, row 43", async () => {
    scene = await startScene({ env: { PROGRESS_DEADLINE_SECONDS: '90' } });
    scene.apply(aPuller({ cachingMemoryLimit: '1' }));
    await becomes('Ready', 'False PodsNotStarting');
    expect(message('Degraded')).toMatch(
      /^node-[123]: its pod does not start: the memory limit is too small .*; raise cachingMemoryLimit/,
    );
    await becomes('Progressing', 'False RolloutStalled');
    expect(told('Stalled')).toBe('True PodsNotStarting');
    expect(message('Ready')).toContain('4Mi');
  });
});

describe('a node', () => {
  it('that does not answer is counted and named, and does not hold up Ready', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    scene.workloads.setReachable('node-2', false);
    await scene.until(() => scene.status().nodesUnreachable === 1);
    expect(told('Ready')).toBe('True AllResourcesReady');
    expect(message('Ready')).toContain('node-2');
    expect(told('Degraded')).toBe('False ReconcileComplete');

    scene.apply(aPuller({ images: 'new=quay.io/example/new:1' }));
    await scene.until(() => scene.status().observedGeneration === 2);
    expect(told('Ready')).toBe('False ImagesPulling');
    await becomes('Ready', 'True AllResourcesReady');
    // Whether the DaemonSet still counts the silent node is left to chance.
    expect(scene.status().nodesReady).toBe(2);

    scene.workloads.setReachable('node-2', true);
    await scene.until(() => scene.status().nodesReady === 3);
    expect(scene.status().nodesUnreachable).toBe(0);
    expect(told('Ready')).toBe('True AllResourcesReady');
  });

  it('that falls silent while it pulls is counted and named some minutes later', async () => {
    scene = await startScene({ pullMs: 60_000 });
    scene.apply(aPuller());
    await scene.pass(10_000);
    scene.workloads.setReachable('node-2', false);
    await scene.until(() => scene.status().nodesReady === 2);
    expect(told('Ready')).toBe('False ImagesPulling');
    await becomes('Ready', 'True AllResourcesReady');
    expect(message('Ready')).toContain('1 node is unreachable: node-2');

    await scene.stopOperator();
    await scene.startOperator();
    await scene.settle();
    expect(scene.status()).toMatchObject({ nodesDesired: 3, nodesReady: 2, nodesUnreachable: 1 });

    scene.workloads.setReachable('node-2', true);
    await scene.until(() => scene.status().nodesReady === 3);
    expect(scene.status().nodesUnreachable).toBe(0);
  });

  it('that is new has ten minutes to get its images', async () => {
    scene = await startScene();
    const registry = scene.registries.add('registry.example');
    registry.push('tool:1');
    scene.apply(aPuller({ images: 'tool=registry.example/tool:1' }));
    await becomes('Ready', 'True AllResourcesReady');
    await scene.pass(15 * 60_000);
    registry.stop();
    scene.workloads.addNode('young');
    await scene.until(() => row('tool')?.nodesFailing === 1);
    expect(told('Ready')).toBe('True AllResourcesReady');
    expect(message('Ready')).toContain('young');
    await scene.pass(9 * 60_000);
    expect(told('Ready')).toBe('True AllResourcesReady');
    await becomes('Ready', 'False ImagesFailing');
    expect(message('Ready')).toMatch(/1 of 4 nodes cannot .*young/);
    registry.start();
    await becomes('Ready', 'True AllResourcesReady');
  });

  it('that goes takes its count along', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    scene.workloads.removeNode('node-3');
    await scene.until(() => scene.status().nodesDesired === 2);
    expect(scene.status()).toMatchObject({ nodesReady: 2, nodesUnreachable: 0 });
    expect(told('Ready')).toBe('True AllResourcesReady');
  });
});

describe('a pod that does not end', () => {
  const images = 'a=quay.io/example/a:1';
  const hold = { finalizers: ['example.com/hold'] };

  /** Keeps the pod of a node from its end. */
  function keepPodOf(node: string): string {
    const pod = scene.cluster.controlPlane
      .list(pods, 'workspaces')
      .filter((each) => controllerOf(each)?.kind === 'DaemonSet')
      .find((each) => (each['spec'] as { nodeName?: string }).nodeName === node) as KubeObject;
    scene.cluster.controlPlane.update(pods, { ...pod, metadata: { ...pod.metadata, ...hold } });
    return pod.metadata.name ?? '';
  }

  it('does not count where its node is selected no more', async () => {
    scene = await startScene();
    scene.apply(aPuller({ images }));
    await becomes('Ready', 'True AllResourcesReady');
    const kept = keepPodOf('node-3');
    const nodeSelectorTerms = [
      { matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['node-3'] }] },
    ];
    const nodeAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
    };
    const affinity = { nodeAffinity };
    scene.apply(aPuller({ images, affinity: JSON.stringify(affinity) }));
    await scene.settle();
    expect(scene.get(pods, kept)?.metadata.deletionTimestamp).toBeDefined();
    await scene.pass(15 * 60_000);
    expect(told('Degraded')).toBe('False ReconcileComplete');
    expect(message('Ready')).toBe('the image on all 2 nodes');
    expect(scene.status()).toMatchObject({ nodesDesired: 2, nodesReady: 2 });
  });
});

describe('a roll for another reason than the list', () => {
  it('leaves Ready True, as no node loses an image', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await becomes('Ready', 'True AllResourcesReady');
    await scene.settle();
    const turns: (string | undefined)[] = [];
    const live = scene.get(daemonSets, 'kubernetes-image-puller') as KubeObject & {
      spec: { template: { metadata: object } };
    };
    const annotations = { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' };
    const template = {
      ...live.spec.template,
      metadata: { ...live.spec.template.metadata, annotations },
    };
    scene.cluster.controlPlane.update(daemonSets, { ...live, spec: { ...live.spec, template } });
    await scene.until(() => {
      turns.push(told('Ready'));
      return told('Progressing') === 'True PodsRolling';
    });
    await scene.until(() => {
      turns.push(told('Ready'));
      return told('Progressing') === 'False ReconcileComplete';
    });
    expect([...new Set(turns)]).toEqual(['True AllResourcesReady']);
  });
});
