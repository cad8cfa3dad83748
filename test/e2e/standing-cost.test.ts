import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import { cpuQuantity, memoryQuantity, parseQuantity } from '../../src/api/quantity.ts';
import { isRefusal } from '../../src/api/refusal.ts';
import { nounCount } from '../../src/api/text.ts';
import type { RawSpec } from '../../src/api/types.ts';
import { type OperatorProcess, startOperator } from '../../src/cli/demo/operator-process.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import { type Amount, podCost, podSpecOf } from '../../src/status/pod-cost.ts';
import { podUsage } from '../cluster/real/control-groups.ts';
import { currentCluster } from '../cluster/real/namespace.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { aPuller } from '../pullers.ts';

const project = new URL('../..', import.meta.url).pathname;
/** How long pods are watched that have nothing to do. */
const idleSeconds = 10;

let cluster: RealCluster;
let operator: OperatorProcess;
let schedulerClient: Agent;

beforeAll(async () => {
  cluster = await RealCluster.start();
  await cluster.registry.push('sleeper:1', cluster.busyboxImage);
  for (const name of names(200)) {
    await cluster.registry.push(`${name}:1`, { files: { '/name': Buffer.from(name) } });
  }
  await cluster.kubectl(['create', 'namespace', operatorNamespace]);
  await cluster.kubectl([
    ...['-n', operatorNamespace, 'create', 'serviceaccount', operatorServiceAccount],
  ]);
  await cluster.kubectl(['apply', '-k', `${project}crds`]);
  await cluster.kubectl(['apply', '-k', `${project}config/rbac/cluster`]);
  operator = startOperator(
    await cluster.tokenKubeconfig(operatorNamespace, operatorServiceAccount),
    {
      HEALTH_PORT: '0',
      METRICS_PORT: '0',
      RELATED_IMAGE_SLEEPER: cluster.registry.reference('sleeper:1'),
    },
  );
  schedulerClient = new Agent({ connect: schedulersTls() });
}, startTimeoutMs);

// Undefined where it did not come up.
afterAll(async () => {
  await (schedulerClient as Agent | undefined)?.destroy();
  await (operator as OperatorProcess | undefined)?.stop();
  await (cluster as RealCluster | undefined)?.stop();
}, startTimeoutMs);

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => `image-${number}`);
}

/** Applies a puller in a namespace of its own and waits until the node has all its images. */
async function cache(namespace: string, count: number, spec: RawSpec = {}, more: object[] = []) {
  const images = names(count).map((name) => `${name}=${cluster.registry.reference(`${name}:1`)}`);
  const puller = aPuller({ images: images.join(';'), ...spec }, { namespace });
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...more.map((object) => ({
      apiVersion: 'v1',
      metadata: { name: 'all', namespace },
      ...object,
    })),
    puller,
  ];
  for (const object of objects) await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(object));
  await cluster.kubectl([
    ...['-n', namespace, 'wait', '--for=condition=Ready', 'kip/puller', '--timeout=240s'],
  ]);
}

async function list(namespace: string, path: string): Promise<readonly KubeObject[]> {
  const { items } = (await cluster.api.get(path.replace('*', `namespaces/${namespace}`))) as {
    readonly items: readonly KubeObject[];
  };
  return items;
}

const daemonSetsOf = (namespace: string) => list(namespace, '/apis/apps/v1/*/daemonsets');

async function cachePodsOf(namespace: string): Promise<readonly KubeObject[]> {
  const pods = await list(namespace, '/api/v1/*/pods?labelSelector=test%3Ddaemonset-test');
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

function sum(amounts: readonly Amount[]): Amount {
  return amounts.reduce(
    (total, { cpu, memory }) => ({ cpu: total.cpu + cpu, memory: total.memory + memory }),
    { cpu: 0n, memory: 0n },
  );
}

const text = ({ cpu, memory }: Amount) => `${cpuQuantity(cpu)} ${memoryQuantity(memory)}`;

/** What a quota counts of the pods in its namespace. */
async function quotaUsed(namespace: string): Promise<Amount> {
  const quota = (await cluster.api.get(
    `/api/v1/namespaces/${namespace}/resourcequotas/all`,
  )) as KubeObject;
  const { used = {} } = (quota['status'] ?? {}) as { readonly used?: Record<string, string> };
  return { cpu: nanos(used['requests.cpu']), memory: nanos(used['requests.memory']) };
}

function nanos(quantity = '0'): bigint {
  const parsed = parseQuantity(quantity);
  if (isRefusal(parsed)) throw new Error(`${quantity}: ${parsed.refusal}`);
  return parsed.nanos;
}

/** The scheduler asks the API server who this is. */
function schedulersTls() {
  const config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig());
  const { certData = '', keyData = '' } = config.getCurrentUser() ?? {};
  const decoded = (data: string) => Buffer.from(data, 'base64').toString();
  // It makes up its own certificate, and this goes to loopback only.
  return { cert: decoded(certData), key: decoded(keyData), rejectUnauthorized: false };
}

/** What the scheduler has put on the node for these pods (its metric kube_pod_resource_request). */
async function scheduled(pods: readonly KubeObject[]): Promise<Amount> {
  const { statusCode, body } = await request('https://127.0.0.1:10259/metrics/resources', {
    dispatcher: schedulerClient,
  });
  const metrics = await body.text();
  if (statusCode !== 200) throw new Error(`the scheduler answers ${statusCode}: ${metrics}`);
  const uids = new Set(pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  const total = (resource: string) => {
    const pattern =
      /^kube_pod_resource_request\{namespace="([^"]*)",node="[^"]+",pod="([^"]*)",.*resource="([^"]*)",.*\} (\S+)/gm;
    return [...metrics.matchAll(pattern)]
      .filter(([, namespace, pod, of]) => of === resource && uids.has(`${namespace}/${pod}`))
      .reduce((all, [, , , , value]) => all + BigInt(Math.round(Number(value) * 1e9)), 0n);
  };
  return { cpu: total('cpu'), memory: total('memory') };
}

/** What the pods take of the node now, and how much of a processor while nothing happens. */
async function used(pods: readonly KubeObject[]): Promise<Amount> {
  const clusterName = currentCluster() ?? '';
  const look = () => pods.map(({ metadata }) => podUsage(clusterName, metadata.uid ?? ''));
  const seconds = (usages: ReturnType<typeof look>) =>
    usages.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0);
  const before = look();
  await delay(idleSeconds * 1000);
  const after = look();
  const cores = (seconds(after) - seconds(before)) / idleSeconds;
  const bytes = after.reduce((total, { memoryBytes }) => total + memoryBytes, 0);
  return { cpu: BigInt(Math.round(cores * 1e9)), memory: BigInt(bytes) * 1_000_000_000n };
}

const quota = {
  kind: 'ResourceQuota',
  spec: { hard: { 'requests.cpu': '100', 'requests.memory': '100Gi' } },
};

describe('what a cache reserves on a node', () => {
  it.each([1, 10, 40, 200])(
    'for %i images is what quota and scheduler account, once a pod, and covers what its pods use',
    async (count) => {
      const namespace = `images-${count}`;
      await cache(namespace, count, {}, [quota]);
      const pods = await cachePodsOf(namespace);
      const daemonSets = await daemonSetsOf(namespace);
      const perPod = daemonSets.map((each) => podCost(podSpecOf(each)).requests);
      const reserved = sum(perPod);
      expect(pods).toHaveLength(daemonSets.length);
      expect(text(reserved).split(' ')[0]).toBe(cpuQuantity(nanos('50m') * BigInt(pods.length)));

      expect(text(await scheduled(pods))).toBe(text(reserved));
      const puller = (await list(namespace, '/apis/apps/v1/*/deployments')).map(
        (each) => podCost(podSpecOf(each)).requests,
      );
      expect(text(await quotaUsed(namespace))).toBe(text(sum([...perPod, ...puller])));

      const taken = await used(pods);
      process.stdout.write(
        `${nounCount(count, 'image')}, ${nounCount(pods.length, 'pod')}: ${text(reserved)} reserved, ${mebibytes(taken.memory)} Mi and ${Number(taken.cpu) / 1e6} m used; the Go operator reserves ${50 * count}m ${10 * count}Mi\n`,
      );
      expect(taken.memory).toBeLessThan(reserved.memory);
      expect(taken.cpu).toBeLessThan(reserved.cpu);
      await cluster.kubectl(['delete', 'namespace', namespace]);
    },
    420_000,
  );

  it('is for each image what the user chose so, beside what is left open', async () => {
    await cache('chosen', 3, { cachingCPURequest: '5m' }, [quota]);
    const pods = await cachePodsOf('chosen');
    expect(text(await scheduled(pods))).toBe('15m 6Mi');
    await cluster.kubectl(['delete', 'namespace', 'chosen']);
  }, 300_000);

  it('is for each image where a LimitRange refuses containers without requests', async () => {
    const limitRange = {
      kind: 'LimitRange',
      spec: { limits: [{ type: 'Container', min: { cpu: '10m' }, default: { cpu: '1' } }] },
    };
    await cache('limited', 3, {}, [limitRange]);
    const pods = await cachePodsOf('limited');
    expect(text(await scheduled(pods))).toBe('150m 30Mi');
    const [daemonSet] = await daemonSetsOf('limited');
    expect(daemonSet?.metadata.annotations).toMatchObject({
      'che.eclipse.org/requests': 'per-container',
    });
    await cluster.kubectl(['delete', 'namespace', 'limited']);
  }, 300_000);
});

function mebibytes(nanoBytes: bigint): string {
  return (Number(nanoBytes / 1_000_000_000n) / 2 ** 20).toFixed(1);
}
