import type { KubeObject } from '../../../src/kube/objects.ts';
import type { Cluster } from '../cluster.ts';
import { aConfigMap, aDaemonSet, aDeployment, type Body, rbac, stageOf } from './api.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const partial = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const partialList = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly priority: number;
}

interface Row {
  readonly cells: readonly unknown[];
  readonly object: KubeObject | null;
}

/** What is in a table, beyond what every answer has. */
interface Table {
  readonly columnDefinitions: readonly Column[] | null;
  readonly rows: readonly Row[];
}

const tableIn = (body: unknown) => body as Table;

/** `Name`, `Node+` where only wide output shows it, `Desired#` and `Age@` for numbers and dates. */
function columnsIn(body: Body): readonly string[] {
  const marks: Readonly<Record<string, string>> = { integer: '#', date: '@' };
  return (tableIn(body).columnDefinitions ?? []).map(
    ({ name, type, priority }) => `${name}${marks[type] ?? ''}${priority > 0 ? '+' : ''}`,
  );
}

const template = ['Containers+', 'Images+', 'Selector+'];
const binding = ['Name', 'Role', 'Age', 'Users+', 'Groups+', 'ServiceAccounts+'];
const plain = ['Name', 'Created At@'];

/** By path of the collection, what tables show of its kind. */
const columns: readonly (readonly [path: string, columns: readonly string[]])[] = [
  ['/api/v1/configmaps', ['Name', 'Data', 'Age']],
  ['/api/v1/namespaces', ['Name', 'Status', 'Age']],
  ['/api/v1/secrets', ['Name', 'Type', 'Data', 'Age']],
  [
    '/api/v1/services',
    ['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Selector+'],
  ],
  ['/api/v1/serviceaccounts', ['Name', 'Age']],
  [
    '/api/v1/pods',
    [
      ...['Name', 'Ready', 'Status', 'Restarts', 'Age'],
      ...['IP+', 'Node+', 'Nominated Node+', 'Readiness Gates+'],
    ],
  ],
  [
    '/api/v1/nodes',
    [
      ...['Name', 'Status', 'Roles', 'Age', 'Version', 'Internal-IP+', 'External-IP+'],
      ...['OS-Image+', 'Kernel-Version+', 'Container-Runtime+'],
    ],
  ],
  [
    '/api/v1/events',
    [
      ...['Last Seen', 'Type', 'Reason', 'Object', 'Subobject+', 'Source+'],
      ...['Message', 'First Seen+', 'Count+', 'Name+'],
    ],
  ],
  [
    '/apis/apps/v1/daemonsets',
    [
      ...['Name', 'Desired#', 'Current#', 'Ready#', 'Up-to-date#', 'Available#'],
      ...['Node Selector', 'Age', ...template],
    ],
  ],
  ['/apis/apps/v1/deployments', ['Name', 'Ready', 'Up-to-date', 'Available', 'Age', ...template]],
  ['/apis/apps/v1/replicasets', ['Name', 'Desired#', 'Current#', 'Ready#', 'Age', ...template]],
  ['/apis/apps/v1/controllerrevisions', ['Name', 'Controller', 'Revision', 'Age']],
  [`/apis/${rbac}/v1/roles`, plain],
  [`/apis/${rbac}/v1/clusterroles`, plain],
  [`/apis/${rbac}/v1/rolebindings`, binding],
  [`/apis/${rbac}/v1/clusterrolebindings`, binding],
  [definitions, plain],
  ['/api/v1/resourcequotas', ['Name', 'Request', 'Limit', 'Age']],
  ['/api/v1/limitranges', plain],
  ['/apis/coordination.k8s.io/v1/leases', ['Name', 'Holder', 'Age']],
  ['/apis/networking.k8s.io/v1/networkpolicies', ['Name', 'Pod-Selector', 'Age']],
  [
    '/apis/policy/v1/poddisruptionbudgets',
    ['Name', 'Min Available', 'Max Unavailable', 'Allowed Disruptions#', 'Age'],
  ],
];

const justNow = expect.stringMatching(/^\d+s$/);

/** Objects as their clients want to see them: as rows of a table, or their metadata alone. */
export function describeRepresentations(cluster: () => Cluster): void {
  describe('representations', () => {
    const stage = stageOf(cluster);

    describe('tables', () => {
      it.each(columns)('have the columns of %s', async (path, expected) => {
        const { body } = await stage.admin.getAs(table, `${path}?limit=1`);
        expect(body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
        expect(columnsIn(body)).toEqual(expected);
        const named = tableIn(body).columnDefinitions?.find(({ name }) => name === 'Name');
        expect(named).toMatchObject({ type: 'string', format: 'name' });
      });

      it('have a row for each object of a collection, with the metadata of the object', async () => {
        const path = stage.path('configmaps');
        await stage.admin.create(path, aConfigMap('a', { one: '1', two: '2' }));
        const only = 'fieldSelector=metadata.name=a';
        const { body: list } = await stage.admin.get(`${path}?${only}`);
        const { body } = await stage.admin.getAs(table, `${path}?${only}`);
        // What others write between the two requests counts as well.
        const resourceVersion = expect.stringMatching(/^\d+$/);
        expect(body.metadata).toEqual({ ...list.metadata, resourceVersion });
        expect(tableIn(body).rows).toEqual([
          {
            cells: ['a', 2, justNow],
            object: {
              kind: 'PartialObjectMetadata',
              apiVersion: 'meta.k8s.io/v1',
              metadata: list.items?.[0]?.metadata,
            },
          },
        ]);
      });

      it('have no rows for an empty collection', async () => {
        const { body } = await stage.admin.getAs(table, stage.path('apps/v1/daemonsets'));
        expect(tableIn(body).rows).toEqual([]);
      });

      it('show a single object, too', async () => {
        const path = stage.path('apps/v1/deployments');
        const { body: made } = await stage.admin.create(path, aDeployment('a'));
        const { body } = await stage.admin.getAs(table, `${path}/a`);
        expect(Number(body.metadata.resourceVersion)).toBeGreaterThanOrEqual(
          Number(made.metadata.resourceVersion),
        );
        expect(tableIn(body).rows.map(({ cells }) => cells)).toEqual([
          ['a', '0/0', 0, 0, justNow, 'main', 'registry.invalid/image:1', 'app=a'],
        ]);
      });

      it('count what a DaemonSet has', async () => {
        const path = stage.path('apps/v1/daemonsets');
        await stage.admin.create(path, aDaemonSet('a'));
        const { body } = await stage.admin.getAs(table, path);
        const selector = 'contract/none=true';
        const [cells] = tableIn(body).rows.map((row) => row.cells);
        expect(cells).toEqual([
          'a',
          0,
          0,
          0,
          0,
          0,
          selector,
          justNow,
          'main',
          'registry.invalid/image:1',
          'app=a',
        ]);
      });

      it.each([
        ['no', 'None', () => null],
        ['whole', 'Object', () => expect.objectContaining({ kind: 'ConfigMap', data: { a: 'b' } })],
        [
          'half of the',
          'Metadata',
          () => ({
            kind: 'PartialObjectMetadata',
            apiVersion: 'meta.k8s.io/v1',
            metadata: expect.objectContaining({ name: 'a' }),
          }),
        ],
      ])('include %s objects where %s is asked for', async (_how, include, expected) => {
        const path = stage.path('configmaps');
        await stage.admin.create(path, aConfigMap('a', { a: 'b' }));
        const query = `fieldSelector=metadata.name=a&includeObject=${include}`;
        const { body } = await stage.admin.getAs(table, `${path}?${query}`);
        expect(tableIn(body).rows.map(({ object }) => object)).toEqual([expected()]);
      });

      it('are refused with 400 where something else is to be included', async () => {
        const path = stage.path('configmaps');
        const asked = `${path}?includeObject=All`;
        expect(await stage.admin.getAs(table, asked)).toMatchObject({ code: 400 });
      });

      it('are the events of a watch, of which the first alone has the columns', async () => {
        const path = stage.path('apps/v1/daemonsets');
        const { body } = await stage.admin.create(path, aDaemonSet('a'));
        const { resourceVersion = '' } = body.metadata;
        await stage.admin.merge(`${path}/a`, { metadata: { labels: { a: 'b' } } });
        await stage.admin.merge(`${path}/a`, { metadata: { labels: { a: 'c' } } });
        const watch = await stage.admin.watch(path, { resourceVersion }, table);
        await stage.until(() => watch.events.length >= 2);
        watch.close();
        const [first, second] = watch.events.map(({ object }) => object);
        expect(watch.events[0]?.type).toBe('MODIFIED');
        expect(first).toMatchObject({
          kind: 'Table',
          rows: [{ cells: ['a', ...Array(10).fill(expect.anything())] }],
        });
        expect(columnsIn(first as Body)).toContain('Desired#');
        expect(tableIn(second)).toMatchObject({
          columnDefinitions: null,
          rows: [expect.anything()],
        });
      });

      it('do not hide a refusal', async () => {
        const { code, body } = await stage.admin.getAs(table, stage.path('configmaps', 'none'));
        expect({ code, kind: body.kind }).toEqual({ code: 404, kind: 'Status' });
      });
    });

    describe('tables of custom kinds', () => {
      const group = 'columns.example.com';
      const paths = `/apis/${group}/v1/namespaces`;

      /** Defines a kind with these columns, and makes one object of it. */
      async function row(plural: string, printed: readonly object[], fields: object) {
        const kind = `${plural[0]?.toUpperCase()}${plural.slice(1, -1)}`;
        const schema = {
          openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        };
        await stage.admin.create(definitions, {
          apiVersion: 'apiextensions.k8s.io/v1',
          kind: 'CustomResourceDefinition',
          metadata: { name: `${plural}.${group}` },
          spec: {
            group,
            scope: 'Namespaced',
            names: { plural, kind },
            versions: [
              {
                ...{ name: 'v1', served: true, storage: true, schema },
                ...(printed.length > 0 && { additionalPrinterColumns: printed }),
              },
            ],
          },
        });
        stage.removeAfterwards(`${definitions}/${plural}.${group}`);
        const path = `${paths}/${stage.namespace}/${plural}`;
        const object = { apiVersion: `${group}/v1`, kind, metadata: { name: 'a' }, ...fields };
        await stage.until(async () => (await stage.admin.create(path, object)).code === 201);
        const { body } = await stage.admin.getAs(table, path);
        return { columns: columnsIn(body), cells: tableIn(body).rows[0]?.cells };
      }

      it('have the columns of their definition', async () => {
        const printed = [
          { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
          { name: 'Share', type: 'number', jsonPath: '.spec.share', priority: 1 },
          { name: 'Is on', type: 'boolean', jsonPath: '.spec.on' },
          { name: 'State', type: 'string', jsonPath: '.list[?(@.type=="B")].state' },
          { name: 'First', type: 'string', jsonPath: '.list[0].state' },
          { name: 'Number', type: 'string', jsonPath: '.spec.size' },
          { name: 'Nothing', type: 'string', jsonPath: '.spec.nothing' },
          { name: 'Mistaken', type: 'integer', jsonPath: '.spec.text' },
          { name: 'Label', type: 'string', jsonPath: String.raw`.spec.labels.example\.com/a` },
          { name: 'Since', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          { name: 'Never', type: 'date', jsonPath: '.spec.text' },
        ];
        const { columns, cells } = await row('printeds', printed, {
          spec: { size: 3, share: 0.5, on: true, text: 'x', labels: { 'example.com/a': 'y' } },
          list: [
            { type: 'A', state: 'off' },
            { type: 'B', state: 'on' },
          ],
        });
        expect(columns).toEqual([
          ...['Name', 'Size#', 'Share+', 'Is on', 'State', 'First', 'Number'],
          ...['Nothing', 'Mistaken#', 'Label', 'Since@', 'Never@'],
        ]);
        expect(cells).toEqual([
          'a',
          3,
          0.5,
          true,
          'on',
          'off',
          '3',
          null,
          null,
          'y',
          justNow,
          '<invalid>',
        ]);
      });

      it('have the age where their definition names no columns', async () => {
        const { columns, cells } = await row('bares', [], {});
        expect({ columns, cells }).toEqual({ columns: ['Name', 'Age@'], cells: ['a', justNow] });
      });
    });

    describe('metadata alone', () => {
      it('is what is left of an object', async () => {
        const path = stage.path('configmaps');
        const { body: made } = await stage.admin.create(path, aConfigMap('a', { a: 'b' }));
        expect((await stage.admin.getAs(partial, `${path}/a`)).body).toEqual({
          kind: 'PartialObjectMetadata',
          apiVersion: 'meta.k8s.io/v1',
          metadata: made.metadata,
        });
      });

      it('is what is left of the objects of a list', async () => {
        const path = stage.path('configmaps');
        const { body: made } = await stage.admin.create(path, aConfigMap('a', { a: 'b' }));
        const only = 'fieldSelector=metadata.name=a';
        const { body } = await stage.admin.getAs(partialList, `${path}?${only}`);
        expect(body).toMatchObject({ kind: 'PartialObjectMetadataList' });
        expect(body.metadata.resourceVersion).toEqual(expect.stringMatching(/^\d+$/));
        expect(body.items).toEqual([
          { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: made.metadata },
        ]);
      });

      it('is what is left of the objects of a watch', async () => {
        const path = stage.path('configmaps');
        const watch = await stage.admin.watch(path, { resourceVersion: '0' }, partial);
        await stage.admin.create(path, aConfigMap('a', { a: 'b' }));
        await stage.until(() => watch.story.includes('ADDED a'));
        watch.close();
        const added = watch.events.find(({ object }) => object.metadata.name === 'a')?.object;
        expect({ ...added, metadata: {} }).toEqual({
          kind: 'PartialObjectMetadata',
          apiVersion: 'meta.k8s.io/v1',
          metadata: {},
        });
      });

      it('of a list cannot be had of an object, nor the other way round', async () => {
        const path = stage.path('configmaps');
        await stage.admin.create(path, aConfigMap('a'));
        expect(await stage.admin.getAs(partial, path)).toMatchObject({ code: 406 });
        expect(await stage.admin.getAs(partialList, `${path}/a`)).toMatchObject({ code: 406 });
      });
    });

    it('are served as the first of the wanted kinds that there is', async () => {
      const path = stage.path('configmaps');
      const nonsense = 'application/json;as=Nonsense;v=v1;g=meta.k8s.io';
      const kindOf = async (accept: string) => (await stage.admin.getAs(accept, path)).body.kind;
      expect(await kindOf(`${nonsense},${table},application/json`)).toBe('Table');
      expect(await kindOf(`${nonsense},application/json`)).toBe('ConfigMapList');
      expect(await kindOf('*/*')).toBe('ConfigMapList');
      expect(await stage.admin.getAs(nonsense, path)).toMatchObject({ code: 406 });
    });
  });
}
