import { daemonSets, resourcePath } from '../../src/kube/objects.ts';
import { dryRunName } from '../../src/manifests/names.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import { fakeNodeTaint } from '../cluster/real/fake-nodes.ts';
import { RealCluster, type RealClusterOptions } from '../cluster/real/real-cluster.ts';
import { dryRun, type Rig } from './rig.ts';
import { installation, operatorUser } from './rig-installation.ts';

/** What differs from the usual control plane, and which requests are counted. */
export interface RealRigOptions extends Pick<RealClusterOptions, 'flags'> {
  /** Only requests under this name count; under any unless given. */
  readonly userAgent?: string;
}

/** A real control plane with nodes on paper, with the operator's kinds and rights. */
export async function realRig(
  nodes: number,
  isOurs: boolean,
  { userAgent = '', ...options }: RealRigOptions = {},
): Promise<Rig> {
  const cluster = await RealCluster.start({ node: false, ...options });
  const addNodes = async (count: number) => {
    await cluster.addFakeNodes(count);
    // For every pod: a Deployment that cannot run is news, which would be written.
    await kubectl(['taint', 'nodes', '--all', `${fakeNodeTaint.key}-`]);
  };
  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input);
  if (nodes > 0) await addNodes(nodes);
  const items = installation(isOurs);
  const list = { apiVersion: 'v1', kind: 'List', items };
  await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list));
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  const { gitVersion } = (await cluster.api.get('/version')) as { gitVersion: string };
  return {
    setting: `Kubernetes ${gitVersion} with ${nodes} nodes on paper (kwok), in the same machine`,
    kubeconfig: cluster.kubeconfig(),
    operatorKubeconfig: await cluster.tokenKubeconfig(operatorNamespace, operatorServiceAccount),
    position: () => cluster.auditLog.position(),
    async requestsSince(since) {
      const requests = await cluster.auditLog.requests({ since, user: operatorUser });
      return requests
        .filter((request) => request.userAgent.startsWith(userAgent))
        .map(({ verb, resource, subresource, name }) => {
          if (name.endsWith(dryRunName(''))) return { verb, about: dryRun };
          return { verb, about: subresource === '' ? resource : `${resource}/${subresource}` };
        });
    },
    async largeRollOut(count) {
      await addNodes(count);
      return {
        setting: `${count} nodes on paper, whose pods start within three seconds (kwok)`,
        run: (namespace) =>
          cluster.until(async () => {
            const collection = (await cluster.api.get(resourcePath(daemonSets, namespace))) as {
              items: { status: { numberReady: number; desiredNumberScheduled: number } }[];
            };
            return collection.items.every(({ status }) => status.numberReady === count);
          }, 600_000),
        fleet: {
          nodes: cluster.nodes,
          silence: (names) => cluster.silenceFakeNodes(names),
          remove: async (names) => void (await kubectl(['delete', 'nodes', ...names])),
        },
      };
    },
    stop: () => cluster.stop(),
  };
}
