import { parseSpec } from '../../src/api/parse.ts';
import type { RawSpec } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { children } from '../../src/manifests/children.ts';
import type { PodRequests } from '../../src/manifests/input.ts';
import { peerReservation, standingCost } from '../../src/status/standing-cost.ts';
import { aContainer, text, texts } from './costs.ts';

const settings = {
  operatorImage: 'quay.io/example/operator:1',
  sleeperImage: 'quay.io/example/sleeper:1',
  maxSurge: '10%',
  openshift: false,
  allowedRegistries: [],
};

/** The cost of a puller whose objects are the operator's own, on so many nodes. */
function costOf(
  raw: RawSpec,
  nodes: number,
  maxSurge: number | string = '10%',
  podRequests?: PodRequests,
) {
  const { spec } = parseSpec(raw, { maxImages: 500 });
  const puller = { name: 'puller', namespace: 'default', uid: 'p1' };
  const objects = children({ puller, raw, spec, settings: { ...settings, maxSurge, podRequests } });
  const ofKind = (kind: string) =>
    objects.flatMap(({ body }) => (body.kind === kind ? [body] : []));
  return standingCost({
    spec,
    daemonSets: ofKind('DaemonSet').map((object) => selecting(nodes, object)),
    deployment: ofKind('Deployment')[0],
  });
}

function selecting(nodes: number, object: KubeObject): KubeObject {
  return { ...object, status: { observedGeneration: 1, desiredNumberScheduled: nodes } };
}

function manyImages(count: number): string {
  return Array.from({ length: count }, (_, index) => `i${index}=quay.io/a/${index}:1`).join(';');
}

describe('the standing cost of a puller', () => {
  it('is that of the documented example, by the documented formula', () => {
    const { formula } = costOf({ images: manyImages(5), cachingMemoryLimit: '5Mi' }, 20);
    expect(text(formula)).toBe('20 500Mi');
  });

  it('is told for each node, for all of them, and for what comes on top', () => {
    const { eachNode, allNodes, surge, puller, quota } = costOf({ images: manyImages(40) }, 25);
    expect(texts(eachNode)).toEqual([1, '2 400Mi', '8 800Mi']);
    expect(texts(allNodes)).toEqual([25, '50 10000Mi', '200 20000Mi']);
    expect(texts(surge)).toEqual([3, '6 1200Mi', '24 2400Mi']);
    expect(texts(puller)).toEqual([1, '10m 96Mi', '500m 256Mi']);
    expect(texts(quota)).toEqual([29, '56010m 11296Mi', '224500m 22656Mi']);
  });

  it.each([
    ['10%', 5, 1],
    [2, 5, 2],
    [9, 5, 5],
    // In place, for want of the room for one.
    [0, 5, 1],
    ['10%', 0, 0],
  ])('has a surge of %s of %i nodes: %i pods', (maxSurge, nodes, pods) => {
    expect(costOf({ images: manyImages(1) }, nodes, maxSurge).surge.pods).toBe(pods);
  });

  it('is that of the puller alone where there is no image', () => {
    const { eachNode, quota, formula } = costOf({ images: '{}' }, 5);
    expect([texts(eachNode), texts(quota), text(formula)]).toEqual([
      [0, '0 0', '0 0'],
      [1, '10m 96Mi', '500m 256Mi'],
      '0 0',
    ]);
  });

  it('does not grow with the images where pods have requests of their own', () => {
    const cost = (images: number) => {
      const raw = { images: manyImages(images) };
      return costOf(raw, 25, '10%', 'kept');
    };
    expect(texts(cost(1).eachNode)).toEqual([1, '50m 5Mi', '200m 20Mi']);
    expect(texts(cost(40).eachNode)).toEqual([1, '50m 24Mi', '8 800Mi']);
    expect(texts(cost(40).allNodes)).toEqual([25, '1250m 600Mi', '200 20000Mi']);
    const { pods, requests } = cost(200).eachNode;
    expect(requests.cpu).toBe(BigInt(pods) * cost(1).eachNode.requests.cpu);
    expect(text(peerReservation(40))).toBe('2 400Mi');
  });

  it('never requests more than the limits of the documented rule', () => {
    for (const images of [1, 2, 40, 200]) {
      const { eachNode } = costOf(
        { images: manyImages(images), cachingMemoryLimit: '1Mi', cachingCPULimit: '1m' },
        1,
        0,
        'kept',
      );
      expect(eachNode.requests.memory).toBeLessThanOrEqual(eachNode.limits.memory);
      expect(eachNode.requests.cpu).toBeLessThanOrEqual(eachNode.limits.cpu);
    }
  });

  it('adds up where the images are spread over several DaemonSets', () => {
    const { spec } = parseSpec({ images: manyImages(3) }, { maxImages: 500 });
    const part = (images: number) =>
      selecting(4, {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: `part-${images}` },
        spec: {
          template: { spec: { containers: Array(images).fill(aContainer('50m 10Mi', '.2 20Mi')) } },
        },
      });
    const cost = standingCost({ spec, daemonSets: [part(1), part(2)], deployment: undefined });
    expect(texts(cost.eachNode)).toEqual([2, '150m 30Mi', '600m 60Mi']);
    expect(texts(cost.allNodes)).toEqual([8, '600m 120Mi', '2400m 240Mi']);
    expect(text(cost.formula)).toBe('2400m 240Mi');
  });

  it("has the puller's own pod where that is not made yet", () => {
    const { spec } = parseSpec({ images: manyImages(3) }, { maxImages: 500 });
    const before = standingCost({ spec, daemonSets: [], deployment: undefined });
    const { puller } = costOf({ images: manyImages(3) }, 5);
    expect([before.puller, before.quota]).toEqual([puller, puller]);
  });
});
