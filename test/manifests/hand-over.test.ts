import type { CachedImage } from '../../src/api/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { daemonSet } from '../../src/manifests/daemon-set.ts';
import {
  type HandOver,
  handOver,
  type NodeHoldings,
  type PresentDaemonSet,
  successorDeadlineMs,
} from '../../src/manifests/hand-over.ts';
import { type Part, partsOf } from '../../src/manifests/shards.ts';
import { anInput } from './inputs.ts';

const now = Date.UTC(2026, 0, 2);

const images = (count: number): readonly CachedImage[] =>
  Array.from({ length: count }, (_, number) => ({
    container: `i${number}`,
    reference: `quay.io/example/${number}:1`,
    names: [`i${number}`],
  })).sort((a, b) => (a.reference < b.reference ? -1 : 1));

const spec = (count: number, daemonsetName = 'cache') => ({ daemonsetName, images: images(count) });

const complete = { observed: true, complete: true };
const rolling = { ...complete, complete: false };

const ago = (ms: number) => ({ creationTimestamp: new Date(now - ms).toISOString() });

/** A DaemonSet as it would be stored, made just now; its uid is its name. */
function present(
  part: Part,
  rollout: PresentDaemonSet['rollout'],
  change: Partial<KubeObject['metadata']> = {},
): PresentDaemonSet {
  const body = daemonSet(anInput(), part);
  const metadata = { ...body.metadata, uid: part.name, ...ago(0), ...change };
  return { object: { ...body, metadata, status: { currentNumberScheduled: 1 } }, rollout };
}

/** A node on which these references are kept, by DaemonSet. */
const node = (kept: Readonly<Record<string, readonly string[]>>, more = {}): NodeHoldings => ({
  isReachable: true,
  byDaemonSet: new Map(
    Object.entries(kept).map(([uid, references]) => [
      uid,
      { held: new Set(references), firm: new Set(references), kept: new Set(references) },
    ]),
  ),
  ...more,
});

const references = ({ images }: Pick<Part, 'images'>) => images.map(({ reference }) => reference);
const held = ({ parts }: HandOver) =>
  Object.fromEntries(parts.map((part) => [part.name, references(part)]));
const released = ({ released }: HandOver) => released.map(({ metadata }) => metadata.name);

const whole = (count: number, name = 'cache'): Part => ({ name, images: images(count) });
const [left, right] = partsOf(spec(41)) as [Part, Part];

describe('a list that grows beyond one DaemonSet', () => {
  const before = whole(40);

  it('has its first DaemonSet unchanged, but for the new image, while the second is made', () => {
    const next = handOver({
      spec: spec(41),
      present: [present(before, complete)],
      nodes: () => [],
      now,
    });
    const added = new Set([...references(before), ...references(left)]);
    expect(held(next)).toEqual({
      cache: references(spec(41)).filter((reference) => added.has(reference)),
      'cache-s1': references(right),
    });
  });

  const begun = {
    spec: spec(41),
    present: [present(before, complete), present(right, rolling)],
    now,
  };
  const full = node({ cache: references(before), 'cache-s1': references(right) });

  it('keeps every image with the first until the last node has the last one with the second', () => {
    const [missing = '', ...others] = references(right).filter((each) =>
      references(before).includes(each),
    );
    const partly = node({ cache: references(before), 'cache-s1': others });
    const next = handOver({ ...begun, nodes: () => [full, partly] });
    expect(held(next)['cache']).toContain(missing);
    expect(held(next)['cache']).toEqual(expect.arrayContaining([...others]));
    const done = handOver({ ...begun, nodes: () => [full, full] });
    expect(held(done)['cache']).toEqual(references(left));
  });

  it('waits for no node that cannot be reached', () => {
    const lost = node({ cache: references(before) }, { isReachable: false });
    expect(held(handOver({ ...begun, nodes: () => [full, lost] }))['cache']).toEqual(
      references(left),
    );
  });

  it('waits for no image that the first holds nowhere', () => {
    const [failing = '', ...others] = references(right);
    const node1 = node({
      cache: references(before).filter((each) => each !== failing),
      'cache-s1': others,
    });
    expect(held(handOver({ ...begun, nodes: () => [node1] }))['cache']).toEqual(references(left));
  });

  it('counts on nothing that the next edit of the second could take away', () => {
    const nothing = new Set<string>();
    const pod = { held: new Set(references(right)), firm: nothing, kept: nothing };
    const starting = {
      isReachable: true,
      byDaemonSet: new Map([...full.byDaemonSet, ['cache-s1', pod]]),
    };
    const next = handOver({ ...begun, nodes: () => [starting] });
    expect(held(next)['cache']).toEqual(expect.arrayContaining(references(before)));
  });

  it('counts on no pod of a template that lacks the image or is not followed yet', () => {
    const nodes = () => [full];
    const lacking = { ...right, images: right.images.slice(1) };
    for (const second of [
      present(lacking, rolling),
      present(right, { ...rolling, observed: false }),
    ]) {
      const next = handOver({ ...begun, present: [present(before, complete), second], nodes });
      expect(held(next)['cache']).toEqual(expect.arrayContaining(references(before)));
    }
  });

  it('counts on no DaemonSet that is about to go', () => {
    const going = { deletionTimestamp: new Date(now).toISOString() };
    const next = handOver({
      ...begun,
      present: [present(before, complete), present(right, complete, going)],
      nodes: () => [full],
    });
    expect(held(next)['cache']).toEqual(expect.arrayContaining(references(before)));
  });

  it('waits while it sees fewer pods than there are', () => {
    const next = handOver({ ...begun, nodes: () => [node({ 'cache-s1': references(right) })] });
    expect(held(next)['cache']).toEqual(expect.arrayContaining(references(before)));
  });

  it('goes by complete roll-outs where pods cannot be read', () => {
    const nodes = () => undefined;
    const waiting = handOver({ ...begun, nodes });
    expect(held(waiting)['cache']).toEqual(expect.arrayContaining(references(before)));
    const done = handOver({
      ...begun,
      present: [present(before, complete), present(right, complete)],
      nodes,
    });
    expect(held(done)['cache']).toEqual(references(left));
  });

  it('waits for pods of a complete second that are not known to be ready yet, and for no others', () => {
    const done = { ...begun, present: [present(before, complete), present(right, complete)] };
    const some = (held: Readonly<Record<string, readonly string[]>>) => node(held).byDaemonSet;
    const unserved = node({ cache: references(before) });
    const coming = new Map(
      [...some({ cache: references(before), 'cache-s1': references(right) })].map(
        ([uid, holding]) =>
          [uid, uid === 'cache' ? holding : { ...holding, kept: new Set<string>() }] as const,
      ),
    );
    const heldBeside = (...nodes: readonly NodeHoldings[]) =>
      held(handOver({ ...done, nodes: () => [full, ...nodes] }))['cache'];
    expect(heldBeside(unserved)).toEqual(references(left));
    expect(heldBeside({ isReachable: true, byDaemonSet: coming })).toEqual(
      expect.arrayContaining([...references(before)]),
    );
    expect(heldBeside({ isReachable: false, byDaemonSet: coming })).toEqual(references(left));
  });

  it('lets go of what leaves the list without asking anybody', () => {
    const shorter = { ...spec(41), images: left.images };
    const next = handOver({ ...begun, spec: shorter, nodes: () => [full] });
    expect(held(next)).toEqual({ cache: references(left) });
    expect(released(next)).toEqual(['cache-s1']);
  });

  it('keeps nothing for containers that somebody else has put into the template', () => {
    const { object, rollout } = present(left, complete);
    const template = structuredClone(object['spec']) as {
      template: { spec: { containers: object[] } };
    };
    template.template.spec.containers.push({ name: 'sidecar', image: references(right)[0] });
    const edited = { object: { ...object, spec: template }, rollout };
    const next = handOver({
      ...begun,
      present: [edited, present(right, rolling)],
      nodes: () => [],
    });
    expect(held(next)['cache']).toEqual(references(left));
  });
});

describe('a DaemonSet that has handed over what it held for others', () => {
  const list = spec(45);
  const [left, right] = partsOf(list) as [Part, Part];
  const before = present(whole(45), rolling);
  const standIn = { ...left, name: 'cache-stand-in', shardOf: 'cache' };
  const nothing = new Set<string>();
  const everything = references(list);
  const all = new Set(everything);
  const ready = { held: all, firm: all, kept: all };
  const starting = { held: all, firm: nothing, kept: nothing };
  const stuck = { held: all, firm: nothing, kept: all };
  const rights = new Set(references(right));
  /** A node on which the second holds all of its own, and the first what is given. */
  const nodeWith = (first: typeof ready, more: Readonly<Record<string, typeof ready>> = {}) => ({
    isReachable: true,
    byDaemonSet: new Map(
      Object.entries({
        cache: first,
        'cache-s1': { held: rights, firm: rights, kept: rights },
        ...more,
      }),
    ),
  });
  const step = (nodes: readonly NodeHoldings[] | undefined, more: object = {}) =>
    handOver({
      spec: list,
      present: [before, present(right, complete)],
      nodes: () => nodes,
      now,
      ...more,
    });

  it('lets go while its pods stay where they are until their successors are ready', () => {
    expect(held(step([nodeWith(ready)]))['cache']).toEqual(references(left));
  });

  it('waits for pods that may get ready, as letting go would replace them at once', () => {
    const next = step([nodeWith(ready), nodeWith(starting)]);
    expect(held(next)).toEqual({
      cache: everything,
      'cache-s1': references(right),
    });
  });

  it('waits for no node that cannot be reached', () => {
    const lost = { ...nodeWith(starting), isReachable: false };
    expect(held(step([nodeWith(ready), lost]))['cache']).toEqual(references(left));
  });

  it('has a stand-in made where pods will not get ready', () => {
    const next = step([nodeWith(starting), nodeWith(stuck)]);
    expect(held(next)).toEqual({
      cache: everything,
      'cache-stand-in': references(left),
      'cache-s1': references(right),
    });
    expect(next.parts[1]).toEqual(standIn);
  });

  const lefts = new Set(references(left));
  const byStandIn = { held: lefts, firm: nothing, kept: lefts };
  const three = [before, present(standIn, rolling), present(right, complete)];

  it('lets go when the stand-in holds its images on every node, and that one stays', () => {
    const covered = nodeWith(stuck, { 'cache-stand-in': byStandIn });
    const waiting = step([covered, nodeWith(stuck)], { present: three });
    expect(held(waiting)['cache']).toEqual(everything);
    expect(released(waiting)).toEqual([]);
    const next = step([covered], { present: three });
    expect(held(next)).toMatchObject({
      cache: references(left),
      'cache-stand-in': references(left),
    });
    expect(released(next)).toEqual([]);
  });

  it('counts on no stand-in that holds something else', () => {
    const other = present({ ...standIn, images: left.images.slice(1) }, rolling);
    const covered = nodeWith(stuck, { 'cache-stand-in': byStandIn });
    const next = step([covered], { present: [before, other, present(right, complete)] });
    expect(held(next)['cache']).toEqual(everything);
  });

  it('has the stand-in removed when it holds its own again, however long that takes', () => {
    const done = [present(left, rolling), ...three.slice(1)];
    const later = { present: done, now: now + 100 * successorDeadlineMs };
    const own = { held: lefts, firm: nothing, kept: nothing };
    const waiting = step([nodeWith(own, { 'cache-stand-in': byStandIn })], later);
    expect(held(waiting)).toEqual({ cache: references(left), 'cache-s1': references(right) });
    expect(released(waiting)).toEqual([]);
    const next = step([nodeWith(byStandIn, { 'cache-stand-in': byStandIn })], later);
    expect(released(next)).toEqual(['cache-stand-in']);
  });

  it('lets go with the next edit of its own, which replaces its pods anyway', () => {
    const [, ...others] = left.images;
    const shorter = { ...list, images: [...others, ...right.images] };
    const next = step([nodeWith(stuck)], { spec: shorter });
    expect(held(next)).toEqual({
      cache: references({ images: others }),
      'cache-s1': references(right),
    });
    const covered = [nodeWith(stuck, { 'cache-stand-in': byStandIn })];
    const beside = step(covered, { spec: shorter, present: three });
    expect(held(beside)).toEqual(held(next));
    expect(released(beside)).toEqual([]);
  });

  it('goes by its own complete roll-out where pods cannot be read', () => {
    expect(held(step(undefined))['cache']).toEqual(everything);
    const done = [present(whole(45), complete), present(right, complete)];
    expect(held(step(undefined, { present: done }))['cache']).toEqual(references(left));
  });

  it('does not count on pods of the second that an edit of that is about to replace', () => {
    const second = { held: rights, firm: nothing, kept: rights };
    const nodes = [nodeWith(ready, { 'cache-s1': second })];
    const scene = { present: [before, present(right, rolling)] };
    expect(held(step(nodes, scene))['cache']).toEqual(references(left));
    const [, ...others] = right.images;
    const shorter = { ...list, images: [...left.images, ...others] };
    const next = step(nodes, { ...scene, spec: shorter });
    expect(held(next)['cache']).toEqual(expect.arrayContaining(references({ images: others })));
  });
});

describe('a list that shrinks into one DaemonSet', () => {
  const after = spec(40);
  const both = [present(whole(40), rolling), present(right, complete)];

  it('keeps the second until the first holds everything, however long that takes', () => {
    const nodes = () => [node({ cache: references(left), 'cache-s1': references(right) })];
    const later = now + 100 * successorDeadlineMs;
    const next = handOver({ spec: after, present: both, nodes, now: later });
    expect(held(next)).toEqual({ cache: references(after) });
    expect(released(next)).toEqual([]);
    expect(next.againMs).toBeUndefined();
  });

  it('lets the second go when the first holds everything of it that is still in the list', () => {
    const nodes = () => [node({ cache: references(after), 'cache-s1': references(right) })];
    expect(released(handOver({ spec: after, present: both, nodes, now }))).toEqual(['cache-s1']);
  });
});

describe('a DaemonSet of a former name', () => {
  const old = present(whole(2, 'former'), complete);
  const young = present(whole(2), rolling);
  const input = { spec: spec(2), present: [old, young], now };

  it('goes when the new one holds what is in the list', () => {
    const nodes = () => [node({ former: references(spec(2)), cache: references(spec(2)) })];
    expect(released(handOver({ ...input, nodes }))).toEqual(['former']);
  });

  const isoAt = (time: number) => new Date(time).toISOString();
  /** What a successor bears since then. */
  const since = (time: number, name = 'cache') => ({
    annotations: { 'che.eclipse.org/successor-since': `${name} ${isoAt(time)}` },
  });
  const holdsAlone = () => [node({ former: references(spec(2)) })];

  it('waits for the new one, and half an hour after that took over no longer', () => {
    const waiting = handOver({ ...input, nodes: holdsAlone });
    expect(released(waiting)).toEqual([]);
    expect(waiting.againMs).toBe(successorDeadlineMs);
    expect(waiting.parts).toMatchObject([{ ...whole(2), successorSince: `cache ${isoAt(now)}` }]);
    const told = [old, present(whole(2), rolling, since(now))];
    const later = (ms: number) =>
      handOver({ ...input, present: told, nodes: holdsAlone, now: now + ms });
    expect(released(later(successorDeadlineMs - 1))).toEqual([]);
    expect(later(60_000).againMs).toBe(successorDeadlineMs - 60_000);
    expect(later(60_000).parts).toEqual(waiting.parts);
    expect(released(later(successorDeadlineMs))).toEqual(['former']);
  });

  it('has its half hour however long ago either of the two was made', () => {
    const long = ago(5 * successorDeadlineMs);
    const both = [present(whole(2, 'former'), complete, long), present(whole(2), rolling, long)];
    const next = handOver({ ...input, present: both, nodes: holdsAlone });
    expect(released(next)).toEqual([]);
    expect(next.againMs).toBe(successorDeadlineMs);
  });

  it('is not kept for longer by edits of the new one, or by a part that an edit adds', () => {
    const grown = spec(41);
    const parts = [present(left, rolling, since(now - 60_000)), present(right, rolling)];
    const former = present(whole(40, 'former'), complete);
    const nodes = () => [node({ former: references(spec(40)) })];
    const next = handOver({ spec: grown, present: [former, ...parts], nodes, now });
    expect(next.againMs).toBe(successorDeadlineMs - 60_000);
    const told = next.parts.map(({ successorSince }) => successorSince);
    expect(new Set(told)).toEqual(new Set([`cache ${isoAt(now - 60_000)}`]));
  });

  it('has its half hour also where the name before it comes back, again and again', () => {
    const between = present(whole(2, 'former'), complete, since(now - 60_000, 'former'));
    const back = (time: number) => present(whole(2), rolling, since(time));
    const step = (second: PresentDaemonSet) =>
      handOver({ ...input, present: [between, second], nodes: holdsAlone });
    expect(step(back(now - 120_000)).againMs).toBe(successorDeadlineMs);
    expect(step(back(now - 30_000)).againMs).toBe(successorDeadlineMs - 30_000);
    // A clock that was set back.
    const ahead = present(whole(2, 'former'), complete, since(now + 5_000, 'former'));
    const next = handOver({ ...input, present: [ahead, back(now)], nodes: holdsAlone });
    expect(next.parts[0]?.successorSince).toBe(`cache ${isoAt(now + 5_001)}`);
  });

  it('has its half hour also where its successor bore another name before', () => {
    const other = present(whole(2), rolling, since(now - 60_000, 'other'));
    const next = handOver({ ...input, present: [old, other], nodes: holdsAlone });
    expect(next.againMs).toBe(successorDeadlineMs);
  });

  it('is nothing that its successor bears once it has gone', () => {
    const next = handOver({
      ...input,
      present: [present(whole(2), complete, since(now))],
      nodes: () => [],
    });
    expect(next.parts[0]).toMatchObject(whole(2));
    expect(next.parts[0]?.successorSince).toBeUndefined();
  });

  it.each([
    ['is about to go', present(whole(2), rolling, { deletionTimestamp: isoAt(now), ...since(0) })],
    ['does not have its images yet', present(whole(1), rolling, since(0))],
  ])('waits as long as it takes while the new one %s', (_which, second) => {
    const next = handOver({ ...input, present: [old, second], nodes: holdsAlone });
    expect(released(next)).toEqual([]);
    expect(next.againMs).toBeUndefined();
  });

  it('waits as long as it takes until the new one exists', () => {
    const next = handOver({ ...input, present: [old], nodes: () => [] });
    expect(released(next)).toEqual([]);
    expect(next.againMs).toBeUndefined();
  });

  it('goes at once when nothing of it is in the list', () => {
    const others = { daemonsetName: 'cache', images: images(10).slice(-2) };
    const next = handOver({ spec: others, present: [old], nodes: () => [], now });
    expect(released(next)).toEqual(['former']);
  });

  it('goes at once when there is no list', () => {
    const next = handOver({ ...input, spec: { ...spec(0) }, nodes: () => [] });
    expect(released(next)).toEqual(['former', 'cache']);
    expect(next.parts).toEqual([]);
  });

  it('holds in place what its successors take over where a part gets its name', () => {
    const second = present(right, complete);
    const renamed = { daemonsetName: 'cache-s1', images: spec(41).images };
    const next = handOver({
      spec: renamed,
      present: [present(left, complete), second],
      nodes: () => [],
      now,
    });
    expect(Object.keys(held(next))).toEqual(['cache-s1', 'cache-s1-s1']);
    expect(held(next)['cache-s1']).toEqual(references(renamed));
    expect(released(next)).toEqual([]);
  });
});

describe('a DaemonSet whose selector is another', () => {
  const withSelector = (matchLabels: Readonly<Record<string, string>>): PresentDaemonSet => {
    const { object, rollout } = present(whole(2), complete);
    const { selector: _, ...rest } = object['spec'] as { selector: object };
    return { object: { ...object, spec: { ...rest, selector: { matchLabels } } }, rollout };
  };

  it('keeps it where the new pods match it as well', () => {
    const peers = { test: 'daemonset-test', 'app.kubernetes.io/name': 'image-puller' };
    const next = handOver({ spec: spec(2), present: [withSelector(peers)], nodes: () => [], now });
    expect(next.parts).toEqual([{ ...whole(2), selector: peers }]);
    expect(released(next)).toEqual([]);
  });

  const foreign = withSelector({ app: 'other' });

  it('gives what it holds to a stand-in, as nobody can change it', () => {
    const nodes = () => [node({ cache: references(spec(2)) })];
    const next = handOver({ spec: spec(2), present: [foreign], nodes, now });
    expect(held(next)).toEqual({ 'cache-stand-in': references(spec(2)) });
    expect(released(next)).toEqual([]);
  });

  it('goes when the stand-in holds everything, or cannot for half an hour', () => {
    const standIn = present(whole(2, 'cache-stand-in'), rolling);
    const input = { spec: spec(2), present: [foreign, standIn], now };
    const holding = { cache: references(spec(2)), 'cache-stand-in': references(spec(2)) };
    expect(released(handOver({ ...input, nodes: () => [node(holding)] }))).toEqual(['cache']);
    const waiting = handOver({ ...input, nodes: () => [node({ cache: references(spec(2)) })] });
    expect(released(waiting)).toEqual([]);
    expect(waiting.againMs).toBe(successorDeadlineMs);
  });

  it('gives the stand-in half an hour of its own, whatever that one bears', () => {
    const annotations = { 'che.eclipse.org/successor-since': 'cache 2020-01-01T00:00:00.000Z' };
    const standIn = present(whole(2, 'cache-stand-in'), complete, { annotations });
    const both = [present(whole(2), rolling), standIn];
    const nodes = () => [node({ 'cache-stand-in': references(spec(2)) })];
    const next = handOver({ spec: spec(2), present: both, nodes, now });
    expect(released(next)).toEqual([]);
    expect(next.againMs).toBe(successorDeadlineMs);
  });

  it('has its name given back by the stand-in', () => {
    const standIn = present(whole(2, 'cache-stand-in'), complete);
    const next = handOver({ spec: spec(2), present: [standIn], nodes: () => [], now });
    expect(held(next)).toEqual({ cache: references(spec(2)) });
    expect(released(next)).toEqual([]);
    const nodes = () => [
      node({ cache: references(spec(2)), 'cache-stand-in': references(spec(2)) }),
    ];
    const both = [present(whole(2), rolling), standIn];
    expect(released(handOver({ spec: spec(2), present: both, nodes, now }))).toEqual([
      'cache-stand-in',
    ]);
  });
});
