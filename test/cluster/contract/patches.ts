import type { Cluster } from '../cluster.ts';
import { aConfigMap, aDeployment, managedBy, stageOf } from './api.ts';

interface PodTemplate {
  readonly spec: {
    readonly template: { readonly spec: Readonly<Record<string, unknown>> };
  };
}

/** How strategic merge patches change objects: lists by their keys, and more by directives. */
export function describeStrategicMerge(cluster: () => Cluster): void {
  describe('a strategic merge patch', () => {
    const stage = stageOf(cluster);
    const path = () => stage.path('apps/v1/deployments', 'a');

    /** Makes a Deployment, patches the spec of its pods and returns it as it is then. */
    async function patchedSpec(spec: object, patch: object) {
      const made = aDeployment('a', { name: 'main', image: 'x/a:1' });
      const { template } = made['spec'] as PodTemplate['spec'];
      const full = { ...template, spec: { ...template.spec, ...spec } };
      await stage.admin.create(stage.path('apps/v1/deployments'), {
        ...made,
        spec: { ...(made['spec'] as object), template: full },
      });
      const { code, body } = await stage.admin.patch(path(), {
        spec: { template: { spec: patch } },
      });
      expect({ code, message: body.message }).toEqual({ code: 200, message: undefined });
      return (body as unknown as PodTemplate).spec.template.spec;
    }

    const container = (name: string, more: object = {}) => ({
      name,
      image: `x/${name}:1`,
      ...more,
    });
    const names = (list: unknown) =>
      (list as readonly { readonly name: string }[]).map(({ name }) => name);

    it('merges the items of a list that have the same key, and puts new ones first', async () => {
      const env = [{ name: 'A', value: '1' }];
      const containers = [container('a', { env }), container('b')];
      const { containers: after } = await patchedSpec(
        { containers },
        { containers: [{ name: 'a', env: [{ name: 'B', value: '2' }] }, container('c')] },
      );
      expect(after).toMatchObject([
        { name: 'a', image: 'x/a:1', env: [{ name: 'B' }, { name: 'A' }] },
        { name: 'c' },
        { name: 'b' },
      ]);
    });

    it('deletes items, and replaces a whole list', async () => {
      const env = [{ name: 'A', value: '1' }];
      const containers = [container('a', { env }), container('b'), container('c')];
      const { containers: after } = await patchedSpec(
        { containers },
        {
          containers: [
            { name: 'b', $patch: 'delete' },
            { name: 'a', env: [{ $patch: 'replace' }, { name: 'C', value: '3' }] },
          ],
        },
      );
      expect(names(after)).toEqual(['a', 'c']);
      expect(after).toMatchObject([{ env: [{ name: 'C', value: '3' }] }, {}]);
    });

    it('orders a list, and leaves others where they are', async () => {
      const containers = [container('a'), container('b'), container('c')];
      const { containers: after } = await patchedSpec(
        { containers },
        {
          '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }],
          containers: [{ name: 'a', image: 'x/a:2' }],
        },
      );
      expect(names(after)).toEqual(['b', 'c', 'a']);
    });

    it('tells two ports of one number apart by nothing but the first', async () => {
      const ports = [{ containerPort: 53, protocol: 'UDP' }];
      const { containers: after } = await patchedSpec(
        { containers: [container('a', { ports })] },
        { containers: [{ name: 'a', ports: [{ containerPort: 53, name: 'dns' }] }] },
      );
      expect(after).toMatchObject([
        { ports: [{ containerPort: 53, protocol: 'UDP', name: 'dns' }] },
      ]);
    });

    it('keeps of a union what it names', async () => {
      const { volumes } = await patchedSpec(
        { volumes: [{ name: 'v', emptyDir: {} }] },
        { volumes: [{ name: 'v', $retainKeys: ['name', 'configMap'], configMap: { name: 'x' } }] },
      );
      expect(volumes).toEqual([{ name: 'v', configMap: { name: 'x', defaultMode: 420 } }]);
    });

    it('replaces a map, removes what is null, and replaces lists without keys', async () => {
      const spec = {
        nodeSelector: { a: 'b', c: 'd' },
        hostname: 'h',
        tolerations: [{ key: 'a', operator: 'Exists' }],
      };
      const after = await patchedSpec(spec, {
        nodeSelector: { $patch: 'replace', e: 'f' },
        hostname: null,
        tolerations: [{ key: 'b', operator: 'Exists' }],
      });
      expect(after).toMatchObject({
        nodeSelector: { e: 'f' },
        tolerations: [{ key: 'b', operator: 'Exists' }],
      });
      expect(after).not.toHaveProperty('hostname');
    });

    it('adds to a list of plain values, and takes away from it', async () => {
      const one = stage.path('configmaps', 'a');
      const finalizers = ['example.com/a', 'example.com/b'];
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a', {}, { finalizers }));
      const added = await stage.admin.patch(one, { metadata: { finalizers: ['example.com/c'] } });
      expect(added.body.metadata.finalizers?.toSorted()).toEqual([...finalizers, 'example.com/c']);
      const { body } = await stage.admin.patch(one, {
        metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a', 'example.com/c'] },
      });
      expect(body.metadata.finalizers).toEqual(['example.com/b']);
      await stage.admin.merge(one, { metadata: { finalizers: null } });
    });

    it('makes its sender the manager of what it changes', async () => {
      await stage.admin.create(stage.path('configmaps'), aConfigMap('a', { a: 'b' }));
      const { body } = await stage.admin.patch(
        `${stage.path('configmaps', 'a')}?fieldManager=patcher`,
        { data: { c: 'd' } },
      );
      expect(body['data']).toEqual({ a: 'b', c: 'd' });
      expect(managedBy(body, 'patcher')).toMatchObject({
        operation: 'Update',
        fieldsV1: { 'f:data': { 'f:c': {} } },
      });
    });

    it('is refused where a directive is unknown or an item has no key', async () => {
      await stage.admin.create(stage.path('apps/v1/deployments'), aDeployment('a'));
      const wrong = { spec: { template: { $patch: 'merge-it' } } };
      expect((await stage.admin.patch(path(), wrong)).code).toBeGreaterThanOrEqual(400);
      const nameless = { spec: { template: { spec: { containers: [{ image: 'x' }] } } } };
      expect((await stage.admin.patch(path(), nameless)).code).toBeGreaterThanOrEqual(400);
    });

    it('is not understood for custom kinds', async () => {
      const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      const names = { plural: 'strategics', kind: 'Strategic' };
      const schema = { openAPIV3Schema: { type: 'object' } };
      await stage.admin.create(definition, {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'strategics.example.com' },
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names,
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      });
      stage.removeAfterwards(`${definition}/strategics.example.com`);
      const collection = stage.path('example.com/v1/strategics');
      const object = { apiVersion: 'example.com/v1', kind: 'Strategic', metadata: { name: 'a' } };
      await stage.until(async () => (await stage.admin.create(collection, object)).code === 201);
      const { code, body } = await stage.admin.patch(`${collection}/a`, { metadata: {} });
      expect({ code, reason: body.reason }).toEqual({ code: 415, reason: 'UnsupportedMediaType' });
    });
  });
}

/** What becomes of fields that a kind does not have. */
export function describeFieldValidation(cluster: () => Cluster): void {
  describe('a field that nobody knows', () => {
    const stage = stageOf(cluster);
    const path = () => stage.path('configmaps');
    const strange = () => ({
      ...aConfigMap('a'),
      dta: { a: 'b' },
      metadata: { name: 'a', nme: 'b' },
    });

    it('is dropped with a warning', async () => {
      const { code, body, warnings } = await stage.admin.create(path(), strange());
      expect({ code, warnings: warnings?.toSorted() }).toEqual({
        code: 201,
        warnings: ['unknown field "dta"', 'unknown field "metadata.nme"'],
      });
      expect(body).not.toHaveProperty('dta');
    });

    it('is dropped without a word where the client wants it so', async () => {
      const answer = await stage.admin.create(`${path()}?fieldValidation=Ignore`, strange());
      expect(answer).toMatchObject({ code: 201 });
      expect(answer.warnings).toBeUndefined();
    });

    it('is refused where the client wants it so', async () => {
      const { code, body } = await stage.admin.create(
        `${path()}?fieldValidation=Strict`,
        strange(),
      );
      expect({ code, reason: body.reason }).toEqual({ code: 400, reason: 'BadRequest' });
      expect(body.message).toMatch(/strict decoding error: .*unknown field "dta"/);
    });

    it.each([
      ['merge', 'merge-patch'],
      ['strategic merge', 'strategic-merge-patch'],
    ])('is warned of and refused in a %s patch, too', async (_name, type) => {
      await stage.admin.create(path(), aConfigMap('a'));
      const send = (query: string) =>
        stage.admin.send('PATCH', `${path()}/a${query}`, { dta: {} }, `application/${type}+json`);
      expect(await send('')).toMatchObject({ code: 200, warnings: ['unknown field "dta"'] });
      const { code, body } = await send('?fieldValidation=Strict');
      expect({ code, reason: body.reason }).toEqual({ code: 422, reason: 'Invalid' });
      expect(body.message).toContain('unknown field "dta"');
    });

    it('cannot be treated in any other way', async () => {
      const answer = await stage.admin.create(
        `${path()}?fieldValidation=Strictly`,
        aConfigMap('a'),
      );
      expect(answer).toMatchObject({ code: 422 });
    });
  });
}
