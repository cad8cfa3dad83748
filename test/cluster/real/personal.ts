import { join } from 'node:path';
import type { ClusterFolders } from './folders.ts';

/** kubectl and the kubeconfig of a person's cluster, as a shell reads them. */
export function shellSettings({ run }: ClusterFolders): string {
  return join(run, 'environment');
}

/** How to use a cluster that is up. */
export function directions({ run, log }: ClusterFolders): string {
  return [
    `kubeconfig: ${run}/kubeconfig (valid inside the cluster's network)`,
    `logs:       ${log}`,
    'enter:      npm run cluster -- enter',
    'end:        npm run cluster -- down',
    '',
  ].join('\n');
}
