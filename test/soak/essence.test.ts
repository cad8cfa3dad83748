import type { KubeObject } from '../../src/kube/objects.ts';
import { differences, essenceOf } from './essence.ts';

const aCache = (metadata: object, spec: object): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'cache', namespace: 'one', ...metadata },
  spec,
});

const former = aCache(
  { uid: '5d3f7e62-53d4-4a5d-8f5e-0a1f3f0f8b11', resourceVersion: '12', generation: 3 },
  { a: 1, b: { puller: '5d3f7e62-53d4-4a5d-8f5e-0a1f3f0f8b11', at: '2026-01-01T00:00:00Z' } },
);
const latter = aCache(
  { uid: '00000000-53d4-4a5d-8f5e-0a1f3f0f8b11', resourceVersion: '7', generation: 1 },
  { b: { at: '2026-02-02T10:00:00.123Z', puller: '00000000-53d4-4a5d-8f5e-0a1f3f0f8b11' }, a: 1 },
);

describe('the essence of a cluster', () => {
  it('is the same on another server, at another time, in another order', () => {
    expect(differences(essenceOf([former]), essenceOf([latter]))).toEqual([]);
  });

  it.each([
    ['a value', { a: 2, list: [1, 2] }],
    ['a field more', { a: 1, list: [1, 2], more: 1 }],
    ['the order of a list', { a: 1, list: [2, 1] }],
  ])('differs by %s', (_, spec) => {
    const one = aCache({}, { a: 1, list: [1, 2] });
    expect(differences(essenceOf([one]), essenceOf([aCache({}, spec)]))).toHaveLength(1);
  });

  it('is told from a little before the difference', () => {
    const long = 'x'.repeat(500);
    const [line = ''] = differences(
      essenceOf([aCache({}, { long, where: 'here' })]),
      essenceOf([aCache({}, { long, where: 'there' })]),
    );
    expect(line).toMatch(
      /^DaemonSet one\/cache: x+","where":"here"\}\} \/ x+","where":"there"\}\}$/,
    );
    expect(line.length).toBeLessThan(300);
  });

  it('differs by an object that only one of them has', () => {
    expect(differences(essenceOf([former]), essenceOf([]))).toEqual([
      expect.stringMatching(/^DaemonSet one\/cache: \{.*\} \/ absent$/),
    ]);
  });
});
