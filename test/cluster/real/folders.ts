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

/** Where the cluster of this name keeps its files. */
export function clusterFolders(name: string): ClusterFolders {
  const root = join(cacheFolder(), 'clusters', name);
  return {
    root,
    pki: join(root, 'pki'),
    configuration: join(root, 'configuration'),
    run: join(root, 'run'),
    log: join(root, 'log'),
    data: join(root, 'data'),
  };
}
