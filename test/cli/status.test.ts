import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { Condition, ImagePullerStatus } from '../../src/api/types.ts';
import { nodes } from '../../src/cli/cluster-kinds.ts';
import { statusUsage } from '../../src/cli/status/options.ts';
import { statusOn } from '../../src/cli/status.ts';
import { systemClock } from '../../src/clock.ts';
import { operatorConfig } from '../../src/config.ts';
import { imagePullers } from '../../src/controllers/keys.ts';
import { UsageError } from '../../src/errors.ts';
import { createClient } from '../../src/kube/http-client.ts';
import { coreEvents, type KubeObject } from '../../src/kube/objects.ts';
import type { Operator } from '../../src/kube/operator.ts';
import { silentLog } from '../../src/log.ts';
import { operatorUser } from '../../src/manifests/operator.ts';
import { assembleOperator } from '../../src/operator.ts';
import {
  type EmbeddedCluster,
  startEmbeddedCluster,
} from '../cluster/embedded/embedded-cluster.ts';
import { clusterWithoutOperator } from '../image/scene.ts';
import { nodeEnvironment } from '../node-environment.ts';
import { aPuller } from '../pullers.ts';
import { aCondition } from './status/scenes.ts';
import { grantView, viewer } from './viewer.ts';

/** Far more than any of these needs: they start processes, and machines that test are busy. */
const patienceMs = 120_000;

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'status-test-'));

let cluster: EmbeddedCluster;
let operator: Operator;

beforeAll(async () => {
  cluster = await clusterWithoutOperator({
    nodes: 2,
    timings: { startMs: 5, relistMs: 50, answerMs: 5 },
  });
  const elsewhere = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } };
  cluster.apply(elsewhere, ...grantView('workspaces'));
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(cluster.kubeconfig(operatorUser));
  operator = assembleOperator({
    client: createClient(kubeConfig, { clock: systemClock, userAgent: 'operator' }),
    config: operatorConfig({ HEALTH_PORT: '0', METRICS_PORT: '0', PROGRESS_DEADLINE_SECONDS: '5' }),
    clock: systemClock,
    log: silentLog,
  });
  await operator.start();
}, patienceMs);

afterAll(async () => {
  await operator.stop();
  await cluster.stop();
  rmSync(directory, { recursive: true });
});

/** Applies a puller whose objects are all called like itself. */
function apply(name: string, images: string): void {
  const names = { configMapName: `${name}-c`, daemonsetName: name, deploymentName: name };
  cluster.apply(aPuller({ images, ...names }, { name }));
}

function statusOf(name: string, namespace = 'workspaces'): ImagePullerStatus {
  const puller = cluster.controlPlane.get(imagePullers, namespace, name);
  return (puller?.['status'] ?? {}) as ImagePullerStatus;
}

function isReadyCondition({ type, status }: Condition): boolean {
  return type === 'Ready' && status === 'True';
}

async function untilReady(name: string): Promise<void> {
  await cluster.until(() => statusOf(name).conditions?.some(isReadyCondition) === true, patienceMs);
}

let files = 0;

function kubeconfigFile(content: string): string {
  files += 1;
  const file = join(directory, `kubeconfig-${files}`);
  writeFileSync(file, content, { mode: 0o600 });
  return file;
}

/** Runs `status` in this process, by default as the viewer; `hear` gets its output as it comes. */
async function run(
  args: readonly string[],
  options: { readonly kubeconfig?: string; readonly hear?: (output: string) => void } = {},
) {
  const { kubeconfig = cluster.kubeconfig(viewer), hear } = options;
  const [output, errors] = [new PassThrough(), new PassThrough()];
  let told = '';
  output.on('data', (chunk) => {
    told += chunk;
    hear?.(String(chunk));
  });
  const { signal } = new AbortController();
  const exitCode = await statusOn(
    { output, errors, signal },
    ['--kubeconfig', kubeconfigFile(kubeconfig), ...args],
    {},
  );
  return { output: told, errors: String(errors.read() ?? ''), exitCode };
}

/** Runs `status` as a user does, as the viewer of a cluster; `during` sees its output as it comes. */
async function spawned(
  { kubeconfig }: Pick<EmbeddedCluster, 'kubeconfig'>,
  args: readonly string[],
  during: (
    output: NodeJS.ReadableStream,
    kill: (signal: NodeJS.Signals) => void,
  ) => void = () => {},
) {
  const child = spawn(process.execPath, [main, 'status', ...args], {
    env: {
      KUBECONFIG: kubeconfigFile(kubeconfig(viewer)),
      ...nodeEnvironment,
    },
  });
  const closed = once(child, 'close');
  during(child.stdout, (signal) => child.kill(signal));
  const [output, errors, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    closed,
  ]);
  return { output, errors, exitCode };
}

/** The part `cost.quota` of the JSON. */
interface QuotaCost {
  readonly pods: number;
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu: string; readonly memory: string };
}

const inWorkspaces = ['-n', 'workspaces'];

describe('for somebody who may view the namespace, status', () => {
  it(
    'shows images, digests and costs of a puller that is Ready, and ends with 0',
    async () => {
      apply('tools', 'My_Tools=quay.io/example/tools:1;shell=quay.io/example/shell:2');
      await untilReady('tools');
      const { output, errors, exitCode } = await spawned(cluster, [...inWorkspaces, 'tools']);
      expect({ errors, exitCode }).toEqual({ errors: '', exitCode: 0 });
      expect(output).toMatch(
        /^workspaces\/tools {2}Ready True, AllResourcesReady {2}2 of 2 nodes ready\n\n/,
      );
      expect(output).toMatch(/\nMy_Tools +2\/2 +0 +0 +sha256:[0-9a-f]{12}\n/);
      expect(output).toMatch(/\na quota must hold +160m +111Mi +1700m +376Mi +4\n/);
      expect(output).toMatch(/\nlimit x images x nodes +800m +80Mi\n$/);
    },
    patienceMs,
  );

  it(
    'agrees with the operator in JSON and YAML',
    async () => {
      apply('agreed', 'good=quay.io/example/good:1;bad=registry.invalid/bad:1');
      await cluster.until(() => {
        const [bad, good] = statusOf('agreed').images ?? [];
        return bad?.nodesFailing === 2 && good?.nodesReady === 2;
      }, patienceMs);
      const json = await run([...inWorkspaces, 'agreed', '-o', 'json']);
      const yaml = await run([...inWorkspaces, 'agreed', '-o', 'yaml']);
      const [puller] = JSON.parse(json.output).pullers;
      expect(parse(yaml.output).pullers).toEqual([puller]);
      expect(yaml.exitCode).toBe(json.exitCode);
      const { images = [], nodesDesired, nodesReady } = statusOf('agreed');
      expect(puller.nodes).toMatchObject({ desired: nodesDesired, ready: nodesReady });
      expect(puller.images).toMatchObject(
        images.map(({ name, reference, nodesReady: cached, nodesFailing: failing, advice }) => ({
          name,
          reference,
          nodes: { cached, failing },
          ...(advice && { advice }),
        })),
      );
    },
    patienceMs,
  );

  it(
    'shows what a node holds, and asks no node about it',
    async () => {
      apply('held', 'java=quay.io/example/java:1');
      await untilReady('held');
      const [node = ''] = cluster.nodes;
      const told = await run([...inWorkspaces, 'held', '--node', node]);
      expect(told).toMatchObject({ exitCode: 0, errors: '' });
      expect(told.output).toMatch(/^workspaces\/held {2}holds all {2}1 of 1 image\n/);
    },
    patienceMs,
  );

  it(
    'says that it may not ask a node where pods tell nothing of it',
    async () => {
      const { output, exitCode } = await run([...inWorkspaces, 'held', '--node', 'node-99']);
      expect(exitCode).toBe(4);
      expect(output).toMatch(/java +unknown/);
      expect(output.replace(/\s+/g, ' ')).toContain(
        'the node node-99 cannot be read: get nodes node-99: nodes "node-99" is forbidden',
      );
    },
    patienceMs,
  );
});

describe('for an administrator, status', () => {
  const kubeconfig = () => cluster.kubeconfig();

  it(
    'relies on the own list of a node that has no pod, and says so',
    async () => {
      const image = 'quay.io/example/java:1';
      const node: KubeObject = {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: 'beside' },
        status: { images: [{ names: [image] }] },
      };
      cluster.controlPlane.updateStatus(nodes, {
        ...cluster.controlPlane.create(nodes, node),
        status: node['status'],
      });
      const args = [...inWorkspaces, 'held', '--node', 'beside', '-o', 'json'];
      const { output, exitCode } = await run(args, { kubeconfig: kubeconfig() });
      expect(JSON.parse(output)).toMatchObject({
        pullers: [{ images: [{ reference: image, state: 'listed' }] }],
        nodeList: { mayBeCut: false },
      });
      expect(exitCode).toBe(0);
    },
    patienceMs,
  );

  it(
    'shows the pullers of all namespaces',
    async () => {
      cluster.apply(aPuller({ images: '{}' }, { name: 'none', namespace: 'elsewhere' }));
      const { output } = await run(['-A', '-o', 'json'], { kubeconfig: kubeconfig() });
      const told: { namespace: string }[] = JSON.parse(output).pullers;
      expect(new Set(told.map(({ namespace }) => namespace))).toEqual(
        new Set(['elsewhere', 'workspaces']),
      );
    },
    patienceMs,
  );
});

describe('the quota that status tells', () => {
  const namespace = 'measured';
  const names = { configMapName: 'c', daemonsetName: 'd', deploymentName: 'p' };
  const images = (tag: number) => `java=quay.io/example/java:${tag};shell=quay.io/example/shell:1`;
  const applyPuller = (tag: number) =>
    cluster.apply(aPuller({ images: images(tag), ...names }, { name: 'measured', namespace }));

  const generation = () =>
    cluster.controlPlane.get(imagePullers, namespace, 'measured')?.metadata.generation;
  const isReady = () => {
    const { conditions = [], observedGeneration } = statusOf('measured', namespace);
    return observedGeneration === generation() && conditions.some(isReadyCondition);
  };

  function limit({ pods, requests, limits }: QuotaCost, spared: number): void {
    const hard = {
      pods: String(pods - spared),
      'requests.cpu': requests.cpu,
      'requests.memory': requests.memory,
      'limits.cpu': limits.cpu,
      'limits.memory': limits.memory,
    };
    const metadata = { name: 'exact', namespace };
    cluster.apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } });
  }

  const refusals = () =>
    cluster.controlPlane
      .list(coreEvents, namespace)
      .filter(({ reason }) => reason === 'FailedCreate').length;

  it(
    'is just enough for a roll without a gap',
    async () => {
      cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      applyPuller(1);
      await cluster.until(isReady, patienceMs);
      const told = await run(['-n', namespace, '-o', 'json'], { kubeconfig: cluster.kubeconfig() });
      const [{ cost }] = JSON.parse(told.output).pullers;
      limit(cost.quota, 0);
      applyPuller(2);
      await cluster.until(isReady, patienceMs);
      expect(refusals()).toBe(0);
      limit(cost.quota, 1);
      applyPuller(3);
      await cluster.until(() => refusals() > 0, patienceMs);
    },
    patienceMs,
  );
});

describe('a watch', () => {
  it(
    'adds lines in a pipe until the puller is Ready, ends with its table and 0',
    async () => {
      apply('watched', 'java=quay.io/example/java:1;tools=quay.io/example/tools:1');
      const { output, errors, exitCode } = await run([...inWorkspaces, 'watched', '--watch']);
      expect({ errors, exitCode }).toEqual({ errors: '', exitCode: 0 });
      expect(output).toMatch(/^ +\d+ s {2}workspaces\/watched {2}/);
      expect(output).toMatch(/\n +\d+ s {2}workspaces\/watched {2}Ready True AllResourcesReady; /);
      expect(output).toMatch(/\nworkspaces\/watched {2}Ready True, .*\n\nIMAGE /);
      expect(stripVTControlCharacters(output)).toBe(output);
    },
    patienceMs,
  );

  it(
    'reads everything once, and then what has changed',
    async () => {
      apply('read', 'java=quay.io/example/java:1');
      await untilReady('read');
      const before = cluster.requests.length;
      expect((await run([...inWorkspaces, 'read', '-w'])).exitCode).toBe(0);
      const lists = cluster.requests
        .slice(before)
        .filter(({ user, path }) => user === viewer && !path.includes('watch='))
        .map(({ path }) => path.split('?')[0]);
      expect(lists.filter((path, index) => lists.indexOf(path) !== index)).toEqual([]);
      expect(lists).toHaveLength(5);
    },
    patienceMs,
  );

  it(
    'does not wait for a puller that is not there',
    async () => {
      const { errors, exitCode } = await run([...inWorkspaces, 'nobody', '-w']);
      expect(errors).toMatch(/^there is no KubernetesImagePuller "nobody" in the namespace/);
      expect(exitCode).toBe(4);
    },
    patienceMs,
  );

  it(
    'writes documents until the puller is stuck, and ends with 1',
    async () => {
      apply('stuck', 'bad=registry.invalid/bad:1');
      const { output, exitCode } = await run([...inWorkspaces, 'stuck', '-w', '-o', 'json']);
      const outcomes = output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).pullers[0].outcome);
      expect([outcomes.at(-1), exitCode]).toEqual(['stuck', 1]);
      expect(outcomes.slice(0, -1)).not.toContain('ready');
    },
    patienceMs,
  );

  it(
    'draws bars on a terminal, and takes them away',
    async () => {
      apply('drawn', 'java=quay.io/example/java:1');
      const kubeconfig = kubeconfigFile(cluster.kubeconfig(viewer));
      const command = `stty columns 80 rows 24; '${process.execPath}' '${main}' status -n workspaces drawn -w`;
      const child = spawn('script', ['-qec', command, '/dev/null'], {
        env: {
          PATH: process.env['PATH'],
          KUBECONFIG: kubeconfig,
          ...nodeEnvironment,
          TERM: 'xterm-256color',
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [output, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'close')]);
      expect(exitCode).toBe(0);
      const clearing = '\u001b[2K';
      const [drawn, left] = [
        output.slice(0, output.lastIndexOf(clearing)),
        output.slice(output.lastIndexOf(clearing)),
      ];
      expect(drawn).toContain(clearing);
      expect(stripVTControlCharacters(drawn)).toMatch(/\n {2}java {2}[#.]{20} {2}[012]\/2\r\n/);
      expect(stripVTControlCharacters(left)).toMatch(/^workspaces\/drawn {2}Ready True/);
      expect(left).toContain('\u001b[32mReady True, AllResourcesReady\u001b[39m');
    },
    patienceMs,
  );
});

describe('a watch of a puller that no operator attends to', () => {
  let quiet: EmbeddedCluster;

  beforeAll(async () => {
    quiet = await clusterWithoutOperator({ nodes: 0 });
    quiet.apply(...grantView('workspaces'), aPuller({}, { name: 'unattended' }));
  });

  afterAll(() => quiet.stop());

  /** Longer than a lost server is asked again at first. */
  const awayMs = 1500;

  function speak(reason: string, status: Condition['status']): void {
    const puller = quiet.controlPlane.get(imagePullers, 'workspaces', 'unattended') as KubeObject;
    const conditions = [{ ...aCondition('Ready', status, reason), observedGeneration: 1 }];
    quiet.controlPlane.updateStatus(imagePullers, {
      ...puller,
      status: { observedGeneration: 1, conditions },
    });
  }

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'ends in an orderly way on %s',
    async (signal, code) => {
      const { exitCode, errors } = await spawned(quiet, [...inWorkspaces, '-w'], (output, kill) =>
        output.once('data', () => kill(signal)),
      );
      expect({ exitCode, errors }).toEqual({ exitCode: code, errors: '' });
    },
    patienceMs,
  );

  it(
    'outlives the API server, and ends when that is back and says that it is Ready',
    async () => {
      const gate = await Gate.before(quiet.url);
      const through: Pick<EmbeddedCluster, 'kubeconfig'> = {
        kubeconfig: (user) => quiet.kubeconfig(user).replace(quiet.url, gate.url),
      };
      // A process of its own, that nothing else keeps alive.
      const { output, exitCode } = await spawned(through, [...inWorkspaces, '-w'], (stream) =>
        stream.on('data', (data) => {
          if (String(data).includes('not spoken yet')) void gate.close();
          if (!String(data).includes('was lost')) return;
          speak('NoMatchingNodes', 'True');
          setTimeout(() => void gate.open(), awayMs);
        }),
      );
      await gate.close();
      expect(output).toMatch(
        /^.*the operator has not spoken yet\n.*before the API server was lost: .*\n.*Ready True NoMatchingNodes\n/s,
      );
      expect(output).toContain('s  the API server answers again\n');
      expect(exitCode).toBe(0);
    },
    patienceMs,
  );

  it(
    'says without a watch that it is underway, by 3',
    async () => {
      speak('ImagesPulling', 'False');
      const { exitCode } = await run(inWorkspaces, { kubeconfig: quiet.kubeconfig(viewer) });
      expect(exitCode).toBe(3);
    },
    patienceMs,
  );
});

describe('where there is nothing to tell, status', () => {
  const role = (resources: readonly string[], apiGroup: string): readonly KubeObject[] => [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'narrow', namespace: 'workspaces' },
      rules: [{ apiGroups: [apiGroup], resources, verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'narrow', namespace: 'workspaces' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'narrow' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'narrow' }],
    },
  ];

  it(
    'names what it may not read, and tells the rest',
    async () => {
      cluster.apply(...role(['kubernetesimagepullers'], 'che.eclipse.org'));
      const { output, errors, exitCode } = await run([...inWorkspaces, 'held'], {
        kubeconfig: cluster.kubeconfig('narrow'),
      });
      expect(exitCode).toBe(0);
      expect(output).toMatch(/^workspaces\/held {2}Ready True, .* 2 of 2 nodes ready\n\nIMAGE/);
      expect(output).toMatch(/\njava +2\/2 +0 +sha256:/);
      expect(output).not.toContain('COST');
      expect(errors.trimEnd().split('\n')).toEqual(
        ['daemonsets', 'deployments', 'pods', 'events'].map((kind) =>
          expect.stringContaining(`cannot list resource "${kind}"`),
        ),
      );
    },
    patienceMs,
  );

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'who may not read it',
      () => run(['-n', 'elsewhere']),
      /^list kubernetesimagepullers: .*cannot list resource "kubernetesimagepullers"/,
    ],
    [
      'that no puller is called so',
      () => run([...inWorkspaces, 'nobody', 'held']),
      /^there is no KubernetesImagePuller "nobody" in the namespace workspaces, which has \d+ others?\n$/,
    ],
    [
      'that the namespace has none',
      () => run(['-n', 'default'], { kubeconfig: cluster.kubeconfig() }),
      /^there is no KubernetesImagePuller in the namespace default\n$/,
    ],
    [
      'that no node is called so',
      () => run([...inWorkspaces, '--node', 'nobody'], { kubeconfig: cluster.kubeconfig() }),
      /^there is no node "nobody"\n$/,
    ],
    [
      'that nobody answers',
      () =>
        run([], { kubeconfig: cluster.kubeconfig().replace(cluster.url, 'http://127.0.0.1:1') }),
      /^list kubernetesimagepullers: .*ECONNREFUSED/,
    ],
    ['that the kubeconfig is none', () => run([], { kubeconfig: 'a: [' }), /^--kubeconfig is /],
  ])(
    'says %s, and ends with 4',
    async (_what, run, sentence) => {
      expect(await run()).toEqual({
        output: '',
        errors: expect.stringMatching(sentence),
        exitCode: 4,
      });
    },
    patienceMs,
  );

  it(
    'says that the operator is not installed',
    async () => {
      const empty = await startEmbeddedCluster();
      const { errors, exitCode } = await run([], { kubeconfig: empty.kubeconfig() });
      await empty.stop();
      expect(errors).toMatch(/^the cluster knows no KubernetesImagePuller: /);
      expect(exitCode).toBe(4);
    },
    patienceMs,
  );

  it(
    'bears a reader that goes away',
    async () => {
      const command = `'${process.execPath}' '${main}' status --help | true`;
      const env = {
        PATH: process.env['PATH'],
        ...nodeEnvironment,
      };
      const shell = spawn('sh', ['-c', command], { env, stdio: ['ignore', 'ignore', 'pipe'] });
      expect(await text(shell.stderr)).toBe('');
    },
    patienceMs,
  );

  it(
    'explains itself with --help, and a mistake in a sentence',
    async () => {
      expect(await run(['--help'])).toEqual({ output: statusUsage, errors: '', exitCode: 0 });
      expect(await spawned(cluster, ['-o', 'xml'])).toEqual({
        output: '',
        errors: '--output is "xml": expected one of table, wide, json, yaml\n',
        exitCode: 2,
      });
      await expect(run(['--context', 'x'])).rejects.toThrow(
        new UsageError('--context is "x", and the kubeconfig has the contexts "embedded"'),
      );
    },
    patienceMs,
  );
});

/** Stands between a client and a server, and can be closed. */
class Gate {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => {
    const server = dial(Number(this.#target.port), this.#target.hostname);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
        this.#sockets.delete(socket);
      });
    }
    client.pipe(server).pipe(client);
  });
  #port = 0;

  private constructor(target: string) {
    this.#target = new URL(target);
  }

  static async before(target: string): Promise<Gate> {
    const gate = new Gate(target);
    await gate.open();
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
