import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectPath } from '../../src/cli/demo/install-manifests.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { aConfigMap, aDeployment } from '../cluster/contract/api.ts';
import { startEmbeddedCluster } from '../cluster/embedded/embedded-cluster.ts';
import { output } from '../cluster/real/command.ts';
import { RealCluster, startTimeoutMs } from '../cluster/real/real-cluster.ts';
import { tool } from '../cluster/real/tools.ts';

/** The same kubectl, the same words, on both clusters: what it prints tells whether they differ. */
const clusters: readonly (readonly [name: string, start: () => Promise<Cluster>])[] = [
  ['embedded', () => startEmbeddedCluster({ tls: true })],
  ['real', () => RealCluster.start()],
];

const folder = mkdtempSync(join(tmpdir(), 'kubectl-'));
let binary: string;

beforeAll(async () => {
  binary = join(await tool('control-plane', () => {}), 'kubectl');
}, startTimeoutMs);
afterAll(() => rmSync(folder, { recursive: true }));

/** Two containers, of which the first has a variable. */
function aWebServer(first: object, second: object, more: object = {}) {
  const made = aDeployment('web');
  const spec = made['spec'] as { readonly template: { readonly spec: object } };
  const containers = [
    { name: 'a', image: 'x/a:1', ...first },
    { name: 'b', image: 'x/b:1', ...second },
  ];
  const template = { ...spec.template, spec: { ...spec.template.spec, containers } };
  return { ...made, spec: { ...spec, ...more, template } };
}

describe.each(clusters)('kubectl on the %s cluster', (name, start) => {
  let cluster: Cluster;
  let kubeconfig: string;
  let namespace = '';
  let count = 0;

  /** Runs kubectl in the test's namespace; `input` is an object for `-f -`. */
  function kubectl(words: string, input?: object): Promise<string> {
    const args = [
      ...['--kubeconfig', kubeconfig, '--cache-dir', join(folder, name)],
      ...(namespace === '' ? [] : ['-n', namespace]),
    ];
    return output([binary, ...args, ...words.split(' ')], { input: JSON.stringify(input ?? '') });
  }

  /** What is printed, with ages as `…` and columns apart by one blank. */
  async function table(words: string): Promise<readonly string[]> {
    const lines = (await kubectl(words)).trimEnd().split('\n');
    return lines.map((line) =>
      line
        .replace(/\b\d+s\b/g, '…')
        .replace(/ +/g, ' ')
        .trim(),
    );
  }

  beforeAll(async () => {
    cluster = await start();
    kubeconfig = join(folder, `${name}.yaml`);
    writeFileSync(kubeconfig, cluster.kubeconfig(), { mode: 0o600 });
  }, startTimeoutMs);
  // Undefined where it did not come up.
  afterAll(() => (cluster as Cluster | undefined)?.stop(), startTimeoutMs);

  beforeEach(async () => {
    const next = `kubectl-${count++}`;
    namespace = '';
    await kubectl(`create namespace ${next}`);
    namespace = next;
  });
  afterEach(() => kubectl(`delete namespace ${namespace} --wait=false`));

  it('makes objects and shows them as tables', async () => {
    expect(await kubectl('create configmap a --from-literal=one=1')).toBe('configmap/a created\n');
    await kubectl('create secret generic a --from-literal=one=1');
    await kubectl('create serviceaccount user');
    await kubectl('create role reader --verb=get --resource=configmaps');
    await kubectl(`create rolebinding reader --role=reader --serviceaccount=${namespace}:user`);
    await kubectl('create deployment web --image=x/a:1 --replicas=0');
    expect(await table('get configmap a')).toEqual(['NAME DATA AGE', 'a 1 …']);
    expect(await table('get secret a')).toEqual(['NAME TYPE DATA AGE', 'a Opaque 1 …']);
    expect(await table('get rolebinding reader -o wide')).toEqual([
      'NAME ROLE AGE USERS GROUPS SERVICEACCOUNTS',
      `reader Role/reader … ${namespace}/user`,
    ]);
    expect(await table('get deployments -o wide')).toEqual([
      'NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR',
      'web 0/0 0 0 … a x/a:1 app=web',
    ]);
    expect(await table('get deployment/web configmap/a --no-headers')).toEqual([
      'deployment.apps/web 0/0 0 0 …',
      'configmap/a 1 …',
    ]);
    expect(await table('get deployments --show-labels')).toEqual([
      'NAME READY UP-TO-DATE AVAILABLE AGE LABELS',
      'web 0/0 0 0 … app=web',
    ]);
  });

  it('shows all there is', async () => {
    await kubectl('create deployment web --image=x/a:1 --replicas=0');
    await kubectl('rollout status deployment/web --timeout=20s');
    const all = (await kubectl('get all -o name')).trimEnd().split('\n').sort();
    expect(all).toEqual(['deployment.apps/web', expect.stringMatching(/^replicaset\.apps\/web-/)]);
  });

  it('applies, knows what has not changed, and takes away what is no longer wanted', async () => {
    const before = aWebServer({ env: [{ name: 'A', value: '1' }] }, {});
    const strategy = { type: 'Recreate' };
    const after = aWebServer({ env: [{ name: 'B', value: '2' }] }, { name: 'c' }, { strategy });
    expect(await kubectl('apply -f -', before)).toBe('deployment.apps/web created\n');
    expect(await kubectl('apply -f -', before)).toBe('deployment.apps/web unchanged\n');
    expect(await kubectl('apply -f - --dry-run=server', after)).toBe(
      'deployment.apps/web configured (server dry run)\n',
    );
    const path = '{.spec.template.spec.containers[*].name}{.spec.strategy}';
    const shown = `get deployment web -o jsonpath=${path}`;
    expect(await kubectl(shown)).toMatch(/^a b\{.*RollingUpdate/);
    expect(await kubectl('apply -f -', after)).toBe('deployment.apps/web configured\n');
    expect(await kubectl(shown)).toBe('a c{"type":"Recreate"}');
    expect(
      await kubectl('get deployment web -o jsonpath={.spec.template.spec.containers[0].env}'),
    ).toBe('[{"name":"B","value":"2"}]');
  });

  it('applies on the server, and tells of conflicts', async () => {
    await kubectl('apply --server-side -f -', aConfigMap('a', { one: '1' }));
    const other = 'apply --server-side --field-manager=other -f -';
    await expect(kubectl(other, aConfigMap('a', { one: '2' }))).rejects.toThrow(
      /conflict with "kubectl": \.data\.one/,
    );
    expect(await kubectl(`${other} --force-conflicts`, aConfigMap('a', { one: '2' }))).toBe(
      'configmap/a serverside-applied\n',
    );
  });

  it('refuses fields that nobody knows', async () => {
    const strange = { ...aConfigMap('a'), dta: {} };
    await expect(kubectl('create -f -', strange)).rejects.toThrow(
      /strict decoding error: unknown field "dta"/,
    );
    expect(await kubectl('create --validate=ignore -f -', strange)).toBe('configmap/a created\n');
  });

  it('labels, annotates, patches and sets', async () => {
    await kubectl('create configmap a');
    await kubectl('label configmap a color=red');
    await kubectl('annotate configmap a note=yes');
    await kubectl('patch configmap a -p {"data":{"one":"1"}}');
    await kubectl('patch configmap a --type=json -p [{"op":"remove","path":"/data/one"}]');
    expect(await table('get configmap a -L color')).toEqual(['NAME DATA AGE COLOR', 'a 0 … red']);
    await kubectl('create deployment web --image=x/a:1 --replicas=0');
    await kubectl('set image deployment/web a=x/a:2');
    const image = '{.spec.template.spec.containers[0].image}';
    expect(await kubectl(`get deployment web -o jsonpath=${image}`)).toBe('x/a:2');
    expect(await kubectl('rollout restart deployment/web')).toBe('deployment.apps/web restarted\n');
    expect(await kubectl('rollout status deployment/web --timeout=20s')).toContain(
      'deployment "web" successfully rolled out\n',
    );
  });

  it('waits for what comes and for what goes', async () => {
    await kubectl('create deployment web --image=x/a:1 --replicas=0');
    expect(await kubectl('wait deployment/web --for=condition=Available --timeout=20s')).toBe(
      'deployment.apps/web condition met\n',
    );
    await kubectl('create configmap a --from-literal=one=1');
    const one = 'wait configmap/a --for=jsonpath={.data.one}=1 --timeout=5s';
    expect(await kubectl(one)).toBe('configmap/a condition met\n');
    const gone = kubectl('wait configmap/a --for=delete --timeout=20s');
    await kubectl('delete configmap a');
    await gone;
    await expect(kubectl('get configmap a')).rejects.toThrow(/"a" not found/);
  });

  it('describes an object with the events about it', async () => {
    await kubectl('create quota none --hard=pods=0');
    await kubectl('create deployment web --image=x/a:1');
    const failed = /Warning\s+FailedCreate .*exceeded quota: none/;
    await cluster.until(async () => failed.test(await kubectl('describe replicasets -l app=web')));
    expect(await kubectl('describe deployment web')).toMatch(/Image:\s+x\/a:1/);
    expect(await kubectl('get events --field-selector=reason=FailedCreate')).toMatch(
      /exceeded quota/,
    );
  });

  it('explains built-in kinds and ours', async () => {
    await kubectl(`apply -f ${projectPath('crds/che.eclipse.org_kubernetesimagepullers.yaml')}`);
    await kubectl('wait crd/kubernetesimagepullers.che.eclipse.org --for=condition=Established');
    await cluster.until(async () =>
      (await kubectl('get --raw /openapi/v3')).includes('apis/che.eclipse.org/v1alpha1'),
    );
    expect(await kubectl('explain daemonset.spec')).toMatch(/template\s+<PodTemplateSpec>/);
    expect(await kubectl('explain crd.spec')).toMatch(
      /versions\s+<\[\]CustomResourceDefinitionVersion>/,
    );
    const puller = {
      apiVersion: 'che.eclipse.org/v1alpha1',
      kind: 'KubernetesImagePuller',
      metadata: { name: 'p' },
      spec: { images: 'a=b' },
    };
    await expect(kubectl('apply -f -', { ...puller, spec: { image: 'a=b' } })).rejects.toThrow(
      /unknown field "spec.image"/,
    );
    expect(await kubectl('apply -f -', puller)).toContain('/p created\n');
    expect((await table('get kip'))[0]).toBe('NAME READY REASON IMAGES DESIRED READY NODES AGE');
    expect(await kubectl('explain kip.spec.images')).toMatch(/FIELD: images <string>/);
  });

  it('says what is missing where nobody serves a kind', async () => {
    const apiVersion = 'monitoring.example.com/v1';
    const monitor = { apiVersion, kind: 'Monitor', metadata: { name: 'm' }, spec: {} };
    await expect(kubectl('apply -f -', monitor)).rejects.toThrow(
      /no matches for kind "Monitor" in version "monitoring.example.com\/v1"/,
    );
  });

  it('tells what there is, and who may do what', async () => {
    const listed = await kubectl('api-resources --api-group=apps -o name');
    expect(listed.split('\n')).toEqual(
      expect.arrayContaining(['daemonsets.apps', 'deployments.apps', 'replicasets.apps']),
    );
    expect(await kubectl('auth can-i delete pods')).toBe('yes\n');
    await kubectl('create serviceaccount user');
    const user = `system:serviceaccount:${namespace}:user`;
    const denied = kubectl(`auth can-i delete pods --as=${user}`);
    await expect(denied).rejects.toThrow(/ended with status 1/);
    expect(await kubectl(`auth whoami --as=${user} -o jsonpath={.status.userInfo.username}`)).toBe(
      user,
    );
  });
});
