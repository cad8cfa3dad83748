import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveOf, debianSources } from './archives.ts';
import { BuildError } from './build-error.ts';
import { pins } from './pins.ts';

/**
 * Fetches pinned Debian packages, or takes them from the cache.
 *
 * @throws BuildError where one cannot be had
 */
export async function debianPackages(names: readonly string[]): Promise<DebianPackages> {
  const sources = debianSources(process.env);
  const archives = new Map<string, string>();
  for (const name of names) {
    const pin = pins.debian.find((candidate) => candidate.name === name);
    if (pin === undefined) throw new Error(`.ci/image/pins.json has no ${name}`);
    archives.set(name, await archiveOf(pin, sources));
  }
  return new DebianPackages(archives);
}

/** The files of Debian packages, which dpkg-deb reads. */
export class DebianPackages {
  readonly #archives: ReadonlyMap<string, string>;
  readonly #directory = mkdtempSync(join(tmpdir(), 'debian-packages-'));

  /** @param archives the path of each package's .deb file, by its name */
  constructor(archives: ReadonlyMap<string, string>) {
    this.#archives = archives;
  }

  /** A file by its path in the package. Symbolic links are followed within the package. */
  file(name: string, path: string): Buffer {
    const root = join(this.#directory, name);
    if (!existsSync(root)) dpkgDeb('--extract', this.#archive(name), root);
    return readFileSync(join(root, path));
  }

  /** The package's control file, by which scanners recognise it. */
  control(name: string): Buffer {
    return dpkgDeb('--field', this.#archive(name));
  }

  /** Removes what was extracted. */
  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #archive(name: string): string {
    const archive = this.#archives.get(name);
    if (archive === undefined) throw new Error(`${name} is not among the packages`);
    return archive;
  }
}

function dpkgDeb(...args: readonly string[]): Buffer {
  const { error, status, stdout, stderr } = spawnSync('dpkg-deb', args);
  if (error) {
    throw new BuildError(
      'there is no dpkg-deb here, which Debian and its kin have: elsewhere, build by --tag',
      { cause: error },
    );
  }
  if (status !== 0) throw new BuildError(`dpkg-deb ${args.join(' ')}: ${stderr}`.trim());
  return stdout;
}
