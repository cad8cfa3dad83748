import { daemonSets, type KubeObject, pods } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.stop());

interface PodSpec {
  readonly initContainers?: readonly { readonly image: string }[];
  readonly containers: readonly { readonly image: string }[];
}

const mirror = (reference: string) => reference.replace(/^quay\.io/, 'mirror.example/quay');

function mirrored(spec: PodSpec): PodSpec {
  const containers = spec.containers.map((one) => ({ ...one, image: mirror(one.image) }));
  const { initContainers } = spec;
  return {
    ...spec,
    ...(initContainers && {
      initContainers: initContainers.map((one) => ({ ...one, image: mirror(one.image) })),
    }),
    containers,
  };
}

/** Writes the references of a mirror, as a policy for pods does. */
function inPods(object: KubeObject): KubeObject {
  return object.kind === 'Pod' ? { ...object, spec: mirrored(object['spec'] as PodSpec) } : object;
}

/** The same as a policy for what makes pods does. */
function inDaemonSets(object: KubeObject): KubeObject {
  if (object.kind !== 'DaemonSet') return object;
  const spec = object['spec'] as { readonly template: { readonly spec: PodSpec } };
  const { template } = spec;
  return {
    ...object,
    spec: { ...spec, template: { ...template, spec: mirrored(template.spec) } },
  };
}

const tools = 'quay.io/example/tools:1';
const shell = 'quay.io/example/shell:2';
const both = `tools=${tools};shell=${shell}`;

/** What a node once ran and does not at some change of a pod. */
function lossesOf(...references: readonly string[]): readonly string[] {
  const losses: string[] = [];
  scene.cluster.controlPlane.onChange(pods, () => {
    for (const node of scene.workloads.nodes) {
      const running = scene.workloads.runningOn(node);
      const lost = references.filter((each) => !running.includes(mirror(each)));
      if (lost.length > 0) losses.push(`${node}: ${lost.join()}`);
    }
  });
  return losses;
}

const isReady = () => {
  const { generation } = scene.puller()?.metadata ?? {};
  const ready = scene.condition('Ready');
  return ready?.status === 'True' && ready.observedGeneration === generation;
};

const daemonSetNames = () =>
  scene.cluster.controlPlane.list(daemonSets, 'workspaces').map(({ metadata }) => metadata.name);

describe.each([
  ['pods', inPods],
  ['DaemonSets', inDaemonSets],
])('a cluster that writes the references of a mirror into %s', (_, mutate) => {
  beforeEach(async () => {
    scene = await startScene({ nodes: 3, pullMs: 5_000, mutate });
    scene.apply(aPuller({ images: both }));
    await scene.until(isReady);
    await scene.settle();
  });

  it('has its cache told in the references of the spec', () => {
    const rows = scene.status().images?.map(({ reference, nodesReady }) => [reference, nodesReady]);
    expect(rows).toEqual([
      [shell, 3],
      [tools, 3],
    ]);
    const running = scene.workloads.runningOn('node-1');
    expect(running).toEqual(expect.arrayContaining([tools, shell].map(mirror)));
  });

  it('is left in peace', async () => {
    expect(scene.writes().filter((write) => write.includes('daemonsets/'))).toHaveLength(1);
    await scene.pass(3_600_000);
    expect(scene.writes()).toEqual([]);
  });

  it('loses no image on any node while its DaemonSet gets another name', async () => {
    const losses = lossesOf(tools, shell);
    scene.apply(aPuller({ images: both, daemonsetName: 'renamed' }));
    await scene.until(() => isReady() && daemonSetNames().join() === 'renamed');
    expect(losses).toEqual([]);
  });

  it('loses none either where the operator starts anew in the middle of an edit and that', async () => {
    const losses = lossesOf(tools, shell);
    scene.registries.at('mirror.example').push('quay/example/more:3', { pullMs: 60_000 });
    scene.apply(aPuller({ images: `${both};more=quay.io/example/more:3` }));
    await scene.pass(5_000);
    await scene.stopOperator();
    scene.apply(aPuller({ images: both, daemonsetName: 'renamed' }));
    await scene.startOperator();
    await scene.until(() => isReady() && daemonSetNames().join() === 'renamed');
    expect(losses).toEqual([]);
  });

  it('is never told to lack what it holds while an image is added', async () => {
    scene.registries.at('mirror.example').push('quay/example/more:3', { pullMs: 60_000 });
    scene.apply(aPuller({ images: `${both};more=quay.io/example/more:3` }));
    await scene.until(() => {
      const { images = [] } = scene.status();
      const held = images.filter(({ reference }) => reference === tools || reference === shell);
      expect(held.map(({ nodesReady }) => nodesReady)).toEqual([3, 3]);
      return isReady();
    });
    expect(scene.status().images).toHaveLength(3);
  });
});
