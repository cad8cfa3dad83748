import { BuildError } from '../../.ci/image/build-error.ts';
import { type ImageConfig, imageConfig, readDockerfile } from '../../.ci/image/dockerfile.ts';
import { configuration, image } from '../../.ci/image/oci.ts';
import { pins } from '../../.ci/image/pins.ts';
import type { Entry } from '../../.ci/image/root.ts';
import { checkSleeper } from '../../.ci/image/sleeper.ts';
import { sleeperImage } from '../../src/release.ts';

const entries: readonly Entry[] = [{ path: 'bin/sh', link: 'busybox' }];
const config: ImageConfig = {
  User: '1:2',
  Env: ['PATH=/bin'],
  Entrypoint: ['/bin/sleep'],
  Cmd: ['1h'],
  Labels: { version: '1' },
};
const released = image(entries, config);
const pinned = { layer: released.diffId, config: released.config.digest };

describe('the version of the sleeper', () => {
  it('holds where the image is what was released', () => {
    expect(() => checkSleeper(released, '1', pinned)).not.toThrow();
  });

  it.each<[string, Partial<ImageConfig>]>([
    ['user', { User: '3:4' }],
    ['environment', { Env: ['PATH=/'] }],
    ['entry point', { Entrypoint: ['/bin/sh'] }],
    ['command', { Cmd: ['2h'] }],
    ['labels', { Labels: { version: '2' } }],
  ])('must be raised for another %s', (_, change) => {
    const changed = image(entries, { ...config, ...change });
    expect(() => checkSleeper(changed, '1', pinned)).toThrow(
      `the configuration is ${changed.config.digest}, yet ${pinned.config} in version 1 of the sleeper`,
    );
  });

  it('must be raised for another file', () => {
    const changed = image([{ path: 'bin/sh', link: 'other' }], config);
    expect(() => checkSleeper(changed, '1', pinned)).toThrow(`the layer is ${changed.diffId}`);
  });

  it('must be pinned', () => {
    expect(() => checkSleeper(released, '2', undefined)).toThrow(BuildError);
  });

  it('holds for the Dockerfile', () => {
    const [, version = ''] = sleeperImage.split(':');
    const pin = pins.sleeper[version];
    const built = configuration(pin?.layer ?? '', imageConfig('sleeper', readDockerfile()));
    expect(built.digest).toBe(pin?.config);
  });
});
