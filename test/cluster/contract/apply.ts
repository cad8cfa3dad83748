import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import { aConfigMap, aDaemonSet, aDeployment, type Body, managedBy, stageOf } from './api.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string }[];
}

function containersOf(object: KubeObject): readonly Container[] {
  const { template } = object['spec'] as { template: { spec: { containers: Container[] } } };
  return template.spec.containers;
}

/** Claims that the object's controller has reported on its present spec. */
function isObserved({ metadata, status }: KubeObject): boolean {
  const { observedGeneration } = (status ?? {}) as { observedGeneration?: number };
  return observedGeneration === metadata.generation;
}

const force = { force: 'true' };

/** Server-side apply: co-ownership, conflicts, removal, and writes that change nothing. */
export function describeApply(cluster: () => Cluster): void {
  describe('server-side apply', () => {
    const stage = stageOf(cluster);

    const apply = (name: string, data: Record<string, string>, parameters = {}, metadata = {}) =>
      stage.admin.apply(
        stage.path('configmaps', name),
        aConfigMap(name, data, metadata),
        parameters,
      );
    const live = async (name: string): Promise<Body> =>
      (await stage.admin.get(stage.path('configmaps', name))).body;

    it('creates an absent object and owns what it gave', async () => {
      const { code, body } = await apply('a', { x: '1' });
      expect(code).toBe(201);
      expect(body.metadata.managedFields).toEqual([
        {
          manager: 'applier',
          operation: 'Apply',
          apiVersion: 'v1',
          time: body.metadata.creationTimestamp,
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { 'f:x': {} } },
        },
      ]);
    });

    it('needs a field manager', async () => {
      const path = stage.path('configmaps', 'a');
      const type = 'application/apply-patch+yaml';
      expect(await stage.admin.send('PATCH', path, aConfigMap('a'), type)).toMatchObject({
        code: 422,
        body: { details: { causes: [{ reason: 'FieldValueRequired', field: 'fieldManager' }] } },
      });
    });

    it('changes nothing when the same is applied again', async () => {
      const first = await apply('a', { x: '1' });
      expect((await apply('a', { x: '1' })).body).toEqual(first.body);
    });

    it('removes what it gave before and does not give now', async () => {
      await apply('a', { x: '1', y: '2' });
      const { body } = await apply('a', { x: '1' });
      expect(body['data']).toEqual({ x: '1' });
    });

    it('keeps what it gives up where another manager owns it too', async () => {
      await apply('a', { x: '1', y: '2' });
      await apply('a', { y: '2' }, { fieldManager: 'other' });
      const { body } = await apply('a', { x: '1' });
      expect(body['data']).toEqual({ x: '1', y: '2' });
      expect(managedBy(body, 'other')?.fieldsV1).toEqual({ 'f:data': { 'f:y': {} } });
    });

    it('leaves alone what others added', async () => {
      await apply('a', { x: '1' });
      await stage.admin.merge(stage.path('configmaps', 'a'), { data: { other: '1' } });
      const { body } = await apply('a', { x: '2' });
      expect(body['data']).toEqual({ x: '2', other: '1' });
    });

    it('shares a field with another manager that applies the same value', async () => {
      const first = await apply('a', { x: '1' });
      const second = await apply('a', { x: '1' }, { fieldManager: 'other' });
      expect(second.code).toBe(200);
      expect(second.body.metadata.resourceVersion).not.toBe(first.body.metadata.resourceVersion);
      expect(managedBy(second.body, 'applier')?.fieldsV1).toEqual({ 'f:data': { 'f:x': {} } });
      expect(managedBy(second.body, 'other')?.fieldsV1).toEqual({ 'f:data': { 'f:x': {} } });
      const third = await apply('a', { x: '1' }, { fieldManager: 'other' });
      expect(third.body).toEqual(second.body);
    });

    it('answers 409 naming the manager and the field where another owns another value', async () => {
      await apply('a', { x: '1' });
      expect(await apply('a', { x: '2' }, { fieldManager: 'other' })).toMatchObject({
        code: 409,
        body: {
          reason: 'Conflict',
          message: 'Apply failed with 1 conflict: conflict with "applier": .data.x',
          details: {
            causes: [
              {
                reason: 'FieldManagerConflict',
                message: 'conflict with "applier"',
                field: '.data.x',
              },
            ],
          },
        },
      });
      expect((await live('a'))['data']).toEqual({ x: '1' });
    });

    it('takes a field over by force', async () => {
      await apply('a', { x: '1', y: '1' });
      const { body } = await apply('a', { x: '2' }, { fieldManager: 'other', ...force });
      expect(body['data']).toEqual({ x: '2', y: '1' });
      expect(managedBy(body, 'applier')?.fieldsV1).toEqual({ 'f:data': { 'f:y': {} } });
    });

    it('conflicts with whoever changed a field by a plain write', async () => {
      await apply('a', { x: '1' });
      await stage.admin.merge(stage.path('configmaps', 'a'), { data: { x: '2' } });
      expect(managedBy(await live('a'), 'applier')).toBeUndefined();
      expect(await apply('a', { x: '1' })).toMatchObject({
        code: 409,
        body: { message: expect.stringContaining('conflict with "contract" using v1') },
      });
    });

    it('creates only, where the resourceVersion is "1"', async () => {
      const only = { resourceVersion: '1' };
      expect(await apply('a', { x: '1' }, {}, only)).toMatchObject({ code: 201 });
      expect(await apply('a', { x: '1' }, {}, only)).toMatchObject({
        code: 409,
        body: { reason: 'Conflict' },
      });
    });

    it('answers 409 for a uid where the object is gone', async () => {
      const uid = '00000000-0000-0000-0000-000000000000';
      expect(await apply('a', { x: '1' }, force, { uid })).toMatchObject({
        code: 409,
        body: { reason: 'Conflict' },
      });
      expect((await stage.admin.get(stage.path('configmaps', 'a'))).code).toBe(404);
    });

    it('answers 422 for a uid where the object was replaced', async () => {
      await apply('a', { x: '1' });
      const uid = '00000000-0000-0000-0000-000000000000';
      expect(await apply('a', { x: '2' }, force, { uid })).toMatchObject({
        code: 422,
        body: {
          reason: 'Invalid',
          details: {
            causes: expect.arrayContaining([expect.objectContaining({ field: 'metadata.uid' })]),
          },
        },
      });
    });

    it('takes the right uid without changing anything', async () => {
      const first = await apply('a', { x: '1' });
      const { uid = '' } = first.body.metadata;
      expect((await apply('a', { x: '1' }, force, { uid })).body).toEqual(first.body);
    });

    it('answers 500 without a reason to a body that does not fit the types', async () => {
      const bodies = [
        { ...aConfigMap('a'), data: { x: 1 } },
        { ...aConfigMap('a'), unknown: true },
      ];
      for (const body of bodies) {
        const answer = await stage.admin.apply(stage.path('configmaps', 'a'), body);
        expect(answer).toMatchObject({
          code: 500,
          body: { message: expect.stringMatching(/^failed to create typed patch object \(/) },
        });
        expect(answer.body.reason).toBeUndefined();
      }
    });

    it('answers 500 to a list with the same key twice', async () => {
      const container = { name: 'main', image: 'a:1' };
      const body = aDeployment('a');
      const { template } = body['spec'] as { template: { spec: { containers: object[] } } };
      template.spec.containers = [container, container];
      expect(await stage.admin.apply(stage.path('apps/v1/deployments', 'a'), body)).toMatchObject({
        code: 500,
        body: { message: expect.stringContaining('duplicate entries for key [name="main"]') },
      });
    });

    it('tells list items apart by their keys', async () => {
      const path = stage.path('apps/v1/deployments', 'a');
      await stage.admin.apply(path, aDeployment('a', { env: [{ name: 'A', value: '1' }] }));
      const sidecar = aDeployment('a');
      const { template } = sidecar['spec'] as { template: { spec: { containers: object[] } } };
      template.spec.containers = [{ name: 'other', image: 'b:1' }];
      const { body } = await stage.admin.apply(path, sidecar, { fieldManager: 'other' });
      expect(containersOf(body).map(({ name }) => name)).toEqual(['main', 'other']);
      expect(managedBy(body, 'applier')?.fieldsV1).toMatchObject({
        'f:spec': {
          'f:template': {
            'f:spec': {
              'f:containers': {
                'k:{"name":"main"}': {
                  '.': {},
                  'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                  'f:image': {},
                  'f:name': {},
                },
              },
            },
          },
        },
      });
    });

    it('owns defaulted keys of list items', async () => {
      const ports = [{ containerPort: 80 }];
      const path = stage.path('apps/v1/daemonsets', 'a');
      const { body } = await stage.admin.apply(path, aDaemonSet('a', { ports }));
      expect(JSON.stringify(managedBy(body, 'applier')?.fieldsV1)).toContain(
        JSON.stringify('k:{"containerPort":80,"protocol":"TCP"}'),
      );
    });

    it('owns a selector, being atomic, as a whole', async () => {
      const path = stage.path('apps/v1/daemonsets', 'a');
      const { body } = await stage.admin.apply(path, aDaemonSet('a'));
      expect(managedBy(body, 'applier')?.fieldsV1).toMatchObject({
        'f:spec': { 'f:selector': {} },
      });
    });

    it('removes a list item that its only owner gives up', async () => {
      const path = stage.path('apps/v1/deployments', 'a');
      const variable = (name: string) => ({ name, value: '1' });
      await stage.admin.apply(path, aDeployment('a', { env: [variable('A'), variable('B')] }));
      const { body } = await stage.admin.apply(path, aDeployment('a', { env: [variable('B')] }));
      expect(containersOf(body)[0]?.env).toEqual([variable('B')]);
    });

    it('changes nothing for another spelling of the same quantity', async () => {
      const path = stage.path('apps/v1/daemonsets', 'a');
      const asking = (cpu: string, memory: string) =>
        aDaemonSet('a', { resources: { requests: { cpu, memory } } });
      const first = await stage.admin.apply(path, asking('.05', '1024Mi'));
      expect(containersOf(first.body)[0]).toMatchObject({
        resources: { requests: { cpu: '50m', memory: '1Gi' } },
      });
      // Its controller writes once as well: that it has seen the DaemonSet.
      const hasStatus = async () => isObserved((await stage.admin.get(path)).body);
      await stage.until(hasStatus);
      const before = (await stage.admin.get(path)).body;
      const second = await stage.admin.apply(path, asking('0.050', '1Gi'));
      expect(second.body).toEqual(before);
    });

    it('does not own what the server defaulted', async () => {
      const path = stage.path('apps/v1/deployments', 'a');
      const { body } = await stage.admin.apply(path, aDeployment('a'));
      expect(body['spec']).toMatchObject({ progressDeadlineSeconds: 600 });
      expect(JSON.stringify(managedBy(body, 'applier'))).not.toContain('progressDeadlineSeconds');
    });

    it('gives what was there before the first apply to a manager of its own', async () => {
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a', { x: '1' }));
      await stage.admin.merge(stage.path('configmaps', 'a'), { metadata: { managedFields: [{}] } });
      const { body } = await apply('a', { y: '2' });
      expect(managedBy(body, 'before-first-apply')).toMatchObject({
        operation: 'Update',
        fieldsV1: { 'f:data': { '.': {}, 'f:x': {} } },
      });
    });

    it('takes an owner reference by its uid, beside those of others', async () => {
      const owner = (await stage.admin.create(stage.path('configmaps'), aConfigMap('owner'))).body;
      const second = (await stage.admin.create(stage.path('configmaps'), aConfigMap('second')))
        .body;
      const reference = ({ metadata }: Body) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: metadata.name,
        uid: metadata.uid,
      });
      await apply('a', { x: '1' }, {}, { ownerReferences: [reference(owner)] });
      const { body } = await apply(
        'a',
        { y: '1' },
        { fieldManager: 'other' },
        { ownerReferences: [reference(second)] },
      );
      const uids = body.metadata.ownerReferences?.map(({ uid }) => uid);
      expect(new Set(uids)).toEqual(new Set([owner.metadata.uid, second.metadata.uid]));
    });

    it('stores nothing of a dry run', async () => {
      await apply('a', { x: '1' });
      const { body } = await apply('a', { x: '2' }, { dryRun: 'All' });
      expect(body['data']).toEqual({ x: '2' });
      expect((await live('a'))['data']).toEqual({ x: '1' });
    });
  });
}
