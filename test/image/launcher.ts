import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const launcher = readFileSync(join(import.meta.dirname, '../../.ci/image/launch.sh'), 'utf8');

/** Node's flags in the image's launcher. */
export const flags: readonly string[] = [...launcher.matchAll(/^ {2}(--\S+) \\$/gm)].map(
  ([, flag = '']) => flag,
);
