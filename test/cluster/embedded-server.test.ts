import { KubeConfig, VersionApi } from '@kubernetes/client-node';
import { ManualClock } from '../manual-clock.ts';
import { Api, aConfigMap, type Watch } from './contract/api.ts';
import {
  type EmbeddedCluster,
  type EmbeddedOptions,
  startEmbeddedCluster,
} from './embedded/embedded-cluster.ts';

const path = '/api/v1/namespaces/default/configmaps';
const user = 'system:serviceaccount:default:user';
const minute = 60_000;

let clock: ManualClock;
let cluster: EmbeddedCluster;
let api: Api;

async function start(options: EmbeddedOptions = {}): Promise<void> {
  clock = new ManualClock();
  cluster = await startEmbeddedCluster({ clock, ...options });
  api = new Api(cluster.kubeconfig());
}

afterEach(async () => {
  await api.close();
  await cluster.stop();
});

/** What only a cluster in the test's own hands can show. */
describe('the embedded API server', () => {
  async function watchFrom(resourceVersion: string, parameters = {}): Promise<Watch> {
    return await api.watch(path, { resourceVersion, ...parameters });
  }

  it.each([
    ['/api/v1/namespaces/default/pods/a/log', 'run no programs, so there are no logs'],
    ['/api/v1/namespaces/default/pods/a/exec', 'there is nothing to run a command in'],
    ['/apis/apps/v1/namespaces/default/deployments/a/scale', 'set spec.replicas'],
    ['/api/v1/namespaces/default/serviceaccounts/a/token', 'it issues no others'],
  ])('says why there is no %s', async (missing, why) => {
    await start();
    expect(await api.get(missing)).toMatchObject({
      code: 501,
      body: {
        kind: 'Status',
        reason: 'NotImplemented',
        message: expect.stringMatching(new RegExp(`^this cluster is a model.*${why}`)),
      },
    });
  });

  it('knows nothing of subresources that no server has', async () => {
    await start();
    expect(await api.get('/api/v1/namespaces/default/pods/a/lug')).toMatchObject({ code: 404 });
    expect(await api.get(`${path}/a/scale`)).toMatchObject({ code: 404 });
  });

  it('compacts by itself what its history has no room for', async () => {
    await start({ historyLimit: 5 });
    const { body } = await api.create(path, aConfigMap('a'));
    for (let change = 0; change < 20; change += 1) {
      await api.merge(`${path}/a`, { data: { x: String(change) } });
    }
    const watch = await watchFrom(body.metadata.resourceVersion ?? '');
    await cluster.until(() => watch.isOver);
    expect(watch.events).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
  });

  it('sends a bookmark a minute, and one shortly before the end', async () => {
    await start();
    const { body } = await api.create(path, aConfigMap('a'));
    const watch = await watchFrom(body.metadata.resourceVersion ?? '', {
      allowWatchBookmarks: 'true',
      timeoutSeconds: '150',
    });
    const count = () => watch.events.filter(({ type }) => type === 'BOOKMARK').length;
    await clock.advance(minute);
    await cluster.until(() => count() === 1);
    await clock.advance(minute);
    await cluster.until(() => count() === 2);
    await clock.advance(minute);
    await cluster.until(() => watch.isOver);
    expect(count()).toBe(3);
  });

  it('keeps its own time', async () => {
    await start();
    await clock.advance(90 * minute);
    const { body } = await api.create(path, aConfigMap('a'));
    expect(body.metadata.creationTimestamp).toBe('2026-01-01T01:30:00Z');
  });

  it('tells the version and the groups that it was given', async () => {
    await start({ version: 'v1.30.2', groups: ['route.openshift.io/v1'] });
    expect((await api.get('/version')).body).toMatchObject({ minor: '30', gitVersion: 'v1.30.2' });
    expect((await api.get('/apis')).body).toMatchObject({
      groups: expect.arrayContaining([expect.objectContaining({ name: 'route.openshift.io' })]),
    });
    expect((await api.get('/apis/route.openshift.io/v1')).body).toMatchObject({ resources: [] });
  });

  it('drops requests for whole pods where its version does not know them', async () => {
    await start({ version: 'v1.33.0' });
    const resources = { requests: { cpu: '1' } };
    const container = { name: 'main', image: 'a:1' };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a' },
      spec: { resources, containers: [container] },
    };
    const { body } = await api.create('/api/v1/namespaces/default/pods?dryRun=All', pod);
    expect(body['spec']).toMatchObject({ containers: [container] });
    expect(body['spec']).not.toHaveProperty('resources');
  });

  it('logs who asked for what, and whether it changed anything', async () => {
    await start();
    cluster.requests.length = 0;
    const other = new Api(cluster.kubeconfig(user));
    await api.apply(`${path}/a`, aConfigMap('a', { x: '1' }));
    await api.apply(`${path}/a`, aConfigMap('a', { x: '1' }));
    await other.get(path);
    await other.close();
    const administrator = 'kubernetes-admin';
    const applied = {
      method: 'PATCH',
      path: `${path}/a?fieldManager=applier`,
      user: administrator,
    };
    expect(cluster.requests).toEqual([
      { ...applied, code: 201, changed: true },
      { ...applied, code: 200, changed: false },
      { method: 'GET', path, user, code: 403, changed: false },
    ]);
  });

  it('answers 401 to a token that was revoked, and takes the next one', async () => {
    await start();
    const before = new Api(cluster.kubeconfig(user));
    cluster.revokeToken(user);
    const after = new Api(cluster.kubeconfig(user));
    expect(await before.get('/version')).toMatchObject({
      code: 401,
      body: { reason: 'Unauthorized', message: 'Unauthorized' },
    });
    expect(await after.get('/version')).toMatchObject({ code: 200 });
    await Promise.all([before.close(), after.close()]);
  });

  it('tells strangers that it is well, and nothing else', async () => {
    await start();
    const anybody = async (where: string) => (await fetch(`${cluster.url}${where}`)).status;
    expect(await anybody('/readyz')).toBe(200);
    expect(await anybody('/api/v1/nodes')).toBe(403);
  });

  it('applies objects for a test', async () => {
    await start();
    const [stored] = cluster.apply(aConfigMap('a', { x: '1' }));
    expect((await api.get(`${path}/a`)).body).toEqual(stored);
  });

  it.each([false, true])('serves client-node, with TLS: %s', async (tls) => {
    await start({ tls });
    const config = new KubeConfig();
    config.loadFromString(cluster.kubeconfig());
    const { gitVersion } = await config.makeApiClient(VersionApi).getCode();
    expect(gitVersion).toBe('v1.36.3');
  });

  it('gives up on a condition that does not come true', async () => {
    await start();
    await expect(cluster.until(() => false, 10)).rejects.toThrow(/did not come true within 10 ms/);
  });
});
