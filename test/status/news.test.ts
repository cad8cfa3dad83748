import type { Finding, ImagePullerStatus } from '../../src/api/types.ts';
import { newsBetween, type Told } from '../../src/status/news.ts';
import type { Summary } from '../../src/status/summarize.ts';
import {
  aPod,
  minute,
  nodeNames,
  now,
  statusOf,
  summaryOf,
  type Telling,
  unauthorized,
} from './scenes.ts';

const failing = (...containers: readonly string[]) =>
  nodeNames(2).map((node) =>
    aPod(node, { said: Object.fromEntries(containers.map((name) => [name, unauthorized])) }),
  );

const complete = statusOf(failing());
const broken = statusOf(failing('tools'), { previous: complete });

const finding = (
  verdict: Finding['verdict'],
  reason: string,
  message: string,
  count = 1,
): Finding => ({ verdict, reason, field: 'images', message, count });

const toldOf = ({ status, seen, complaints }: Summary): Told => ({
  status,
  rows: seen.images,
  complaints,
});

const between = (previous: ImagePullerStatus, next: ImagePullerStatus) =>
  newsBetween({ status: previous }, { status: next });

describe('news of a puller', () => {
  it('are none where the same is said again', () => {
    expect(between(complete, statusOf(failing(), { previous: complete }))).toEqual([]);
    expect(between(broken, statusOf(failing('tools'), { previous: broken }))).toEqual([]);
  });

  it('are that everything is cached', () => {
    expect(between({}, complete)).toEqual([
      { type: 'Normal', reason: 'ImagesCached', note: 'all 2 images on all 2 nodes' },
    ]);
  });

  it('are the images that fail now', () => {
    expect(between(complete, broken)).toEqual([
      {
        type: 'Warning',
        reason: 'ImageFailed',
        note: 'tools (registry.example/y:2) fails on 2 of 2 nodes: 401 Unauthorized; check imagePullSecrets',
      },
    ]);
  });

  it('are the images that fail no more', () => {
    const healed = statusOf(failing(), { previous: broken });
    expect(between(broken, healed).map(({ reason, note }) => `${reason}: ${note}`)).toEqual([
      'ImageRecovered: tools (registry.example/y:2) fails no more; 2 of 2 nodes hold it',
      'ImagesCached: all 2 images on all 2 nodes',
    ]);
  });

  it('do not call an image recovered that left the list', () => {
    const { images = [], ...rest } = complete;
    const shorter = { ...rest, images: images.filter(({ name }) => name !== 'tools') };
    expect(between(broken, shorter).map(({ reason }) => reason)).not.toContain('ImageRecovered');
  });

  it.each<[string, Partial<NonNullable<Telling['seen']>>]>([
    ['NameConflict', { failure: { reason: 'NameConflict', message: 'taken' } }],
    ['RolloutStalled', { stalled: true }],
    ['DeploymentNotAvailable', { pullerUnavailable: 'no pod' }],
  ])('are that something is wrong, once: %s', (reason, seen) => {
    const before = toldOf(summaryOf(failing(), { previous: complete }));
    const wrong = toldOf(summaryOf(failing(), { previous: complete, seen }));
    expect(newsBetween(before, wrong)).toMatchObject([{ type: 'Warning', reason }]);
    expect(newsBetween(wrong, wrong)).toEqual([]);
    // To an operator that starts anew as well.
    expect(newsBetween({ status: complete }, wrong)).toMatchObject([{ type: 'Warning', reason }]);
    expect(newsBetween({ status: wrong.status }, wrong)).toEqual([]);
  });

  it('are of each reason to complain, also behind a worse one', () => {
    const skipped = { findings: [finding('skip', 'InvalidImages', 'One is no image.')] };
    const before = toldOf(summaryOf(failing(), { previous: complete, seen: skipped }));
    const seen = { ...skipped, pullerUnavailable: 'no pod' };
    const next = toldOf(summaryOf(failing(), { previous: before.status, seen }));
    expect(next.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Degraded', reason: 'InvalidImages' }),
    );
    expect(newsBetween(before, next)).toMatchObject([
      { type: 'Warning', reason: 'DeploymentNotAvailable' },
    ]);
    expect(newsBetween(next, next)).toEqual([]);
    // An operator that starts anew knows the worst one alone, and tells nothing twice.
    expect(newsBetween({ status: next.status }, next)).toEqual([]);
  });

  it('are one for all complaints of a reason', () => {
    const findings = ['One.', 'Another.'].map((says) => finding('skip', 'InvalidImages', says));
    const next = toldOf(summaryOf(failing(), { seen: { findings } }));
    expect(newsBetween({ status: {} }, next)).toContainEqual({
      type: 'Warning',
      reason: 'InvalidImages',
      note: 'One. Another.',
    });
  });

  it('are that nothing moves any more, also where an image is the cause', () => {
    const before = toldOf(summaryOf(failing('tools'), { previous: broken }));
    const seen = { stalled: true };
    const stuck = toldOf(summaryOf(failing('tools'), { previous: broken, seen }));
    expect(newsBetween(before, stuck)).toMatchObject([{ reason: 'RolloutStalled' }]);
    const late = { previous: broken, at: now + 10 * minute };
    const lasting = toldOf(summaryOf(failing('tools'), late));
    expect(newsBetween(before, lasting)).toMatchObject([
      { reason: 'RolloutStalled', note: expect.stringContaining('401 Unauthorized') },
    ]);
    expect(newsBetween(lasting, stuck)).toEqual([]);
  });

  it('are values that were mended, when others are', () => {
    const fix = (message: string, count = 1) => finding('fix', 'MendedInput', message, count);
    const findings = [fix('One is mended.'), fix('Another is.'), fix('Many are.', 7)];
    const mended = (generation: number, found: readonly Finding[]) => ({
      status: statusOf(failing(), { previous: complete, generation }),
      findings: found,
    });
    const before = mended(1, []);
    const changed = mended(2, findings);
    expect(newsBetween(before, changed)).toEqual([
      { type: 'Normal', reason: 'InputMended', note: 'One is mended. And 8 more like this.' },
    ]);
    expect(newsBetween(changed, mended(3, findings))).toEqual([]);
    expect(newsBetween(changed, mended(3, findings.slice(1)))).toHaveLength(1);
    // An operator that starts anew goes by the spec.
    expect(newsBetween({ status: changed.status }, changed)).toEqual([]);
    expect(newsBetween({ status: before.status }, changed)).toHaveLength(1);
  });

  it.each([
    [11, 'and 1 more image, see status'],
    [30, 'and 20 more images, see status'],
  ])('are eleven at most when %i images fail at once', (images, last) => {
    const news = between({}, many(images).status);
    expect(news).toHaveLength(11);
    expect(news.at(-1)?.note).toBe(last);
  });

  it('are not the failures that a full table had no room for', () => {
    const before = many(150);
    const next = many(150, { previous: before.status, healthy: 60 });
    const news = (previous: Told) =>
      newsBetween(previous, toldOf(next)).map(({ reason, note }) => `${reason}: ${note}`);
    expect(news({ status: before.status })).toHaveLength(11);
    expect(news({ status: before.status }).join()).not.toContain('ImageFailed');
    expect(news(toldOf(before)).join()).not.toContain('ImageFailed');
    expect(news(toldOf(many(150, { healthy: 140 })))).toContain(
      'ImageFailed: and 70 more images, see status',
    );
  });

  it('fit an Event', () => {
    const seen = { failure: { reason: 'Rejected', message: 'x'.repeat(5000) } };
    const [news] = newsBetween({ status: {} }, toldOf(summaryOf(failing(), { seen })));
    expect(news?.note.length).toBeLessThanOrEqual(1024);
  });
});

/** So many images on a node; those that are healthy come first, and all others fail. */
function many(length: number, { healthy = 0, previous = {} }: Partial<Many> = {}): Summary {
  const images = Array.from({ length }, (_, index) => ({
    container: `c-${index}`,
    reference: `registry.example/${index}:1`,
    names: [`c-${index}`],
  }));
  const ill = images.slice(healthy).map(({ container }) => [container, unauthorized]);
  const pod = aPod('node-1', { images, said: Object.fromEntries(ill) });
  return summaryOf([pod], { facts: { images }, previous });
}

interface Many {
  readonly healthy: number;
  readonly previous: ImagePullerStatus;
}
