import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { OperatorProcess } from '../../src/cli/demo/operator-process.ts';
import { statusOn } from '../../src/cli/status.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { installRights, startBeside } from './operator-beside.ts';

const project = join(import.meta.dirname, '../..');
const namespace = 'seen';
const role = 'clusterrole/kubernetes-image-puller-operator-role';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
}

const folder = mkdtempSync(join(tmpdir(), 'pods-seen-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('an operator on a real API server', () => {
  let cluster: RealCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await RealCluster.start();
    for (const seed of ['sleeper', 'a', 'b']) {
      await cluster.registry.push(`${seed}:1`, { ...cluster.busyboxImage, seed });
    }
    await installRights(cluster);
    await kubectl('create', 'namespace', namespace);
    await mayReadPods(false);
    operator = await startBeside(cluster);
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(async () => {
    await (operator as OperatorProcess | undefined)?.stop();
    await (cluster as RealCluster | undefined)?.stop();
  }, startTimeoutMs);

  const kubectl = (...args: readonly string[]) => cluster.kubectl(args);
  const inNamespace = (...args: readonly string[]) => kubectl('-n', namespace, ...args);
  const apply = (object: object) => cluster.kubectl(['apply', '-f', '-'], JSON.stringify(object));

  const mayReadPods = async (may: boolean) => {
    const live = JSON.parse(await kubectl('get', role, '-o', 'json')) as KubeObject;
    const others = (live['rules'] as readonly Rule[]).filter(
      ({ resources }) => !resources.includes('pods'),
    );
    const rule = { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] };
    const rules = may ? [...others, rule] : others;
    await kubectl('patch', role, '--type=merge', '-p', JSON.stringify({ rules }));
  };

  const applyPuller = (name: string) =>
    apply({
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'puller', namespace },
      spec: { images: `${name}=${cluster.registry.reference(`${name}:1`)}` },
    });

  /** Waits for a reason; a failure says what stood there instead. */
  const untilTold = async (type: string, reason: string) => {
    let last: unknown;
    const is = async () => {
      last = await told(type).catch(() => undefined);
      return (last as { readonly reason?: string } | undefined)?.reason === reason;
    };
    await cluster.until(is).catch(() => expect(last).toMatchObject({ reason }));
  };

  const becomes = (condition: string) =>
    inNamespace('wait', `--for=condition=${condition}`, 'kip/puller', '--timeout=60s');

  const told = async (type: string) => {
    const path = `{.status.conditions[?(@.type=="${type}")]}`;
    return JSON.parse(await inNamespace('get', 'kip/puller', '-o', `jsonpath=${path}`)) as {
      readonly reason: string;
      readonly message: string;
    };
  };

  it('that may not read pods counts by the DaemonSet, and says what is missing', async () => {
    await applyPuller('a');
    await becomes('Ready');
    const { reason, message } = await told('Degraded');
    expect(reason).toBe('PodsUnreadable');
    expect(message).toContain('cannot list resource "pods"');
  });

  it('sees them as soon as it may, without a new start', async () => {
    await mayReadPods(true);
    await becomes('Degraded=False');
    const images = await inNamespace('get', 'kip/puller', '-o', 'jsonpath={.status.images}');
    expect(JSON.parse(images)).toEqual([
      expect.objectContaining({
        name: 'a',
        nodesReady: 1,
        digest: expect.stringMatching(/^sha256:/),
      }),
    ]);
  });

  describe('lets people', () => {
    /** An account that is bound to a role of the cluster's own in the namespace. */
    const account = async (role: string) => {
      await inNamespace('create', 'serviceaccount', `who-may-${role}`);
      const subject = `--serviceaccount=${namespace}:who-may-${role}`;
      await inNamespace('create', 'rolebinding', `to-${role}`, `--clusterrole=${role}`, subject);
      return `system:serviceaccount:${namespace}:who-may-${role}`;
    };

    /** Says `no` by its exit code as well. */
    const may = async (user: string, verb: string) => {
      const asked = ['auth', 'can-i', verb, 'kubernetesimagepullers', `--as=${user}`];
      return (await inNamespace(...asked).catch(() => 'no')).trim() === 'yes';
    };

    beforeAll(() => kubectl('apply', '-k', join(project, 'config/rbac/people')));

    it('who may view a namespace ask for the status of its pullers, and change nothing', async () => {
      const viewer = await account('view');
      // A controller adds the rights to the role, and the server's authorizer learns of it.
      await cluster.until(() => may(viewer, 'list'));
      const kubeconfig = join(folder, 'viewer');
      writeFileSync(kubeconfig, await cluster.tokenKubeconfig(namespace, 'who-may-view'), {
        mode: 0o600,
      });
      const [output, errors] = [new PassThrough(), new PassThrough()];
      const streams = { output, errors, signal: new AbortController().signal };
      const args = ['--kubeconfig', kubeconfig, '-n', namespace, 'kip/puller'];
      const exitCode = await statusOn(streams, args, {});
      // What cannot be read would be told here.
      expect({ exitCode, errors: String(errors.read() ?? '') }).toEqual({
        exitCode: 0,
        errors: '',
      });
      expect(String(output.read())).toMatch(
        /^seen\/puller {2}Ready True, .*\n\nIMAGE .*\na +1\/1 /s,
      );
      expect(await may(viewer, 'create')).toBe(false);
    });

    it('who may edit a namespace make pullers and delete them, also many at once', async () => {
      const editor = await account('edit');
      await cluster.until(() => may(editor, 'create'));
      expect(await may(editor, 'deletecollection')).toBe(true);
      const metadata = { name: 'of-an-editor', namespace };
      const made = {
        apiVersion: 'che.eclipse.org/v1alpha1',
        kind: 'KubernetesImagePuller',
        metadata,
      };
      await cluster.kubectl(
        ['create', '-f', '-', `--as=${editor}`, '--dry-run=server'],
        JSON.stringify({ ...made, spec: { images: 'a=b' } }),
      );
      expect(await may(editor, 'update')).toBe(true);
    });
  });

  it('lets kubectl describe show what has happened', async () => {
    const shown = () => inNamespace('describe', 'kip/puller');
    await cluster.until(async () => (await shown()).includes('ImagesCached'));
    expect(await shown()).toMatch(
      /Normal +ImagesCached +\S+ +kubernetes-image-puller-operator +the image on the node/,
    );
  });

  it('tells that a quota leaves no room for pods, until it does', async () => {
    const metadata = { name: 'none', namespace };
    const quota = (pods: string) => ({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata,
      spec: { hard: { pods } },
    });
    await inNamespace('delete', 'kip/puller', '--wait');
    await inNamespace('wait', '--for=delete', 'pods', '--all', '--timeout=60s');
    await apply(quota('0'));
    // Admission holds to the status, which a controller writes.
    await inNamespace('wait', '--for=jsonpath={.status.hard.pods}=0', 'quota/none');
    await applyPuller('b');
    await untilTold('Ready', 'QuotaExceeded');
    expect((await told('Degraded')).reason).toBe('QuotaExceeded');
    expect((await told('Ready')).message).toContain('none');
    await apply(quota('10'));
    await becomes('Ready');
  });
});
