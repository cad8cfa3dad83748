import { join } from 'node:path';
import { KubeConfig, Watch } from '@kubernetes/client-node';
import type { OperatorProcess } from '../../src/cli/demo/operator-process.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { output } from '../cluster/real/command.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { tool } from '../cluster/real/tools.ts';
import { installRights, startBeside } from './operator-beside.ts';

const project = join(import.meta.dirname, '../..');
const namespace = 'judged';
const name = 'puller';
/** Long enough to be told from a pull, short enough to be waited for. */
const progressDeadlineMs = 5000;

interface Verdict {
  readonly kstatus: { readonly status: string; readonly message: string };
  readonly argo: { readonly status: string; readonly message: string };
}

describe('what other tools make of a puller on a real node', () => {
  let cluster: RealCluster;
  let operator: OperatorProcess;
  let judges: string;
  /** Every state of the puller that the API server has shown, in order. */
  const recorded: KubeObject[] = [];
  let watch: AbortController | undefined;

  beforeAll(async () => {
    judges = join(await tool('judges', (line) => process.stderr.write(`${line}\n`)), 'judges');
    cluster = await RealCluster.start();
    await cluster.registry.push('sleeper:1', cluster.busyboxImage);
    for (const seed of ['a', 'b', 'c']) {
      await cluster.registry.push(`${seed}:1`, { ...cluster.busyboxImage, seed });
    }
    await installRights(cluster);
    await kubectl('create', 'namespace', namespace);
    await cluster.until(() => canList());
    operator = await startBeside(cluster, {
      PROGRESS_DEADLINE_SECONDS: String(progressDeadlineMs / 1000),
    });
    await record();
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(async () => {
    watch?.abort();
    await (operator as OperatorProcess | undefined)?.stop();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  const kubectl = (...args: readonly string[]) => cluster.kubectl(args);

  const canList = async () => {
    const list = kubectl('get', 'kip', '-A');
    return await list.then(
      () => true,
      () => false,
    );
  };

  const record = async () => {
    const config = new KubeConfig();
    config.loadFromString(cluster.kubeconfig());
    const path = `/apis/che.eclipse.org/v1alpha1/namespaces/${namespace}/kubernetesimagepullers`;
    watch = await new Watch(config).watch(
      path,
      {},
      (_type, object: KubeObject) => {
        if (object.metadata.name === name) recorded.push(object);
      },
      () => {},
    );
  };

  /** Writes the spec, and returns how many states had been recorded before. */
  const apply = async (spec: Readonly<Record<string, string>>, called = name) => {
    const before = recorded.length;
    const metadata = { name: called, namespace };
    const body = { apiVersion: 'che.eclipse.org/v1alpha1', kind: 'KubernetesImagePuller' };
    await cluster.kubectl(
      ['apply', '--server-side', '-f', '-'],
      JSON.stringify({ ...body, metadata, spec }),
    );
    return before;
  };

  const list = (...seeds: readonly string[]) =>
    seeds.map((seed) => `${seed}=${cluster.registry.reference(`${seed}:1`)}`).join(';');

  const judge = async (objects: readonly KubeObject[]): Promise<readonly Verdict[]> => {
    const script = join(project, 'config/argocd/health.lua');
    const input = objects.map((object) => JSON.stringify(object)).join('\n');
    const verdicts = await output([judges, script], { input });
    return verdicts
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Verdict);
  };

  const last = async () => {
    const object = JSON.parse(await kubectl('-n', namespace, 'get', 'kip', name, '-o', 'json'));
    const [verdict] = await judge([object]);
    return verdict as Verdict;
  };

  const become = async (kstatus: string) => {
    await cluster.until(async () => (await last()).kstatus.status === kstatus);
    return await last();
  };

  const waitForReady = () =>
    kubectl('-n', namespace, 'wait', '--for=condition=Ready', `kip/${name}`, '--timeout=60s');

  test('is in progress while nodes pull, and current when they hold everything', async () => {
    const before = await apply({ images: list('a', 'b') });
    await waitForReady();
    const verdicts = await judge(recorded.slice(before));
    // Before the operator's first word there is nothing that kstatus could go by.
    expect(verdicts[0]?.argo.status).toBe('Progressing');
    expect(verdicts.map(({ kstatus }) => kstatus.status)).toContain('InProgress');
    expect((await last()).argo).toEqual({
      status: 'Healthy',
      message: 'all 2 images on the node',
    });
    expect((await last()).kstatus.status).toBe('Current');
  });

  test('is never current between an edit and the moment in which every node holds the new list', async () => {
    const before = await apply({ images: list('a', 'b', 'c') });
    await become('Current');
    // The edit itself is the first; the API server has shown it before the operator has.
    const states = recorded.slice(before);
    const verdicts = await judge(states);
    const current = verdicts.findIndex(({ kstatus }) => kstatus.status === 'Current');
    expect(current).toBeGreaterThan(0);
    expect(imagesReady(states[current])).toBe(3);
    expect(verdicts.slice(0, current).map(({ kstatus }) => kstatus.status)).not.toContain('Failed');
    expect(verdicts.slice(current).map(({ kstatus }) => kstatus.status)).not.toContain(
      'InProgress',
    );
  });

  test('fails when an image cannot be pulled for longer than the deadline, and not before', async () => {
    const before = await apply({ images: list('a', 'missing') });
    const failed = await become('Failed');
    expect(failed.kstatus.message).toContain('missing');
    expect(failed.argo).toEqual({ status: 'Degraded', message: failed.kstatus.message });
    const verdicts = await judge(recorded.slice(before));
    expect(verdicts.map(({ kstatus }) => kstatus.status)).toContain('InProgress');
    expect(verdicts.map(({ kstatus }) => kstatus.status)).not.toContain('Current');

    await apply({ images: list('a') });
    await become('Current');
  });

  test('fails at once for what only its user can mend, and recovers with the mended spec', async () => {
    await apply({ images: list('a'), nodeSelector: 'disktype=ssd' });
    expect((await become('Failed')).argo.status).toBe('Degraded');
    await apply({ images: list('a') });
    await become('Current');
  });

  test('is current with nothing to do: no image, or no node', async () => {
    await apply({ images: '{}' });
    expect((await become('Current')).argo.message).toContain('no image');
    await apply({ images: list('a'), nodeSelector: '{"kubernetes.io/hostname":"nobody"}' });
    await cluster.until(async () => (await last()).argo.message.includes('no node'));
    expect((await last()).kstatus.status).toBe('Current');
    await apply({ images: list('a') });
    await become('Current');
  });

  test('fails for the younger of two that want the same names', async () => {
    await apply({ images: list('b') }, 'younger');
    await kubectl(
      ...['-n', namespace, 'wait', '--for=condition=Stalled', 'kip/younger', '--timeout=30s'],
    );
    const object = JSON.parse(
      await kubectl('-n', namespace, 'get', 'kip', 'younger', '-o', 'json'),
    );
    const [verdict] = await judge([object]);
    expect(verdict).toMatchObject({ kstatus: { status: 'Failed' }, argo: { status: 'Degraded' } });
    expect((await last()).kstatus.status).toBe('Current');
    await kubectl('-n', namespace, 'delete', 'kip', 'younger');
  });

  test('never hears the judges contradict each other, nor the condition Ready', async () => {
    const verdicts = await judge(recorded);
    const spoken = recorded.flatMap((object, index) => {
      const status = object['status'] as Status | undefined;
      const isObserved = status?.observedGeneration === object.metadata.generation;
      const verdict = verdicts[index];
      return isObserved && verdict
        ? [[conditionOf(status, 'Ready'), verdict.kstatus.status, verdict.argo.status].join()]
        : [];
    });
    expect(new Set(spoken)).toEqual(
      new Set(['True,Current,Healthy', 'False,InProgress,Progressing', 'False,Failed,Degraded']),
    );
  });

  test('is being deleted while its children go', async () => {
    await kubectl('-n', namespace, 'delete', 'kip', name, '--cascade=foreground');
    const states = recorded.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    const [verdict] = await judge(states);
    expect(verdict).toMatchObject({
      kstatus: { status: 'Terminating' },
      argo: { status: 'Progressing', message: 'being deleted' },
    });
  });
});

interface Status {
  readonly observedGeneration?: number;
  readonly imagesReady?: number;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

function conditionOf(status: Status | undefined, type: string): string | undefined {
  return status?.conditions?.find((condition) => condition.type === type)?.status;
}

function imagesReady(object: KubeObject | undefined): number | undefined {
  return (object?.['status'] as Status | undefined)?.imagesReady;
}
