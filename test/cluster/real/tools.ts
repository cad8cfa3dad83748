import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CommandOptions, output, type Words } from './command.ts';
import { cacheFolder } from './folders.ts';
import { outside } from './namespace.ts';
import {
  type DebianSource,
  type GoSource,
  type Part,
  type PartName,
  parts,
  toolsFolder,
} from './parts.ts';

/**
 * The folder that holds the binaries of a part, which is built or unpacked into the cache the first
 * time. Rejects where that cannot be done, with what to do about it. `report` gets progress lines.
 */
export async function tool(name: PartName, report: (line: string) => void): Promise<string> {
  const folder = await folderOf(name);
  if (existsSync(folder)) return folder;
  await mkdir(join(cacheFolder(), 'tools'), { recursive: true });
  // Made beside its place and moved there whole: what is in the cache is complete.
  const unfinished = await mkdtemp(`${folder}.`);
  try {
    await make(name, unfinished, report);
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // else another run was quicker
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** Claims that a part is in the cache. */
export async function isCached(name: PartName): Promise<boolean> {
  return existsSync(await folderOf(name));
}

async function folderOf(name: PartName): Promise<string> {
  return join(cacheFolder(), 'tools', `${name}-${await cacheKey(name)}`);
}

/** A hash of all that decides what a part's binaries are, as far as it is pinned. */
async function cacheKey(name: PartName): Promise<string> {
  const part: Part = parts[name];
  const hash = createHash('sha256').update(JSON.stringify([process.arch, part]));
  if (part.go) {
    for (const file of ['go.mod', 'go.sum']) {
      hash.update(await readFile(join(toolsFolder, part.go.module, file)));
    }
  }
  // Packages are pinned by the release of the distribution.
  if (part.debian) hash.update(await readFile('/etc/os-release').catch(() => ''));
  return hash.digest('hex').slice(0, 12);
}

async function make(name: PartName, into: string, report: (line: string) => void): Promise<void> {
  const { debian, go }: Part = parts[name];
  if (debian && (await isNewEnough(debian, go === undefined))) {
    report(`${name}: unpacking Debian's ${debian.package}`);
    await unpack(debian, into);
    return;
  }
  if (!go) {
    throw new Error(
      `${name}: Debian offers no ${debian?.package} of ${debian?.atLeast} or newer (seen by apt-cache policy)`,
    );
  }
  report(`${name}: building (once; about ${go.cpuMinutes} min of CPU time)`);
  const began = performance.now();
  const minutes = () => ((performance.now() - began) / 60_000).toFixed(1);
  const stillThere = setInterval(() => report(`${name}: building since ${minutes()} min`), 30_000);
  try {
    await build(go, into);
  } finally {
    clearInterval(stillThere);
  }
  report(`${name}: built in ${minutes()} min`);
}

async function build(source: GoSource, into: string): Promise<void> {
  const variables = Object.entries(source.variables ?? {}).map(
    ([key, value]) => `-X ${key}=${value}`,
  );
  const [first = '', ...others] = Object.keys(source.packages);
  await go(source, [
    'build',
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    `-tags=${source.tags ?? ''}`,
    `-ldflags=${['-s -w', ...variables].join(' ')}`,
    '-o',
    others.length === 0 ? join(into, first) : `${into}/`,
    ...Object.values(source.packages),
  ]);
  for (const [name, { module, files }] of Object.entries(source.documents ?? {})) {
    const folder = (await go(source, ['list', '-m', '-f', '{{.Dir}}', module])).trim();
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    await writeFile(join(into, name), texts.join('\n---\n'));
  }
}

/** Statically linked, as nothing here needs a C library. */
async function go(source: GoSource, args: readonly string[]): Promise<string> {
  const options = { cwd: join(toolsFolder, source.module), environment: { CGO_ENABLED: '0' } };
  return await fromTheInternet(['go', ...args], options).catch((error: unknown) => {
    if (!isMissingProgram(error)) throw error;
    throw new Error(
      'Go is missing, which builds the real cluster; install Go 1.26 or newer (`npm test` does not need it)',
      { cause: error },
    );
  });
}

/** Asks what apt would install; fetches the lists of packages where it knows none. */
async function isNewEnough(source: DebianSource, needed: boolean): Promise<boolean> {
  let candidate = await candidateVersion(source.package);
  if (candidate === undefined && needed) {
    await fromTheInternet(['apt-get', 'update']);
    candidate = await candidateVersion(source.package);
  }
  if (candidate === undefined) return false;
  return await output(['dpkg', '--compare-versions', candidate, 'ge', source.atLeast]).then(
    () => true,
    () => false,
  );
}

async function candidateVersion(name: string): Promise<string | undefined> {
  const policy = await output(['apt-cache', 'policy', name], { environment: { LC_ALL: 'C' } });
  const version = /Candidate: (\S+)/.exec(policy)?.[1];
  return version === '(none)' ? undefined : version;
}

async function unpack(source: DebianSource, into: string): Promise<void> {
  const folder = join(into, 'package');
  await mkdir(folder);
  // apt would drop to a user who may not write below a home directory.
  const download: Words = ['apt-get', '-o', 'APT::Sandbox::User=root', 'download', source.package];
  await fromTheInternet(download, { cwd: folder });
  const [archive = ''] = globSync('*.deb', { cwd: folder });
  await output(['dpkg-deb', '-x', archive, '.'], { cwd: folder });
  for (const [name, path] of Object.entries(source.binaries)) {
    await copyFile(join(folder, path), join(into, name));
    await chmod(join(into, name), 0o755);
    await requireLibraries(join(into, name), source.package);
  }
  await rm(folder, { recursive: true });
}

/** A package that is only unpacked does not bring the libraries that it depends on. */
async function requireLibraries(binary: string, name: string): Promise<void> {
  const libraries = await output(['ldd', binary]).catch(() => ''); // fails on a static binary
  const missing = [...libraries.matchAll(/(\S+) => not found/g)].map(([, library]) => library);
  if (missing.length > 0) {
    throw new Error(`${name} lacks ${missing.join(', ')}: run apt-get install ${name}`);
  }
}

function fromTheInternet(words: Words, options?: CommandOptions): Promise<string> {
  return output(outside(words), options);
}

function isMissingProgram(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  // nsenter(1), through which a test reaches the outside, says it with the shell's status.
  return code === 'ENOENT' || /nsenter: failed to execute/.test(error.message);
}
