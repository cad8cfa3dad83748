import { nodeHoldings } from '../../src/controllers/node-holdings.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { projectPod } from '../../src/status/pods.ts';
import {
  aDaemonSet,
  aPod,
  creating,
  ended,
  marked,
  minute,
  now,
  unauthorized,
  unspoken,
} from '../status/scenes.ts';

const both = ['registry.example/x:1', 'registry.example/y:2'];
const [first] = both;

/** What the node `n1` holds for the DaemonSet of these pods. */
function on(...pods: readonly KubeObject[]) {
  const nodes = nodeHoldings([aDaemonSet(1)], pods.map(projectPod), now);
  expect(nodes.length).toBeLessThanOrEqual(1);
  const { held = new Set(), kept = new Set() } = nodes[0]?.byDaemonSet.get('d1') ?? {};
  return { isReachable: nodes[0]?.isReachable, held: [...held], kept: [...kept] };
}

const older = { createdAt: now - 90 * minute, uid: 'older' };
const partly = (state: object) => ({ said: { tools: state } });

describe('what a node holds', () => {
  it('is what runs in its pods, and stays where the pod is ready', () => {
    expect(on(aPod('n1'))).toEqual({ isReachable: true, held: both, kept: both });
  });

  it('does not stay while a pod is not ready: an edit would replace it', () => {
    expect(on(aPod('n1', partly(creating)))).toMatchObject({ held: [first], kept: [] });
  });

  it('stays in a pod that lacks nothing but images which cannot be had', () => {
    expect(on(aPod('n1', partly(unauthorized)))).toMatchObject({ held: [first], kept: [first] });
  });

  it('does not stay in the newer of two pods while the older one is there: an edit keeps that', () => {
    const old = aPod('n1', { ...older, ...partly(creating) });
    expect(on(aPod('n1'), old)).toMatchObject({ held: both, kept: [] });
  });

  it('stays in the older of two pods while that is ready', () => {
    const young = aPod('n1', partly(creating));
    expect(on(young, aPod('n1', older))).toMatchObject({ held: both, kept: both });
  });

  it('is not in pods that go, have ended, or belong to another DaemonSet', () => {
    const deletionTimestamp = '2026-01-01T12:00:00Z';
    const going = aPod('n1');
    const metadata = { ...going.metadata, deletionTimestamp };
    expect(on({ ...going, metadata })).toMatchObject({ held: [], kept: [] });
    expect(on(ended('n1', 'Evicted', ''))).toMatchObject({ held: [], kept: [] });
    expect(on(aPod('n1', { owner: 'd2' }))).toMatchObject({ isReachable: undefined });
  });
});

describe('a node', () => {
  it('cannot be reached where its pods were turned not ready from outside', () => {
    expect(on(aPod('n1', { conditions: marked }))).toMatchObject({
      isReachable: false,
      held: both,
    });
  });

  it('cannot be reached where nothing is heard of a pod that it was given a minute ago', () => {
    const silent = { 'my-image': unspoken, tools: unspoken };
    expect(on(aPod('n1', { said: silent }))).toMatchObject({ isReachable: false });
    const young = { said: silent, createdAt: now - minute / 2 };
    expect(on(aPod('n1', young))).toMatchObject({ isReachable: true });
  });
});
