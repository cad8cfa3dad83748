import type { V1Container } from '@kubernetes/client-node';
import { aNode, aPod } from './builders.ts';
import { requestsOf, Scene, schedule } from './scheduling.ts';
import type { Node, Pod } from './shapes.ts';

function container(requests: Record<string, string>, limits?: Record<string, string>): V1Container {
  return { name: 'c', resources: { requests, ...(limits && { limits }) } };
}

function aScene(nodes: readonly Node[], ...pods: readonly Pod[]): Scene {
  return new Scene({ nodes, labelsOfNamespace: () => undefined }, pods);
}

describe('what a pod takes of a node', () => {
  it('is the sum over its containers', () => {
    const containers = [container({ cpu: '100m' }), container({ cpu: '0.2', memory: '1Ki' })];
    const taken = requestsOf(aPod('a', { spec: { containers } }));
    expect(taken['cpu']).toBeCloseTo(0.3);
    expect(taken).toMatchObject({ memory: 1024, pods: 1 });
  });

  it('is its largest init container where that is more', () => {
    const initContainers = [container({ cpu: '2' }), container({ cpu: '1', memory: '1k' })];
    const containers = [container({ cpu: '1' })];
    expect(requestsOf(aPod('a', { spec: { containers, initContainers } }))).toEqual({
      cpu: 2,
      memory: 1000,
      pods: 1,
    });
  });

  it('is the limit where nothing is requested', () => {
    const containers = [container({}, { cpu: '3' })];
    expect(requestsOf(aPod('a', { spec: { containers } }))['cpu']).toBe(3);
  });

  it('is what the pod requests as a whole, whatever its containers say', () => {
    const containers = [container({ cpu: '0' }, { cpu: '1' }), container({ cpu: '0' })];
    const spec = { containers, resources: { requests: { cpu: '50m' } } };
    expect(requestsOf(aPod('a', { spec }))['cpu']).toBe(0.05);
  });
});

describe('the scheduler', () => {
  const nodes = [aNode('a'), aNode('b'), aNode('c')];

  it('takes the node with the fewest pods', () => {
    const scene = aScene(nodes, aPod('1', { node: 'a' }), aPod('2', { node: 'c' }));
    expect(schedule(aPod('p'), scene)).toEqual({ node: 'b' });
  });

  it('follows an affinity to one node', () => {
    const affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['c'] }] },
          ],
        },
      },
    };
    expect(schedule(aPod('p', { spec: { affinity } }), aScene(nodes))).toEqual({ node: 'c' });
  });

  it('counts the reasons why a pod fits nowhere', () => {
    const spec = { containers: [container({ cpu: '600m', memory: '2Gi' })] };
    const tainted = aNode('d', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] });
    const scene = aScene(
      [...nodes, tainted],
      aPod('1', { node: 'a', spec }),
      aPod('2', { node: 'b', phase: 'Failed', spec }),
    );
    expect(schedule(aPod('p', { spec }), scene)).toEqual({
      unschedulable:
        '0/4 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 3 Insufficient memory.',
    });
  });

  it('does not put a pod on a cordoned node', () => {
    expect(schedule(aPod('p'), aScene([aNode('a', { unschedulable: true })]))).toEqual({
      unschedulable: '0/1 nodes are available: 1 node(s) had untolerated taint(s).',
    });
  });
});
