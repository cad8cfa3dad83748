import type { OwnerReference } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import { aConfigMap, type Body, stageOf } from './api.ts';

function ownedBy({ metadata }: Body, more: Partial<OwnerReference> = {}) {
  const { name = '', uid = '' } = metadata;
  return { apiVersion: 'v1', kind: 'ConfigMap', name, uid, ...more };
}

/** What becomes of objects whose owners go. */
export function describeGarbageCollection(cluster: () => Cluster): void {
  describe('garbage collection', () => {
    const stage = stageOf(cluster);

    const path = (name: string) => stage.path('configmaps', name);
    const get = (name: string) => stage.admin.get(path(name));
    const isGone = (name: string) => async () => (await get(name)).code === 404;
    async function create(name: string, metadata: object = {}): Promise<Body> {
      const { body } = await stage.admin.create(
        stage.path('configmaps'),
        aConfigMap(name, {}, metadata),
      );
      return body;
    }
    const release = (name: string) =>
      stage.admin.merge(path(name), { metadata: { finalizers: null } });

    it('collects the dependents of a deleted owner, and theirs', async () => {
      const owner = await create('owner');
      const child = await create('child', { ownerReferences: [ownedBy(owner)] });
      await create('grandchild', { ownerReferences: [ownedBy(child)] });
      await stage.admin.remove(path('owner'), { propagationPolicy: 'Background' });
      expect(await get('owner')).toMatchObject({ code: 404 });
      await stage.until(isGone('child'));
      await stage.until(isGone('grandchild'));
    });

    it('keeps a dependent that another owner still owns', async () => {
      const [first, second] = [await create('first'), await create('second')];
      await create('child', { ownerReferences: [ownedBy(first), ownedBy(second)] });
      await stage.admin.remove(path('first'), { propagationPolicy: 'Background' });
      await stage.until(
        async () => (await get('child')).body.metadata.ownerReferences?.length === 1,
      );
      expect((await get('child')).body.metadata.ownerReferences).toEqual([ownedBy(second)]);
    });

    it('orphans the dependents where asked to', async () => {
      const owner = await create('owner');
      await create('child', { ownerReferences: [ownedBy(owner)] });
      await stage.admin.remove(path('owner'), { propagationPolicy: 'Orphan' });
      await stage.until(isGone('owner'));
      expect((await get('child')).body.metadata.ownerReferences).toBeUndefined();
    });

    it('lets a foreground deletion wait for the dependents that block it', async () => {
      const owner = await create('owner');
      await create('child', {
        ownerReferences: [ownedBy(owner, { blockOwnerDeletion: true })],
        finalizers: ['contract/hold'],
      });
      await stage.admin.remove(path('owner'), { propagationPolicy: 'Foreground' });
      await stage.until(
        async () => (await get('child')).body.metadata.deletionTimestamp !== undefined,
      );
      expect((await get('owner')).body.metadata).toMatchObject({
        deletionTimestamp: expect.any(String),
        finalizers: ['foregroundDeletion'],
      });
      await release('child');
      await stage.until(isGone('child'));
      await stage.until(isGone('owner'));
    });

    it('does not let a foreground deletion wait for dependents that do not block it', async () => {
      const owner = await create('owner');
      await create('child', {
        ownerReferences: [ownedBy(owner)],
        finalizers: ['contract/hold'],
      });
      await stage.admin.remove(path('owner'), { propagationPolicy: 'Foreground' });
      await stage.until(isGone('owner'));
      await release('child');
      await stage.until(isGone('child'));
    });

    it('collects an object whose owner never was', async () => {
      const uid = '00000000-0000-0000-0000-000000000000';
      const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid };
      await create('child', { ownerReferences: [reference] });
      await stage.until(isGone('child'));
    });

    it('collects an object whose owner was replaced by another of the same name', async () => {
      const owner = await create('owner');
      await stage.admin.remove(path('owner'), { propagationPolicy: 'Orphan' });
      await stage.until(isGone('owner'));
      await create('owner');
      await create('child', { ownerReferences: [ownedBy(owner)] });
      await stage.until(isGone('child'));
    });

    it('keeps a deleted object until its finalizers have gone', async () => {
      await create('held', { finalizers: ['contract/hold'] });
      const removed = await stage.admin.remove(path('held'));
      expect(removed.body.metadata).toMatchObject({
        deletionTimestamp: expect.any(String),
        deletionGracePeriodSeconds: 0,
        finalizers: ['contract/hold'],
      });
      const more = { metadata: { finalizers: ['contract/hold', 'contract/more'] } };
      expect(await stage.admin.merge(path('held'), more)).toMatchObject({ code: 422 });
      expect(await release('held')).toMatchObject({ code: 200 });
      expect(await get('held')).toMatchObject({ code: 404 });
    });
  });
}
