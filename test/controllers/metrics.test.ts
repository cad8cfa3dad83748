import { imagePullers } from '../../src/controllers/keys.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await startScene({ nodes: 3, pullMs: 4_000 });
});
afterEach(() => scene.stop());

/** The value of a sample of the puller; undefined where there is none. */
async function ofPuller(metric: string): Promise<number | undefined> {
  const sample = `${metric}{puller_namespace="workspaces",puller_name="puller"} `;
  const line = (await scene.metrics.text()).split('\n').find((each) => each.startsWith(sample));
  return line === undefined ? undefined : Number(line.slice(sample.length));
}

describe('what is counted of a puller', () => {
  it('follows it from its first pull to its end', async () => {
    scene.apply(aPuller());
    await scene.until(() => scene.condition('Ready')?.status === 'False');
    await scene.pass(2_000);
    expect(await ofPuller('image_puller_images_desired')).toBe(2);
    expect(await ofPuller('image_puller_images_ready')).toBe(0);
    expect(await ofPuller('image_puller_nodes_ready')).toBe(0);
    await scene.until(() => scene.condition('Ready')?.status === 'True');
    await scene.settle();
    expect(await ofPuller('image_puller_images_ready')).toBe(2);
    expect(await ofPuller('image_puller_images_failing')).toBe(0);
    expect(await ofPuller('image_puller_nodes_desired')).toBe(3);
    expect(await ofPuller('image_puller_nodes_ready')).toBe(3);
    expect(await ofPuller('image_puller_since_complete_seconds')).toBe(0);
    // Two images, one after the other, on each of three nodes.
    expect(await ofPuller('image_puller_pull_duration_seconds_count')).toBe(3);
    const seconds = (await ofPuller('image_puller_pull_duration_seconds_sum')) ?? 0;
    expect(seconds / 3).toBeGreaterThanOrEqual(7);
    expect(seconds / 3).toBeLessThan(20);

    scene.cluster.controlPlane.remove(imagePullers, 'workspaces', 'puller', {
      propagationPolicy: 'Background',
    });
    await scene.settle();
    expect(await scene.metrics.text()).not.toContain('puller_name="puller"');
  });

  it('leaves pulls out that nobody saw', async () => {
    scene.apply(aPuller());
    await scene.until(() => scene.condition('Ready')?.status === 'True');
    await scene.stopOperator();
    await scene.startOperator();
    await scene.settle();
    expect(await ofPuller('image_puller_nodes_ready')).toBe(3);
    expect(await ofPuller('image_puller_pull_duration_seconds_count')).toBeUndefined();
  });
});
