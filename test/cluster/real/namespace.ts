import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTerminal, output, type Words } from './command.ts';
import { clusterFolders } from './folders.ts';
import { end, isAlive, type ProcessRecord, processRecord } from './processes.ts';

/**
 * The network that a cluster has for itself: the addresses below exist in its network namespace
 * only, so that nothing is reachable from elsewhere and several clusters use the same ones.
 */
export const network = {
  bridge: 'kip0',
  /** The node's address, on the bridge that joins the pods. */
  node: '10.87.0.1',
  pods: '10.87.0.0/24',
  services: '10.96.0.0/16',
  /** The service `kubernetes`. No kube-proxy runs here: the bridge carries the address itself. */
  apiServer: '10.96.0.1',
} as const;

/** Names the cluster inside whose namespace this process runs; unset elsewhere. */
const nameVariable = 'REAL_CLUSTER';
/** The namespace that this process was in before: the one with a way out. */
const outsideVariable = 'REAL_CLUSTER_OUTSIDE';

/** The cluster in whose network this process runs; undefined outside. */
export function currentCluster(): string | undefined {
  const name = process.env[nameVariable];
  return name !== undefined && isInside(name) ? name : undefined;
}

/** The same command in the network that this process came from. */
export function outside(words: Words): Words {
  const path = process.env[outsideVariable];
  return path === undefined ? words : ['nsenter', `--net=${path}`, ...words];
}

/** Makes the namespace of a cluster, with its addresses, where it is not there yet. */
export async function makeNamespace(name: string): Promise<void> {
  if (existsSync(pathOf(name))) return;
  const netns = netnsName(name);
  await output(['ip', 'netns', 'add', netns]);
  const ip = (...args: readonly string[]) => output(['ip', '-n', netns, ...args]);
  await ip('link', 'set', 'lo', 'up');
  await ip('link', 'add', network.bridge, 'type', 'bridge');
  await ip('addr', 'add', `${network.node}/24`, 'dev', network.bridge);
  await ip('addr', 'add', `${network.apiServer}/32`, 'dev', network.bridge);
  await ip('link', 'set', network.bridge, 'up');
}

/** Runs a command inside on this terminal; resolves with its exit status. */
export function runInside(name: string, words: Words): Promise<number> {
  // Not `ip netns exec`: that mounts another /sys, where the control groups would be missing.
  return onTerminal(['nsenter', `--net=${pathOf(name)}`, ...words], {
    [nameVariable]: name,
    [outsideVariable]: `/proc/${process.pid}/ns/net`,
  });
}

/**
 * Ends whatever still runs inside, then the namespace. Daemons are to be stopped before, in their
 * order: this catches what a killed test left, such as an operator that it had started.
 */
export async function removeNamespace(name: string): Promise<void> {
  if (!existsSync(pathOf(name))) return;
  const pids = await output(['ip', 'netns', 'pids', netnsName(name)]);
  const records = pids
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => processRecord(Number(line)))
    .filter((record) => record !== undefined);
  await end(records, 2_000);
  await output(['ip', 'netns', 'delete', netnsName(name)]);
}

/**
 * Claims a cluster for this process; throws where another one that lives has it. A claim ends with
 * its process, so one that was killed blocks nobody.
 */
export function claim(name: string): void {
  const { root } = clusterFolders(name);
  mkdirSync(root, { recursive: true });
  const file = join(root, 'owner.json');
  const owner = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as ProcessRecord)
    : undefined;
  if (owner && isAlive(owner) && owner.pid !== process.pid) {
    throw new Error(`the cluster "${name}" is in use by process ${owner.pid}`);
  }
  writeFileSync(file, JSON.stringify(processRecord(process.pid)));
}

function isInside(name: string): boolean {
  // One inode per namespace, whichever path leads to it (namespaces(7)).
  return (
    existsSync(pathOf(name)) && statSync(pathOf(name)).ino === statSync('/proc/self/ns/net').ino
  );
}

function netnsName(name: string): string {
  return `kip-${name}`;
}

function pathOf(name: string): string {
  return `/run/netns/${netnsName(name)}`;
}
