import { verbAndResource } from '../../src/kube/exchange.ts';
import { operatorUser } from '../../src/manifests/operator.ts';
import { startEmbeddedCluster } from '../cluster/embedded/embedded-cluster.ts';
import { Registries } from '../cluster/embedded/workloads/registry.ts';
import { largeRollOut } from './embedded-roll-out.ts';
import { type CountedRequest, dryRun, type Rig } from './rig.ts';
import { installation } from './rig-installation.ts';

/** The embedded cluster in this process, with the operator's kinds and rights. */
export async function embeddedRig(nodes: number, isOurs: boolean): Promise<Rig> {
  const cluster = await startEmbeddedCluster({
    nodes,
    // Pods are Ready nearly at once, so that writes are counted and not the pace of a roll-out.
    registries: new Registries({ others: { pullMs: 1 } }),
    timings: { startMs: 1, relistMs: 10 },
  });
  cluster.apply(...installation(isOurs));
  return {
    setting: `the embedded cluster with ${nodes} nodes, in the same machine`,
    kubeconfig: cluster.kubeconfig(),
    operatorKubeconfig: cluster.kubeconfig(operatorUser),
    position: () => cluster.requests.length,
    async requestsSince(position) {
      return cluster.requests
        .slice(position)
        .filter(({ user }) => user === operatorUser)
        .map(counted);
    },
    largeRollOut: async (count) => largeRollOut(cluster, count),
    stop: () => cluster.stop(),
  };
}

function counted({ method, path }: { method: string; path: string }): CountedRequest {
  const { pathname, searchParams } = new URL(path, 'http://cluster');
  const { verb, resource } = verbAndResource(method, pathname, searchParams.has('watch'));
  if (searchParams.has('dryRun')) return { verb, about: dryRun };
  return { verb, about: pathname.endsWith('/status') ? `${resource}/status` : resource };
}
