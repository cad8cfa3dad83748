import { existsSync, readdirSync, statSync } from 'node:fs';
import { onTerminal, output, type Words } from './command.ts';
import { end, type ProcessRecord, processRecord } from './processes.ts';

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

/** The namespace that this process was in before: the one with a way out. */
const outsideVariable = 'REAL_CLUSTER_OUTSIDE';

/** The cluster in whose network this process runs; undefined outside. */
export function currentCluster(): string | undefined {
  if (!existsSync(namespaces)) return undefined;
  // One inode per namespace, whichever path leads to it (namespaces(7)).
  const own = statSync('/proc/self/ns/net').ino;
  return readdirSync(namespaces)
    .filter((entry) => entry.startsWith(prefix))
    .map((entry) => entry.slice(prefix.length))
    .find((name) => statSync(pathOf(name), { throwIfNoEntry: false })?.ino === own);
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
    [outsideVariable]: `/proc/${process.pid}/ns/net`,
  });
}

/**
 * Ends all that runs inside: daemons, and what a killed run left beside them, a test that would go on
 * to start daemons among it.
 */
export async function endInside(name: string): Promise<void> {
  for (let left = await inside(name); left.length > 0; left = await inside(name)) {
    await end(left, 2_000);
  }
}

/** Removes the namespace, with its addresses; nothing is to run inside any more. */
export async function removeNamespace(name: string): Promise<void> {
  if (existsSync(pathOf(name))) await output(['ip', 'netns', 'delete', netnsName(name)]);
}

async function inside(name: string): Promise<readonly ProcessRecord[]> {
  if (!existsSync(pathOf(name))) return [];
  const pids = await output(['ip', 'netns', 'pids', netnsName(name)]);
  return pids
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => processRecord(Number(line)))
    .filter((record) => record !== undefined);
}

const namespaces = '/run/netns';
const prefix = 'kip-';

function netnsName(name: string): string {
  return `${prefix}${name}`;
}

function pathOf(name: string): string {
  return `${namespaces}/${netnsName(name)}`;
}
