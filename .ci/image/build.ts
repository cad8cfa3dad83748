import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { asError, UsageError } from '../../src/errors.ts';
import { errorChain } from '../../src/log.ts';
import { operatorImage, sleeperImage } from '../../src/release.ts';
import { debianSources, renewed } from './archives.ts';
import { BuildError } from './build-error.ts';
import { bundle } from './bundle.ts';
import { imageConfig, readDockerfile } from './dockerfile.ts';
import { buildWithEngine } from './engine.ts';
import { type Destination, type Image, image, push, writeLayout } from './oci.ts';
import { pins, writePins } from './pins.ts';
import { type Entry, rootOf, type Target, targets, writeRoot } from './root.ts';
import { checkSleeper } from './sleeper.ts';

const usage = `Usage: npm run image -- [--target operator|sleeper] OUTPUT...
       npm run image -- --renew-pins

Builds an image of this checkout for linux/amd64: the operator's, or that of --target sleeper.

  --tag REPO:TAG          the Dockerfile, built by docker, podman or buildah
    --builder IMAGE@sha256:DIGEST
                          the image that it is put together in, instead of a moving tag; leaves no file
  --oci DIR               an OCI image layout
  --push REPO:TAG         to a registry without credentials; plain HTTP where it is on this machine
  --root DIR              the image's root directory
  --bundle FILE           the program alone, as one file
  --renew-pins            pins the Debian packages that apt-get offers now, in .ci/image/pins.json
  --help                  this text

--oci, --push and --root need dpkg-deb, but neither root nor a container engine. Debian packages come
from $XDG_CACHE_HOME (~/.cache), apt-get or snapshot.debian.org, and are what is pinned, to the byte:
the same sources, lock file and pins give the same bytes.
`;

/** What the command line asks for beside an output. */
interface Choices {
  readonly target: Target;
  readonly builder: string | undefined;
}

/** What each output does with its value. */
const outputs: Readonly<Record<string, (value: string, choices: Choices) => Promise<void> | void>> =
  {
    tag(tag, { target, builder }) {
      buildWithEngine({ target, tag, builder });
      if (!/@sha256:[0-9a-f]{64}$/.test(builder ?? '')) {
        say('the image that it was put together in is not pinned: see --builder in --help');
      }
    },
    async oci(directory, { target }) {
      checkEmpty(directory);
      writeLayout((await built(target)).image, versionOf(target), directory);
    },
    async push(reference, { target }) {
      const to = destination(reference);
      await push((await built(target)).image, to);
    },
    async root(directory, { target }) {
      checkEmpty(directory);
      writeRoot((await built(target)).entries, directory);
    },
    async bundle(file) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, (await bundle()).code, { mode: 0o755 });
    },
  };

/** A target of the Dockerfile, without a container engine. */
async function built(
  target: Target,
): Promise<{ readonly entries: readonly Entry[]; readonly image: Image }> {
  const entries = await rootOf(target);
  const result = image(entries, imageConfig(target, readDockerfile()));
  const version = versionOf('sleeper');
  if (target === 'sleeper') checkSleeper(result, version, pins.sleeper[version]);
  return { entries, image: result };
}

function versionOf(target: Target): string {
  const [, version = ''] = (target === 'operator' ? operatorImage : sleeperImage).split(':');
  return version;
}

function checkEmpty(path: string): void {
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory() && readdirSync(path).length === 0) return;
  throw new BuildError(
    `${path} is there already: name an empty directory, or one that is to be made`,
  );
}

/**
 * Reads `HOST:PORT/REPO:TAG`.
 *
 * @throws UsageError
 */
export function destination(reference: string): Destination {
  const [, host, repository, tag] = /^([^/]+)\/([^:]+):([\w.-]+)$/.exec(reference) ?? [];
  if (host === undefined || repository === undefined || tag === undefined) {
    throw new UsageError(`--push needs HOST[:PORT]/REPOSITORY:TAG, not ${reference}`);
  }
  const scheme = /^(localhost|127\.0\.0\.1)(:|$)/.test(host) ? 'http' : 'https';
  return { registry: `${scheme}://${host}`, repository, tag };
}

function renewPins(): void {
  const path = '/etc/os-release';
  const release = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const debian = renewed(pins.debian, debianSources(process.env), release);
  writePins({ ...pins, debian });
  for (const [index, { name, version }] of debian.entries()) {
    const former = pins.debian[index]?.version;
    if (version !== former) say(`${name} was ${former} and is ${version}`);
  }
}

function optionsOf(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        target: { ...text, default: 'operator' },
        builder: text,
        'renew-pins': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        ...Object.fromEntries(Object.keys(outputs).map((name) => [name, text])),
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(`${asError(error).message}\n\n${usage}`, { cause: error });
  }
}

async function main(args: readonly string[]): Promise<void> {
  const options = optionsOf(args);
  if (options.help) {
    process.stdout.write(usage);
    return;
  }
  const target = targets.find((name) => name === options.target);
  if (target === undefined)
    throw new UsageError(`there is no target ${options.target}\n\n${usage}`);
  const wanted = Object.entries(options).filter(([name]) => Object.hasOwn(outputs, name));
  if (wanted.length === 0 && !options['renew-pins']) {
    throw new UsageError(`no output is named\n\n${usage}`);
  }
  if (options['renew-pins']) renewPins();
  for (const [name, value] of wanted) {
    await outputs[name]?.(String(value), { target, builder: options.builder });
  }
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    const { stack, code, syscall } = asError(error) as NodeJS.ErrnoException;
    // A folder that is not ours or a full disk is no defect of the program either.
    const isKnown = error instanceof UsageError || error instanceof BuildError || (code && syscall);
    say(isKnown ? errorChain(error) : String(stack));
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
