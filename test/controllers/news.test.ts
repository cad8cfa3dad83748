import { coreEvents, pods } from '../../src/kube/objects.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.stop());

const isReady = () => scene.condition('Ready')?.status === 'True';

interface Told {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly uid: string };
}

/** What `kubectl describe` shows of the puller, oldest first. */
const told = () =>
  scene.cluster.controlPlane
    .list(coreEvents)
    .map((event) => event as unknown as Told)
    .filter(({ involvedObject }) => involvedObject.uid === scene.puller()?.metadata.uid);
const reasons = () => told().map(({ type, reason }) => `${type} ${reason}`);

describe('Events of a puller', () => {
  it('tell what has changed, when it has changed, and once', async () => {
    scene = await startScene();
    const registry = scene.registries.add('registry.example');
    registry.push('team/a:1');
    scene.apply(aPuller({ images: 'my_A=registry.example/team/a:1' }));
    await scene.until(isReady);
    await scene.settle();
    expect(reasons()).toEqual(['Normal InputMended', 'Normal ImagesCached']);

    scene.apply(aPuller({ images: 'a=registry.example/team/a:1;b=registry.example/team/b:1' }));
    await scene.until(() => scene.condition('Degraded')?.status === 'True');
    await scene.pass(5 * 60_000);
    expect(reasons().slice(2)).toEqual(['Warning ImageFailed']);
    expect(told().at(-1)?.message).toMatch(
      /^b \(registry\.example\/team\/b:1\) fails on [1-3] of 3/,
    );

    registry.push('team/b:1');
    await scene.until(isReady);
    await scene.settle();
    expect(reasons().slice(3)).toEqual(['Normal ImageRecovered', 'Normal ImagesCached']);

    await scene.pass(30 * 60_000);
    expect(reasons()).toHaveLength(5);
  });

  it('tell of what was mended when other values are, and not at each edit', async () => {
    scene = await startScene();
    scene.apply(aPuller({ images: 'my_Image=quay.io/a:1' }));
    await scene.until(isReady);
    scene.apply(aPuller({ images: 'my_Image=quay.io/a:2' }));
    await scene.until(() => scene.status().observedGeneration === 2);
    await scene.settle();
    const mended = () => reasons().filter((reason) => reason === 'Normal InputMended');
    expect(mended()).toHaveLength(1);
    scene.apply(aPuller({ images: 'my_Image=quay.io/a:2;b_=quay.io/b:1' }));
    await scene.until(() => scene.status().observedGeneration === 3);
    await scene.settle();
    expect(told().filter(({ reason }) => reason === 'InputMended')).toHaveLength(2);
  });

  it('tell of a quota also where images are invalid, and that nothing moves', async () => {
    scene = await startScene({ env: { PROGRESS_DEADLINE_SECONDS: '60' } });
    const metadata = { name: 'small', namespace: 'workspaces' };
    const spec = { hard: { pods: '1' } };
    scene.apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec });
    scene.apply(aPuller({ images: 'a=quay.io/a:1;bad' }));
    await scene.until(() => scene.condition('Progressing')?.reason === 'RolloutStalled');
    await scene.settle();
    expect(reasons()).toEqual([
      'Warning InvalidImages',
      'Warning QuotaExceeded',
      'Warning RolloutStalled',
    ]);
    await scene.stopOperator();
    await scene.startOperator();
    await scene.settle();
    expect(reasons()).toHaveLength(3);
  });

  it('are not told again because the operator starts again', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(isReady);
    await scene.settle();
    await scene.stopOperator();
    await scene.startOperator();
    await scene.settle();
    expect(reasons()).toEqual(['Normal ImagesCached']);
  });

  it('are sent before the operator ends', async () => {
    scene = await startScene();
    scene.apply(aPuller());
    await scene.until(isReady);
    await scene.stopOperator();
    expect(reasons()).toEqual(['Normal ImagesCached']);
  });

  it('neither fail nor delay anything where they may not be sent', async () => {
    scene = await startScene();
    scene.failWith((verb) => (verb === 'create' ? new Error('no way') : undefined));
    scene.apply(aPuller());
    await scene.until(isReady);
    await scene.settle();
    expect(reasons()).toEqual([]);
  });
});

describe('the status during a roll-out', () => {
  it('is exact within a second of its end, also where an image fails for good', async () => {
    scene = await startScene({ nodes: 4, pullMs: 2_500 });
    let lastPodAt = 0;
    const isDone = (pod: object) => JSON.stringify(pod).includes('"running"');
    const seen = new Set<string>();
    const forget = scene.cluster.controlPlane.onChange(pods, ({ object }) => {
      const uid = object.metadata.uid ?? '';
      if (!seen.has(uid) && isDone(object)) lastPodAt = scene.clock.monotonic();
      if (isDone(object)) seen.add(uid);
    });
    scene.apply(aPuller({ images: 'a=quay.io/a:1;b=registry.invalid/b:1' }));
    const row = () => scene.status().images?.find(({ name }) => name === 'a');
    await scene.until(() => row()?.nodesReady === 4);
    forget();
    expect(scene.clock.monotonic() - lastPodAt).toBeLessThanOrEqual(1_000);
  });

  it('is written every five seconds at most, and exactly within a second of its end', async () => {
    scene = await startScene({ nodes: 40, pullMs: 1 });
    scene.apply(aPuller());
    await scene.until(isReady);
    await scene.settle();
    scene.writes();
    const begun = scene.clock.monotonic();
    let lastPodAt = 0;
    const isPodReady = (pod: { readonly status?: { readonly phase?: string } }) =>
      pod.status?.phase === 'Running';
    const forget = scene.cluster.controlPlane.onChange(pods, ({ object }) => {
      if (isPodReady(object as object)) lastPodAt = scene.clock.monotonic();
    });
    scene.apply(aPuller({ images: 'new=quay.io/example/new:1;more=quay.io/example/more:1' }));
    await scene.until(() => scene.status().observedGeneration === 2);
    await scene.until(isReady);
    const endedAt = scene.clock.monotonic();
    forget();
    expect(endedAt - lastPodAt).toBeLessThanOrEqual(1_000);
    expect(scene.status()).toMatchObject({ nodesDesired: 40, nodesReady: 40, imagesReady: 2 });
    const writes = scene.writes().filter((write) => write.endsWith('/status')).length;
    // One that the spec has changed, one that it is reached, and counts in their turn.
    expect(writes).toBeLessThanOrEqual(2 + (endedAt - begun) / 5_000);
    await scene.settle();
    expect(scene.writes().filter((write) => write.endsWith('/status'))).toEqual([]);
  });
});
