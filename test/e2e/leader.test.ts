import { leaseName } from '../../src/manifests/names.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import type { AuditedRequest } from '../cluster/real/audit-log.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { installOperator, pushImage } from './installation.ts';

const namespace = 'workspaces';
const operatorUser = `system:serviceaccount:${operatorNamespace}:${operatorServiceAccount}`;
/** Promised is this long without a leader; the machine of a test may be busy with other things. */
const slackMs = 2_000;

describe('two operators on a node, installed from config/default', () => {
  let cluster: RealCluster;

  beforeAll(async () => {
    cluster = await RealCluster.start();
    await pushImage(cluster, 'operator');
    await pushImage(cluster, 'sleeper');
    await cluster.registry.push('cached:1', cluster.busyboxImage);
    await kubectl(['create', 'namespace', namespace]);
    await cluster.until(async () => (await inNamespace('get', 'sa', '-o', 'name')) !== '');
    await installOperator(cluster);
    const puller = {
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'puller', namespace },
      spec: { images: `cached=${cluster.registry.reference('cached:1')}` },
    };
    await kubectl(['apply', '-f', '-'], JSON.stringify(puller));
    await inNamespace('wait', '--for=condition=Ready', 'kip/puller', '--timeout=60s');
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (cluster as RealCluster | undefined)?.stop(), startTimeoutMs);

  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input);
  const inNamespace = (...args: readonly string[]) => kubectl(['-n', namespace, ...args]);

  /** Those of the operator. */
  const pods = async (): Promise<readonly Pod[]> => {
    const path = `/api/v1/namespaces/${operatorNamespace}/pods`;
    const { items } = (await cluster.api.get(path)) as { readonly items: readonly Pod[] };
    return items;
  };
  const pod = async (name: string) => (await pods()).find(({ metadata }) => metadata.name === name);

  /** The name of the pod that leads; empty where none does. */
  const leader = async (): Promise<string> => {
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${operatorNamespace}/leases`;
    const { spec } = (await cluster.api.get(`${leases}/${leaseName}`)) as Lease;
    return spec.holderIdentity.split('_')[0] ?? '';
  };

  /** Sends a signal to the operator in a pod. */
  const signal = async (name: string, what: NodeJS.Signals) => {
    const [container] = (await pod(name))?.status.containerStatuses ?? [];
    await cluster.runtime.signal(container?.containerID.replace('containerd://', '') ?? '', what);
  };

  const bothAreReady = () =>
    cluster.until(async () => {
      const ready = (await pods()).map(({ status }) => status.containerStatuses?.[0]?.ready);
      return ready.length === 2 && ready.every(Boolean);
    });

  /** Gives whoever leads something to write. */
  const makeWork = () => inNamespace('delete', 'configmap', 'k8s-image-puller');

  const requests = (since: number) => cluster.auditLog.requests({ since, user: operatorUser });
  /** The first request of this kind; waits for it. */
  const first = async (since: number, isIt: (request: AuditedRequest) => boolean) => {
    let found: AuditedRequest | undefined;
    await cluster.until(async () => {
      found = (await requests(since)).find(isIt);
      return found !== undefined;
    }, 30_000);
    return Date.parse(found?.at ?? '');
  };
  const isRepair = ({ verb, name }: AuditedRequest) =>
    verb === 'patch' && name === 'k8s-image-puller';

  it('are both ready, although only one of them leads', async () => {
    await bothAreReady();
    const names = (await pods()).map(({ metadata }) => metadata.name);
    expect(names).toHaveLength(2);
    expect(names).toContain(await leader());
  });

  it('hand over within two and a half seconds where the leader is asked to end', async () => {
    const ended = await leader();
    const since = cluster.auditLog.position();
    // And not by a signal, after which kubelet starts another process in the same pod.
    await kubectl(['-n', operatorNamespace, 'delete', 'pod', ended, '--wait=false']);
    await cluster.until(async () => (await leader()) !== ended);
    await makeWork();
    const repairedAt = await first(since, (request) => isRepair(request) && request.pod !== ended);
    const releases = (await requests(since)).filter((request) => request.pod === ended);
    const releasedAt = Date.parse(releases.filter(isLeaseWrite).at(-1)?.at ?? '');
    report('from the release to the next write', repairedAt - releasedAt);
    expect(repairedAt - releasedAt).toBeLessThan(2_500 + slackMs);
    await cluster.until(async () => (await pod(ended)) === undefined);
  });

  it('hand over within 17 seconds where the leader is killed', async () => {
    await bothAreReady();
    const killed = await leader();
    const since = cluster.auditLog.position();
    const killedAt = Date.now();
    await signal(killed, 'SIGKILL');
    await makeWork();
    const repairedAt = await first(since, isRepair);
    report('from the kill to the next write', repairedAt - killedAt);
    expect(repairedAt - killedAt).toBeLessThan(17_000 + slackMs);
    expect(await leader()).not.toBe(killed);
  });

  it('hand over while the leader is stopped, which then ends without another write', async () => {
    await bothAreReady();
    const stopped = await leader();
    const since = cluster.auditLog.position();
    await signal(stopped, 'SIGSTOP');
    await cluster.until(async () => (await leader()) !== stopped, 30_000);
    await makeWork();
    await first(since, isRepair);
    await signal(stopped, 'SIGCONT');
    await cluster.until(async () => (await lastExitCode(stopped)) === 1);
    const log = await kubectl(['-n', operatorNamespace, 'logs', stopped, '--previous']);
    expect(log).toContain('lost the lease');
    const written = (await requests(since)).filter(
      (request) => request.pod === stopped && isWrite(request) && !isLeaseWrite(request),
    );
    expect(written).toEqual([]);
  });

  it('never wrote in the term of the other, in all that time', async () => {
    await bothAreReady();
    const all = [...(await requests(0))].sort((one, other) => one.at.localeCompare(other.at));
    let holder = '';
    const trespasses = all.filter((request) => {
      if (isLeaseWrite(request)) holder = request.pod;
      return isWrite(request) && request.pod !== holder;
    });
    expect(trespasses).toEqual([]);
    expect(new Set(all.filter(isRepair).map((request) => request.pod)).size).toBeGreaterThan(1);
  });

  /** How the container before the present one ended; undefined while there is none. */
  async function lastExitCode(name: string): Promise<number | undefined> {
    const [container] = (await pod(name))?.status.containerStatuses ?? [];
    return container?.lastState.terminated?.exitCode;
  }
});

/** A write of the Lease that was carried out. */
function isLeaseWrite({ resource, verb, code }: AuditedRequest): boolean {
  return resource === 'leases' && verb !== 'get' && code < 300;
}

/** A request that would change something, but for those that only ask. */
function isWrite({ resource, verb }: AuditedRequest): boolean {
  const asks = ['leases', 'tokenreviews', 'subjectaccessreviews'].includes(resource);
  return !asks && !['get', 'list', 'watch'].includes(verb);
}

function report(what: string, ms: number): void {
  process.stdout.write(`${what}: ${Math.round(ms)} ms\n`);
}

/** As much of a Pod as is read here. */
interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    /** Absent until kubelet has seen the pod. */
    readonly containerStatuses?: readonly {
      readonly containerID: string;
      readonly ready: boolean;
      readonly lastState: { readonly terminated?: { readonly exitCode: number } };
    }[];
  };
}

interface Lease {
  readonly spec: { readonly holderIdentity: string };
}
