import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubeObject } from '../../src/kube/objects.ts';
import { operatorNamespace } from '../../src/manifests/operator.ts';
import { startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { Journey } from './journey.ts';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** The namespace of the documentation. */
const namespace = 'k8s-image-puller';

/** The documentation says how to look at an installation; commands are taken from the README's table. */
describe('a check from the documentation of Eclipse Che and Dev Spaces finds', () => {
  let journey: Journey;

  beforeAll(async () => {
    journey = await Journey.begin();
    await journey.cluster.addFakeNodes(2);
    await journey.push('java', 'tools');
    await journey.createNamespace(namespace);
    const tolerations = JSON.stringify([{ key: 'kip.test/node', operator: 'Exists' }]);
    await journey.edit(namespace, { images: journey.images('java', 'tools'), tolerations });
    await journey.untilReady(namespace);
    for (const kind of ['deployment', 'daemonset']) {
      const status = ['rollout', 'status', `${kind}/kubernetes-image-puller`, '--timeout=120s'];
      await journey.cluster.kubectl(['-n', namespace, ...status]);
    }
  }, startTimeoutMs);

  // Undefined where it did not come up.
  afterAll(() => (journey as Journey | undefined)?.end(), startTimeoutMs);

  /** Runs the command that begins like this as it stands in the README, and splits what it prints. */
  const check = async (beginning: string) => {
    const printed = await journey.cluster.kubectl(words(fromReadme(beginning)));
    return printed
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(/ +/));
  };

  it('a Deployment with its replicas, a DaemonSet that wants all nodes, and a pod on each', async () => {
    const rows = await check('oc get deployment,daemonset,pod');
    const { nodes } = journey.cluster;
    const count = String(nodes.length);
    expect(rows).toContainEqual(
      expect.arrayContaining(['deployment.apps/kubernetes-image-puller', '1/1']),
    );
    const daemonSet = rows.find(([name]) => name === 'daemonset.apps/kubernetes-image-puller');
    expect(daemonSet?.slice(1, 4)).toEqual([count, count, count]);
    const pods = rows.filter(([name]) => name?.startsWith('pod/kubernetes-image-puller-'));
    expect(pods.map(([, ready, phase]) => `${ready} ${phase}`).sort()).toEqual(
      ['1/1 Running', ...nodes.map(() => '2/2 Running')].sort(),
    );
    const holders = await journey.pods(namespace);
    expect(holders.map(({ spec }) => spec.nodeName).sort()).toEqual([...nodes].sort());
  });

  it('no ConfigMap of the name that it gives, but the values in that which the README names', async () => {
    await expect(check('oc get configmap kubernetes-image-puller')).rejects.toThrow('NotFound');
    const named = words(fromReadme('oc get configmap k8s-image-puller'));
    const printed = parse(await journey.cluster.kubectl(named)) as KubeObject;
    expect(printed['data']).toEqual({
      AFFINITY: '{}',
      CACHING_CPU_LIMIT: '.2',
      CACHING_CPU_REQUEST: '.05',
      CACHING_INTERVAL_HOURS: '1',
      CACHING_MEMORY_LIMIT: '20Mi',
      CACHING_MEMORY_REQUEST: '10Mi',
      DAEMONSET_NAME: 'kubernetes-image-puller',
      IMAGES: journey.images('java', 'tools'),
      IMAGE_PULL_SECRETS: '',
      KIP_IMAGE: expect.stringContaining('sleeper'),
      NAMESPACE: namespace,
      NODE_SELECTOR: '{}',
      TOLERATIONS: expect.stringContaining('kip.test/node'),
    });
  });

  it('the DaemonSet by its label, with as many pods Ready as are desired', async () => {
    const [header = [], ...rows] = await check('kubectl get daemonset');
    const count = String(journey.cluster.nodes.length);
    const column = (name: string) => rows.map((row) => row[header.indexOf(name)]);
    expect(column('NAME')).toEqual(['kubernetes-image-puller']);
    expect(column('DESIRED')).toEqual([count]);
    expect(column('READY')).toEqual([count]);
  });

  it('the log of the puller by that label', async () => {
    const lines = await check('kubectl logs');
    expect(lines.map((line) => JSON.parse(line.join(' ')))).toContainEqual(
      expect.objectContaining({ level: 'info' }),
    );
  });

  it('all replicas available, and all pods Running with all containers ready', async () => {
    expect(await check('kubectl get deployment')).toEqual([
      ['NAME', 'REPLICAS', 'AVAILABLE'],
      ['kubernetes-image-puller', '1', '1'],
    ]);
    const [, ...pods] = await check('kubectl get pods');
    expect(pods.map(([, ready, phase]) => [ready, phase])).toEqual(
      pods.map(() => [expect.stringMatching(/^true(,true)*$/), 'Running']),
    );
    expect(pods).toHaveLength(journey.cluster.nodes.length + 1);
  });

  it.each([
    ['serviceaccount', 'kubernetes-image-puller', namespace],
    ['deployment', 'kubernetes-image-puller-operator', operatorNamespace],
  ])('no %s of the name %s, but of the name beside it in the README', async (kind, name, where) => {
    const get = (wanted: string) =>
      journey.cluster.kubectl(['-n', where, 'get', kind, wanted, '-o', 'name']);
    await expect(get(name)).rejects.toThrow('NotFound');
    expect(await get(besideInReadme(name))).toMatch(/\S/);
  });
});

/** A command of the README, whose `NAMESPACE` stands for that of the puller. */
function fromReadme(beginning: string): string {
  const command = readme.match(/`[^`\n]+`/g)?.find((span) => span.startsWith(`\`${beginning}`));
  if (command === undefined) throw new Error(`README.md has no command ${beginning}`);
  return command.slice(1, -1).replace('NAMESPACE', namespace);
}

/** The name in the second column of the README's row that has this one, after its kind, in the first. */
function besideInReadme(name: string): string {
  const [, beside] =
    readme.match(new RegExp(`^\\| [^\`|]+\`${name}\` \\| \`([^\`]+)\``, 'm')) ?? [];
  if (beside === undefined) throw new Error(`README.md has no row for ${name}`);
  return beside;
}

/** Arguments of kubectl, which `oc` is another name of here. A command that names no namespace is told one. */
function words(command: string): readonly string[] {
  const [, ...args] = (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
  return args.some((arg) => arg === '-n' || arg === '--namespace')
    ? args
    : ['--namespace', namespace, ...args];
}
