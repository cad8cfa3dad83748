import { createHash } from 'node:crypto';
import type { OperatorProcess } from '../../src/cli/demo/operator-process.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { installRights, startBeside } from './operator-beside.ts';

const namespace = 'sharded';

describe('100 images on a real node', () => {
  let cluster: RealCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await RealCluster.start();
    await cluster.registry.push('sleeper:1', cluster.busyboxImage);
    for (const name of names(100)) {
      await cluster.registry.push(`${name}:1`, { files: { '/name': Buffer.from(name) } });
    }
    await installRights(cluster);
    await cluster.kubectl(['create', 'namespace', namespace]);
    operator = await startBeside(cluster);
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(async () => {
    await (operator as OperatorProcess | undefined)?.stop();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  /** The first names, half of them in either half of the split: 80 are then just two parts. */
  function names(count: number): readonly string[] {
    const all = Array.from({ length: 300 }, (_, number) => `image-${number}`);
    const isRight = (name: string) =>
      createHash('sha256').update(reference(name)).digest('hex').slice(0, 1) >= '8';
    const [left, right] = [all.filter((name) => !isRight(name)), all.filter(isRight)];
    return Array.from({ length: count }, (_, at) => (at % 2 === 0 ? right : left)[at >> 1] ?? '');
  }

  function reference(name: string): string {
    return cluster.registry.reference(`${name}:1`);
  }

  const edit = (count: number) => {
    const images = names(count).map((name) => `${name}=${reference(name)}`);
    const puller = {
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'puller', namespace },
      spec: {
        daemonsetName: 'cache',
        images: images.join(';'),
        cachingCPURequest: '1m',
        cachingMemoryRequest: '1Mi',
      },
    };
    return cluster.kubectl(['apply', '-f', '-'], JSON.stringify(puller));
  };

  const isReady = () =>
    cluster.kubectl([
      ...['-n', namespace, 'wait', '--for=condition=Ready', 'kip/puller', '--timeout=120s'],
    ]);

  /** How many containers the template of each DaemonSet has. */
  const sizes = async (): Promise<Readonly<Record<string, number>>> => {
    const path = `/apis/apps/v1/namespaces/${namespace}/daemonsets`;
    const { items } = (await cluster.api.get(path)) as { readonly items: readonly DaemonSet[] };
    return Object.fromEntries(
      items.map(({ metadata, spec }) => [metadata.name, spec.template.spec.containers.length]),
    );
  };

  const total = async () => Object.values(await sizes()).reduce((sum, size) => sum + size, 0);

  /**
   * Names of the images that containers on the node run from at this moment, by the runtime's word. It
   * is asked before and after the pods are, so that what changes meanwhile is not taken for a loss.
   */
  const images = async (): Promise<ReadonlySet<string>> => {
    const before = await cluster.runtime.tasks();
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const { items } = (await cluster.api.get(path)) as { readonly items: readonly Pod[] };
    const tasks = new Set([...before, ...(await cluster.runtime.tasks())]);
    const running = items
      .flatMap(({ status }) => status.containerStatuses ?? [])
      .filter(({ containerID = '' }) => tasks.has(containerID.replace('containerd://', '')));
    return new Set(running.map(({ name }) => name));
  };

  it('are held by four DaemonSets', async () => {
    await edit(100);
    await isReady();
    const parts = await sizes();
    expect(Object.keys(parts).sort()).toEqual(['cache', 'cache-s01', 'cache-s1', 'cache-s11']);
    expect(await total()).toBe(100);
    expect([...(await images())]).toEqual(expect.arrayContaining([...names(100)]));
  }, 120_000);

  it.each([
    ['merge into two', 80, 2],
    ['split into three', 81, 3],
  ])(
    '%s at %i images, and the node never lacks one of those that stay',
    async (_, count, parts) => {
      const staying = names(Math.min(80, count));
      const losses: (readonly string[])[] = [];
      let isOver = false;
      const watching = cluster.until(async () => {
        const held = await images();
        const lost = staying.filter((name) => !held.has(name));
        if (lost.length > 0) losses.push(lost);
        return isOver;
      }, 120_000);
      await edit(count);
      await cluster.until(
        async () => Object.keys(await sizes()).length === parts && (await total()) === count,
        100_000,
      );
      await isReady();
      isOver = true;
      await watching;
      expect(losses).toEqual([]);
    },
    120_000,
  );
});

/** As much of a DaemonSet as is read here. */
interface DaemonSet {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly unknown[] } };
  };
}

/** As much of a Pod as is read here. */
interface Pod {
  readonly status: {
    /** Absent until kubelet has seen the pod. */
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly containerID?: string;
    }[];
  };
}
