import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { parse } from 'yaml';
import { bundle } from '../../.ci/image/bundle.ts';
import { parseSpec } from '../../src/api/parse.ts';
import type { Condition, RawSpec } from '../../src/api/types.ts';
import { sleep, systemClock } from '../../src/clock.ts';
import { imagePullers } from '../../src/controllers/image-puller.ts';
import { daemonSets, type KubeObject } from '../../src/kube/objects.ts';
import { operatorNamespace, operatorServiceAccount } from '../../src/manifests/operator.ts';
import {
  type EmbeddedCluster,
  startEmbeddedCluster,
} from '../cluster/embedded/embedded-cluster.ts';
import { Registries } from '../cluster/embedded/workloads/registry.ts';

/** One line of the result: what was measured, what was asked for, and what it came to. */
interface Figure {
  readonly what: string;
  readonly asked: string;
  readonly measured: string;
}

const operatorUser = `system:serviceaccount:${operatorNamespace}:${operatorServiceAccount}`;
const root = fileURLToPath(new URL('../..', import.meta.url));
const mebibyte = 2 ** 20;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The median of many runs in milliseconds, after some that do not count. */
function timed(run: () => unknown): number {
  const once = () => {
    const begun = performance.now();
    run();
    return performance.now() - begun;
  };
  for (let warmUp = 0; warmUp < 10; warmUp += 1) once();
  return median(Array.from({ length: 51 }, once));
}

/** Exactly one mebibyte of entries, as many as fit, and white space. */
function oneMebibyteOf(entry: (index: number) => string): string {
  const parts: string[] = [];
  let length = 0;
  for (let index = 0; ; index += 1) {
    const text = `${entry(index)};`;
    if (length + text.length > mebibyte) break;
    parts.push(text);
    length += text.length;
  }
  return parts.join('').padEnd(mebibyte);
}

/** Reading a list of one mebibyte as the operator does it, and the largest list that it reads entry by entry. */
function parsing(): readonly Figure[] {
  const path = 'team/'.repeat(50);
  const full = Array.from(
    { length: 2000 },
    (_, index) => `My_${index}=registry.example/${path}${'x'.repeat(180)}/${index % 500}:1`,
  );
  const lists: readonly (readonly [string, string])[] = [
    [
      '1 MiB of short entries (too large: held)',
      oneMebibyteOf((i) => `i${i}=quay.io/example/${i}:1`),
    ],
    [
      '1 MiB of bad entries (too large: held)',
      oneMebibyteOf((i) => `B_${i}=quay.io/Example/${i}:1`),
    ],
    ['1 MiB without a separator (too large: held)', 'a-'.repeat(mebibyte / 2)],
    ['as much as is read: 500 images, 2,000 names', full.join(';')],
  ];
  return lists.map(([what, images]) => ({
    what: `spec.images: ${what}, ${Math.round(images.length / 1024)} KiB`,
    asked: '<= 10 ms',
    measured: `${timed(() => parseSpec({ images }, { maxImages: 500 })).toFixed(2)} ms`,
  }));
}

function manifest(path: string): KubeObject {
  return parse(readFileSync(join(root, path), 'utf8')) as KubeObject;
}

function puller(name: string, spec: RawSpec): KubeObject {
  return {
    apiVersion: 'che.eclipse.org/v1alpha1',
    kind: 'KubernetesImagePuller',
    metadata: { name, namespace: name },
    spec,
  };
}

const lists = {
  two: 'tools=quay.io/example/tools:1;shell=quay.io/example/shell:2',
  other: 'tools=quay.io/example/tools:1;more=quay.io/example/more:1',
};

/** Memory of a process in MB, as Linux counts it. */
function memory(pid: number, field: 'VmRSS' | 'VmHWM'): string {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]);
  return `${Math.round((kibibytes * 1024) / 1e6)} MB`;
}

/** The flags under which the image starts Node, but for its file permissions: files lie elsewhere here. */
function imageFlags(): readonly string[] {
  const launcher = readFileSync(join(root, '.ci/image/launch.sh'), 'utf8');
  return [...launcher.matchAll(/^\s+(--\S+)/gm)]
    .map(([, flag = '']) => flag)
    .filter((flag) => flag !== '--permission' && !flag.startsWith('--allow-fs-read'));
}

/** The operator, bundled as in its image, as a process of its own beside an embedded cluster. */
class Bench {
  readonly #cluster: EmbeddedCluster;
  readonly #operator: ChildProcess;

  constructor(cluster: EmbeddedCluster, program: string, kubeconfig: string) {
    this.#cluster = cluster;
    this.#operator = spawn(process.execPath, [...imageFlags(), program, 'operator'], {
      env: { ...process.env, KUBECONFIG: kubeconfig, HEALTH_PORT: '0', LOG_LEVEL: 'error' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  }

  async figures(): Promise<readonly Figure[]> {
    const cluster = this.#cluster;
    await cluster.until(
      () => cluster.requests.filter(({ path }) => path.includes('watch=')).length >= 7,
      30_000,
    );
    await this.#quiet();
    const pid = this.#operator.pid ?? 0;
    const idle = {
      what: 'operator of the image, no puller: resident',
      asked: '-',
      measured: memory(pid, 'VmRSS'),
    };

    const first = await this.#writesOf(puller('first', { images: lists.two }));
    const edit = await this.#writesOf(puller('first', { images: lists.other }));
    const toDaemonSet = await this.#timesToDaemonSet();
    const many = {
      what: 'operator of the image, 31 pullers: resident',
      asked: '-',
      measured: memory(pid, 'VmRSS'),
    };
    const peak = {
      what: 'operator of the image: peak',
      asked: '-',
      measured: memory(pid, 'VmHWM'),
    };
    const before = this.#writes();
    await sleep(systemClock, 5000);
    return [
      { what: 'API writes for a new puller', asked: '<= 9', measured: String(first) },
      { what: 'API writes for a change of its images', asked: '<= 5', measured: String(edit) },
      {
        what: 'API writes in five idle seconds, 31 pullers',
        asked: '0',
        measured: String(this.#writes() - before),
      },
      {
        what: 'puller applied until its DaemonSet exists, median of 30',
        asked: '-',
        measured: `${median(toDaemonSet).toFixed(0)} ms`,
      },
      idle,
      many,
      peak,
    ];
  }

  async stop(): Promise<void> {
    const exited = once(this.#operator, 'exit');
    this.#operator.kill('SIGTERM');
    await exited;
  }

  /** Events only tell of what was written. */
  #writes(): number {
    return this.#cluster.requests.filter(
      ({ user, method, path }) =>
        user === operatorUser && method !== 'GET' && !path.endsWith('/events'),
    ).length;
  }

  async #writesOf(object: KubeObject): Promise<number> {
    const before = this.#writes();
    this.#apply(object);
    await this.#ready(object);
    await this.#quiet();
    return this.#writes() - before;
  }

  async #timesToDaemonSet(): Promise<readonly number[]> {
    const times: number[] = [];
    for (let index = 0; index < 30; index += 1) {
      const object = puller(`bench-${index}`, { images: lists.two });
      const namespace = object.metadata.namespace ?? '';
      const { promise, resolve } = Promise.withResolvers<number>();
      const unsubscribe = this.#cluster.controlPlane.onChange(daemonSets, (change) => {
        if (change.object.metadata.namespace === namespace) resolve(performance.now());
      });
      const begun = performance.now();
      this.#apply(object);
      times.push((await promise) - begun);
      unsubscribe();
      await this.#ready(object);
    }
    return times;
  }

  #apply(object: KubeObject): void {
    const { namespace = '' } = object.metadata;
    this.#cluster.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      object,
    );
  }

  async #ready({ metadata: { name = '', namespace = '' } }: KubeObject): Promise<void> {
    await this.#cluster.until(() => {
      const live = this.#cluster.controlPlane.get(imagePullers, namespace, name);
      const conditions = (live?.['status'] as { conditions?: Condition[] } | undefined)?.conditions;
      return (
        conditions?.some(
          ({ type, status, observedGeneration }) =>
            type === 'Ready' &&
            status === 'True' &&
            observedGeneration === live?.metadata.generation,
        ) === true
      );
    }, 30_000);
  }

  /** Resolves when nothing was asked for two seconds. */
  async #quiet(): Promise<void> {
    for (let seen = -1; seen !== this.#cluster.requests.length; ) {
      seen = this.#cluster.requests.length;
      await sleep(systemClock, 2000);
    }
  }
}

async function working(): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  const cluster = await startEmbeddedCluster({
    nodes: 5,
    // Pods are Ready nearly at once, so that writes are counted and not the pace of a roll-out.
    registries: new Registries({ others: { pullMs: 1 } }),
    timings: { startMs: 1, relistMs: 10 },
  });
  let bench: Bench | undefined;
  try {
    cluster.apply(
      manifest('crds/che.eclipse.org_kubernetesimagepullers.yaml'),
      manifest('config/manager/namespace.yaml'),
      manifest('config/manager/service_account.yaml'),
      manifest('config/rbac/cluster/role.yaml'),
      manifest('config/rbac/cluster/role_binding.yaml'),
    );
    const program = join(directory, 'main.js');
    writeFileSync(program, (await bundle()).code);
    const kubeconfig = join(directory, 'kubeconfig');
    writeFileSync(kubeconfig, cluster.kubeconfig(operatorUser));
    bench = new Bench(cluster, program, kubeconfig);
    return await bench.figures();
  } finally {
    await bench?.stop();
    await cluster.stop();
    rmSync(directory, { recursive: true });
  }
}

const table = new Table({ head: ['figure', 'asked', 'measured'], style: { head: [], border: [] } });
for (const { what, asked, measured } of [...parsing(), ...(await working())]) {
  table.push([what, asked, measured]);
}
process.stdout.write(
  `Node ${process.versions.node}, ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}; embedded cluster with 5 nodes in the same machine\n${table.toString()}\n`,
);
