import { join } from 'node:path';
import type { Target } from '../../.ci/image/root.ts';
import { output } from '../cluster/real/command.ts';
import { outside } from '../cluster/real/namespace.ts';

const builder = join(import.meta.dirname, '../../.ci/image/build.ts');

/**
 * Builds an image by the command that CI builds it with: its root directory (`--root`) or an OCI image
 * layout (`--oci`) in a folder.
 *
 * @throws where it cannot be built, in the builder's words
 */
export async function build(
  target: Target,
  form: '--root' | '--oci',
  folder: string,
): Promise<void> {
  // It downloads packages, which the network of a cluster has no way to.
  await output(outside([process.execPath, builder, '--target', target, form, folder]));
}
