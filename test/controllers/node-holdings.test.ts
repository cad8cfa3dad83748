import { nodeHoldings } from '../../src/controllers/node-holdings.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { projectPod } from '../../src/status/pods.ts';
import {
  aDaemonSet,
  aPod,
  creating,
  ended,
  images,
  marked,
  minute,
  now,
  type Said,
  unauthorized,
  unscheduled,
  unspoken,
  waiting,
} from '../status/scenes.ts';

const both = ['registry.example/x:1', 'registry.example/y:2'];
const [first] = both;

/** What the node `n1` holds for the DaemonSet of these pods. */
function on(...pods: readonly KubeObject[]) {
  const nodes = nodeHoldings([aDaemonSet(1)], pods.map(projectPod), now);
  expect(nodes.length).toBeLessThanOrEqual(1);
  const { held = [], firm = [], kept = [] } = nodes[0]?.byDaemonSet.get('d1') ?? {};
  const isReachable = nodes[0]?.isReachable;
  return { isReachable, held: [...held], firm: [...firm], kept: [...kept] };
}

const done = { state: { terminated: { exitCode: 0 } } };
const older = { createdAt: now - 90 * minute, uid: 'older' };
const partly = (state: object) => ({ said: { tools: state } });

describe('what a node holds', () => {
  it('is what runs in its pods, and stays where the pod is ready', () => {
    expect(on(aPod('n1'))).toEqual({ isReachable: true, held: both, firm: both, kept: both });
  });

  it('may be any image of the DaemonSet where nobody can tell what a pod holds', () => {
    const unknown = [{ container: 'my-image', reference: '', names: [] }];
    const old = aPod('n1', { images: unknown });
    expect(on(old)).toMatchObject({ held: expect.arrayContaining(both), firm: [''], kept: [''] });
    const failing = aPod('n1', { images: unknown, said: { 'my-image': unauthorized } });
    expect(on(failing).held).toEqual([]);
  });

  it('does not stay while a pod is not ready: an edit would replace it', () => {
    expect(on(aPod('n1', partly(creating)))).toMatchObject({ firm: [], kept: [] });
  });

  it('stays till the next edit in a pod that lacks nothing but images which cannot be had', () => {
    const stuck = aPod('n1', partly(unauthorized));
    expect(on(stuck)).toMatchObject({ held: [first], firm: [], kept: [first] });
  });

  it('does not stay in such a pod of a former template, which is about to be replaced', () => {
    const former = [...images, { container: 'old', reference: 'registry.example/z:1', names: [] }];
    const stuck = aPod('n1', { ...partly(unauthorized), images: former });
    expect(on(stuck)).toMatchObject({ held: [first, 'registry.example/z:1'], kept: [] });
  });

  it('may be more than is told while containers start: a kubelet tells of all at once', () => {
    const begun = { initContainerStatuses: [{ name: 'copy-sleep', ...done }] };
    const copying = { initContainerStatuses: [{ name: 'copy-sleep', ...creating }] };
    const held = (status: object) => {
      const pod = aPod('n1', { said: { tools: creating, 'my-image': creating } });
      const spec = { ...(pod['spec'] as object), initContainers: [{ name: 'copy-sleep' }] };
      return on({ ...pod, spec, status: { ...(pod['status'] as object), ...status } }).held;
    };
    expect(held(begun)).toEqual(both);
    expect(held(copying)).toEqual([]);
    expect(held({})).toEqual([]);
    expect(on(unscheduled('n1', 'no room')).held).toEqual([]);
  });

  it('does not depend on a sidecar that has started, whether it runs or crashes', () => {
    const sidecar = { name: 'istio-proxy', image: 'istio/proxyv2:1', restartPolicy: 'Always' };
    const beside = (status: object, said: Said = {}) => {
      const pod = aPod('n1', { said });
      const initContainers = [{ name: 'copy-sleep' }, sidecar];
      const initContainerStatuses = [
        { name: 'copy-sleep', ...done },
        { name: 'istio-proxy', ...status },
      ];
      return on({
        ...pod,
        spec: { ...(pod['spec'] as object), initContainers },
        status: { ...(pod['status'] as object), initContainerStatuses },
      });
    };
    const running = { state: { running: {} } };
    const pulling = { 'my-image': creating, tools: creating };
    expect(beside({ ...running, started: true }).held).toEqual(both);
    expect(beside({ ...running, started: true }, pulling).held).toEqual(both);
    expect(beside({ ...running, started: false }, pulling).held).toEqual([]);
    expect(beside({ ...waiting('CrashLoopBackOff'), started: false }).held).toEqual(both);
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
    const nothing = { held: [], firm: [], kept: [] };
    expect(on({ ...going, metadata })).toMatchObject(nothing);
    expect(on(ended('n1', 'Evicted', ''))).toMatchObject(nothing);
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
