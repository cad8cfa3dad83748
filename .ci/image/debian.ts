import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pins } from './pins.ts';

/** The files of the pinned Debian packages that the images take from them. */
export class DebianPackages {
  readonly #directory: string;

  /**
   * Downloads what is needed with apt-get, so on Debian or one of its kin, and compares each package
   * with its pinned hash.
   *
   * @throws where a package cannot be had, or is another one
   */
  constructor(names: readonly string[]) {
    this.#directory = mkdtempSync(join(tmpdir(), 'debian-packages-'));
    for (const name of names) this.#fetch(name);
  }

  /** A file by its path in the package. Symbolic links are followed within the package. */
  file(name: string, path: string): Buffer {
    return readFileSync(join(this.#directory, name, path));
  }

  /** The package's control file, by which scanners recognise it. */
  control(name: string): Buffer {
    return execFileSync('dpkg-deb', ['--field', this.#archive(name)]);
  }

  /** Removes the downloads. */
  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #fetch(name: string): void {
    const pin = pins.debian.find((candidate) => candidate.name === name);
    if (pin === undefined) throw new Error(`.ci/image/pins.json has no ${name}`);
    const downloads = join(this.#directory, `${name}.download`);
    mkdirSync(downloads);
    execFileSync('apt-get', ['--quiet=2', 'download', `${name}:amd64=${pin.version}`], {
      cwd: downloads,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const sha256 = createHash('sha256')
      .update(readFileSync(this.#archive(name)))
      .digest('hex');
    if (sha256 !== pin.sha256) {
      throw new Error(
        `${name} ${pin.version} has the hash ${sha256}, not the pinned ${pin.sha256}`,
      );
    }
    execFileSync('dpkg-deb', ['--extract', this.#archive(name), join(this.#directory, name)]);
  }

  #archive(name: string): string {
    const downloads = join(this.#directory, `${name}.download`);
    const [file] = readdirSync(downloads);
    if (file === undefined) throw new Error(`apt-get downloaded nothing for ${name}`);
    return join(downloads, file);
  }
}
