import { fileURLToPath } from 'node:url';
import { UsageError } from '../../../src/errors.ts';
import { Claims } from './claims.ts';
import type { Words } from './command.ts';
import { type Action, parse, personal, usage } from './command-line.ts';
import { type ClusterFolders, clusterFolders, foldersIn, tooDeep } from './folders.ts';
import {
  currentCluster,
  endInside,
  makeNamespace,
  removeNamespace,
  runInside,
} from './namespace.ts';
import { type PartName, parts } from './parts.ts';
import { directions, shellSettings } from './personal.ts';
import { missing } from './prerequisites.ts';
import { Processes } from './processes.ts';
import { removeCluster } from './remove.ts';

async function main(): Promise<number> {
  const action = parse(process.argv.slice(2));
  if (action.name === 'help') return say(usage);
  const around = currentCluster();
  if (around !== undefined) {
    throw new Error(
      `this runs inside the network of the cluster "${around}"; leave it, by exit, for ${action.name}`,
    );
  }
  const complaint = (await missing(partsFor(action))) ?? tooDeepFor(action);
  if (complaint !== undefined) throw new Error(complaint);
  switch (action.name) {
    case 'run':
      return await run(action.cluster, action.words);
    case 'up':
      return await up(action.fakeNodes);
    case 'enter':
      return await enter(action.words);
    case 'down':
      await clear(personal);
      return 0;
  }
}

/** Whoever only uses a cluster finds it where it is. */
function tooDeepFor(action: Action): string | undefined {
  if (action.name === 'run') return tooDeep(clusterFolders(action.cluster));
  return action.name === 'up' ? tooDeep(clusterFolders(personal)) : undefined;
}

/** What is made before the action is over; tests may ask for anything. */
function partsFor(action: Action): readonly PartName[] {
  const all = Object.keys(parts) as PartName[];
  if (action.name === 'run') return all;
  if (action.name !== 'up') return [];
  return all.filter((part) => part !== 'kwok' || action.fakeNodes > 0);
}

/** A command in a fresh network, which is removed after it with all that then runs there. */
async function run(cluster: string, words: Words): Promise<number> {
  await clear(cluster);
  claim(cluster);
  try {
    await makeNamespace(cluster);
    return await runInside(cluster, words);
  } finally {
    await clear(cluster);
  }
}

/** Makes the network and goes on inside. */
async function up(fakeNodes: number): Promise<number> {
  // First of all: one that is on its way up, or down, may look as if it stood.
  const claims = claim(personal);
  const standing = standingCluster();
  if (standing) {
    claims.withdraw();
    if (fakeNodes === 0) return say(`the cluster is up\n${directions(standing)}`);
    throw new Error('the cluster is up and keeps its nodes; npm run cluster -- down ends it');
  }
  await clear(personal);
  claim(personal);
  await makeNamespace(personal);
  const start = fileURLToPath(new URL('./start.ts', import.meta.url));
  const words: Words = [process.execPath, ...process.execArgv, start, String(fakeNodes)];
  return await runInside(personal, words);
}

async function enter(words: readonly string[]): Promise<number> {
  const standing = standingCluster();
  if (!standing) throw new Error('no cluster is up: npm run cluster');
  const [program = process.env['SHELL'] ?? 'bash', ...args] = words;
  const script = `. "$0" && exec "$@"`;
  return await runInside(personal, ['sh', '-c', script, shellSettings(standing), program, ...args]);
}

/** The folders of the person's cluster, whichever cache they are in; undefined where none is up. */
function standingCluster(): ClusterFolders | undefined {
  return new Claims(personal).folders
    .map(foldersIn)
    .find((folders) => new Processes(folders).find('kube-apiserver'));
}

function claim(cluster: string): Claims {
  const claims = new Claims(cluster);
  claims.take(clusterFolders(cluster).root);
  return claims;
}

/** Leaves nothing of a cluster but its logs, however and from whichever cache it was started. */
async function clear(cluster: string): Promise<void> {
  const claims = claim(cluster);
  await endInside(cluster);
  for (const folder of claims.folders) await removeCluster(cluster, foldersIn(folder));
  await removeNamespace(cluster);
  claims.release();
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
