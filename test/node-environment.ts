import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What a program of these sources, when a test starts it, has in its environment. Node keeps there what
 * it has made of sources and packages, which is a third of all that a start takes.
 */
export const nodeEnvironment = {
  NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
  NODE_COMPILE_CACHE: join(tmpdir(), 'kubernetes-image-puller-tests'),
} as const;
