import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { OperatorProcess } from '../../src/cli/demo/operator-process.ts';
import { leaseName } from '../../src/manifests/names.ts';
import { CertificateAuthority } from '../cluster/real/certificates.ts';
import { FaultProxy } from '../cluster/real/fault-proxy.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { define, Tenant } from './tenant.ts';

const second = 1_000;
const everywhere = { tolerations: '[{"operator":"Exists"}]' };
const nobody = { nodeSelector: '{"kubernetes.io/hostname":"nobody"}' };

// Each test has a namespace, an account and an operator process of its own, so all go on at once.
describe('an operator process before a real API server', () => {
  let cluster: RealCluster;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'faults-'));
    const certificate = join(folder, 'rotating.crt');
    const key = join(folder, 'rotating.key');
    serve(anAuthority('before'));
    cluster = await RealCluster.start({
      node: false,
      flags: { 'kube-apiserver': [`--tls-sni-cert-key=${certificate},${key}:rotating.test`] },
    });
    await cluster.addFakeNodes(2);
    await define(cluster);
  }, startTimeoutMs);

  afterAll(async () => {
    await (cluster as RealCluster | undefined)?.stop(); // undefined where it did not come up
    rmSync(folder, { recursive: true });
  }, startTimeoutMs);

  const tenantOf = (namespace: string) => Tenant.create(cluster, namespace);

  /** A tenant with an operator behind a proxy, and a puller that is Ready. */
  const behindProxy = async (namespace: string, settings = {}) => {
    const tenant = await tenantOf(namespace);
    const proxy = new FaultProxy(cluster.url, cluster.certificateAuthority);
    const kubeconfig = await tenant.kubeconfig(await proxy.listen());
    const operator = await tenant.start(settings, kubeconfig);
    await tenant.edit(['before'], nobody);
    await tenant.untilCached('before');
    return {
      tenant,
      proxy,
      operator,
      kubeconfig,
      async [Symbol.asyncDispose]() {
        await tenant.stop();
        await proxy.close();
      },
    };
  };

  function anAuthority(name: string): CertificateAuthority {
    return new CertificateAuthority(mkdtempSync(join(folder, name)));
  }

  /** Makes this authority vouch for the server's name `rotating.test`. */
  function serve(authority: CertificateAuthority): void {
    const { certificate, key } = authority.server('rotating', ['DNS:rotating.test']);
    for (const [from, to] of [
      [certificate, 'rotating.crt'],
      [key, 'rotating.key'],
    ] as const) {
      copyFileSync(from, join(folder, `${to}.new`));
      renameSync(join(folder, `${to}.new`), join(folder, to));
    }
  }

  // F03
  test.concurrent('makes up for watches that are refused as too old (410) by lists, without a new start', async () => {
    await using scene = await behindProxy('too-old');
    const { tenant, proxy, operator } = scene;
    proxy.trouble = ({ path }) => (path.includes('watch=') ? { code: 410 } : undefined);
    proxy.breakConnections();
    await tenant.kubectl(['delete', 'configmap', 'k8s-image-puller']);
    await cluster.until(
      async () => (await tenant.get('configmap', 'k8s-image-puller')) !== undefined,
    );
    expect(proxy.troubles).toBeGreaterThan(0);
    proxy.trouble = () => undefined;
    await tenant.edit(['after'], nobody);
    await tenant.untilCached('after');
    expect(operator.ended).toBeUndefined();
  });

  // F10
  test.concurrent('lives through a minute of nothing but 500, 502, 503 and 504, and works within 30 seconds of its end', async () => {
    await using scene = await behindProxy('storm', { HEALTH_PORT: '18091' });
    const { tenant, proxy, operator } = scene;
    const codes = [500, 502, 503, 504];
    proxy.trouble = () => ({ code: codes[proxy.troubles % codes.length] ?? 500 });
    proxy.breakConnections();
    await tenant.kubectl(['delete', 'configmap', 'k8s-image-puller']);
    const over = performance.now() + 60 * second;
    while (performance.now() < over) {
      const { statusCode, body } = await request('http://127.0.0.1:18091/healthz');
      await body.dump();
      expect(statusCode).toBe(200);
      await delay(5 * second);
    }
    // Eight watches and one key, each with pauses that grow from under a second to half a minute.
    expect(proxy.troubles).toBeGreaterThan(20);
    expect(proxy.troubles).toBeLessThan(250);
    proxy.trouble = () => undefined;
    // The longest pause is 30 seconds; the rest is for a machine that is busy.
    await cluster.until(
      async () => (await tenant.get('configmap', 'k8s-image-puller')) !== undefined,
      50 * second,
    );
    expect(operator.ended).toBeUndefined();
  });

  // F14
  test.concurrent('takes what it has written for its own where no answer ever came', async () => {
    await using scene = await behindProxy('lost');
    const { tenant, proxy } = scene;
    const lost = new Set<string>();
    proxy.trouble = ({ method, path }) => {
      const times = [`${method} ${path} 1`, `${method} ${path} 2`];
      const next = times.find((time) => !lost.has(time));
      // The client sends an apply once more by itself.
      if (method !== 'PATCH' || next === undefined) return undefined;
      lost.add(next);
      return 'lost';
    };
    await tenant.kubectl(['delete', 'daemonset', 'kubernetes-image-puller']);
    await tenant.edit(['after'], nobody);
    await tenant.untilCached('after');
    expect(lost.size).toBeGreaterThanOrEqual(6);
  });

  // F20
  test.concurrent('believes an old list after its start for no longer than the watch takes, and deletes nothing by it', async () => {
    await using scene = await behindProxy('stale');
    const { tenant, proxy, operator, kubeconfig } = scene;
    const past = (await tenant.cache())?.metadata.resourceVersion ?? '';
    await operator.stop();
    await tenant.kubectl(['delete', 'daemonset', 'kubernetes-image-puller']);
    const labels = { app: 'theirs' };
    await tenant.apply({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'kubernetes-image-puller' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            nodeSelector: { 'kubernetes.io/hostname': 'nobody' },
            containers: [{ name: 'a', image: 'registry.test/theirs:1' }],
          },
        },
      },
    });
    const foreign = await tenant.cache();
    await tenant.edit(['after'], { ...nobody, daemonsetName: 'renamed' });
    proxy.trouble = ({ path }) =>
      path.includes('/daemonsets?') && !path.includes('watch=')
        ? { query: { resourceVersion: past, resourceVersionMatch: 'Exact' } }
        : undefined;
    await tenant.start({}, kubeconfig);
    await cluster.until(async () => (await tenant.get('daemonset', 'renamed')) !== undefined);
    await cluster.until(async () => (await tenant.told('Ready')).startsWith('True'));
    await delay(3 * second);
    expect(proxy.troubles).toBeGreaterThan(0);
    expect((await tenant.cache())?.metadata.uid).toBe(foreign?.metadata.uid);
    expect((await tenant.cache())?.metadata.generation).toBe(1);
  });

  // F24
  test.concurrent('asked to end in the middle of its writes, ends within seconds and leaves the cache', async () => {
    await using scene = await behindProxy('ended');
    const { tenant, proxy, operator } = scene;
    const { promise: until, resolve: release } = Promise.withResolvers<void>();
    // Not what may still be on its way from before, as a Deployment or an Event.
    proxy.trouble = ({ method, path }) =>
      method === 'PATCH' && path.includes('/daemonsets/') ? { wait: until } : undefined;
    await tenant.edit(['after'], nobody);
    await cluster.until(() => proxy.troubles > 0);
    signal(operator, 'SIGTERM');
    await delay(second);
    release();
    await cluster.until(() => operator.ended !== undefined, 15 * second);
    expect(operator.ended).toBe('ended with exit code 0');
    expect(JSON.stringify(await tenant.cache())).toContain('registry.test/after:1');
    await tenant.start();
    await tenant.untilCached('after');
  });

  // F26
  test.concurrent('stopped for 20 seconds while it leads, looks at its lease before it writes anything', async () => {
    await using tenant = await tenantOf('paused');
    const operator = await tenant.start({ POD_NAMESPACE: 'paused', POD_NAME: 'alone' });
    await tenant.edit(['before'], nobody);
    await tenant.untilCached('before');
    signal(operator, 'SIGSTOP');
    await tenant.edit(['after'], nobody);
    await delay(20 * second);
    const since = cluster.auditLog.position();
    signal(operator, 'SIGCONT');
    await tenant.untilCached('after');
    const requests = await tenant.requests(since);
    const changes = ['create', 'update', 'patch', 'delete'];
    const lease = requests.findIndex(({ resource, code }) => resource === 'leases' && code < 300);
    const write = requests.findIndex(
      ({ resource, verb }) => resource !== 'leases' && changes.includes(verb),
    );
    expect(lease).toBeGreaterThanOrEqual(0);
    expect(write).toBeGreaterThan(lease);
    expect(operator.ended).toBeUndefined();
  });

  // F27
  test.concurrent('whose clock is an hour ahead leads, and one whose clock is an hour behind waits for its end', async () => {
    await using tenant = await tenantOf('skewed');
    const skewed = (name: string, ms: number) =>
      tenant.start({
        POD_NAMESPACE: 'skewed',
        POD_NAME: name,
        NODE_OPTIONS: `--import=data:text/javascript,const{now}=Date;Date.now=()=>now()+(${ms})`,
      });
    const leader = async () => {
      const spec = (await tenant.get('lease', leaseName))?.['spec'] as
        | { readonly holderIdentity?: string }
        | undefined;
      return spec?.holderIdentity?.split('_')[0];
    };
    const ahead = await skewed('ahead', 3_600_000);
    await cluster.until(async () => (await leader()) === 'ahead');
    await skewed('behind', -3_600_000);
    await tenant.edit(['before'], nobody);
    await tenant.untilCached('before');
    // Longer than the lease lasts without a renewal.
    await delay(17 * second);
    expect(await leader()).toBe('ahead');
    await ahead.stop();
    await cluster.until(async () => (await leader()) === 'behind', 12 * second);
    await tenant.edit(['after'], nobody);
    await tenant.untilCached('after');
  });

  // F32
  test.concurrent('gives nothing new to a namespace that is being deleted, and keeps nothing in it', async () => {
    await using tenant = await tenantOf('going');
    const operator = await tenant.start();
    await tenant.edit(['before'], nobody);
    await tenant.untilCached('before');
    const since = cluster.auditLog.position();
    await tenant.kubectl(['delete', 'namespace', 'going', '--timeout=60s']);
    const refused = (await tenant.writes(since)).filter(({ code }) => code === 403);
    expect(refused.length).toBeLessThan(20);
    expect(operator.ended).toBeUndefined();
  });

  // F33
  test.concurrent('says by how much a quota is too small, and keeps a limit range from costing writes', async () => {
    await using tenant = await tenantOf('quota');
    await tenant.apply({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small' },
      spec: { hard: { 'limits.memory': '1Mi' } },
    });
    await tenant.apply({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'defaults' },
      spec: { limits: [{ type: 'Container', default: { 'ephemeral-storage': '1Gi' } }] },
    });
    await tenant.start();
    await tenant.edit(['before'], everywhere);
    await cluster.until(async () =>
      (await tenant.told('Degraded')).startsWith('True QuotaExceeded'),
    );
    expect(await tenant.told('Degraded')).toMatch(/quota small .*limits\.memory/);
    // The cache comes first: the puller's own pod leaves its share of the quota to it.
    await cluster.until(async () => {
      const deployment = await tenant.get('deployment', 'kubernetes-image-puller');
      const spec = deployment?.['spec'] as { readonly replicas?: number } | undefined;
      return spec?.replicas === 0;
    });
    await delay(10 * second);
    const since = cluster.auditLog.position();
    await delay(15 * second);
    const children = (await tenant.writes(since)).filter(
      ({ resource }) => resource !== 'kubernetesimagepullers',
    );
    expect(children).toEqual([]);
  });

  // F37
  test.concurrent('goes on by tokens of 20 seconds, while their file is replaced, missing, and too late', async () => {
    await using tenant = await tenantOf('tokens');
    const file = join(folder, 'token');
    const renew = async () => {
      writeFileSync(`${file}.new`, await tenant.shortToken(20));
      renameSync(`${file}.new`, file);
    };
    await renew();
    // As client-node itself describes the account of a pod.
    const provider = `auth-provider: {name: tokenFile, config: {tokenFile: ${file}}}`;
    const kubeconfig = (await tenant.kubeconfig()).replace(/token: .*/, provider);
    const operator = await tenant.start({}, kubeconfig);
    const began = performance.now();
    await tenant.edit(['one'], nobody);
    while (performance.now() - began < 24 * second) {
      await delay(8 * second);
      await renew();
    }
    await tenant.untilCached('one', 60 * second);
    rmSync(file);
    await tenant.edit(['two'], nobody);
    await delay(3 * second);
    await renew();
    await tenant.untilCached('two', 90 * second);
    // By now the last one has ended, and there is no other.
    await delay(25 * second);
    await tenant.edit(['three'], nobody);
    await cluster.until(() => operator.lines.some((line) => /Unauthorized/.test(line)));
    await renew();
    await tenant.untilCached('three', 90 * second);
    expect(operator.ended).toBeUndefined();
  });

  // F38
  test.concurrent('says which right it has lost, goes on with the other kinds, and heals without a new start', async () => {
    await using tenant = await tenantOf('rights');
    const operator = await tenant.start();
    await tenant.edit(['before'], nobody);
    await tenant.untilCached('before');
    const name = 'kubernetes-image-puller-operator-role';
    const role = (await tenant.get('role', name)) as unknown as {
      rules: { resources: string[] }[];
    };
    const index = role.rules.findIndex(({ resources }) => resources.includes('daemonsets'));
    const patch = (verbs: readonly string[]) =>
      tenant.kubectl([
        ...['patch', 'role', name, '--type=json', '-p'],
        JSON.stringify([{ op: 'replace', path: `/rules/${index}/verbs`, value: verbs }]),
      ]);
    await patch(['get', 'list', 'watch', 'create']);
    await tenant.edit(['after'], nobody);
    await cluster.until(async () => (await tenant.told('Degraded')).startsWith('True Forbidden'));
    expect(await tenant.told('Degraded')).toMatch(/cannot patch resource "daemonsets"/);
    expect(JSON.stringify(await tenant.get('configmap', 'k8s-image-puller'))).toContain('after:1');
    await patch(['get', 'list', 'watch', 'create', 'patch', 'delete']);
    // A right that is back tells nobody, so the next change is what wakes it.
    await tenant.edit(['later'], nobody);
    await tenant.untilCached('later');
    expect(operator.ended).toBeUndefined();
  });

  // F39
  test.concurrent('does not speak to a server that its authority does not vouch for, and trusts a new one by its file', async () => {
    await using tenant = await tenantOf('authorities');
    const [before, after] = [anAuthority('old'), anAuthority('new')];
    const file = join(folder, 'authority');
    serve(before);
    copyFileSync(before.root.certificate, file);
    const kubeconfig = (await tenant.kubeconfig()).replace(
      /certificate-authority-data: .*/,
      `certificate-authority: ${file}\n    tls-server-name: rotating.test`,
    );
    const operator = await tenant.start({}, kubeconfig);
    await tenant.edit(['one'], nobody);
    await tenant.untilCached('one', 80 * second);
    // First its file, so that for a while the old server is the wrong one.
    copyFileSync(after.root.certificate, file);
    await delay(11 * second);
    await tenant.edit(['two'], nobody);
    await cluster.until(() => operator.lines.some((line) => /certificate/.test(line)));
    serve(after);
    await tenant.untilCached('two', 80 * second);
    expect(operator.ended).toBeUndefined();
  });

  // F43
  test.concurrent('waits without haste for a DaemonSet that a pod keeps from going', async () => {
    await using tenant = await tenantOf('kept');
    await tenant.start();
    await tenant.edit(['before'], everywhere);
    await tenant.untilCached('before');
    const { uid } = (await tenant.cache())?.metadata ?? {};
    const pods = await tenant.kubectl(['get', 'pods', '-l', 'test=daemonset-test', '-o', 'name']);
    const [pod = ''] = pods.split('\n');
    const finalizers = (list: readonly string[]) =>
      tenant.kubectl([
        ...['patch', pod, '--type=merge', '-p'],
        JSON.stringify({ metadata: { finalizers: list } }),
      ]);
    await finalizers(['example.com/dead-node']);
    await tenant.kubectl([
      ...['delete', 'daemonset', 'kubernetes-image-puller', '--cascade=foreground', '--wait=false'],
    ]);
    await tenant.edit(['after'], everywhere);
    await cluster.until(async () =>
      (await tenant.told('Degraded')).startsWith('True WaitingForDeletion'),
    );
    const since = cluster.auditLog.position();
    await delay(20 * second);
    expect((await tenant.requests(since)).length).toBeLessThan(40);
    expect(await tenant.writes(since)).toEqual([]);
    await finalizers([]);
    await tenant.untilCached('after');
    expect((await tenant.cache())?.metadata.uid).not.toBe(uid);
  });

  // F50
  test.concurrent('that runs out of memory dies, and the next one finishes its work', async () => {
    await using tenant = await tenantOf('memory');
    const small = await tenant.start({ NODE_OPTIONS: '--max-old-space-size=64' });
    await tenant.edit(['before'], nobody);
    await tenant.untilCached('before');
    const labels = { 'che.eclipse.org/image-puller-uid': 'filler' };
    const data = { filler: 'x'.repeat(700_000) };
    for (let number = 0; number < 100 && small.ended === undefined; number += 1) {
      const metadata = { name: `filler-${number}`, labels };
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
      await cluster.api.create(`/api/v1/namespaces/${tenant.namespace}/configmaps`, body);
    }
    await tenant.edit(['after'], nobody);
    await cluster.until(() => small.ended !== undefined, 60 * second);
    expect(small.lines.join('\n')).toContain('heap out of memory');
    await tenant.start();
    await tenant.untilCached('after');
  });

  function signal({ pid }: OperatorProcess, name: NodeJS.Signals): void {
    if (pid === undefined) throw new Error('the operator could not be started');
    process.kill(pid, name);
  }
});
