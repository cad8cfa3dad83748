import type { KubeObject } from '../../src/kube/objects.ts';
import type { NodeVerdict } from '../../src/status/node-verdict.ts';
import { projectPod } from '../../src/status/pods.ts';
import { isRolledOut } from '../../src/status/roll-end.ts';
import {
  aDaemonSet,
  aPod,
  creating,
  ended,
  images,
  marked,
  minute,
  nodeNames,
  now,
  type PodTraits,
} from './scenes.ts';

const former = { images: images.slice(0, 1), template: 1 };

/** Pods of the present template on so many nodes. */
const fresh = (nodes: number) => nodeNames(nodes).map((node) => aPod(node));

function isOver(
  pods: readonly KubeObject[],
  daemonSet: KubeObject,
  unreachable: readonly string[] = [],
): boolean {
  const records = pods.map(projectPod);
  const verdictOn = (node: string): NodeVerdict =>
    unreachable.includes(node) ? 'unreachable' : 'pulling';
  const nodes = new Map(records.map(({ node }) => [node, { verdict: verdictOn(node) }] as const));
  return isRolledOut({ daemonSet, pods: records, nodes });
}

describe('a roll of three nodes', () => {
  const counts = { updatedNumberScheduled: 2, numberAvailable: 2 };
  const daemonSet = aDaemonSet(3, { status: counts });
  const beside = (node: string, traits: PodTraits = {}) =>
    aPod(node, { uid: 'old', createdAt: now - 90 * minute, ...traits });

  it.each([
    ['is older and has failed', { status: { phase: 'Failed', reason: 'Evicted' } }],
    ['is older and does not end', { metadata: { deletionTimestamp: '2026-01-01T11:00:00Z' } }],
    ['is of the former list', former],
  ])('is over though beside the new pod of a node there is one that %s', (_how, traits) => {
    expect(isOver([...fresh(3), beside('node-3', traits)], daemonSet)).toBe(true);
  });

  it.each([
    ['has a pod of the former list alone', [aPod('node-3', former)]],
    ['has the images from a pod of a former template', [aPod('node-3', { template: 1 })]],
    ['has a pod that is not ready', [aPod('node-3', { said: { tools: creating } })]],
    ['has thrown its pod out', [ended('node-3', 'Evicted', 'DiskPressure')]],
    ['has none that we have seen', []],
  ])('goes on while a node %s', (_what, pods) => {
    expect(isOver([...fresh(2), ...pods], daemonSet)).toBe(false);
  });

  it('goes on while a node is to have a pod that is not made', () => {
    const short = aDaemonSet(4, { status: { ...counts, currentNumberScheduled: 3 } });
    expect(isOver(fresh(4), short)).toBe(false);
  });

  it('does not wait for a node that does not answer, counted or not', () => {
    const silent = aPod('node-4', { ...former, conditions: marked });
    const more = { ...counts, numberAvailable: 3 };
    for (const desired of [3, 4]) {
      const counted = aDaemonSet(desired, { status: more });
      expect(isOver([...fresh(3), silent], counted, ['node-4'])).toBe(true);
      const pulling = aPod('node-3', { said: { tools: creating } });
      expect(isOver([...fresh(2), pulling, silent], counted, ['node-4'])).toBe(false);
    }
  });

  it('does not wait for a silent node beside one that keeps its pod and is not counted', () => {
    const silent = aPod('node-4', { conditions: marked });
    const tainted = aDaemonSet(3, { status: { numberAvailable: 2, numberMisscheduled: 1 } });
    expect(isOver([...fresh(3), silent], tainted, ['node-4'])).toBe(true);
  });
});

describe('an edit that was undone', () => {
  const edited = (status: object) => {
    const set = aDaemonSet(3, { status });
    const annotations = { 'deprecated.daemonset.template.generation': '4' };
    return { ...set, metadata: { ...set.metadata, annotations } };
  };
  const back = aPod('node-1', { template: 4 });
  const silent = aPod('node-3', { template: 2, conditions: marked });

  it('is over where it is undone, on nodes that it has not reached', () => {
    const counts = { updatedNumberScheduled: 3, numberAvailable: 2 };
    const all = [back, aPod('node-2', { template: 2 }), silent];
    expect(isOver(all, edited(counts), ['node-3'])).toBe(true);
  });

  it('goes on where it is not, on nodes that it has reached', () => {
    const counts = { updatedNumberScheduled: 2, numberAvailable: 2 };
    const all = [back, aPod('node-2', { ...former, template: 3 }), silent];
    expect(isOver(all, edited(counts), ['node-3'])).toBe(false);
  });
});
