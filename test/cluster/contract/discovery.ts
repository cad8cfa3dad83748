import type { Cluster } from '../cluster.ts';
import { stageOf } from './api.ts';

interface Resources {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
    readonly categories?: readonly string[];
  }[];
}

/** How clients find out what a server is and serves. */
export function describeDiscovery(cluster: () => Cluster): void {
  describe('discovery', () => {
    const stage = stageOf(cluster);

    it('tells the version in numbers and in words', async () => {
      const { body } = await stage.admin.get('/version');
      expect(body).toMatchObject({
        major: expect.stringMatching(/^\d+$/),
        minor: expect.stringMatching(/^\d+\+?$/),
        gitVersion: expect.stringMatching(/^v\d+\.\d+\./),
      });
    });

    it.each(['/healthz', '/livez', '/readyz'])('answers ok on %s', async (path) => {
      expect(await stage.admin.get(path)).toEqual({ code: 200, body: { text: 'ok' } });
    });

    it('lists the versions of the core group', async () => {
      const { body } = await stage.admin.get('/api');
      expect(body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    });

    it('lists groups with their versions', async () => {
      const { body } = await stage.admin.get('/apis');
      const group = { name: 'apps', preferredVersion: { groupVersion: 'apps/v1', version: 'v1' } };
      expect(body).toMatchObject({
        kind: 'APIGroupList',
        groups: expect.arrayContaining([expect.objectContaining(group)]),
      });
    });

    it('lists kinds and their subresources', async () => {
      const { body } = await stage.admin.get('/apis/apps/v1');
      const { resources } = body as unknown as Resources;
      expect(resources.find(({ name }) => name === 'daemonsets')).toMatchObject({
        kind: 'DaemonSet',
        namespaced: true,
        verbs: expect.arrayContaining(['create', 'get', 'list', 'patch', 'watch']),
      });
      expect(resources.map(({ name }) => name)).toContain('daemonsets/status');
    });

    it.each([
      ['/api/v1', 'pods', ['all']],
      ['/api/v1', 'services', ['all']],
      ['/api/v1', 'configmaps', undefined],
      ['/apis/apps/v1', 'daemonsets', ['all']],
      ['/apis/apps/v1', 'deployments', ['all']],
      ['/apis/apps/v1', 'replicasets', ['all']],
      ['/apis/apps/v1', 'controllerrevisions', undefined],
      ['/apis/apiextensions.k8s.io/v1', 'customresourcedefinitions', ['api-extensions']],
    ])('puts in %s the %s into the categories %j', async (path, plural, categories) => {
      const { resources } = (await stage.admin.get(path)).body as unknown as Resources;
      expect(resources.find(({ name }) => name === plural)?.categories).toEqual(categories);
    });

    it.each([
      '/apis/nobody.example.com',
      '/apis/nobody.example.com/v1',
      '/apis/apps/v1/namespaces/default/nothings',
    ])('answers 404 on %s', async (path) => {
      expect(await stage.admin.get(path)).toMatchObject({ code: 404 });
    });
  });
}
