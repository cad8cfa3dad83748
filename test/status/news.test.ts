import type { Finding, ImagePullerStatus } from '../../src/api/types.ts';
import { newsBetween } from '../../src/status/news.ts';
import { aPod, nodeNames, now, statusOf, type Telling, unauthorized } from './scenes.ts';

const failing = (...containers: readonly string[]) =>
  nodeNames(2).map((node) =>
    aPod(node, { said: Object.fromEntries(containers.map((name) => [name, unauthorized])) }),
  );

const complete = statusOf(failing());
const broken = statusOf(failing('tools'), { previous: complete });

const between = (previous: ImagePullerStatus, next: ImagePullerStatus) =>
  newsBetween(previous, next, []);

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
    const wrong = statusOf(failing(), { previous: complete, seen });
    expect(between(complete, wrong)).toMatchObject([{ type: 'Warning', reason }]);
    expect(between(wrong, statusOf(failing(), { previous: wrong, seen }))).toEqual([]);
  });

  it('are values that were mended, when the spec is new', () => {
    const fix = (message: string, count = 1): Finding => ({
      verdict: 'fix',
      reason: 'MendedInput',
      field: 'images',
      message,
      count,
    });
    const findings = [fix('One is mended.'), fix('Another is.'), fix('Many are.', 7)];
    const changed = statusOf(failing(), { previous: complete, generation: 2 });
    expect(newsBetween(complete, changed, findings)).toEqual([
      { type: 'Normal', reason: 'InputMended', note: 'One is mended. And 8 more like this.' },
    ]);
    expect(newsBetween(changed, changed, findings)).toEqual([]);
  });

  it('are eleven at most when many images fail at once', () => {
    const images = Array.from({ length: 30 }, (_, index) => ({
      container: `c-${index}`,
      reference: `registry.example/${index}:1`,
      names: [`c-${index}`],
    }));
    const said = Object.fromEntries(images.map(({ container }) => [container, unauthorized]));
    const many = statusOf([aPod('node-1', { images, said })], { facts: { images, now } });
    const news = between({}, many);
    expect(news).toHaveLength(11);
    expect(news.at(-1)?.note).toBe('and 20 more images, see status');
  });

  it('fit an Event', () => {
    const seen = { failure: { reason: 'Rejected', message: 'x'.repeat(5000) } };
    const [news] = between({}, statusOf(failing(), { seen }));
    expect(news?.note.length).toBeLessThanOrEqual(1024);
  });
});
