import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './command.ts';
import { controlGroups } from './control-groups.ts';
import { type DaemonName, daemonNames } from './daemon.ts';
import { type ClusterFolders, clusterFolders } from './folders.ts';
import { runtimeSocket } from './node.ts';
import { end, Processes, processesRunning } from './processes.ts';

/**
 * Stops all that a cluster runs and removes what it stored; the logs stay. Goes by what is on disk
 * and in the kernel, so it also clears what a killed run left behind, and does no harm twice.
 */
export async function removeCluster(
  name: string,
  folders: ClusterFolders = clusterFolders(name),
): Promise<void> {
  const processes = new Processes(folders);
  for (const daemon of [...daemonNames].reverse()) {
    // Containers must not outlive their runtime, and kubelet, by now stopped, cannot start new ones.
    if (daemon === 'containerd') await endContainers(name, folders);
    await processes.stop(daemon, graceMs[daemon] ?? 5_000);
  }
  await unmountBelow(folders.root);
  removeContainerLogLinks(folders.log);
  for (const folder of [folders.pki, folders.configuration, folders.run, folders.data]) {
    // What a process in its last moments leaves there comes after the folder was read.
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** The API server would wait a minute for its watches. */
const graceMs: { readonly [name in DaemonName]?: number } = { 'kube-apiserver': 1_000 };

/** Ends every container and the shims that watch over them; the runtime is to be stopped before or after. */
export async function endContainers(name: string, folders: ClusterFolders): Promise<void> {
  await controlGroups(name).remove();
  const socket = runtimeSocket(folders);
  const shims = processesRunning(
    (commandLine) =>
      commandLine.includes('containerd-shim-runc-v2 ') && commandLine.includes(` ${socket} `),
  );
  await end(shims, 2_000);
}

/** What containers and volumes had mounted, the innermost first. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const mountPoint of mountPointsBelow(folder).reverse()) {
    try {
      await output(['umount', '--lazy', mountPoint]);
    } catch (error) {
      // A shim in its last moments unmounts too.
      if (mountPointsBelow(folder).includes(mountPoint)) throw error;
    }
  }
}

function mountPointsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mountPoint) => mountPoint.startsWith(`${folder}/`));
}

/** Kubelet links the logs of all containers into a folder that is the same for every cluster. */
function removeContainerLogLinks(logs: string): void {
  const folder = '/var/log/containers';
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const link = join(folder, entry.name);
    if (entry.isSymbolicLink() && readlinkSync(link).startsWith(`${logs}/`)) rmSync(link);
  }
}
