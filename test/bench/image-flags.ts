import { readFileSync } from 'node:fs';
import { projectPath } from '../../src/cli/demo/install-manifests.ts';
import { deployment } from '../../src/manifests/operator.ts';

/**
 * The flags under which the image starts Node. Files lie elsewhere here, so its file permissions stay
 * out, and the share of a container's memory that the heap may take is that of the manifest's limit.
 */
export function imageFlags(): readonly string[] {
  return [...launcher().matchAll(/^\s+(--\S+)/gm)]
    .map(([, flag = '']) => flag)
    .filter((flag) => flag !== '--permission' && !flag.startsWith('--allow-fs-read'))
    .map((flag) =>
      flag.replace(
        /^--max-old-space-size-percentage=(\d+)$/,
        (_, percentage) => `--max-old-space-size=${(memoryLimitMi() * Number(percentage)) / 100}`,
      ),
    );
}

/** What the image's launcher exports. */
export function imageEnvironment(): Readonly<Record<string, string>> {
  const [, settings = ''] = /^export (.+)$/m.exec(launcher()) ?? [];
  return Object.fromEntries(settings.split(' ').map((setting) => setting.split('=')));
}

function launcher(): string {
  return readFileSync(projectPath('.ci/image/launch.sh'), 'utf8');
}

function memoryLimitMi(): number {
  const { template } = deployment().spec as { template: { spec: { containers: Limited[] } } };
  const memory = template.spec.containers[0]?.resources.limits.memory ?? 'absent';
  const [, mebibytes] = /^(\d+)Mi$/.exec(memory) ?? [];
  if (mebibytes === undefined)
    throw new Error(`the operator's memory limit is ${memory}, not in Mi`);
  return Number(mebibytes);
}

interface Limited {
  readonly resources: { readonly limits: { readonly memory: string } };
}
