import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import {
  aBinding,
  aConfigMap,
  aDaemonSet,
  aDeployment,
  aRole,
  type Body,
  managedBy,
  rbac,
  stageOf,
} from './api.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string }[];
}

interface WorkloadStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly { readonly reason: string }[];
}

function containersOf(object: KubeObject): readonly Container[] {
  const { template } = object['spec'] as { template: { spec: { containers: Container[] } } };
  return template.spec.containers;
}

/**
 * Claims that the controllers of workloads have written what they do of a new one; the Deployment's
 * writes several times.
 */
function isSettled({ kind, metadata, status }: KubeObject): boolean {
  if (kind !== 'Deployment' && kind !== 'DaemonSet') return true;
  const { observedGeneration, conditions = [] } = (status ?? {}) as WorkloadStatus;
  if (observedGeneration !== metadata.generation) return false;
  return (
    kind === 'DaemonSet' || conditions.some(({ reason }) => reason === 'NewReplicaSetAvailable')
  );
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

    const kinds: readonly (readonly [string, (name: string) => KubeObject])[] = [
      ['configmaps', (name) => aConfigMap(name, { x: '1' })],
      [
        'serviceaccounts',
        (name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }),
      ],
      [`${rbac}/v1/roles`, (name) => aRole(name, [])],
      [`${rbac}/v1/rolebindings`, (name) => aBinding(name, 'any', 'any')],
      ['apps/v1/deployments', aDeployment],
      ['apps/v1/daemonsets', aDaemonSet],
    ];

    describe.each(kinds)('%s', (collection, object) => {
      const path = () => stage.path(collection, 'a');
      const identified = (metadata: object) => ({
        ...object('a'),
        metadata: { name: 'a', ...metadata },
      });

      it('creates only, where the resourceVersion is "1"', async () => {
        const body = identified({ resourceVersion: '1' });
        const created = await stage.admin.apply(path(), body);
        expect(created).toMatchObject({ code: 201 });
        const conflict = { code: 409, body: { reason: 'Conflict' } };
        expect(await stage.admin.apply(path(), body)).toMatchObject(conflict);
        expect(await stage.admin.apply(path(), body, { fieldManager: 'other' })).toMatchObject(
          conflict,
        );
        const live = await stage.admin.get(path());
        expect(managedBy(live.body, 'other')).toBeUndefined();
      });

      it('answers 409 for the uid of an object that was deleted meanwhile', async () => {
        const { uid } = (await stage.admin.apply(path(), object('a'))).body.metadata;
        await stage.admin.remove(path(), { propagationPolicy: 'Background' });
        expect(await stage.admin.apply(path(), identified({ uid }), force)).toMatchObject({
          code: 409,
          body: { reason: 'Conflict' },
        });
        expect(await stage.admin.get(path())).toMatchObject({ code: 404 });
      });

      it('answers 422 for the uid of an object that was replaced meanwhile', async () => {
        const { uid } = (await stage.admin.apply(path(), object('a'))).body.metadata;
        await stage.admin.remove(path(), { propagationPolicy: 'Background' });
        const second = await stage.admin.apply(path(), object('a'));
        expect(second).toMatchObject({ code: 201 });
        expect(await stage.admin.apply(path(), identified({ uid }), force)).toMatchObject({
          code: 422,
          body: {
            reason: 'Invalid',
            details: {
              causes: expect.arrayContaining([expect.objectContaining({ field: 'metadata.uid' })]),
            },
          },
        });
        const live = await stage.admin.get(path());
        expect(live.body.metadata.uid).toBe(second.body.metadata.uid);
      });

      it('changes nothing when the same is applied with the right uid', async () => {
        const { uid } = (await stage.admin.apply(path(), object('a'))).body.metadata;
        const before = await settled(path());
        const after = await stage.admin.apply(path(), identified({ uid }), force);
        expect(after).toEqual({ code: 200, body: before });
      });

      it.each([
        ['an unknown field', { unknown: true }],
        ['a field of another type', { metadata: { name: 'a', labels: { x: 1 } } }],
        ['an unknown field below', { metadata: { name: 'a', unknown: true } }],
      ])('answers 500 without a reason to a body with %s', async (_what, fields) => {
        const { code, body } = await stage.admin.apply(path(), { ...object('a'), ...fields });
        expect({ code, reason: body.reason, message: body.message }).toEqual({
          code: 500,
          reason: undefined,
          message: expect.stringMatching(/^failed to create typed patch object \(/),
        });
        expect(await stage.admin.get(path())).toMatchObject({ code: 404 });
      });
    });

    it('answers 500 without a reason to text that is a number', async () => {
      const body = { ...aConfigMap('a'), data: { x: 1 } };
      const answer = await stage.admin.apply(stage.path('configmaps', 'a'), body);
      expect(answer).toMatchObject({
        code: 500,
        body: { message: expect.stringContaining('.data.x: expected string') },
      });
      expect(answer.body.reason).toBeUndefined();
    });

    /** The object after its controller, if it has one, has written that it has seen it. */
    async function settled(path: string): Promise<Body> {
      let body = (await stage.admin.get(path)).body;
      await stage.until(async () => {
        body = (await stage.admin.get(path)).body;
        return isSettled(body);
      });
      return body;
    }

    it.each(['deployments', 'daemonsets'])('cannot change the selector of %s', async (plural) => {
      const object = plural === 'deployments' ? aDeployment : aDaemonSet;
      const path = stage.path(`apps/v1/${plural}`, 'a');
      await stage.admin.apply(path, object('a'));
      const other = { ...object('b'), metadata: { name: 'a' } };
      expect(await stage.admin.apply(path, other, force)).toMatchObject({
        code: 422,
        body: {
          reason: 'Invalid',
          message: expect.stringContaining('field is immutable'),
          details: { causes: [{ field: 'spec.selector' }] },
        },
      });
    });

    it('cannot change the role of a binding', async () => {
      const path = stage.path(`${rbac}/v1/rolebindings`, 'a');
      await stage.admin.apply(path, aBinding('a', 'one', 'any'));
      expect(await stage.admin.apply(path, aBinding('a', 'two', 'any'), force)).toMatchObject({
        code: 422,
        body: {
          reason: 'Invalid',
          message: expect.stringContaining('cannot change roleRef'),
          details: { causes: [{ field: 'roleRef' }] },
        },
      });
    });

    it('cannot change the data of a ConfigMap that is immutable', async () => {
      const path = stage.path('configmaps', 'a');
      const frozen = { ...aConfigMap('a', { x: '1' }), immutable: true };
      await stage.admin.create(stage.path('configmaps'), frozen);
      expect(await stage.admin.apply(path, aConfigMap('a', { x: '2' }), force)).toMatchObject({
        code: 422,
        body: {
          reason: 'Invalid',
          message: expect.stringContaining('field is immutable when `immutable` is set'),
          details: { causes: [{ reason: 'FieldValueForbidden', field: 'data' }] },
        },
      });
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
      const before = await settled(path);
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
