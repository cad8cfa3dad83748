import type { Cluster } from '../cluster.ts';
import { aConfigMap, type Reply, stageOf, type Watch } from './api.ts';

const names = ({ body }: Reply) => body.items?.map(({ metadata }) => metadata.name);
/** Every namespace has a ConfigMap of its own, made by a controller at some time after it. */
const own = 'labelSelector=test';
const labels = { labels: { test: 'true' } };

/** Lists with their pages and selectors, and watches that go on from them. */
export function describeListAndWatch(cluster: () => Cluster): void {
  describe('list and watch', () => {
    const stage = stageOf(cluster);
    let watches: Watch[] = [];
    afterEach(() => {
      for (const watch of watches) watch.close();
      watches = [];
    });

    const create = (name: string, more: object = labels) =>
      stage.admin.create(stage.path('configmaps'), aConfigMap(name, {}, more));

    async function watch(resourceVersion: string | undefined, parameters = {}): Promise<Watch> {
      const opened = await stage.admin.watch(stage.path('configmaps'), {
        labelSelector: 'test',
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...parameters,
      });
      watches.push(opened);
      return opened;
    }

    it('lists objects by name under one resourceVersion', async () => {
      await create('b');
      const last = await create('a');
      const list = await stage.admin.get(`${stage.path('configmaps')}?${own}`);
      expect(names(list)).toEqual(['a', 'b']);
      expect(list.body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
      expect(BigInt(list.body.metadata.resourceVersion ?? '')).toBeGreaterThanOrEqual(
        BigInt(last.body.metadata.resourceVersion ?? ''),
      );
    });

    it('leaves apiVersion and kind out of the items of a built-in kind', async () => {
      await create('a');
      const { body } = await stage.admin.get(`${stage.path('configmaps')}?${own}`);
      expect(body.items?.[0]).not.toHaveProperty('kind');
      expect(body.items?.[0]).not.toHaveProperty('apiVersion');
    });

    it.each([
      ['l=v', ['a']],
      ['l==v', ['a']],
      ['l!=v', ['b', 'c']],
      ['l', ['a', 'b']],
      ['!l', ['c']],
      ['l in (v,w)', ['a', 'b']],
      ['l notin (v)', ['b', 'c']],
      ['l,l!=v', ['b']],
    ])('selects by labels: %s', async (selector, expected) => {
      await create('a', { labels: { test: '', l: 'v' } });
      await create('b', { labels: { test: '', l: 'w' } });
      await create('c', { labels: { test: '' } });
      const query = new URLSearchParams({ labelSelector: `test,${selector}` });
      expect(names(await stage.admin.get(`${stage.path('configmaps')}?${query}`))).toEqual(
        expected,
      );
    });

    it('selects by name', async () => {
      await create('a');
      await create('b');
      const list = await stage.admin.get(
        `${stage.path('configmaps')}?fieldSelector=metadata.name%3Db`,
      );
      expect(names(list)).toEqual(['b']);
    });

    it('refuses to select by an unknown field or by nonsense', async () => {
      const path = stage.path('configmaps');
      for (const query of ['fieldSelector=data.x%3D1', 'labelSelector=a%20in%20b']) {
        expect(await stage.admin.get(`${path}?${query}`)).toMatchObject({ code: 400 });
      }
    });

    it('shows all pages of a list as of the first', async () => {
      for (const name of ['a', 'b', 'c']) await create(name);
      const first = await stage.admin.get(`${stage.path('configmaps')}?${own}&limit=2`);
      expect(names(first)).toEqual(['a', 'b']);
      await create('d');
      const query = new URLSearchParams({
        limit: '2',
        continue: first.body.metadata.continue ?? '',
      });
      const second = await stage.admin.get(`${stage.path('configmaps')}?${own}&${query}`);
      expect(names(second)).toEqual(['c']);
      expect(second.body.metadata).toMatchObject({
        resourceVersion: first.body.metadata.resourceVersion,
      });
      expect(second.body.metadata.continue).toBeUndefined();
    });

    it('answers 410 to a page of a forgotten list, with a token for the rest as it is now', async () => {
      for (const name of ['a', 'b', 'c']) await create(name);
      const first = await stage.admin.get(`${stage.path('configmaps')}?${own}&limit=1`);
      await create('d');
      await cluster().compact();
      const next = (token = '') =>
        stage.admin.get(`${stage.path('configmaps')}?${own}&limit=10&continue=${token}`);
      const second = await next(first.body.metadata.continue);
      expect(second).toMatchObject({ code: 410, body: { reason: 'Expired' } });
      expect(names(await next(second.body.metadata.continue))).toEqual(['b', 'c', 'd']);
    });

    it('lists an exact earlier revision', async () => {
      const { body } = await create('a');
      await stage.admin.merge(stage.path('configmaps', 'a'), { data: { x: '2' } });
      await create('b');
      const { resourceVersion = '' } = body.metadata;
      const query = new URLSearchParams({ resourceVersion, resourceVersionMatch: 'Exact' });
      const list = await stage.admin.get(`${stage.path('configmaps')}?${own}&${query}`);
      expect(list.body.metadata.resourceVersion).toBe(resourceVersion);
      expect(list.body.items?.map(({ metadata }) => metadata)).toEqual([body.metadata]);
    });

    it('refuses a page that nobody began', async () => {
      const path = `${stage.path('configmaps')}?limit=2&continue=nonsense`;
      expect(await stage.admin.get(path)).toMatchObject({ code: 400 });
    });

    it('answers 504 with the present revision where a list asks for a later one', async () => {
      const path = `${stage.path('configmaps')}?resourceVersion=9000000000000000`;
      expect(await stage.admin.get(path)).toMatchObject({
        code: 504,
        body: { reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } },
      });
    });

    it('watches what happens after a list', async () => {
      await create('a');
      const list = await stage.admin.get(`${stage.path('configmaps')}?${own}`);
      await create('b');
      const events = await watch(list.body.metadata.resourceVersion);
      await stage.admin.merge(stage.path('configmaps', 'a'), { data: { x: '1' } });
      await stage.admin.remove(stage.path('configmaps', 'b'));
      await stage.until(() => events.events.length >= 3);
      expect(events.story).toEqual(['ADDED b', 'MODIFIED a', 'DELETED b']);
    });

    it('tells everybody of all changes in the order of their revisions', async () => {
      const list = await stage.admin.get(`${stage.path('configmaps')}?${own}`);
      const { resourceVersion } = list.body.metadata;
      const [one, other] = [await watch(resourceVersion), await watch(resourceVersion)];
      const all = ['a', 'b', 'c', 'd'];
      await Promise.all(all.map((name) => create(name)));
      await Promise.all(all.map((name) => stage.admin.remove(stage.path('configmaps', name))));
      await stage.until(() => [one, other].every(({ events }) => events.length >= 8));
      const revisions = one.events.map(({ object }) =>
        BigInt(object.metadata.resourceVersion ?? 0),
      );
      const isLater = (revision: bigint, index: number) => revision > (revisions[index - 1] ?? 0n);
      expect(revisions.every(isLater)).toBe(true);
      expect(other.events).toEqual(one.events);
    });

    it('ends a watch from a forgotten revision with the ERROR event Expired', async () => {
      const { body } = await create('a');
      await create('b');
      await cluster().compact();
      const events = await watch(body.metadata.resourceVersion);
      await stage.until(() => events.isOver);
      expect(events.events).toMatchObject([
        { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } },
      ]);
    });

    it('tells of nothing from a revision that is yet to come', async () => {
      const events = await watch('9000000000000000', { timeoutSeconds: '2' });
      await create('a');
      await stage.until(() => events.isOver);
      expect(events.events).toEqual([]);
    });

    it('carries apiVersion, kind and the revision of the event in each object', async () => {
      const list = await stage.admin.get(`${stage.path('configmaps')}?${own}`);
      const events = await watch(list.body.metadata.resourceVersion);
      const created = await create('a');
      await stage.admin.remove(stage.path('configmaps', 'a'));
      await stage.until(() => events.events.length >= 2);
      const [added, deleted] = events.events;
      expect(added?.object).toEqual(created.body);
      expect(deleted?.object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
      expect(BigInt(deleted?.object.metadata.resourceVersion ?? 0)).toBeGreaterThan(
        BigInt(created.body.metadata.resourceVersion ?? 0),
      );
    });

    it('begins without a resourceVersion with what there is', async () => {
      await create('a');
      const events = await watch(undefined);
      await create('b');
      await stage.until(() => events.events.length >= 2);
      expect(events.story).toEqual(['ADDED a', 'ADDED b']);
    });

    it('shows an object that begins to match as added and one that ceases as deleted', async () => {
      const list = await stage.admin.get(`${stage.path('configmaps')}?${own}`);
      await create('a', {});
      const events = await watch(list.body.metadata.resourceVersion);
      await stage.admin.merge(stage.path('configmaps', 'a'), { metadata: labels });
      await stage.admin.merge(stage.path('configmaps', 'a'), { metadata: { labels: null } });
      await stage.until(() => events.events.length >= 2);
      expect(events.story).toEqual(['ADDED a', 'DELETED a']);
    });

    it('keeps writes that change nothing from the watchers', async () => {
      const created = await create('a');
      const events = await watch(created.body.metadata.resourceVersion);
      await stage.admin.replace(stage.path('configmaps', 'a'), created.body);
      await create('b');
      await stage.until(() => events.events.length >= 1);
      expect(events.story).toEqual(['ADDED b']);
    });

    it('sends a bookmark of the latest revision before the end, and ends in time', async () => {
      const created = await create('a');
      const { resourceVersion } = created.body.metadata;
      const parameters = { allowWatchBookmarks: 'true', timeoutSeconds: '5' };
      const events = await watch(resourceVersion, parameters);
      await stage.admin.create(stage.path('configmaps'), aConfigMap('unselected'));
      await stage.until(() => events.isOver);
      const bookmark = events.events.at(-1);
      expect(bookmark).toMatchObject({
        type: 'BOOKMARK',
        object: { kind: 'ConfigMap', apiVersion: 'v1' },
      });
      expect(BigInt(bookmark?.object.metadata.resourceVersion ?? 0)).toBeGreaterThanOrEqual(
        BigInt(resourceVersion ?? 0),
      );
    });

    it('sends no bookmarks to those who do not ask', async () => {
      const created = await create('a');
      const events = await watch(created.body.metadata.resourceVersion, { timeoutSeconds: '3' });
      await stage.until(() => events.isOver);
      expect(events.events).toEqual([]);
    });

    it('marks the end of initial events for those who ask for them', async () => {
      await create('a');
      const events = await watch(undefined, {
        sendInitialEvents: 'true',
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: 'true',
      });
      await stage.until(() => events.events.length >= 2);
      expect(events.story).toEqual(['ADDED a', 'BOOKMARK']);
      expect(events.events[1]?.object.metadata.annotations).toMatchObject({
        'k8s.io/initial-events-end': 'true',
      });
    });

    it('watches one object by its name', async () => {
      const created = await create('a');
      const events = await watch(created.body.metadata.resourceVersion, {
        fieldSelector: 'metadata.name=b',
      });
      await create('c');
      await create('b');
      await stage.until(() => events.events.length >= 1);
      expect(events.story).toEqual(['ADDED b']);
    });
  });
}
