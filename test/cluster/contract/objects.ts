import type { Cluster } from '../cluster.ts';
import { aConfigMap, aDeployment, managedBy, stageOf } from './api.ts';

/** Creating, reading, replacing, patching and deleting objects. */
export function describeObjects(cluster: () => Cluster): void {
  describe('objects', () => {
    const stage = stageOf(cluster);

    it('gives a new object its uid, resourceVersion, creation time and namespace', async () => {
      const { code, body } = await stage.admin.create(stage.path('configmaps'), aConfigMap('a'));
      expect(code).toBe(201);
      expect(body.metadata).toMatchObject({
        name: 'a',
        namespace: stage.namespace,
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        resourceVersion: expect.stringMatching(/^\d+$/),
        creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      });
    });

    it('makes a name from generateName', async () => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'a-' } };
      const { body } = await stage.admin.create(stage.path('configmaps'), object);
      expect(body.metadata.name).toMatch(/^a-[a-z0-9]{5}$/);
    });

    it('answers 409 AlreadyExists to a second object of the same name', async () => {
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a'));
      expect(await stage.admin.create(stage.path('configmaps'), aConfigMap('a'))).toMatchObject({
        code: 409,
        body: {
          kind: 'Status',
          status: 'Failure',
          reason: 'AlreadyExists',
          message: 'configmaps "a" already exists',
          details: { name: 'a', kind: 'configmaps' },
        },
      });
    });

    it('answers 404 NotFound for an object that is not there', async () => {
      expect(await stage.admin.get(stage.path('apps/v1/deployments', 'a'))).toMatchObject({
        code: 404,
        body: {
          reason: 'NotFound',
          message: 'deployments.apps "a" not found',
          details: { name: 'a', group: 'apps', kind: 'deployments' },
        },
      });
    });

    it('answers 404 for a namespace that is not there', async () => {
      const path = '/api/v1/namespaces/no-such-namespace/configmaps';
      expect(await stage.admin.create(path, aConfigMap('a'))).toMatchObject({
        code: 404,
        body: { reason: 'NotFound', message: 'namespaces "no-such-namespace" not found' },
      });
    });

    it('refuses a resourceVersion on creation', async () => {
      const object = aConfigMap('a', {}, { resourceVersion: '1' });
      expect(await stage.admin.create(stage.path('configmaps'), object)).toMatchObject({
        code: 500,
        body: { message: 'resourceVersion should not be set on objects to be created' },
      });
    });

    it('refuses an object of another kind, namespace or name than its place', async () => {
      const { admin } = stage;
      const secret = { ...aConfigMap('a'), kind: 'Secret' };
      expect(await admin.create(stage.path('configmaps'), secret)).toMatchObject({ code: 400 });
      const elsewhere = aConfigMap('a', {}, { namespace: 'default' });
      expect(await admin.create(stage.path('configmaps'), elsewhere)).toMatchObject({ code: 400 });
      await admin.create(stage.path('configmaps'), aConfigMap('a'));
      const renamed = await admin.replace(stage.path('configmaps', 'a'), aConfigMap('b'));
      expect(renamed).toMatchObject({ code: 400, body: { reason: 'BadRequest' } });
    });

    it('replaces an object and moves its resourceVersion', async () => {
      const { admin } = stage;
      const created = await admin.create(stage.path('configmaps'), aConfigMap('a', { x: '1' }));
      const next = { ...created.body, data: { x: '2' } };
      const { body } = await admin.replace(stage.path('configmaps', 'a'), next);
      expect(body).toMatchObject({
        data: { x: '2' },
        metadata: { uid: created.body.metadata.uid },
      });
      expect(body.metadata.resourceVersion).not.toBe(created.body.metadata.resourceVersion);
    });

    it('creates some kinds by a replacement of what is absent, others not', async () => {
      const roles = 'rbac.authorization.k8s.io/v1/roles';
      const role = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'a' },
      };
      expect(await stage.admin.replace(stage.path(roles, 'a'), role)).toMatchObject({ code: 201 });
      const path = stage.path('configmaps', 'a');
      expect(await stage.admin.replace(path, aConfigMap('a'))).toMatchObject({ code: 404 });
    });

    it('answers 409 Conflict to a replacement of an older state', async () => {
      const { admin } = stage;
      const { body } = await admin.create(stage.path('configmaps'), aConfigMap('a'));
      await admin.merge(stage.path('configmaps', 'a'), { data: { x: '1' } });
      expect(await admin.replace(stage.path('configmaps', 'a'), body)).toMatchObject({
        code: 409,
        body: {
          reason: 'Conflict',
          message:
            'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
        },
      });
    });

    it('answers 409 Conflict to a replacement of an object with another uid', async () => {
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a'));
      const other = aConfigMap('a', {}, { uid: '00000000-0000-0000-0000-000000000000' });
      expect(await stage.admin.replace(stage.path('configmaps', 'a'), other)).toMatchObject({
        code: 409,
        body: { reason: 'Conflict' },
      });
    });

    it('leaves the resourceVersion alone where a write changes nothing', async () => {
      const { admin } = stage;
      const { body } = await admin.create(stage.path('configmaps'), aConfigMap('a', { x: '1' }));
      const replaced = await admin.replace(stage.path('configmaps', 'a'), body);
      const merged = await admin.merge(stage.path('configmaps', 'a'), { data: { x: '1' } });
      expect(replaced.body).toEqual(body);
      expect(merged.body).toEqual(body);
    });

    it('merges a patch: objects field by field, null removes', async () => {
      const { admin } = stage;
      await admin.create(stage.path('configmaps'), aConfigMap('a', { x: '1', y: '2' }));
      const { body } = await admin.merge(stage.path('configmaps', 'a'), {
        metadata: { labels: { l: 'v' } },
        data: { x: null, z: '3' },
      });
      expect(body).toMatchObject({ data: { y: '2', z: '3' }, metadata: { labels: { l: 'v' } } });
      expect(body['data']).not.toHaveProperty('x');
    });

    it('applies a JSON patch, and nothing of one whose test fails', async () => {
      const { admin } = stage;
      const path = stage.path('configmaps', 'a');
      const type = 'application/json-patch+json';
      await admin.create(stage.path('configmaps'), aConfigMap('a', { x: '1' }));
      const patch = [{ op: 'replace', path: '/data/x', value: '2' }];
      expect(await admin.send('PATCH', path, patch, type)).toMatchObject({
        code: 200,
        body: { data: { x: '2' } },
      });
      const failing = [
        { op: 'test', path: '/data/x', value: '1' },
        { op: 'replace', path: '/data/x', value: '3' },
      ];
      expect(await admin.send('PATCH', path, failing, type)).toMatchObject({ code: 422 });
      expect(await admin.get(path)).toMatchObject({ body: { data: { x: '2' } } });
    });

    it('refuses a patch of an unknown media type', async () => {
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a'));
      const path = stage.path('configmaps', 'a');
      expect(await stage.admin.send('PATCH', path, {}, 'application/json')).toMatchObject({
        code: 415,
        body: { reason: 'UnsupportedMediaType' },
      });
    });

    it('counts a generation for changes of the spec only', async () => {
      const { admin } = stage;
      const path = stage.path('apps/v1/deployments', 'a');
      const created = await admin.create(stage.path('apps/v1/deployments'), aDeployment('a'));
      expect(created.body.metadata.generation).toBe(1);
      const labelled = await admin.merge(path, { metadata: { labels: { l: 'v' } } });
      expect(labelled.body.metadata.generation).toBe(1);
      const changed = await admin.merge(path, { spec: { minReadySeconds: 5 } });
      expect(changed.body.metadata.generation).toBe(2);
    });

    it('stores nothing of a dry run', async () => {
      const { admin } = stage;
      const dry = await admin.create(`${stage.path('configmaps')}?dryRun=All`, aConfigMap('a'));
      expect(dry).toMatchObject({ code: 201, body: { metadata: { name: 'a' } } });
      expect(await admin.get(stage.path('configmaps', 'a'))).toMatchObject({ code: 404 });
    });

    it('names the client in managed fields, with what it wrote', async () => {
      const created = await stage.admin.create(
        stage.path('configmaps'),
        aConfigMap('a', { x: '1' }),
      );
      expect(managedBy(created.body, 'contract')).toMatchObject({
        operation: 'Update',
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { '.': {}, 'f:x': {} } },
      });
    });

    it('deletes an object and says which one', async () => {
      const { admin } = stage;
      const { body } = await admin.create(stage.path('configmaps'), aConfigMap('a'));
      expect(await admin.remove(stage.path('configmaps', 'a'))).toMatchObject({
        code: 200,
        body: { status: 'Success', details: { name: 'a', uid: body.metadata.uid } },
      });
      expect(await admin.remove(stage.path('configmaps', 'a'))).toMatchObject({ code: 404 });
    });

    it('deletes only the object of the uid and resourceVersion in the preconditions', async () => {
      const { admin } = stage;
      const path = stage.path('configmaps', 'a');
      const { body } = await admin.create(stage.path('configmaps'), aConfigMap('a'));
      const { uid, resourceVersion } = body.metadata;
      const refused = { code: 409, body: { reason: 'Conflict' } };
      const other = { uid: '00000000-0000-0000-0000-000000000000' };
      expect(await admin.remove(path, { preconditions: other })).toMatchObject(refused);
      const older = { uid, resourceVersion: '1' };
      expect(await admin.remove(path, { preconditions: older })).toMatchObject(refused);
      const right = { preconditions: { uid, resourceVersion } };
      expect(await admin.remove(path, right)).toMatchObject({ code: 200 });
    });

    it('deletes the selected objects of a collection', async () => {
      const { admin } = stage;
      await admin.create(stage.path('configmaps'), aConfigMap('a', {}, { labels: { l: 'v' } }));
      await admin.create(stage.path('configmaps'), aConfigMap('b'));
      await admin.remove(`${stage.path('configmaps')}?labelSelector=l%3Dv`);
      expect(await admin.get(stage.path('configmaps', 'a'))).toMatchObject({ code: 404 });
      expect(await admin.get(stage.path('configmaps', 'b'))).toMatchObject({ code: 200 });
    });

    it('refuses new objects in a namespace that is going', async () => {
      const { admin } = stage;
      const held = aConfigMap('held', {}, { finalizers: ['contract/hold'] });
      await admin.create(stage.path('configmaps'), held);
      await admin.remove(`/api/v1/namespaces/${stage.namespace}`);
      expect(await admin.create(stage.path('configmaps'), aConfigMap('a'))).toMatchObject({
        code: 403,
        body: {
          reason: 'Forbidden',
          message: `configmaps "a" is forbidden: unable to create new content in namespace ${stage.namespace} because it is being terminated`,
          details: { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] },
        },
      });
      await admin.merge(stage.path('configmaps', 'held'), { metadata: { finalizers: null } });
    });

    it('empties a deleted namespace before it goes', async () => {
      const { admin } = stage;
      await admin.create(stage.path('configmaps'), aConfigMap('a'));
      await admin.remove(`/api/v1/namespaces/${stage.namespace}`);
      await stage.until(
        async () => (await admin.get(`/api/v1/namespaces/${stage.namespace}`)).code === 404,
      );
      expect(await admin.get(stage.path('configmaps', 'a'))).toMatchObject({ code: 404 });
    });
  });
}
