import type { CachedImage, ImagePullerStatus, ImageStatus } from '../../src/api/types.ts';
import { imageRows, listed } from '../../src/status/image-rows.ts';
import type { Summary } from '../../src/status/summarize.ts';
import {
  aPod,
  digest,
  marked,
  minute,
  nodeNames,
  now,
  observed,
  summaryOf,
  unauthorized,
  waiting,
} from './scenes.ts';

type Pods = Parameters<typeof observed>[0];

const rowsOf = (pods: Pods, previous?: readonly ImageStatus[], at = now) =>
  imageRows(observed(pods), { previous: { ...(previous && { images: previous }) }, now: at });

const failingOn = (...nodes: readonly string[]) =>
  nodeNames(3).map((node) =>
    aPod(node, nodes.includes(node) ? { said: { tools: unauthorized } } : {}),
  );

describe('the row of an image', () => {
  it('has what is known of one that every node holds, and no more', () => {
    expect(rowsOf(failingOn())[0]).toEqual({
      name: 'my_Image',
      container: 'my-image',
      reference: 'registry.example/x:1',
      digest: digest('a'),
      nodesReady: 3,
      nodesFailing: 0,
      lastCompleteTime: '2026-01-01T12:00:00Z',
    });
  });

  it('has what a failure is, what it means, and since when it is', () => {
    expect(rowsOf(failingOn('node-2'))[0]).toEqual({
      name: 'tools',
      container: 'tools',
      reference: 'registry.example/y:2',
      digest: digest('a'),
      nodesReady: 2,
      nodesFailing: 1,
      failingSince: '2026-01-01T12:00:00Z',
      reason: 'ErrImagePull',
      message:
        'unexpected status from HEAD request to https://registry.example/v2/x/manifests/1: 401 Unauthorized',
      advice: '401 Unauthorized; check imagePullSecrets',
    });
  });

  it('keeps the time at which the first node failed, until none does', () => {
    const first = rowsOf(failingOn('node-2'));
    const second = rowsOf(failingOn('node-3'), first, now + minute);
    expect(second[0]?.failingSince).toBe('2026-01-01T12:00:00Z');
    const healed = rowsOf(failingOn(), second, now + 2 * minute);
    expect(healed[1]).not.toHaveProperty('failingSince');
    expect(rowsOf(failingOn('node-1'), healed, now + 3 * minute)[0]?.failingSince).toBe(
      '2026-01-01T12:03:00Z',
    );
  });

  describe('tells when its image was complete', () => {
    const seenAt = (pods: Pods, before: Summary | undefined, minutes: number) =>
      summaryOf(pods, { previous: before?.seen ?? {}, at: now + minutes * minute });
    const timeOf = ({ seen }: Summary) =>
      seen.images.find(({ name }) => name === 'tools')?.lastCompleteTime;
    const complete = seenAt(failingOn(), undefined, 0);

    it('since when, while it is', () => {
      expect(timeOf(seenAt(failingOn(), complete, 5))).toBe('2026-01-01T12:00:00Z');
    });

    it('until when, from then on', () => {
      const lost = seenAt(failingOn('node-2'), complete, 5);
      expect(timeOf(lost)).toBe('2026-01-01T12:05:00Z');
      expect(timeOf(seenAt(failingOn('node-2'), lost, 6))).toBe('2026-01-01T12:05:00Z');
      expect(timeOf(seenAt(failingOn(), lost, 7))).toBe('2026-01-01T12:07:00Z');
    });

    it('without the nodes that do not answer', () => {
      const silent = aPod('node-3', { conditions: marked });
      const fewer = seenAt([...failingOn().slice(0, 2), silent], complete, 5);
      expect(timeOf(fewer)).toBe('2026-01-01T12:00:00Z');
      expect(timeOf(seenAt(failingOn(), fewer, 6))).toBe('2026-01-01T12:00:00Z');
    });

    it('not at all where it never was', () => {
      expect(timeOf(seenAt(failingOn('node-1'), undefined, 0))).toBeUndefined();
    });
  });

  it('keeps the cause while an older kubelet backs off and does not tell it', () => {
    const first = rowsOf(failingOn('node-2'));
    const mute = waiting('ImagePullBackOff', 'Back-off pulling image "registry.example/y:2"');
    const second = rowsOf([aPod('node-2', { said: { tools: mute } })], first);
    expect(second[0]).toMatchObject({ advice: '401 Unauthorized; check imagePullSecrets' });
    expect(rowsOf([aPod('node-2', { said: { tools: mute } })])[0]).toMatchObject({
      reason: 'ErrImagePull',
      advice: 'ErrImagePull',
    });
  });

  it('tells where nodes hold different content', () => {
    const other = { tools: { imageID: `x@${digest('b')}` } };
    const pods = nodeNames(3).map((node, index) => aPod(node, index === 0 ? { said: other } : {}));
    expect(rowsOf(pods)[1]).toMatchObject({
      digest: digest('a'),
      reason: 'DigestsDiffer',
      message:
        'nodes hold different content: sha256:aaaaaaaaaaaa on 2 and sha256:bbbbbbbbbbbb on 1',
    });
  });

  it('is printable and short, whatever the user, a kubelet or a registry writes', () => {
    const nasty = `\u001b[2J${'ä\n'.repeat(50_000)}`;
    const images: readonly CachedImage[] = [
      { container: 'c', reference: 'registry.example/x:1', names: [nasty] },
    ];
    const said = { c: waiting(`Odd\u0007${'x'.repeat(500)}`, nasty) };
    const [row] = imageRows(observed([aPod('node-1', { images, said })], { images }), {
      previous: {},
      now,
    });
    const texts = [row?.name, row?.reason, row?.message, row?.advice];
    for (const text of texts) expect(text).toMatch(/^[ -~]{1,256}$/);
  });
});

describe('the rows of a status', () => {
  const images: readonly CachedImage[] = Array.from({ length: 150 }, (_, index) => ({
    container: `c-${index}`,
    reference: `registry.example/${String(index).padStart(3, '0')}:1`,
    names: [`c-${index}`],
  }));

  it('are a hundred, failing ones first, and the others in the order of the list', () => {
    const said = { 'c-140': unauthorized, 'c-120': unauthorized };
    const pods = [
      aPod('node-1', { images, said }),
      aPod('node-2', { images, said: { 'c-140': unauthorized } }),
    ];
    const rows = listed(imageRows(observed(pods, { images }), { previous: {}, now }));
    expect(rows).toHaveLength(100);
    expect(rows.slice(0, 4).map(({ name }) => name)).toEqual(['c-140', 'c-120', 'c-0', 'c-1']);
  });

  it('are remembered beyond the hundredth, with the time at which they began to fail', () => {
    const said = Object.fromEntries(images.map(({ container }) => [container, unauthorized]));
    const pods = [aPod('node-1', { images, said })];
    const first = summaryOf(pods, { facts: { images } });
    const later = { facts: { images }, at: now + 60 * minute };
    const since = (previous: ImagePullerStatus) =>
      summaryOf(pods, { ...later, previous }).seen.images.at(120)?.failingSince;
    expect(since(first.seen)).toBe('2026-01-01T12:00:00Z');
    // What nobody remembers begins anew.
    expect(since(first.status)).toBe('2026-01-01T13:00:00Z');
  });
});
