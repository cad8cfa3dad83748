import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import type { Target } from './root.ts';

/** What a container engine is to build of the Dockerfile. */
export interface EngineBuild {
  readonly target: Target;
  /** The name of the result. */
  readonly tag: string;
  /** The image in which the roots are put together; the Dockerfile's own where undefined. */
  readonly builder?: string | undefined;
}

/**
 * Builds a target of the Dockerfile by the first container engine that answers, with its output on this
 * terminal.
 *
 * @throws BuildError where none answers, or the build fails
 */
export function buildWithEngine({ target, tag, builder }: EngineBuild): void {
  const args = [
    'build',
    // What is in them is for this platform wherever they are built.
    '--platform=linux/amd64',
    `--target=${target}`,
    `--tag=${tag}`,
    ...(builder === undefined ? [] : [`--build-arg=BUILDER=${builder}`]),
    join(import.meta.dirname, '../..'),
  ];
  const engine = answeringEngine();
  const { status } = spawnSync(engine, args, { stdio: 'inherit' });
  if (status !== 0) throw new BuildError(`${engine} could not build it: see its words above`);
}

function answeringEngine(): string {
  const silent: string[] = [];
  for (const name of ['docker', 'podman', 'buildah']) {
    const { error, status, stderr } = spawnSync(name, ['info'], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    if (status === 0) return name;
    const isInstalled = (error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT';
    if (isInstalled)
      silent.push(`${name} does not answer (${error?.message ?? onOneLine(stderr)})`);
  }
  const reason = silent.join(' and ') || 'there is no docker, podman or buildah here';
  throw new BuildError(`${reason}: --tag needs one of them, --oci and --push do not`);
}

function onOneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ').slice(0, 300);
}
