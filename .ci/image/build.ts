import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { operatorImage, sleeperImage } from '../../src/release.ts';
import { bundle } from './bundle.ts';
import { imageConfig, readDockerfile } from './dockerfile.ts';
import { type Destination, type Image, image, push, writeLayout } from './oci.ts';
import { pins } from './pins.ts';
import { rootOf, type Target, targets, writeRoot } from './root.ts';

const usage = `Usage: npm run image -- [--target operator|sleeper] OUTPUT...

  --tag REPO:TAG    the Dockerfile, built by docker, podman or buildah
  --oci DIR         an OCI image layout
  --push REPO:TAG   to a registry without credentials; plain HTTP where it is on this machine
  --root DIR        the image's root directory
  --bundle FILE     the program alone, as one file

All but the first and the last need Debian (apt-get and dpkg-deb, not root) and no container engine. The
same sources, lock file and pins give the same bytes.
`;

const project = join(import.meta.dirname, '../..');

/** Builds a target of the Dockerfile without a container engine. */
export async function buildImage(target: Target): Promise<Image> {
  const built = image(await rootOf(target), imageConfig(target, readDockerfile()));
  if (target === 'sleeper') checkSleeper(built.diffId);
  return built;
}

/** An upgrade of the operator must not roll every cache, so a version of the sleeper is one content. */
function checkSleeper(diffId: string): void {
  const version = versionOf('sleeper');
  const released = pins.sleeper[version];
  if (released === diffId) return;
  throw new Error(
    `the sleeper's layer is ${diffId}, yet ${released ?? 'nothing'} in version ${version}: ` +
      'raise the version in src/release.ts and add it to .ci/image/pins.json',
  );
}

/** Reads `HOST:PORT/REPO:TAG`. */
export function destination(reference: string): Destination {
  const [, host, repository, tag] = /^([^/]+)\/([^:]+):([\w.-]+)$/.exec(reference) ?? [];
  if (host === undefined || repository === undefined || tag === undefined) {
    throw new Error(`--push needs HOST[:PORT]/REPOSITORY:TAG, not ${reference}`);
  }
  const scheme = /^(localhost|127\.0\.0\.1)(:|$)/.test(host) ? 'http' : 'https';
  return { registry: `${scheme}://${host}`, repository, tag };
}

function buildWithEngine(tag: string, target: Target): void {
  const engine = ['docker', 'podman', 'buildah'].find(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  if (engine === undefined) {
    throw new Error('--tag needs docker, podman or buildah; --oci and --push do without');
  }
  execFileSync(engine, ['build', '--target', target, '--tag', tag, project], { stdio: 'inherit' });
}

/** What each option does with its value. */
const outputs: Readonly<Record<string, (value: string, target: Target) => Promise<void> | void>> = {
  tag: buildWithEngine,
  async oci(directory, target) {
    writeLayout(await buildImage(target), versionOf(target), directory);
  },
  async push(reference, target) {
    await push(await buildImage(target), destination(reference));
  },
  async root(directory, target) {
    writeRoot(await rootOf(target), directory);
  },
  async bundle(file) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, (await bundle()).code, { mode: 0o755 });
  },
};

function versionOf(target: Target): string {
  const [, version = ''] = (target === 'operator' ? operatorImage : sleeperImage).split(':');
  return version;
}

async function main(args: readonly string[]): Promise<void> {
  const names = Object.keys(outputs);
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: 'string', default: 'operator' },
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
    },
  });
  const target = targets.find((name) => name === values.target);
  const wanted = Object.entries(values).filter(([name]) => names.includes(name));
  if (target === undefined || wanted.length === 0) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  for (const [name, value] of wanted) await outputs[name]?.(String(value), target);
}

if (import.meta.main) await main(process.argv.slice(2));
