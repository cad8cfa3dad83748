import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Words } from './command.ts';
import { clusterFolders } from './folders.ts';
import { claim, currentCluster, makeNamespace, removeNamespace, runInside } from './namespace.ts';
import { type PartName, parts } from './parts.ts';
import { missing } from './prerequisites.ts';
import { Processes } from './processes.ts';
import { RealCluster } from './real-cluster.ts';
import { removeCluster } from './remove.ts';

const usage = `usage:
  npm run cluster                         brings a cluster up and says how to use it
  npm run cluster -- up --fake-nodes N    the same with N nodes that exist on paper
  npm run cluster -- enter [command…]     a shell, or a command, in its network
  npm run cluster -- down                 ends it
  npm run cluster -- run command…         a command in a fresh network for tests
  npm run test:e2e [-- jest arguments]    the tests that need a real cluster
`;

/** The cluster of a person, and the one that tests start and stop. */
const [personal, tested] = ['dev', 'e2e'] as const;

async function main(): Promise<number> {
  const [action = 'up', ...rest] = process.argv.slice(2);
  if (action === 'help' || action === '--help') return say(usage);
  const complaint = await missing(Object.keys(parts) as PartName[]);
  if (complaint !== undefined) throw new Error(complaint);
  switch (action) {
    case 'run':
      return await run(rest);
    case 'up':
      return await (currentCluster() === undefined ? up(rest) : upInside(rest));
    case 'enter':
      return await enter(rest);
    case 'down':
      await remove(personal);
      return 0;
    default:
      throw new Error(`${action} is no command\n${usage}`);
  }
}

/** A command in a fresh network, which is removed after it with all that then runs there. */
async function run(rest: readonly string[]): Promise<number> {
  const [program, ...args] = rest;
  if (program === undefined) throw new Error(`run what?\n${usage}`);
  await remove(tested);
  await makeNamespace(tested);
  try {
    return await runInside(tested, [program, ...args]);
  } finally {
    await remove(tested);
  }
}

/** Makes the network and goes on inside, by running this program again there. */
async function up(rest: readonly string[]): Promise<number> {
  claim(personal);
  if (new Processes(clusterFolders(personal)).find('kube-apiserver')) {
    return say(`the cluster is up\n${directions()}`);
  }
  await remove(personal);
  await makeNamespace(personal);
  const again: Words = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)];
  return await runInside(personal, [...again, 'up', ...rest]);
}

async function upInside(rest: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...rest], options: { 'fake-nodes': { type: 'string' } } });
  const fakeNodes = Number(values['fake-nodes'] ?? 0);
  if (!Number.isInteger(fakeNodes)) throw new Error('--fake-nodes: say how many');
  const cluster = await RealCluster.start();
  if (fakeNodes > 0) await cluster.addFakeNodes(fakeNodes);
  await cluster.registry.push('busybox:1', cluster.busyboxImage);
  writeFileSync(
    shellSettings(),
    `export PATH='${cluster.binaryFolder}':"$PATH"\nexport KUBECONFIG='${cluster.kubeconfigFile}'\n`,
  );
  return say(
    `nodes: ${cluster.nodes.length}; an image to try: ${cluster.registry.reference('busybox:1')}\n${directions()}`,
  );
}

async function enter(rest: readonly string[]): Promise<number> {
  if (!new Processes(clusterFolders(personal)).find('kube-apiserver')) {
    throw new Error('no cluster is up: npm run cluster');
  }
  const [program = process.env['SHELL'] ?? 'bash', ...args] = rest;
  const script = `. "$0" && exec "$@"`;
  return await runInside(personal, ['sh', '-c', script, shellSettings(), program, ...args]);
}

async function remove(name: string): Promise<void> {
  claim(name);
  await removeCluster(name);
  await removeNamespace(name);
}

/** kubectl and the kubeconfig of the personal cluster, as a shell reads them. */
function shellSettings(): string {
  return `${clusterFolders(personal).run}/environment`;
}

function directions(): string {
  const { run: folder, log } = clusterFolders(personal);
  return [
    `kubeconfig: ${folder}/kubeconfig (valid inside the cluster's network)`,
    `logs:       ${log}`,
    'enter:      npm run cluster -- enter',
    'end:        npm run cluster -- down',
    '',
  ].join('\n');
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
