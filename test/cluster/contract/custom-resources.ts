import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import { Api, managedBy, stageOf } from './api.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A definition of things in a group. */
function aDefinition(inGroup: string): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${inGroup}` },
    spec: {
      group: inGroup,
      scope: 'Namespaced',
      names: {
        plural: 'things',
        singular: 'thing',
        kind: 'Thing',
        shortNames: ['th'],
        categories: ['toys'],
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
        },
      ],
    },
  };
}

const spec = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1, maximum: 9 },
    color: { type: 'string', enum: ['red', 'green'] },
    title: { type: 'string', pattern: '^[a-z]+$', minLength: 2, maxLength: 4 },
    mode: { type: 'string', default: 'auto' },
    note: { type: 'string', nullable: true },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    options: { type: 'object', additionalProperties: { type: 'string' } },
  },
};

const status = {
  type: 'object',
  properties: {
    phase: { type: 'string' },
    count: { type: 'integer' },
    conditions: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type', 'status'],
        properties: { type: { type: 'string' }, status: { type: 'string' } },
      },
    },
  },
};

function aThing(inGroup: string, name: string, fields: object = {}): KubeObject {
  return {
    apiVersion: `${inGroup}/v1`,
    kind: 'Thing',
    metadata: { name },
    spec: { size: 1, ...fields },
  };
}

/** The group whose things the tests share: a real server takes seconds to serve a new kind. */
const group = 'things.example.com';

/** What is applied to the status of a thing. */
function aStatus(name: string, fields: object = {}): KubeObject {
  return { apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name }, status: fields };
}

/** Defines the things of a group and waits until they are served. */
async function serve(api: Api, inGroup: string, until: Cluster['until']): Promise<void> {
  await api.create(definitions, aDefinition(inGroup));
  const path = `/apis/${inGroup}/v1/namespaces/default/things`;
  await until(async () => (await api.get(path)).code === 200);
}

/** Kinds that a CustomResourceDefinition adds: their schemas, their status and their end. */
export function describeCustomResources(cluster: () => Cluster): void {
  describe('custom resources', () => {
    const stage = stageOf(cluster);
    const things = (name?: string) => stage.path(`${group}/v1/things`, name);
    const create = (name: string, fields: object = {}) =>
      stage.admin.create(things(), aThing(group, name, fields));

    beforeAll(async () => {
      await using api = new Api(cluster().kubeconfig());
      await serve(api, group, (condition) => cluster().until(condition));
    });
    afterAll(async () => {
      await using api = new Api(cluster().kubeconfig());
      await api.remove(`${definitions}/things.${group}`);
    });

    it('is established, with the names it was given', async () => {
      const path = `${definitions}/things.${group}`;
      const { body } = await stage.admin.get(path);
      expect(body['status']).toMatchObject({
        acceptedNames: { plural: 'things', kind: 'Thing', listKind: 'ThingList' },
        storedVersions: ['v1'],
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'Established', status: 'True' }),
        ]),
      });
    });

    it('shows in discovery', async () => {
      const { body } = await stage.admin.get(`/apis/${group}/v1`);
      expect(body).toMatchObject({
        resources: expect.arrayContaining([
          expect.objectContaining({
            name: 'things',
            kind: 'Thing',
            shortNames: ['th'],
            categories: ['toys'],
          }),
          expect.objectContaining({ name: 'things/status', kind: 'Thing' }),
        ]),
      });
    });

    it('lists objects with their apiVersion and kind', async () => {
      await create('a');
      const { body } = await stage.admin.get(things());
      expect(body.kind).toBe('ThingList');
      expect(body.items?.[0]).toMatchObject({ apiVersion: `${group}/v1`, kind: 'Thing' });
    });

    it('drops unknown fields, and nulls where they mean absent', async () => {
      const { body } = await create('a', {
        unknown: 1,
        color: null,
        note: null,
        free: { any: { thing: [1] } },
        options: { a: 'b' },
      });
      expect(body['spec']).toEqual({
        size: 1,
        mode: 'auto',
        note: null,
        free: { any: { thing: [1] } },
        options: { a: 'b' },
      });
    });

    it.each([
      [{ size: undefined }, 'FieldValueRequired', 'spec.size: Required value'],
      [
        { size: 'one' },
        'FieldValueTypeInvalid',
        'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
      ],
      [
        { size: 0 },
        'FieldValueInvalid',
        'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
      ],
      [
        { size: 10 },
        'FieldValueInvalid',
        'spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9',
      ],
      [
        { color: 'blue' },
        'FieldValueNotSupported',
        'spec.color: Unsupported value: "blue": supported values: "red", "green"',
      ],
      [
        { title: 'A1' },
        'FieldValueInvalid',
        `spec.title: Invalid value: "A1": spec.title in body should match '^[a-z]+$'`,
      ],
      [
        { title: 'a' },
        'FieldValueInvalid',
        'spec.title: Invalid value: "a": spec.title in body should be at least 2 chars long',
      ],
      [
        { title: 'abcde' },
        'FieldValueTooLong',
        'spec.title: Too long: may not be more than 4 bytes',
      ],
      [
        { tags: ['a', 'b', 'c'] },
        'FieldValueTooMany',
        'spec.tags: Too many: 3: must have at most 2 items',
      ],
      [
        { tags: [1] },
        'FieldValueTypeInvalid',
        'spec.tags[0]: Invalid value: "integer": spec.tags[0] in body must be of type string: "integer"',
      ],
      [
        { options: { a: 1 } },
        'FieldValueTypeInvalid',
        'spec.options.a: Invalid value: "integer": spec.options.a in body must be of type string: "integer"',
      ],
    ])('refuses %j', async (fields, reason, message) => {
      expect(await create('a', fields)).toMatchObject({
        code: 422,
        body: {
          reason: 'Invalid',
          message: `Thing.${group} "a" is invalid: ${message}`,
          details: { causes: [{ reason }] },
        },
      });
    });

    it('wants a resourceVersion in a replacement', async () => {
      await create('a');
      expect(await stage.admin.replace(things('a'), aThing(group, 'a'))).toMatchObject({
        code: 422,
        body: { details: { causes: [{ field: 'metadata.resourceVersion' }] } },
      });
    });

    it('counts a generation for every change but those of metadata and status', async () => {
      const created = await create('a');
      expect(created.body.metadata.generation).toBe(1);
      const path = things('a');
      const labelled = await stage.admin.merge(path, { metadata: { labels: { l: 'v' } } });
      expect(labelled.body.metadata.generation).toBe(1);
      await stage.admin.merge(`${path}/status`, { status: { phase: 'New' } });
      const changed = await stage.admin.merge(path, { spec: { size: 2 } });
      expect(changed.body.metadata.generation).toBe(2);
    });

    it('answers 404 where the kind is gone, with its objects', async () => {
      const passing = `${stage.namespace}.example.com`;
      const definition = `${definitions}/things.${passing}`;
      const path = stage.path(`${passing}/v1/things`);
      stage.removeAfterwards(definition);
      await serve(stage.admin, passing, stage.until);
      expect(await stage.admin.create(path, aThing(passing, 'a'))).toMatchObject({ code: 201 });
      await stage.admin.remove(definition);
      await stage.until(async () => (await stage.admin.get(path)).code === 404);
      await stage.until(async () => (await stage.admin.get(definition)).code === 404);
      await serve(stage.admin, passing, stage.until);
      expect((await stage.admin.get(path)).body.items).toEqual([]);
    });

    it('ignores the status in a plain write and everything else in a status write', async () => {
      const thing = { ...aThing(group, 'a'), status: { phase: 'New' } };
      const created = await stage.admin.create(things(), thing);
      expect(created.body).not.toHaveProperty('status');
      const written = await stage.admin.merge(`${things('a')}/status`, {
        metadata: { labels: { l: 'v' } },
        spec: { size: 2 },
        status: { phase: 'Done' },
      });
      expect(written.body).toMatchObject({ spec: { size: 1 }, status: { phase: 'Done' } });
      expect(written.body.metadata.labels).toBeUndefined();
      const replaced = await stage.admin.replace(things('a'), {
        ...written.body,
        status: { phase: 'New' },
      });
      expect(replaced.body['status']).toEqual({ phase: 'Done' });
    });

    it('keeps an entry of its own for what was written to the status', async () => {
      await create('a');
      const conditions = [{ type: 'Ready', status: 'True' }];
      const applied = aStatus('a', { phase: 'Done', conditions });
      const { body } = await stage.admin.apply(`${things('a')}/status`, applied);
      expect(managedBy(body, 'applier', 'status')).toMatchObject({
        operation: 'Apply',
        fieldsV1: {
          'f:status': {
            'f:conditions': {
              'k:{"type":"Ready"}': { '.': {}, 'f:status': {}, 'f:type': {} },
            },
            'f:phase': {},
          },
        },
      });
    });

    it('refuses a status apply to an absent object, and an invalid status', async () => {
      const body = { ...aThing(group, 'a'), status: { phase: 'Done' } };
      expect(await stage.admin.apply(`${things('a')}/status`, body)).toMatchObject({ code: 404 });
      await create('a');
      const wrong = { status: { conditions: [{ type: 'Ready' }] } };
      expect(await stage.admin.merge(`${things('a')}/status`, wrong)).toMatchObject({
        code: 422,
        body: { details: { causes: [{ field: 'status.conditions[0].status' }] } },
      });
    });

    it('answers 500 without a reason to an apply that does not fit the schema', async () => {
      await create('a');
      const bodies = [aStatus('a', { phase: 1 }), aStatus('a', { unknown: 'field' })];
      for (const body of bodies) {
        const answer = await stage.admin.apply(`${things('a')}/status`, body);
        expect(answer).toMatchObject({
          code: 500,
          body: { message: expect.stringMatching(/^failed to create typed patch object \(/) },
        });
        expect(answer.body.reason).toBeUndefined();
      }
    });

    it('changes nothing when the same status is applied again', async () => {
      await create('a');
      const body = aStatus('a', { phase: 'Done' });
      const first = await stage.admin.apply(`${things('a')}/status`, body);
      const second = await stage.admin.apply(`${things('a')}/status`, body);
      expect(second.body).toEqual(first.body);
    });
  });
}
