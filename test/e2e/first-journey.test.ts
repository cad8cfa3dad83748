import { setTimeout as delay } from 'node:timers/promises';
import type { ImagePullerStatus } from '../../src/api/types.ts';
import { dryRunName } from '../../src/manifests/names.ts';
import {
  credentialsDir,
  operatorNamespace,
  operatorUser,
  tokenSeconds,
} from '../../src/manifests/operator.ts';
import { countsIntervalMs } from '../../src/status/due.ts';
import type { Image } from '../cluster/real/image.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { imageInCluster, installOperator, pushImage } from './installation.ts';

const namespace = 'workspaces';
/** Label selectors. */
const operatorPods = 'name=kubernetes-image-puller-operator';
const pullerPods = 'app=kubernetes-image-puller';
const cachePods = 'app.kubernetes.io/name=image-puller';

describe('the operator in the image that CI builds, installed from config/default', () => {
  let cluster: RealCluster;
  /** The digest of the operator's image, as it was built. */
  let operatorDigest: string;
  /** The digests of the images to cache, by name. */
  const digests: Record<string, string> = {};
  /** What there was in the namespace before the puller. */
  let emptyNamespace: string;
  let containersBefore: number;
  /** Where the audit log was when the puller was created. */
  let created: number;
  let readyAfterMs: number;
  const log: string[] = [];

  beforeAll(async () => {
    cluster = await RealCluster.start();
    operatorDigest = await pushImage(cluster, 'operator');
    await pushImage(cluster, 'sleeper');
    for (const [name, image] of Object.entries(images())) {
      digests[name] = await cluster.registry.push(`${name}:1`, image);
    }
    await kubectl(['apply', '-f', '-'], JSON.stringify(restricted));
    await cluster.until(async () => (await everything()).includes('configmap/kube-root-ca.crt'));
    await cluster.until(async () => (await everything()).includes('serviceaccount/default'));
    await installOperator(cluster);
    emptyNamespace = await everything();
    containersBefore = (await cluster.runtime.tasks()).length;
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (cluster as RealCluster | undefined)?.stop(), startTimeoutMs);

  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input);
  const inNamespace = (...args: readonly string[]) => kubectl(['-n', namespace, ...args]);

  /** The images to cache: each would trip over another mistake. */
  const images = (): Readonly<Record<string, Image>> => ({
    // No shell, no files but one, and so nothing to run.
    scratch: { files: { '/data': Buffer.from('data') } },
    shell: { ...cluster.busyboxImage, seed: 'shell' },
    // Runs as somebody whom no /etc/passwd names.
    user: { ...cluster.busyboxImage, seed: 'user', user: 'somebody' },
    later: { ...cluster.busyboxImage, seed: 'later' },
  });

  const applyPuller = async (...names: readonly string[]) => {
    const list = names.map((name) => `${name}=${cluster.registry.reference(`${name}:1`)}`);
    const puller = {
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'puller', namespace },
      spec: { images: list.join(';') },
    };
    await kubectl(['apply', '-f', '-'], JSON.stringify(puller));
  };

  const isReady = () => inNamespace('wait', '--for=condition=Ready', 'kip/puller', '--timeout=60s');

  const everything = () =>
    inNamespace(
      'get',
      'daemonsets,deployments,replicasets,pods,configmaps,serviceaccounts,roles,rolebindings',
      ...['-o', 'name', '--ignore-not-found'],
    );

  /** The pods that are to stay. */
  const pods = async (selector: string, where = namespace): Promise<readonly Pod[]> => {
    const path = `/api/v1/namespaces/${where}/pods?labelSelector=${selector}`;
    const { items } = (await cluster.api.get(path)) as { readonly items: readonly Pod[] };
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };

  /**
   * Requests of the operator that would change something, whether or not they did; but for its own
   * lease, for the Events by which it tells of what it did, and for what it only asks by a dry run.
   */
  const writes = async (since: number): Promise<readonly string[]> => {
    const requests = await cluster.auditLog.requests({ since, user: operatorUser });
    return requests
      .filter(({ verb }) => !['get', 'list', 'watch'].includes(verb))
      .filter(({ resource }) => !['events', 'leases'].includes(resource))
      .filter(({ name }) => !name.endsWith(dryRunName('')))
      .map(({ verb, resource, subresource, name }) =>
        [verb, resource, subresource, name].filter((word) => word !== '').join(' '),
      );
  };

  it('runs as that image and no other', async () => {
    const running = await pods(operatorPods, operatorNamespace);
    const asBuilt = expect.objectContaining({
      image: imageInCluster(cluster, 'operator'),
      imageID: expect.stringContaining(operatorDigest),
    });
    expect(running.map(({ status }) => status.containerStatuses)).toEqual([[asBuilt], [asBuilt]]);
  });

  it('has tokens that end within the hour', async () => {
    const running = await pods(operatorPods, operatorNamespace);
    const lives = await Promise.all(running.map(({ metadata }) => tokenLife(metadata.name)));
    expect(lives).toEqual([tokenSeconds, tokenSeconds]);
  });

  it('puts three images on the node, one of them FROM scratch', async () => {
    created = cluster.auditLog.position();
    const start = performance.now();
    await applyPuller('scratch', 'shell', 'user');
    await isReady();
    readyAfterMs = performance.now() - start;
    expect(await cluster.runtime.images()).toEqual(
      expect.arrayContaining(
        ['scratch', 'shell', 'user'].map((name) => cluster.registry.reference(`${name}:1`)),
      ),
    );
  });

  it('lets the pod say which digest of each image the node holds', async () => {
    const [pod] = await pods(cachePods);
    const held = pod?.status.containerStatuses?.map(({ name, imageID, ready }) => [
      name,
      imageID.replace(/.*@/, ''),
      ready,
    ]);
    expect(held).toEqual(['scratch', 'shell', 'user'].map((name) => [name, digests[name], true]));
  });

  it('says in the conditions that it is done and that nothing is wrong', async () => {
    const answer = await inNamespace('get', 'kip', 'puller', '-o', 'json');
    const status: ImagePullerStatus = JSON.parse(answer).status;
    expect(status).toMatchObject({
      observedGeneration: 1,
      imagesDesired: 3,
      nodesDesired: 1,
      nodesReady: 1,
    });
    const said = status.conditions?.map(
      ({ type, status, reason }) => `${type} ${status} ${reason}`,
    );
    expect(said).toEqual([
      'Ready True AllResourcesReady',
      'Progressing False ReconcileComplete',
      'Degraded False ReconcileComplete',
    ]);
  });

  it('shows in kubectl get how far the puller is', async () => {
    const [header, row] = (await inNamespace('get', 'kip')).split('\n');
    expect(header?.split(/\s{2,}/)).toEqual([
      'NAME',
      'READY',
      'REASON',
      'IMAGES',
      'DESIRED',
      'READY NODES',
      'AGE',
    ]);
    expect(row).toMatch(/^puller +True +AllResourcesReady +3 +1 +1 +\S+$/);
  });

  it('explains its fields to kubectl', async () => {
    const path = '{..schema.openAPIV3Schema.properties.spec.properties.images.description}';
    const crd = 'crd/kubernetesimagepullers.che.eclipse.org';
    const description = oneLine(await kubectl(['get', crd, '-o', `jsonpath=${path}`]));
    expect(description).not.toBe('');
    expect(oneLine(await kubectl(['explain', 'kip.spec.images']))).toContain(description);
  });

  it('runs the puller of the same image where pods must be restricted', async () => {
    await inNamespace('rollout', 'status', 'deployment/kubernetes-image-puller', '--timeout=60s');
    const [pod] = await pods(pullerPods);
    expect(pod?.status.containerStatuses?.[0]?.imageID).toContain(operatorDigest);
  });

  it('has written each object once, and its status at most once in five seconds', async () => {
    const written = await writes(created);
    expect(written.filter((write) => !write.includes('status')).sort()).toEqual([
      'patch configmaps k8s-image-puller',
      'patch configmaps kubernetes-image-puller-report',
      'patch daemonsets kubernetes-image-puller',
      'patch deployments kubernetes-image-puller',
      'patch rolebindings kubernetes-image-puller-report',
      'patch roles kubernetes-image-puller-report',
      'patch serviceaccounts k8s-image-puller',
    ]);
    // That it has begun and that it is done; between them what a slow registry makes worth telling.
    const most = 9 + Math.floor(readyAfterMs / countsIntervalMs);
    expect(written.length).toBeLessThanOrEqual(most);
  });

  it('writes nothing while nothing changes', async () => {
    const since = cluster.auditLog.position();
    // Nothing is to happen, so nothing can be waited for.
    await delay(20_000);
    expect(await writes(since)).toEqual([]);
  });

  it.each([
    ['operator', operatorNamespace, operatorPods],
    ['puller', namespace, pullerPods],
  ])('runs the %s in less memory than it requests', async (_program, where, selector) => {
    const [pod] = await pods(selector, where);
    const [, mebibytes] = /^(\d+)Mi$/.exec(memoryRequest(pod)) ?? [];
    const name = pod?.metadata.name ?? '';
    // kubelet looks every ten seconds or so.
    await cluster.until(async () => (await workingSet(name)) > 0);
    expect(await workingSet(name)).toBeLessThan(Number(mebibytes) * 2 ** 20);
  });

  it('has a ready holder of an image at every moment of an edit that leaves it in the list', async () => {
    const holders: number[] = [];
    let isRolled = false;
    const watching = cluster.until(async () => {
      holders.push(await readyHolders('scratch'));
      return isRolled;
    });
    await applyPuller('scratch', 'later');
    await isReady();
    isRolled = true;
    await watching;
    expect(Math.min(...holders)).toBe(1);
    const [pod] = await pods(cachePods);
    expect(pod?.status.containerStatuses?.map(({ name }) => name)).toEqual(['later', 'scratch']);
  });

  it('comes back after its pod is deleted, and finds that nothing is to be done', async () => {
    const since = cluster.auditLog.position();
    const before = await cacheLives();
    log.push(...(await operatorLog()));
    await kubectl(['-n', operatorNamespace, 'delete', 'pods', '--all']);
    // A puller is looked after by one run at a time: the second repair comes after the first run.
    for (const name of ['k8s-image-puller', 'kubernetes-image-puller-report']) {
      await inNamespace('delete', 'configmap', name);
      await cluster.until(async () => (await writes(since)).some((write) => write.endsWith(name)));
    }
    expect(await writes(since)).toEqual([
      'patch configmaps k8s-image-puller',
      'patch configmaps kubernetes-image-puller-report',
    ]);
    expect(await cacheLives()).toEqual(before);
  });

  it('leaves nothing behind of a puller that is deleted', async () => {
    const since = cluster.auditLog.position();
    await inNamespace('delete', 'kip', 'puller');
    await cluster.until(async () => (await everything()) === emptyNamespace);
    await cluster.until(async () => (await cluster.runtime.tasks()).length === containersBefore);
    expect(await writes(since)).toEqual([]);
  });

  it('was refused nothing in all that time, and complained of nothing', async () => {
    const requests = await cluster.auditLog.requests({ user: operatorUser });
    expect(requests.filter(({ code }) => code === 401 || code === 403)).toEqual([]);
    log.push(...(await operatorLog()));
    const levels = log.map((line) => JSON.parse(line)).filter(({ level }) => level !== 'info');
    expect(levels).toEqual([]);
  });

  /** For how many seconds the token is good that an operator finds in its pod. */
  async function tokenLife(podName: string): Promise<number> {
    const program = `process.stdout.write(fs.readFileSync('${credentialsDir}/token'))`;
    const node = ['--', '/bin/node', '--eval', program];
    const token = await kubectl(['-n', operatorNamespace, 'exec', podName, ...node]);
    const { iat, exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return exp - iat;
  }

  /** How many containers of a name run on the node, and count for Kubernetes. */
  async function readyHolders(name: string): Promise<number> {
    const tasks = await cluster.runtime.tasks();
    return (await pods(cachePods))
      .flatMap(({ status }) => status.containerStatuses ?? [])
      .filter((container) => container.name === name && container.ready)
      .filter(({ containerID }) => tasks.includes(containerID?.replace('containerd://', '') ?? ''))
      .length;
  }

  /** What a pod's only container keeps from being reclaimed, in bytes; 0 where kubelet has not looked yet. */
  async function workingSet(podName: string): Promise<number> {
    const path = `/api/v1/nodes/${cluster.nodes[0]}/proxy/stats/summary`;
    const { pods }: StatsSummary = JSON.parse(await kubectl(['get', '--raw', path]));
    const [container] = pods.find(({ podRef }) => podRef.name === podName)?.containers ?? [];
    return container?.memory?.workingSetBytes ?? 0;
  }

  /** The pods of the cache and how often each of their containers was started anew. */
  async function cacheLives(): Promise<readonly unknown[]> {
    const alive = await pods(cachePods);
    return alive.map(({ metadata, status }) => [
      metadata.uid,
      status.containerStatuses?.map(({ restartCount }) => restartCount),
    ]);
  }

  async function operatorLog(): Promise<readonly string[]> {
    const which = ['-l', operatorPods, '--tail=-1'];
    const text = await kubectl(['-n', operatorNamespace, 'logs', ...which]);
    return text.split('\n').filter((line) => line !== '');
  }
});

/** As much of a Pod as is read here. */
interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly containers: readonly {
      readonly resources: { readonly requests: { readonly memory: string } };
    }[];
  };
  readonly status: {
    /** Absent until kubelet has seen the pod. */
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly image: string;
      readonly containerID?: string;
      readonly imageID: string;
      readonly ready: boolean;
      readonly restartCount: number;
    }[];
  };
}

/** As much of kubelet's statistics as is read here (k8s.io/kubelet: pkg/apis/stats/v1alpha1). */
interface StatsSummary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string };
    readonly containers?: readonly {
      readonly memory?: { readonly workingSetBytes?: number };
    }[];
  }[];
}

function memoryRequest(pod: Pod | undefined): string {
  return pod?.spec.containers[0]?.resources.requests.memory ?? '';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

const restricted = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
};
