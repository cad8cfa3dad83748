import { daemonSets, resourcePath } from '../../src/kube/objects.ts';
import { dryRunName } from '../../src/manifests/names.ts';
import {
  operatorNamespace,
  operatorServiceAccount,
  operatorUser,
} from '../../src/manifests/operator.ts';
import { fakeNodeTaint } from '../cluster/real/fake-nodes.ts';
import { RealCluster } from '../cluster/real/real-cluster.ts';
import { dryRun, type Rig } from './rig.ts';
import { installation } from './rig-installation.ts';

/** How quick the control plane is, and which requests are counted. */
export interface RealRigOptions {
  /** How often a second each controller, and the scheduler, may ask; as Kubernetes has it unless given. */
  readonly controllerQps?: number;
  /** Only requests under this name count; under any unless given. */
  readonly userAgent?: string;
}

/**
 * What Kubernetes gives each controller and the scheduler, a second and at once (kubernetes/kubernetes:
 * pkg/controller/apis/config/v1alpha1/defaults.go, pkg/scheduler/apis/config/v1/defaults.go).
 */
const defaultPace = { controllers: { qps: 20, burst: 30 }, scheduler: { qps: 50, burst: 100 } };

/** The flags for a pace, which is told in words too. */
function paceOf(controllerQps: number | undefined) {
  const alike = controllerQps && { qps: controllerQps, burst: 2 * controllerQps };
  const { controllers, scheduler } = alike ? { controllers: alike, scheduler: alike } : defaultPace;
  const flags = ({ qps, burst }: { qps: number; burst: number }) => [
    `--kube-api-qps=${qps}`,
    `--kube-api-burst=${burst}`,
  ];
  return {
    flags: { 'kube-controller-manager': flags(controllers), 'kube-scheduler': flags(scheduler) },
    words: alike
      ? `its controllers and its scheduler at ${controllerQps} requests a second each`
      : `its controllers and its scheduler at the default of ${controllers.qps} and ${scheduler.qps} requests a second`,
  };
}

/** A real control plane with nodes on paper, with the operator's kinds and rights. */
export async function realRig(
  nodes: number,
  isOurs: boolean,
  { controllerQps, userAgent = '' }: RealRigOptions = {},
): Promise<Rig> {
  const pace = paceOf(controllerQps);
  const cluster = await RealCluster.start({ node: false, flags: pace.flags });
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
    setting: `Kubernetes ${gitVersion} in the same machine, ${pace.words}, ${nodes} nodes on paper (kwok)`,
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
        setting: `Kubernetes ${gitVersion} in the same machine, ${pace.words}, ${count} nodes on paper (kwok), whose pods start within three seconds`,
        run: (namespace) =>
          cluster.until(async () => {
            const collection = (await cluster.api.get(resourcePath(daemonSets, namespace))) as {
              items: { status: { numberReady: number; desiredNumberScheduled: number } }[];
            };
            return collection.items.every(({ status }) => status.numberReady === count);
          }, 1_200_000),
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
