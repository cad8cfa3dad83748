import type { CachedImage } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { holdsImage, type PodRecord, projectPod } from '../../src/status/pods.ts';
import { anyCharacter } from '../any-character.ts';
import { fc } from '../properties.ts';
import {
  aDaemonSet,
  aPod,
  creating,
  marked,
  minute,
  nodeNames,
  now,
  observed,
  unauthorized,
  unspoken,
  waiting,
} from './scenes.ts';

const list: readonly CachedImage[] = ['a', 'b', 'c', 'd'].map((name) => ({
  container: name,
  reference: `registry.example/${name}:1`,
  names: [name],
}));

const said = fc.constantFrom(
  undefined,
  creating,
  unauthorized,
  unspoken,
  waiting('CreateContainerError'),
);

/** A pod of one of two DaemonSets, or of somebody else, on one of five nodes, with part of the list. */
const aPodOfAny = fc
  .record({
    node: fc.constantFrom(...nodeNames(5)),
    owner: fc.constantFrom('d1', 'd2', 'stranger'),
    images: fc.subarray([...list]),
    said: fc.array(said, { minLength: 4, maxLength: 4 }),
    ageMs: fc.constantFrom(0, minute, 5 * minute, 20 * minute),
    isMarked: fc.boolean(),
    uid: fc.uuid(),
  })
  .map(({ node, owner, images, said: words, ageMs, isMarked, uid }) =>
    aPod(node, {
      uid,
      owner,
      images,
      createdAt: now - ageMs,
      said: Object.fromEntries(
        list.flatMap(({ container }, at) => {
          const word = words[at];
          return word === undefined ? [] : [[container, word]];
        }),
      ),
      ...(isMarked && { conditions: marked }),
    }),
  );

const daemonSets = [aDaemonSet(5), aDaemonSet(5, { uid: 'd2' })];

const seenOf = (pods: readonly KubeObject[]) => observed(pods, { images: list, daemonSets });

/** The slow way: node by node, pod by pod, container by container. */
function cachedByHand(pods: readonly PodRecord[], isReachable: (node: string) => boolean) {
  return list.map(({ reference }) => {
    const nodes = pods
      .filter(({ metadata }) => metadata.ownerReferences.some(({ uid }) => uid !== 'stranger'))
      .filter(({ node }) => isReachable(node))
      .filter(({ containers }) =>
        containers.some((each) => each.reference === reference && holdsImage(each)),
      );
    return new Set(nodes.map(({ node }) => node)).size;
  });
}

describe('an observation of any pods', () => {
  it('counts what a look at every container counts', () => {
    fc.assert(
      fc.property(fc.array(aPodOfAny, { maxLength: 20 }), (pods) => {
        const seen = seenOf(pods);
        const isReachable = (node: string) => seen.nodes.get(node)?.verdict !== 'unreachable';
        expect(seen.images.map(({ cached }) => cached)).toEqual(
          cachedByHand(pods.map(projectPod), isReachable),
        );
      }),
    );
  });

  it('has each node in one place, and no more of anything than nodes', () => {
    fc.assert(
      fc.property(fc.array(aPodOfAny, { maxLength: 20 }), (pods) => {
        const { nodesReady, lagging, unreachable, nodes, nodesDesired, images } = seenOf(pods);
        const behind = lagging.reduce((sum, group) => sum + group.nodes.count, 0);
        expect(nodesReady + behind + unreachable.count).toBe(nodes.size);
        for (const { cached, pulling, failing, lackingExcused, failingExcused } of images) {
          expect(cached + pulling + failing).toBeLessThanOrEqual(nodesDesired - unreachable.count);
          expect(failingExcused).toBeLessThanOrEqual(failing);
          expect(lackingExcused).toBeLessThanOrEqual(nodesDesired - cached);
        }
      }),
    );
  });

  it('does not depend on the order in which pods are listed', () => {
    const pods = fc.array(aPodOfAny, { maxLength: 12 });
    fc.assert(
      fc.property(
        pods.chain((each) => fc.tuple(fc.constant(each), shuffled(each))),
        ([one, other]) => {
          expect(comparable(seenOf(other))).toEqual(comparable(seenOf(one)));
        },
      ),
    );
  });

  it('is not changed by pods of somebody else', () => {
    const strangers = fc.array(
      aPodOfAny.map((pod) => ({ ...pod, metadata: { ...pod.metadata, ownerReferences: [] } })),
    );
    fc.assert(
      fc.property(fc.array(aPodOfAny, { maxLength: 8 }), strangers, (pods, others) => {
        expect(comparable(seenOf([...others, ...pods]))).toEqual(comparable(seenOf(pods)));
      }),
    );
  });
});

describe('a record of any pod', () => {
  it('is the same, and the same objects, each time it is made', () => {
    fc.assert(
      fc.property(aPodOfAny, (pod) => {
        const [one, other] = [projectPod(pod), projectPod(structuredClone(pod))];
        expect(other).toEqual(one);
        expect(other.containers).toBe(one.containers);
      }),
    );
  });

  it('can be made of any JSON in place of a status', () => {
    const status = fc.record({
      phase: fc.string(),
      message: fc.string({ unit: anyCharacter, maxLength: 40 }),
      conditions: fc.array(fc.record({ type: fc.string(), status: fc.string() })),
      containerStatuses: fc.array(
        fc.record({
          name: fc.constantFrom('a', 'b', 'x'),
          imageID: fc.string(),
          state: fc.record({
            waiting: fc.record({
              reason: fc.string(),
              message: fc.string({ unit: anyCharacter, maxLength: 40 }),
            }),
          }),
        }),
      ),
    });
    fc.assert(
      fc.property(status, (arbitrary) => {
        const record = projectPod(aPod('node-1', { images: list, status: arbitrary }));
        for (const { message } of record.containers)
          expect(message.length).toBeLessThanOrEqual(300);
      }),
    );
  });
});

describe('5,000 nodes of 40 images', () => {
  const many: readonly CachedImage[] = Array.from({ length: 40 }, (_, index) => ({
    container: `c-${index}`,
    reference: `registry.example/${String(index).padStart(2, '0')}:1`,
    names: [`c-${index}`],
  }));
  let pods: readonly PodRecord[];

  beforeAll(() => {
    pods = nodeNames(5000).map((node) => projectPod(aPod(node, { images: many })));
  });

  it('share one array of containers while all is well', () => {
    expect(new Set(pods.map(({ containers }) => containers)).size).toBe(1);
  });
});

function shuffled(pods: readonly KubeObject[]) {
  return fc.shuffledSubarray([...pods], { minLength: pods.length, maxLength: pods.length });
}

/** Without what is only there to be fast. */
function comparable({ nodes, ...rest }: ReturnType<typeof observed>) {
  const verdicts = [...nodes.values()].map(({ node, verdict, isExcused }) => [
    node,
    verdict,
    isExcused,
  ]);
  const sorted = (groups: readonly object[]) => groups.map((each) => JSON.stringify(each)).sort();
  return { ...rest, lagging: sorted(rest.lagging), verdicts: verdicts.sort() };
}
