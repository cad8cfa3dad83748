import { createHash } from 'node:crypto';
import { existsSync, globSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unpack } from './apt.ts';
import { cacheFolder } from './folders.ts';
import { build, isOlderGo } from './go.ts';
import { lacking, type Machine, thisMachine } from './machine.ts';
import {
  type DebianSource,
  type GoSource,
  oldestGo,
  type Part,
  type PartName,
  parts,
  toolsFolder,
} from './parts.ts';

/** Where a machine takes a part from now: a Debian package, or sources and the Go that builds them. */
export type Origin =
  | { readonly debian: DebianSource; readonly version: string }
  | { readonly go: GoSource; readonly version: string };

/**
 * The folder that holds the binaries of a part, which is built or unpacked into the cache the first
 * time. Rejects where that cannot be done, with what to do about it. `report` gets progress lines.
 */
export async function tool(name: PartName, report: (line: string) => void): Promise<string> {
  const part: Part = parts[name];
  let origin = await originOf(part, thisMachine);
  const found = cached(toolCache(), await pins(name, part), origin);
  if (found !== undefined) return found;
  if (!origin && !part.go) {
    await thisMachine.apt.update();
    origin = await originOf(part, thisMachine);
  }
  if (!origin) throw new Error(await whyNot(part, thisMachine));
  return await made(name, origin, report);
}

/**
 * What is neither in the cache nor can be built, for want of Go. What only Debian has is left out: that
 * may yet be found when its lists of packages are fetched.
 */
export async function waitingForGo(
  names: readonly PartName[],
  machine: Machine,
  folder = toolCache(),
): Promise<readonly GoSource[]> {
  const waiting: GoSource[] = [];
  for (const name of names) {
    const part: Part = parts[name];
    const origin = await originOf(part, machine);
    const isThere = origin ?? cached(folder, await pins(name, part));
    if (part.go && !isThere) waiting.push(part.go);
  }
  return waiting;
}

/** Says which Go builds a part, and which one is there instead. */
export async function goNeededFor({ module }: GoSource, machine: Machine): Promise<string> {
  const present = await machine.goFor(module);
  const [major, minor] = oldestGo(module).split('.');
  return `Go ${major}.${minor} or newer${present === undefined ? '' : ` (it has ${present})`}`;
}

/** Undefined where the machine cannot make the part, as far as it knows without a network. */
export async function originOf(part: Part, machine: Machine): Promise<Origin | undefined> {
  const { debian, go } = part;
  const candidate = debian && (await machine.apt.candidate(debian.package));
  if (debian && candidate && (await machine.apt.isAtLeast(candidate, debian.atLeast))) {
    return { debian, version: candidate };
  }
  const version = go && (await machine.goFor(go.module));
  if (!go || !version || isOlderGo(version, oldestGo(go.module))) return undefined;
  return { go, version };
}

/**
 * The name of a part with a hash of what the checkout says of its binaries: what they are made of, of
 * which versions, for which release of the distribution.
 */
export async function pins(name: string, part: Part, folder = toolsFolder): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([process.arch, part]));
  if (part.go) {
    const module = join(folder, part.go.module);
    // Sources are there where the program is our own.
    for (const file of ['go.mod', 'go.sum', ...globSync('*.go', { cwd: module }).sort()]) {
      hash.update(await readFile(join(module, file)));
    }
  }
  if (part.debian) hash.update(await readFile('/etc/os-release').catch(() => ''));
  return `${name}-${hash.digest('hex').slice(0, 12)}`;
}

/**
 * The cached folder of a part as it would be made now. A machine that cannot make it, having no Go or
 * no lists of packages, takes the latest that was made to the same pins.
 */
export function cached(folder: string, pinned: string, origin?: Origin): string | undefined {
  if (origin) {
    const path = join(folder, `${pinned}-${maker(origin)}`);
    return existsSync(path) ? path : undefined;
  }
  const madeAt = (path: string) => statSync(path).mtimeMs;
  const made = globSync(`${pinned}-*`, { cwd: folder }).map((entry) => join(folder, entry));
  return made.sort((a, b) => madeAt(b) - madeAt(a))[0];
}

/** What made a part, as it can be part of a path and of PATH: `go1.26.8`, or a version of Debian's. */
function maker(origin: Origin): string {
  const version = 'go' in origin ? `go${origin.version}` : origin.version;
  return version.replaceAll(/[^\w.+~-]/g, '_');
}

async function made(
  name: PartName,
  origin: Origin,
  report: (line: string) => void,
): Promise<string> {
  const folder = join(toolCache(), `${await pins(name, parts[name])}-${maker(origin)}`);
  await mkdir(toolCache(), { recursive: true });
  // Made beside its place and moved there whole: what is in the cache is complete.
  const unfinished = await mkdtemp(join(toolCache(), `unfinished-${name}-`));
  try {
    await make(name, origin, { into: unfinished, report });
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // else another run was quicker
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

interface Making {
  readonly into: string;
  readonly report: (line: string) => void;
}

async function make(name: PartName, origin: Origin, { into, report }: Making): Promise<void> {
  if ('debian' in origin) {
    report(`${name}: unpacking Debian's ${origin.debian.package} ${origin.version}`);
    await unpack(origin.debian, origin.version, into);
    return;
  }
  report(`${name}: building (once; about ${origin.go.cpuMinutes} min of CPU time)`);
  const began = performance.now();
  const minutes = () => ((performance.now() - began) / 60_000).toFixed(1);
  const stillThere = setInterval(() => report(`${name}: building since ${minutes()} min`), 30_000);
  try {
    await build(origin.go, into);
  } finally {
    clearInterval(stillThere);
  }
  report(`${name}: built in ${minutes()} min`);
}

async function whyNot({ debian, go }: Part, machine: Machine): Promise<string> {
  if (go) return lacking([await goNeededFor(go, machine)]);
  return lacking([`Debian's ${debian?.package} ${debian?.atLeast} or newer (apt-cache policy)`]);
}

function toolCache(): string {
  return join(cacheFolder(), 'tools');
}
