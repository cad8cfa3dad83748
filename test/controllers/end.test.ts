import { configMaps } from '../../src/kube/objects.ts';
import { defaultConfigMapName } from '../../src/manifests/names.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await startScene({ nodes: 1 });
});

afterEach(() => scene.stop());

describe('an operator that is asked to end', () => {
  it('watches nothing any more, also where its last run has met a name that somebody else has', async () => {
    const name = defaultConfigMapName;
    const metadata = { name, namespace: 'workspaces' };
    scene.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
    let ended: Promise<void> | undefined;
    let requests = 0;
    // The name turns out to be taken by what this read will answer.
    scene.failWith((verb, resource) => {
      requests += 1;
      if (verb === 'get' && resource === configMaps) ended ??= scene.stopOperator();
      return undefined;
    });
    scene.apply(aPuller());
    await scene.until(() => ended !== undefined);
    await ended;
    expect(scene.condition('Ready')?.reason).toBe('NameConflict');
    const before = requests;
    await scene.pass(10 * 60_000);
    expect(requests).toBe(before);
  });
});
