import { homedir } from 'node:os';
import { join } from 'node:path';

/** Everything that outlives a run lies here, outside the clone: `$XDG_CACHE_HOME`, else `~/.cache`. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'kubernetes-image-puller-operator');
}

/**
 * What there is once per machine and name, as the network namespace and the control groups are: the
 * claims on the cluster, and the ways to the node's sockets, as the path of one has 107 characters at
 * most (unix(7)) and a cache may lie deep.
 */
export function machineFolder(name: string): string {
  return `/run/kip-${name}`;
}

/** The folders of one cluster. All but `log` are emptied when it stops. */
export interface ClusterFolders {
  readonly root: string;
  readonly pki: string;
  readonly configuration: string;
  /** Process records, kubeconfig, runc's state. */
  readonly run: string;
  /** One file per daemon, the audit log, the logs of pods. Kept until the next start, for a look back. */
  readonly log: string;
  /** What etcd, registry, containerd and kubelet store, each in a folder of its name. */
  readonly data: string;
}

/** Where a cluster of this name that is started now keeps its files. */
export function clusterFolders(name: string): ClusterFolders {
  return foldersIn(join(cacheFolder(), 'clusters', name));
}

/** The folders of the cluster that has its files in this one. */
export function foldersIn(root: string): ClusterFolders {
  return {
    root,
    pki: join(root, 'pki'),
    configuration: join(root, 'configuration'),
    run: join(root, 'run'),
    log: join(root, 'log'),
    data: join(root, 'data'),
  };
}
