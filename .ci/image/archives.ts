import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { asError } from '../../src/errors.ts';
import { errorChain } from '../../src/log.ts';
import { BuildError } from './build-error.ts';
import type { Pin } from './pins.ts';

/** Where the archives (.deb) of Debian packages are looked for, in this order. */
export interface Sources {
  /** A folder of those that were fetched before. */
  readonly cache: string;
  /** The program that asks the package sources of this machine. They offer the newest version only. */
  readonly aptGet: string;
  /** A service that has every version, by its SHA-1 (snapshot.debian.org: machine-usable interface). */
  readonly snapshot: string;
}

/** The sources that builds use. */
export function debianSources(env: Readonly<Record<string, string | undefined>>): Sources {
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return {
    cache: join(cache, 'kubernetes-image-puller-operator/debian'),
    aptGet: 'apt-get',
    snapshot: 'https://snapshot.debian.org',
  };
}

/**
 * Finds the archive of a pinned package, to the byte, and leaves it in the cache. Returns its path.
 *
 * @throws BuildError where no source has it
 */
export async function archiveOf(pin: Pin, sources: Sources): Promise<string> {
  const path = join(sources.cache, `${pin.sha256}.deb`);
  if (existsSync(path) && pinOf(pin, readFileSync(path)).sha256 === pin.sha256) return path;
  const refusals: string[] = [];
  for (const source of [fromApt, fromSnapshot]) {
    const answer = await source(pin, sources);
    if ('content' in answer && pinOf(pin, answer.content).sha256 === pin.sha256) {
      return keep(answer.content, path);
    }
    refusals.push('content' in answer ? `${answer.from} has another file` : answer.refusal);
  }
  throw new BuildError(
    `${pin.name} ${pin.version} of .ci/image/pins.json cannot be had: ${refusals.join('; ')}; ` +
      'on Debian 12, apt-get update && npm run image -- --renew-pins pins what apt-get offers',
  );
}

/**
 * Pins what apt-get offers of the same packages now, and leaves the archives in the cache.
 *
 * @param release the content of this machine's /etc/os-release
 * @throws BuildError where this machine's packages are not those of Debian 12, which the images are made
 * of, or where apt-get does not offer one of them
 */
export function renewed(former: readonly Pin[], sources: Sources, release: string): readonly Pin[] {
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(release)?.[1] ?? '';
  if (`${field('ID')} ${field('VERSION_ID')}` !== 'debian 12') {
    throw new BuildError(
      `the images are made of packages of Debian 12, and this is ${field('PRETTY_NAME') || 'another system'}`,
    );
  }
  return former.map(({ name }) => pinOffered(name, sources));
}

function pinOffered(name: string, sources: Sources): Pin {
  const version = offeredVersion(name, sources);
  const answer = download(`${name}:amd64`, sources);
  if (version === undefined || 'refusal' in answer) {
    const reason = 'refusal' in answer ? answer.refusal : 'it names no version';
    throw new BuildError(`apt-get offers no ${name}: ${reason}`);
  }
  const pin = pinOf({ name, version }, answer.content);
  keep(answer.content, join(sources.cache, `${pin.sha256}.deb`));
  return pin;
}

/** What a source says: an archive, which may be another one, or why it has none. */
type Answer = { readonly content: Buffer; readonly from: string } | { readonly refusal: string };

function fromApt({ name, version }: Pin, sources: Sources): Answer {
  const answer = download(`${name}:amd64=${version}`, sources);
  if ('content' in answer) return answer;
  const offered = offeredVersion(name, sources);
  return offered === undefined
    ? answer
    : { refusal: `apt-get offers ${offered} (${answer.refusal})` };
}

function download(what: string, { aptGet }: Sources): Answer {
  const folder = mkdtempSync(join(tmpdir(), 'debian-package-'));
  try {
    const { error, status, stderr } = spawnSync(aptGet, ['--quiet=2', 'download', what], {
      cwd: folder,
      encoding: 'utf8',
    });
    const [file] = readdirSync(folder);
    if (status === 0 && file !== undefined) {
      return { content: readFileSync(join(folder, file)), from: 'apt-get' };
    }
    return { refusal: error ? 'there is no apt-get here' : lastLine(stderr) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The version that a download without one would give; undefined where there is none. */
function offeredVersion(name: string, { aptGet }: Sources): string | undefined {
  const { stdout } = spawnSync(aptGet, ['--quiet=2', '--print-uris', 'download', `${name}:amd64`], {
    encoding: 'utf8',
  });
  // 'URL' NAME_VERSION_ARCHITECTURE.deb SIZE HASH, in which the name escapes the colon of an epoch.
  const [, version] = /^'\S+' [^_]+_([^_]+)_\S+\.deb /.exec(stdout ?? '') ?? [];
  return version === undefined ? undefined : decodeURIComponent(version);
}

async function fromSnapshot({ sha1 }: Pin, { snapshot }: Sources): Promise<Answer> {
  const url = `${snapshot}/file/${sha1}`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
    if (!response.ok) return { refusal: `${url} answers ${response.status}` };
    return { content: Buffer.from(await response.arrayBuffer()), from: url };
  } catch (error) {
    return { refusal: `${url} cannot be read (${errorChain(asError(error))})` };
  }
}

function pinOf({ name, version }: Pick<Pin, 'name' | 'version'>, content: Buffer): Pin {
  const hash = (algorithm: string) => createHash(algorithm).update(content).digest('hex');
  return { name, version, sha256: hash('sha256'), sha1: hash('sha1') };
}

/** Builds may run at the same time, so a file appears as a whole or not at all. */
function keep(content: Buffer, path: string): string {
  const draft = `${path}.${process.pid}`;
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(draft, content);
  renameSync(draft, path);
  return path;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
