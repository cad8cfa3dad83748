import type { KubeObject } from '../../src/kube/objects.ts';
import { projectPod } from '../../src/status/pods.ts';
import { Coverage } from './coverage.ts';

/** A pod on a node whose containers run from these images, of which the last may wait. */
function aPod(uid: string, node: string, images: readonly string[], waiting = ''): KubeObject {
  const all = [...images, ...(waiting ? [waiting] : [])];
  return projectPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: uid, namespace: 'n', uid },
    spec: {
      nodeName: node,
      initContainers: [{ name: 'sleeper', image: 'sleeper' }],
      containers: all.map((image) => ({ name: image, image })),
    },
    status: {
      initContainerStatuses: [{ name: 'sleeper', state: { running: {} } }],
      containerStatuses: images.map((name) => ({ name, state: { running: {} } })),
    },
  });
}

describe('the coverage of nodes', () => {
  let coverage: Coverage;
  beforeEach(() => {
    coverage = new Coverage(['one', 'two']);
    for (const node of ['one', 'two']) add(aPod(`old-${node}`, node, ['a', 'b']));
    coverage.expect(['a', 'b']);
  });

  const add = (object: KubeObject) => coverage.take({ type: 'added', object });
  const remove = (object: KubeObject) => coverage.take({ type: 'deleted', object });
  const update = (object: KubeObject, previous: KubeObject) =>
    coverage.take({ type: 'updated', object, previous });

  it('is complete for images that run on each node, whatever is expected', () => {
    expect(coverage.holds(['a', 'b'])).toBe(true);
    add(aPod('next-one', 'one', ['c']));
    expect(coverage.holds(['c'])).toBe(false);
    add(aPod('next-two', 'two', ['c']));
    expect(coverage.holds(['a', 'c'])).toBe(true);
    remove(aPod('next-one', 'one', ['c']));
    expect(coverage.holds(['c'])).toBe(false);
    coverage.forget(['one']);
    expect(coverage.holds(['c'])).toBe(true);
  });

  it('lacks nothing while each pod goes after its successor runs', () => {
    for (const node of ['one', 'two']) {
      const next = aPod(`new-${node}`, node, ['a'], 'b');
      add(next);
      update(aPod(`new-${node}`, node, ['a', 'b']), next);
      remove(aPod(`old-${node}`, node, ['a', 'b']));
    }
    expect(coverage.worst).toEqual({ reference: '', nodes: 0 });
  });

  it('lacks an image on each node whose pod goes before its successor holds it', () => {
    add(aPod('new-one', 'one', ['a'], 'b'));
    remove(aPod('old-one', 'one', ['a', 'b']));
    expect(coverage.worst).toEqual({ reference: 'b', nodes: 1 });
    remove(aPod('old-two', 'two', ['a', 'b']));
    expect(coverage.worst).toEqual({ reference: 'b', nodes: 2 });
  });

  it('remembers the worst moment after it is over', () => {
    remove(aPod('old-one', 'one', ['a', 'b']));
    add(aPod('new-one', 'one', ['a', 'b']));
    expect(coverage.worst.nodes).toBe(1);
  });

  it('lacks nothing where a pod only says the same again', () => {
    update(aPod('old-one', 'one', ['a', 'b']), aPod('old-one', 'one', ['a', 'b']));
    expect(coverage.worst.nodes).toBe(0);
  });

  it('lacks an image where the container stops running', () => {
    update(aPod('old-one', 'one', ['a'], 'b'), aPod('old-one', 'one', ['a', 'b']));
    expect(coverage.worst).toEqual({ reference: 'b', nodes: 1 });
  });

  it('counts anew from each expectation, and from the start what nobody holds then', () => {
    remove(aPod('old-one', 'one', ['a', 'b']));
    add(aPod('new-one', 'one', ['a', 'b']));
    coverage.expect(['a']);
    expect(coverage.worst.nodes).toBe(0);
    coverage.expect(['a', 'sleeper']);
    expect(coverage.worst).toEqual({ reference: 'sleeper', nodes: 2 });
  });

  it('expects nothing of a node that is forgotten', () => {
    coverage.forget(['one']);
    remove(aPod('old-one', 'one', ['a', 'b']));
    expect(coverage.worst.nodes).toBe(0);
  });
});
