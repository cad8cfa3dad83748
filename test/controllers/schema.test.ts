import { type RawSpec, specFields } from '../../src/api/types.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { aPuller } from '../pullers.ts';
import { type Scene, startScene } from './scene.ts';

/** What can stand in JSON where a string is expected, and how the API server's refusal calls it. */
const others: readonly (readonly [value: unknown, type: string])[] = [
  [5, 'number|integer'],
  [true, 'boolean'],
  [{ a: 'b' }, 'object'],
  [['a'], 'array'],
];

describe('the schema of the definition that is installed', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(() => scene.stop());

  it.each(specFields)('stores nothing but a string in spec.%s (row 46)', (field) => {
    for (const [value, type] of others) {
      const puller = aPuller({ [field]: value } as unknown as RawSpec);
      expect(() => scene.cluster.controlPlane.create(imagePullers, puller)).toThrow(
        new RegExp(`spec\\.${field}: Invalid value: "(${type})": .*must be of type string`),
      );
    }
    expect(scene.puller()).toBeUndefined();
    const text = scene.cluster.controlPlane.create(imagePullers, aPuller({ [field]: '5' }));
    expect(text['spec']).toEqual({ [field]: '5' });
    scene.cluster.controlPlane.remove(imagePullers, 'workspaces', 'puller');
  });
});
