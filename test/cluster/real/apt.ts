import { globSync } from 'node:fs';
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { output, type Words } from './command.ts';
import { outside } from './namespace.ts';
import { type DebianSource, type Part, parts } from './parts.ts';

/** What the machine's Debian offers. */
export class Apt {
  #candidates: Promise<ReadonlyMap<string, string>> | undefined;

  /** The version of one of the parts' packages that apt would install; undefined where it knows none. */
  async candidate(name: string): Promise<string | undefined> {
    this.#candidates ??= candidates();
    return (await this.#candidates).get(name);
  }

  /** Compares versions as Debian does (deb-version(7)). */
  async isAtLeast(version: string, least: string): Promise<boolean> {
    return await output(['dpkg', '--compare-versions', version, 'ge', least]).then(
      () => true,
      () => false,
    );
  }

  /** Fetches the lists of packages. */
  async update(): Promise<void> {
    await output(outside(['apt-get', 'update']));
    this.#candidates = undefined;
  }
}

/** All in one call, which takes most of a second for one package as well. */
async function candidates(): Promise<ReadonlyMap<string, string>> {
  const packages = Object.values(parts).flatMap(({ debian }: Part) => debian?.package ?? []);
  const policies = await output(['apt-cache', 'policy', ...packages], {
    environment: { LC_ALL: 'C' },
  }).catch(() => ''); // no Debian
  const found = policies.matchAll(/^(\S+):\n.*\n {2}Candidate: (\S+)/gm);
  return new Map(
    [...found].flatMap(([, name = '', version = '']) =>
      version === '(none)' ? [] : [[name, version] as const],
    ),
  );
}

/** Unpacks the binaries of a package, which is downloaded in this version and not installed. */
export async function unpack(source: DebianSource, version: string, into: string): Promise<void> {
  const folder = join(into, 'package');
  await mkdir(folder);
  // apt would drop to a user who may not write below a home directory.
  const asRoot = ['-o', 'APT::Sandbox::User=root'];
  const packages = [`${source.package}=${version}`, ...(source.libraries ?? [])];
  const download: Words = ['apt-get', ...asRoot, 'download', ...packages];
  await output(outside(download), { cwd: folder });
  for (const archive of globSync('*.deb', { cwd: folder })) {
    await output(['dpkg-deb', '-x', archive, '.'], { cwd: folder });
  }
  if (source.libraries) {
    for (const library of globSync('usr/lib/*/lib*.so.*', { cwd: folder })) {
      await copyFile(join(folder, library), join(into, basename(library)));
    }
  }
  for (const [name, path] of Object.entries(source.binaries)) {
    await copyFile(join(folder, path), join(into, name));
    await chmod(join(into, name), 0o755);
    await requireLibraries(join(into, name), source.package);
  }
  await rm(folder, { recursive: true });
}

/** A package that is only unpacked does not bring the libraries that it depends on. */
async function requireLibraries(binary: string, name: string): Promise<void> {
  const beside = { environment: { LD_LIBRARY_PATH: dirname(binary) } };
  const libraries = await output(['ldd', binary], beside).catch(() => ''); // fails on a static binary
  const missing = [...libraries.matchAll(/(\S+) => not found/g)].map(([, library]) => library);
  if (missing.length > 0) {
    throw new Error(`${name} lacks ${missing.join(', ')}: run apt-get install ${name}`);
  }
}
