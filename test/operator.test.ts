import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { customResourceDefinition } from '../src/api/schema.ts';
import { leases } from '../src/kube/objects.ts';
import { leaseName } from '../src/manifests/names.ts';
import { type EmbeddedCluster, startEmbeddedCluster } from './cluster/embedded/embedded-cluster.ts';
import { nodeEnvironment } from './node-environment.ts';

/** Far more than a start takes, on a machine that is not busy. */
const patienceMs = 50_000;

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'operator-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** How `main.ts operator` ends with this environment and these arguments. */
async function ending(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const operator = spawn(process.execPath, [main, 'operator', ...args], {
    env: {
      ...nodeEnvironment,
      PATH: process.env['PATH'],
      HOME: directory,
      HEALTH_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  operator.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(operator, 'close');
  return { code, stderr };
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function freePort(): Promise<number> {
  const free = createServer().listen(0);
  await once(free, 'listening');
  const { port } = free.address() as { port: number };
  free.close();
  await once(free, 'close');
  return port;
}

function aKubeconfig(cluster: string): string {
  return `
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: c, user: u } }]
users: [{ name: u, user: { token: t } }]
clusters: [{ name: c, cluster: ${cluster} }]
`;
}

describe('an operator that cannot run ends with one sentence', () => {
  it.each<[string, () => Record<string, string>, RegExp]>([
    [
      'where the kubeconfig is not there',
      () => ({ KUBECONFIG: '/does/not/exist' }),
      /^KUBECONFIG is \/does\/not\/exist, which cannot be read: .*ENOENT/,
    ],
    [
      'where it is no YAML',
      () => ({ KUBECONFIG: file('broken', 'a: [') }),
      /^KUBECONFIG is .*broken, which cannot be read: /,
    ],
    [
      'where it has no context',
      () => ({ KUBECONFIG: file('empty', '{}') }),
      /^KUBECONFIG is .*empty, which has no current context/,
    ],
    [
      'where its proxy is of an unknown kind',
      () => ({
        KUBECONFIG: file('proxy', aKubeconfig('{ server: "https://x", proxy-url: "ftp://p" }')),
      }),
      /proxy-url is "ftp:\/\/p": expected one of http:/,
    ],
    ['where there is no cluster at all', () => ({}), /^there is no cluster: set KUBECONFIG/],
    ['where a setting is wrong', () => ({ WORKERS: 'many' }), /^WORKERS is "many": expected /],
  ])('%s', async (_where, env, sentence) => {
    const { code, stderr } = await ending(env());
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(1);
  });

  it('where the kubeconfig of its arguments is not there, whatever the environment says', async () => {
    const KUBECONFIG = file('good', aKubeconfig('{ server: "http://127.0.0.1:1" }'));
    const { code, stderr } = await ending({ KUBECONFIG }, '--kubeconfig', '/does/not/exist');
    expect(stderr).toMatch(/^--kubeconfig is \/does\/not\/exist, which cannot be read: .*ENOENT/);
    expect(code).toBe(1);
  });

  it('where it does not know an argument', async () => {
    const { code, stderr } = await ending({}, '--leader-elect');
    expect(stderr).toMatch(/^Unknown option '--leader-elect'/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
  });

  it('where its port is taken', async () => {
    const other = createServer().listen(0);
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const KUBECONFIG = file('good', aKubeconfig('{ server: "http://127.0.0.1:1" }'));
    const { code, stderr } = await ending({ KUBECONFIG, HEALTH_PORT: String(port) });
    other.close();
    expect(stderr).toMatch(
      new RegExp(`^HEALTH_PORT is ${port}, where nothing can listen: .*EADDRINUSE`),
    );
    expect(code).toBe(1);
  });
});

describe('an operator whose API server does not answer', () => {
  it('lives, is not ready, and ends in order when it is asked to', async () => {
    const port = await freePort();
    const operator = spawn(process.execPath, [main, 'operator'], {
      env: {
        ...nodeEnvironment,
        PATH: process.env['PATH'],
        KUBECONFIG: file('dead', aKubeconfig('{ server: "http://127.0.0.1:1" }')),
        HEALTH_PORT: String(port),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(operator, 'close');
    for await (const chunk of operator.stdout) {
      if (!String(chunk).includes('does not answer yet')) continue;
      expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
      expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);
      break;
    }
    operator.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
  });
});

describe('an operator that competes with another one', () => {
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: leaseName, namespace: 'default' },
  };
  let cluster: EmbeddedCluster;
  let operator: ChildProcessByStdio<null, Readable, null> | undefined;
  const hold = (holderIdentity: string) => {
    const live = cluster.controlPlane.get(leases, 'default', leaseName) ?? lease;
    const spec = { holderIdentity, leaseDurationSeconds: 15, leaseTransitions: 1 };
    if (live === lease) cluster.controlPlane.create(leases, { ...lease, spec });
    else cluster.controlPlane.update(leases, { ...live, spec });
  };

  beforeEach(async () => {
    cluster = await startEmbeddedCluster();
    cluster.apply(customResourceDefinition());
  });

  afterEach(async () => {
    operator?.kill('SIGKILL');
    await cluster.stop();
  });

  it('is ready while it stands by, leads when it may, and ends in order when it has lost', async () => {
    hold('somebody');
    const port = await freePort();
    operator = spawn(process.execPath, [main, 'operator'], {
      env: {
        ...nodeEnvironment,
        PATH: process.env['PATH'],
        KUBECONFIG: file('embedded', cluster.kubeconfig()),
        POD_NAMESPACE: 'default',
        METRICS_PORT: '0',
        HEALTH_PORT: String(port),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(operator, 'close');
    let log = '';
    operator.stdout.on('data', (chunk) => {
      log += chunk;
    });
    await cluster.until(() => log.includes('standing by'), patienceMs);
    await cluster.until(
      async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
      patienceMs,
    );
    expect(log).not.toContain('running');
    hold('');
    await cluster.until(() => log.includes('running'), patienceMs);
    hold('somebody else');
    expect(await closed).toEqual([1, null]);
    expect(log).toContain('lost the lease');
    expect(log).toContain('stopped');
  });
});
