import { homedir } from 'node:os';
import { join } from 'node:path';

/** Everything that outlives a run lies here, outside the clone: `$XDG_CACHE_HOME`, else `~/.cache`. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'kubernetes-image-puller-operator');
}

/** The folders of one cluster. All but `log` are emptied when it stops. */
export interface ClusterFolders {
  readonly root: string;
  readonly pki: string;
  readonly configuration: string;
  /** Process records and the runtime's socket. */
  readonly run: string;
  /** One file per daemon, the audit log, the logs of pods. Kept until the next start, for a look back. */
  readonly log: string;
  /** What etcd, registry, containerd and kubelet store, each in a folder of its name. */
  readonly data: string;
}

/**
 * Where a cluster of this name that is started now keeps its files: in the cache, or where that lies
 * too deep for sockets, in `/var/tmp`, which survives as long.
 */
export function clusterFolders(
  name: string,
  environment: NodeJS.ProcessEnv = process.env,
): ClusterFolders {
  const cached = foldersIn(join(cacheFolder(environment), 'clusters', name));
  return tooDeep(cached) === undefined ? cached : foldersIn(join('/var/tmp/kip-clusters', name));
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

/**
 * Says where a cluster's sockets would lie too deep; undefined where they do not. The path of one has
 * 107 characters at most (unix(7)), and kubelet's are made under another name first, of ten digits.
 */
export function tooDeep({ data, root }: ClusterFolders): string | undefined {
  const socket = join(data, 'kubelet', 'pod-resources', '0123456789');
  const length = Buffer.byteLength(root);
  const most = 107 - (Buffer.byteLength(socket) - length);
  if (length <= most) return undefined;
  return `the path ${root} has ${length} characters, and kubelet's sockets allow ${most}; choose a shorter name`;
}
