import { BuildError } from './build-error.ts';
import type { Image } from './oci.ts';
import type { SleeperPin } from './pins.ts';

/**
 * A version of the sleeper is one content and one way to run it, for good: the operator's upgrade must
 * not roll every cache, and what runs on the nodes must be what its version says.
 *
 * @param pinned what the version was released with; undefined where it was not
 * @throws BuildError where the image differs
 */
export function checkSleeper(
  { diffId, config }: Pick<Image, 'diffId' | 'config'>,
  version: string,
  pinned: SleeperPin | undefined,
): void {
  const differences = [
    ['layer', diffId, pinned?.layer],
    ['configuration', config.digest, pinned?.config],
  ].filter(([, built, released]) => built !== released);
  if (differences.length === 0) return;
  const told = differences.map(
    ([part, built, released]) => `the ${part} is ${built}, yet ${released ?? 'nothing'}`,
  );
  throw new BuildError(
    `${told.join(' and ')} in version ${version} of the sleeper: ` +
      'raise the version in src/release.ts and the Dockerfile, and add it to .ci/image/pins.json',
  );
}
