import { daemonSets, resourcePath } from '../../src/kube/objects.ts';
import { dryRunName } from '../../src/manifests/names.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import { fakeNodeLabel } from '../cluster/real/fake-nodes.ts';
import { RealCluster } from '../cluster/real/real-cluster.ts';
import { dryRun, type Rig } from './rig.ts';
import { installation, operatorUser } from './rig-installation.ts';

/**
 * A real control plane with nodes on paper, with the operator's kinds and rights. Only requests under
 * this name count; under any where it is empty.
 */
export async function realRig(nodes: number, isOurs: boolean, userAgent = ''): Promise<Rig> {
  const cluster = await RealCluster.start({ node: false });
  await cluster.addFakeNodes(nodes);
  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input);
  const items = installation(isOurs);
  const list = { apiVersion: 'v1', kind: 'List', items };
  await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list));
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  const { gitVersion } = (await cluster.api.get('/version')) as { gitVersion: string };
  const onNodes = {
    nodeSelector: JSON.stringify(fakeNodeLabel),
    tolerations: '[{"operator":"Exists"}]',
  };
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
    placement: (on) => (on === 'nodes' ? onNodes : { nodeSelector: '{"bench/node":"none"}' }),
    async largeRollOut(count) {
      await cluster.addFakeNodes(count);
      return {
        setting: `${count} nodes on paper, whose pods are Ready as soon as kwok says so`,
        placement: onNodes,
        run: (namespace) =>
          cluster.until(async () => {
            const collection = (await cluster.api.get(resourcePath(daemonSets, namespace))) as {
              items: { status: { numberReady: number; desiredNumberScheduled: number } }[];
            };
            return collection.items.every(({ status }) => status.numberReady === count);
          }, 600_000),
      };
    },
    stop: () => cluster.stop(),
  };
}
