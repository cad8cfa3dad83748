import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';

describe('the real cluster', () => {
  let cluster: RealCluster;

  beforeAll(async () => {
    cluster = await RealCluster.start();
    await create('/api/v1/namespaces', { ...namespace, metadata: { name: 'open' } });
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await create('/api/v1/namespaces', { ...namespace, metadata: { name: 'strict', labels } });
    await untilTakesPods('open');
    await untilTakesPods('strict');
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (cluster as RealCluster | undefined)?.stop(), startTimeoutMs);

  const namespace = { apiVersion: 'v1', kind: 'Namespace' };
  /** Pods are refused until their namespace has its service account. */
  const untilTakesPods = (name: string) =>
    cluster.until(async () => {
      const account = await read(`/api/v1/namespaces/${name}/serviceaccounts/default`);
      return account !== undefined;
    });
  const create = (path: string, object: object) => cluster.api.create(path, object);
  // biome-ignore lint/suspicious/noExplicitAny: tests read what the server says as it says it
  const read = (path: string): Promise<any> => cluster.api.get(path);

  it('has one node, which is Ready', async () => {
    expect(cluster.nodes).toEqual(['node-1']);
    const { items } = await read('/api/v1/nodes');
    expect(items).toHaveLength(1);
  });

  it('runs two images of the local registry as a DaemonSet under the restricted level', async () => {
    await cluster.registry.push('one:1', { ...cluster.busyboxImage, seed: 'one' });
    await cluster.registry.push('two:1', { ...cluster.busyboxImage, seed: 'two' });
    const containers = ['one', 'two'].map((name) =>
      sleeper(name, cluster.registry.reference(`${name}:1`)),
    );
    const daemonSets = '/apis/apps/v1/namespaces/strict/daemonsets';
    await create(daemonSets, daemonSet('pair', containers));
    await cluster.until(
      async () => (await read(`${daemonSets}/pair`)).status.numberReady === 1,
      60_000,
    );
    expect(await cluster.runtime.images()).toEqual(
      expect.arrayContaining(['one:1', 'two:1'].map((name) => cluster.registry.reference(name))),
    );
    // The two containers, and the one that holds the namespaces of the pod.
    expect(await cluster.runtime.tasks()).toHaveLength(3);
  });

  it('moves and forgets tags', async () => {
    const first = await cluster.registry.push('moving:1', cluster.busyboxImage);
    const second = await cluster.registry.pushIndex('moving:1', [
      { ...cluster.busyboxImage, seed: 'later' },
    ]);
    expect(second).not.toBe(first);
    expect(await cluster.registry.digest('moving:1')).toBe(second);
    await cluster.registry.remove('moving:1');
    expect(await cluster.registry.digest('moving:1')).toBeUndefined();
  });

  it('refuses a pod that asks for more than the level of its namespace', async () => {
    const privileged = pod('privileged', { name: 'main', image: 'any' });
    await expect(create('/api/v1/namespaces/strict/pods', privileged)).rejects.toThrow(
      'violates PodSecurity',
    );
  });

  it('warns of a pod that the namespace is only warned about', async () => {
    const labels = { 'pod-security.kubernetes.io/warn': 'restricted' };
    await create('/api/v1/namespaces', { ...namespace, metadata: { name: 'warned', labels } });
    await untilTakesPods('warned');
    const privileged = pod('privileged', { name: 'main', image: 'any' });
    expect(await create('/api/v1/namespaces/warned/pods', privileged)).toEqual([
      expect.stringMatching(/^299 - "would violate PodSecurity \\?"restricted:latest/),
    ]);
    expect(await read('/api/v1/namespaces/warned/pods/privileged')).toBeDefined();
  });

  it('gives a service account the rights of its roles, and tells in the audit log what it did', async () => {
    const user = 'system:serviceaccount:open:reader';
    const since = cluster.auditLog.position();
    const asReader = join(cluster.logFolder, 'reader.kubeconfig');
    await writeFile(asReader, cluster.kubeconfig(user), { mode: 0o600 });
    const get = () => cluster.kubectl(['--kubeconfig', asReader, '-n', 'open', 'get', 'pods']);
    await expect(get()).rejects.toThrow('forbidden');
    await cluster.kubectl([
      '-n',
      'open',
      'create',
      'rolebinding',
      'reader',
      '--clusterrole=view',
      '--serviceaccount=open:reader',
    ]);
    await cluster.until(() =>
      get().then(
        () => true,
        () => false,
      ),
    );
    await cluster.until(async () => {
      const requests = await cluster.auditLog.requests({ since, user });
      const answers = requests
        .filter(({ resource }) => resource === 'pods')
        .map(({ code }) => code);
      return answers.includes(403) && answers.includes(200);
    });
  });

  it('lets a pod reach the API server by its service address with its own token', async () => {
    const kubectl = await readFile(join(cluster.binaryFolder, 'kubectl'));
    await cluster.registry.push('kubectl:1', { files: { '/bin/kubectl': kubectl } });
    await create('/api/v1/namespaces/open/pods', {
      ...pod('caller', {
        name: 'main',
        image: cluster.registry.reference('kubectl:1'),
        command: ['/bin/kubectl', 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'],
      }),
    });
    const path = '/api/v1/namespaces/open/pods/caller';
    await cluster.until(async () =>
      ['Succeeded', 'Failed'].includes((await read(path)).status.phase),
    );
    expect(await cluster.kubectl(['-n', 'open', 'logs', 'caller'])).toBe(
      'system:serviceaccount:open:default',
    );
  });

  it('goes on when a daemon was killed and started again', async () => {
    await cluster.stopDaemon('kube-apiserver', 0);
    await expect(read('/version')).rejects.toThrow(/ECONN(REFUSED|RESET)/);
    await cluster.startDaemon('kube-apiserver');
    expect(await read('/api/v1/nodes/node-1')).toBeDefined();
  });

  it('keeps what runs while registry and kubelet are away', async () => {
    const before = await cluster.runtime.tasks();
    await cluster.stopDaemon('kubelet');
    await cluster.stopDaemon('registry');
    expect(await cluster.runtime.tasks()).toEqual(before);
    await cluster.startDaemon('registry');
    await cluster.startDaemon('kubelet');
  });

  it('has no daemon that nobody asked for', async () => {
    await expect(cluster.startDaemon('kwok')).rejects.toThrow('started without kwok');
  });

  it('runs pods on nodes that exist on paper only', async () => {
    const count = 500;
    await cluster.addFakeNodes(count);
    expect(cluster.nodes).toHaveLength(1 + count);
    const daemonSets = '/apis/apps/v1/namespaces/open/daemonsets';
    const placed = daemonSet('many', [{ name: 'main', image: 'any' }], {
      nodeSelector: { 'kip.test/node': 'fake' },
      tolerations: [{ key: 'kip.test/node', operator: 'Exists' }],
    });
    await create(daemonSets, placed);
    await cluster.until(
      async () => (await read(`${daemonSets}/many`)).status.numberReady === count,
      startTimeoutMs,
    );
  });

  it('reports a pod on such a node Ready again that was marked as not Ready', async () => {
    const { items } = await read('/api/v1/namespaces/open/pods?labelSelector=app%3Dmany&limit=1');
    const pod = items[0].metadata.name;
    const readiness = ['-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'];
    // As the node-lifecycle controller does whose node is late with its Lease.
    const mark = JSON.stringify({ status: { conditions: [{ type: 'Ready', status: 'False' }] } });
    const patch = ['patch', 'pod', pod, '--subresource=status', '--type=strategic', '-p', mark];
    expect(await cluster.kubectl(['-n', 'open', ...patch, ...readiness])).toBe('False');
    await cluster.until(
      async () =>
        (await cluster.kubectl(['-n', 'open', 'get', 'pod', pod, ...readiness])) === 'True',
    );
  });
});

/** A container that does nothing, as the restricted level wants it. */
function sleeper(name: string, image: string): object {
  return {
    name,
    image,
    command: ['/bin/sleep', '1h'],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
}

function pod(name: string, container: object): object {
  const spec = { restartPolicy: 'Never', containers: [container] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
}

function daemonSet(name: string, containers: readonly object[], placement: object = {}): object {
  const securityContext = {
    runAsNonRoot: true,
    runAsUser: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 0, securityContext, containers, ...placement },
      },
    },
  };
}
