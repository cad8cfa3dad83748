import type { Cluster } from '../cluster.ts';
import { stageOf } from './api.ts';

interface Index {
  readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
}

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly description?: string;
  readonly 'x-kubernetes-group-version-kind'?: readonly object[];
}

interface Operation {
  readonly parameters?: readonly { readonly name?: string; readonly in?: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, object>> };
  readonly 'x-kubernetes-group-version-kind'?: object;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation | undefined>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** What the server says of itself, for clients that validate, explain and merge. */
export function describeOpenApi(cluster: () => Cluster): void {
  describe('OpenAPI', () => {
    const stage = stageOf(cluster);

    async function index(): Promise<Index['paths']> {
      const { body } = await stage.admin.get('/openapi/v3');
      return (body as unknown as Index).paths;
    }

    /** The document of a group version, from where the index says it is. */
    async function document(path: string): Promise<Document> {
      const { serverRelativeURL = '' } = (await index())[path] ?? {};
      const { code, body } = await stage.admin.get(serverRelativeURL);
      expect(code).toBe(200);
      return body as unknown as Document;
    }

    /** The schema behind a path of fields, references followed. */
    function fieldIn({ components: { schemas } }: Document, kind: object, path: string): Schema {
      const resolved = (schema: Schema | undefined): Schema => {
        const reference = schema?.$ref ?? schema?.allOf?.[0]?.$ref;
        const name = reference?.replace('#/components/schemas/', '') ?? '';
        return reference === undefined ? (schema ?? {}) : resolved(schemas[name]);
      };
      const root = Object.values(schemas).find((schema) =>
        schema['x-kubernetes-group-version-kind']?.some(
          (one) =>
            JSON.stringify(Object.entries(one).sort()) ===
            JSON.stringify(Object.entries(kind).sort()),
        ),
      );
      return path.split('.').reduce((schema, name) => {
        const inner = resolved(schema);
        return name === '[]' ? (inner.items ?? {}) : (inner.properties?.[name] ?? {});
      }, root ?? {});
    }

    it('has a document for each group version, at an address that changes with it', async () => {
      const paths = await index();
      expect(Object.keys(paths)).toEqual(
        expect.arrayContaining(['api/v1', 'apis/apps/v1', 'apis/rbac.authorization.k8s.io/v1']),
      );
      expect(paths['apis/apps/v1']?.serverRelativeURL).toMatch(
        /^\/openapi\/v3\/apis\/apps\/v1\?hash=\w+$/,
      );
      expect((await stage.admin.get('/openapi/v3/apis/nobody.example.com/v1')).code).toBe(404);
    });

    it('tells the fields of kinds, and how lists are merged', async () => {
      const apps = await document('apis/apps/v1');
      const kind = { group: 'apps', version: 'v1', kind: 'DaemonSet' };
      expect(apps.openapi).toBe('3.0.0');
      expect(fieldIn(apps, kind, 'spec.minReadySeconds')).toMatchObject({ type: 'integer' });
      expect(fieldIn(apps, kind, 'metadata.name')).toMatchObject({ type: 'string' });
      expect(fieldIn(apps, kind, 'spec.template.spec.containers')).toMatchObject({
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-patch-merge-key': 'name',
        'x-kubernetes-patch-strategy': 'merge',
      });
      expect(fieldIn(apps, kind, 'spec.template.spec.containers.[].ports')).toMatchObject({
        'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
        'x-kubernetes-patch-merge-key': 'containerPort',
      });
      expect(fieldIn(apps, kind, 'spec.template.spec.volumes')).toMatchObject({
        'x-kubernetes-patch-strategy': 'merge,retainKeys',
      });
    });

    it('tells the fields of a definition of a custom kind', async () => {
      const extensions = await document('apis/apiextensions.k8s.io/v1');
      const group = 'apiextensions.k8s.io';
      const kind = { group, version: 'v1', kind: 'CustomResourceDefinition' };
      expect(fieldIn(extensions, kind, 'spec.names.plural')).toMatchObject({ type: 'string' });
      expect(fieldIn(extensions, kind, 'spec.versions')).toMatchObject({
        type: 'array',
        'x-kubernetes-list-type': 'atomic',
      });
      expect(fieldIn(extensions, kind, 'spec.versions.[].served')).toMatchObject({
        type: 'boolean',
      });
    });

    it('tells what a patch may be, and that its fields can be validated', async () => {
      const core = await document('api/v1');
      const patch = core.paths['/api/v1/namespaces/{namespace}/configmaps/{name}']?.['patch'];
      expect(patch?.['x-kubernetes-group-version-kind']).toEqual({
        group: '',
        version: 'v1',
        kind: 'ConfigMap',
      });
      expect(patch?.parameters?.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['dryRun', 'fieldManager', 'fieldValidation', 'force']),
      );
      expect(Object.keys(patch?.requestBody?.content ?? {})).toEqual(
        expect.arrayContaining([
          'application/json-patch+json',
          'application/merge-patch+json',
          'application/strategic-merge-patch+json',
          'application/apply-patch+yaml',
        ]),
      );
      for (const path of ['/api/v1/configmaps', '/api/v1/namespaces/{namespace}/configmaps']) {
        expect(core.paths[path]?.['get']).toMatchObject({
          'x-kubernetes-group-version-kind': { kind: 'ConfigMap' },
        });
      }
    });

    it('tells of custom kinds what their definition says', async () => {
      const description = 'How large it is.';
      const size = { type: 'integer', description };
      const spec = { type: 'object', properties: { size } };
      await stage.admin.create(definitions, {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'explaineds.openapi.example.com' },
        spec: {
          group: 'openapi.example.com',
          scope: 'Namespaced',
          names: { plural: 'explaineds', kind: 'Explained' },
          versions: [
            {
              ...{ name: 'v1', served: true, storage: true },
              schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
            },
          ],
        },
      });
      stage.removeAfterwards(`${definitions}/explaineds.openapi.example.com`);
      await stage.until(async () => 'apis/openapi.example.com/v1' in (await index()));
      const custom = await document('apis/openapi.example.com/v1');
      const kind = { group: 'openapi.example.com', version: 'v1', kind: 'Explained' };
      expect(fieldIn(custom, kind, 'spec.size')).toMatchObject({ type: 'integer', description });
      expect(fieldIn(custom, kind, 'metadata.name')).toMatchObject({ type: 'string' });
      const path = '/apis/openapi.example.com/v1/namespaces/{namespace}/explaineds/{name}';
      const patches = Object.keys(custom.paths[path]?.['patch']?.requestBody?.content ?? {});
      expect(patches).toContain('application/merge-patch+json');
      expect(patches).not.toContain('application/strategic-merge-patch+json');
    });
  });
}
