import { daemonSets, type KubeObject } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, type SceneOptions, startScene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.stop());

const minute = 60_000;

async function aScene(options: SceneOptions = {}): Promise<void> {
  scene = await startScene({ pullMs: 1000, ...options });
}

/** Applied by whoever administers the namespace. */
function aQuota(hard: Readonly<Record<string, string>>): KubeObject {
  const metadata = { name: 'small', namespace: 'workspaces' };
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } };
}

const list = (...names: readonly string[]) =>
  scene.apply(
    aPuller({ images: names.map((name) => `${name}=quay.io/example/${name}:1`).join(';') }),
  );

/** As somebody does with `kubectl annotate`. */
function annotate(): void {
  const daemonSet = scene.get(daemonSets, 'kubernetes-image-puller') as KubeObject;
  const annotations = { ...daemonSet.metadata.annotations, tried: 'now' };
  const metadata = { ...daemonSet.metadata, annotations };
  scene.cluster.controlPlane.update(daemonSets, { ...daemonSet, metadata });
}

const told = (type: string) => {
  const { status, reason, message } = scene.condition(type) ?? {};
  return `${status} ${reason}: ${message}`;
};
const isReady = () => {
  const { generation } = scene.puller()?.metadata ?? {};
  const ready = scene.condition('Ready');
  return ready?.status === 'True' && ready.observedGeneration === generation;
};

describe('a quota that refuses pods', () => {
  it('is not complained of in a roll after it was raised, also by an operator that was started since', async () => {
    await aScene({ nodes: 4 });
    scene.registries
      .add('quay.io', { servesAnything: true })
      .push('example/slow:1', { pullMs: 2 * minute });
    scene.apply(aQuota({ pods: '2' }));
    list('kept');
    await scene.until(() => scene.condition('Ready')?.reason === 'QuotaExceeded');
    scene.apply(aQuota({ pods: '20' }));
    await scene.until(isReady);
    await scene.pass(5 * minute);
    await scene.stopOperator();
    await scene.startOperator();
    await scene.settle();
    list('kept', 'slow');
    const complaints = new Set<string>();
    await scene.until(() => {
      complaints.add(told('Degraded'));
      return isReady();
    });
    expect([...complaints]).toEqual(['False ReconcileComplete: nothing is wrong']);
  });

  it('goes on being complained of by an operator that is started while it is not raised', async () => {
    await aScene({ nodes: 4 });
    scene.apply(aQuota({ pods: '2' }));
    list('kept');
    await scene.until(() => scene.condition('Ready')?.reason === 'QuotaExceeded');
    await scene.pass(40 * minute);
    const before = told('Degraded');
    await scene.stopOperator();
    await scene.pass(minute);
    await scene.startOperator();
    scene.writes();
    await scene.pass(minute);
    expect(told('Degraded')).toBe(before);
    expect(scene.writes()).toEqual([]);
  });
});

describe('a quota that holds some of the pods', () => {
  const byTurns =
    'Kubernetes tries again within 17 minutes, or as soon as the DaemonSet is annotated';

  it('of a long list is told once, with the sum of the pods that all its parts miss', async () => {
    await aScene({ nodes: 4 });
    scene.apply(aQuota({ pods: '6' }));
    list(...Array.from({ length: 100 }, (_, index) => `image-${index}`));
    await scene.until(() => scene.condition('Ready')?.reason === 'QuotaExceeded');
    await scene.pass(minute);
    expect(scene.cluster.controlPlane.list(daemonSets, 'workspaces')).toHaveLength(4);
    expect(told('Degraded')).toBe(
      `True QuotaExceeded: 10 of 16 pods are refused: the quota small would have to hold 11 more pods, the puller's own included; ${byTurns}`,
    );
  });

  it('holds all, and the puller, once it holds what is said, and is not complained of again', async () => {
    await aScene({ nodes: 5 });
    scene.apply(aQuota({ pods: '4' }));
    list('kept');
    await scene.until(() => scene.condition('Ready')?.reason === 'QuotaExceeded');
    const complaint = `True QuotaExceeded: 1 of 5 nodes gets no pod: the quota small would have to hold 2 more pods, the puller's own included; ${byTurns}`;
    expect(told('Degraded')).toBe(complaint);
    await scene.pass(40 * minute);
    expect(told('Degraded')).toContain(complaint);
    scene.apply(aQuota({ pods: '6' }));
    await scene.pass(10_000);
    expect(told('Degraded')).toContain(complaint);
    annotate();
    await scene.until(isReady);
    await scene.pass(10 * minute);
    expect(told('Degraded')).toBe('False ReconcileComplete: nothing is wrong');
  });
});
