import { aPod } from './builders.ts';
import { configError, duration, isStarved } from './container-start.ts';

const rootImage = { digest: '', user: 0, pullMs: 0 };

function why(securityContext: object, image = rootImage as { user: number | string }) {
  const pod = aPod('p', { spec: { securityContext: { runAsNonRoot: true } } });
  return configError(pod, { name: 'c', securityContext }, { ...rootImage, ...image })?.message;
}

describe('a container that must not run as root', () => {
  it('cannot be made from an image without a user', () => {
    expect(why({})).toBe(
      'container has runAsNonRoot and image will run as root (pod: "p_default(p)", container: c)',
    );
  });

  it('cannot be made from an image whose user is a name', () => {
    expect(why({}, { user: 'app' })).toMatch(
      /^container has runAsNonRoot and image has non-numeric user \(app\)/,
    );
  });

  it('can be made with a user of its own, or of the image', () => {
    expect(why({ runAsUser: 65532 })).toBeUndefined();
    expect(why({}, { user: 1001 })).toBeUndefined();
  });

  it('may overrule its pod', () => {
    expect(why({ runAsNonRoot: false })).toBeUndefined();
    expect(why({ runAsUser: 0 })).toMatch(/^container's runAsUser breaks non-root policy/);
  });
});

describe('a memory limit', () => {
  it.each([
    ['0', false],
    ['1', true],
    ['2Mi', true],
    ['4Mi', false],
    ['10Mi', false],
  ])('of %s starves a container: %p', (memory, isTrue) => {
    expect(isStarved({ name: 'c', resources: { limits: { memory } } })).toBe(isTrue);
  });

  it('may be absent', () => {
    expect(isStarved({ name: 'c' })).toBe(false);
  });
});

it.each([
  [10_000, '10s'],
  [80_000, '1m20s'],
  [300_000, '5m0s'],
])('%i ms are shown as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
