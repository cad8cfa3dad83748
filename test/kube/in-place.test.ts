import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { differences, type InPlaceOptions, otherManagerOf } from '../../src/kube/in-place.ts';
import type { FieldTree, KubeObject, ManagedFieldsEntry } from '../../src/kube/objects.ts';
import { fc } from '../properties.ts';

const manager = 'us';

/** Bodies and what an apply of them makes their manager own, in the words of the server's own code. */
interface Sample {
  readonly body: KubeObject;
  readonly fieldsV1: FieldTree;
}

/**
 * Printed by structured-merge-diff with the schema of k8s.io/client-go v0.36.3
 * (`applyconfigurations.NewTypeConverter`, `ToFieldSet`, without what stripmeta.go takes away).
 */
const samples = JSON.parse(
  readFileSync(new URL('./applied-trees.json', import.meta.url), 'utf8'),
) as readonly Sample[];

function sampleOf(kind: string): Sample {
  const sample = samples.find(({ body }) => body.kind === kind);
  if (sample === undefined) throw new Error(`no sample of a ${kind}`);
  return sample;
}

function entryOf(apiVersion: string, fieldsV1: FieldTree): ManagedFieldsEntry {
  return { manager, operation: 'Apply', apiVersion, fieldsType: 'FieldsV1', fieldsV1 };
}

/** The body as the server stored it: with its own metadata, a status, and the default of a port's key. */
function stored(body: KubeObject, ...managedFields: ManagedFieldsEntry[]): KubeObject {
  const copy = JSON.parse(JSON.stringify(body), (_, value) =>
    value?.containerPort === undefined ? value : { protocol: 'TCP', ...value },
  );
  const metadata = {
    ...body.metadata,
    uid: 'u',
    resourceVersion: '7',
    generation: 2,
    managedFields,
  };
  return { ...copy, metadata, status: { seen: true } };
}

function check(body: KubeObject, live: KubeObject, options: Partial<InPlaceOptions> = {}) {
  return differences(body, live, { manager, ...options }).map(({ path }) => path);
}

/** A body with one spec, and the live object that an apply of it gave under this tree. */
function aPair(spec: object, tree: FieldTree, liveSpec: object = spec) {
  const body = { apiVersion: 'example.org/v1', kind: 'Thing', metadata: { name: 'n' }, spec };
  const live = { ...body, spec: liveSpec };
  return { body, live: stored(live, entryOf('example.org/v1', { 'f:spec': tree })) };
}

describe('what an apply would change', () => {
  it.each(samples)('is nothing in a $body.kind as the server owns it', ({ body, fieldsV1 }) => {
    expect(check(body, stored(body, entryOf(body.apiVersion, fieldsV1)))).toEqual([]);
  });

  it('is nothing where the server and others added fields and items', () => {
    const { body, fieldsV1 } = sampleOf('DaemonSet');
    const live = stored(body, entryOf(body.apiVersion, fieldsV1));
    const spec = structuredClone(live['spec']) as {
      revisionHistoryLimit?: number;
      template: { spec: { dnsPolicy?: string; containers: object[] } };
    };
    spec.revisionHistoryLimit = 10;
    spec.template.spec.dnsPolicy = 'ClusterFirst';
    spec.template.spec.containers.splice(1, 0, { name: 'injected', image: 'sidecar' });
    const labels = { ...live.metadata.labels, gitops: 'yes' };
    expect(check(body, { ...live, spec, metadata: { ...live.metadata, labels } })).toEqual([]);
  });

  it('is each field of the body where the object was applied by somebody else', () => {
    const { body, fieldsV1 } = sampleOf('ConfigMap');
    const live = stored(body, { ...entryOf('v1', fieldsV1), manager: 'them' });
    expect(check(body, live)).toEqual([
      'binaryData',
      'data.A',
      'data[tls.crt]',
      'metadata.labels.app',
    ]);
  });

  it('is each field where the same manager wrote by update', () => {
    const { body, fieldsV1 } = sampleOf('ServiceAccount');
    const live = stored(body, { ...entryOf('v1', fieldsV1), operation: 'Update' });
    expect(check(body, live)).toEqual(['automountServiceAccountToken']);
  });

  it('names values for people', () => {
    const { body, fieldsV1 } = sampleOf('DaemonSet');
    const live = JSON.parse(
      JSON.stringify(stored(body, entryOf(body.apiVersion, fieldsV1)))
        .replace('"a:1"', '"edited"')
        .replace('"y"', '"edited"'),
    );
    expect(check(body, live)).toEqual([
      'spec.template.spec.containers[name="one"].image',
      'metadata.labels[app.kubernetes.io/name]',
    ]);
  });

  it('is an order of items other than that of the body', () => {
    const { body, fieldsV1 } = sampleOf('DaemonSet');
    const live = structuredClone(stored(body, entryOf(body.apiVersion, fieldsV1)));
    (
      live['spec'] as { template: { spec: { containers: unknown[] } } }
    ).template.spec.containers.reverse();
    expect(check(body, live)).toEqual(['spec.template.spec.containers']);
  });

  it('is a version that the owned fields are not recorded in', () => {
    const { body, fieldsV1 } = sampleOf('ServiceAccount');
    expect(check(body, stored(body, entryOf('v1beta1', fieldsV1)))).toEqual(['apiVersion']);
  });

  it('is nothing where a value that the server left out was empty', () => {
    const { body, live } = aPair(
      { text: '', flag: false, number: 0, list: [], map: {} },
      { 'f:text': {}, 'f:flag': {}, 'f:number': {}, 'f:list': {}, 'f:map': {} },
      {},
    );
    expect(check(body, live)).toEqual([]);
  });

  it.each([undefined, null, []])(
    'is nothing where a list is empty and the live one is %j',
    (list) => {
      const { body, live } = aPair(
        { a: 1, map: { list: [] } },
        { 'f:a': {} },
        { a: 1, map: { list } },
      );
      expect(check(body, live)).toEqual([]);
    },
  );

  it('is a list that is empty in the body and not in the live object', () => {
    const { body, live } = aPair({ a: 1, list: [] }, { 'f:a': {} }, { a: 1, list: ['x'] });
    expect(check(body, live)).toEqual(['spec.list']);
  });

  it('passes over fields of the body that are undefined', () => {
    const { body, live } = aPair({ a: 1, b: undefined }, { 'f:a': {} }, { a: 1 });
    expect(check(body, live)).toEqual([]);
  });

  it('is nothing where others filled a map that the body has empty', () => {
    const { body, live } = aPair({ notes: {} }, { 'f:notes': {} }, { notes: { a: '1' } });
    const theirs = entryOf('example.org/v1', { 'f:spec': { 'f:notes': { 'f:a': {} } } });
    const managedFields = [...(live.metadata.managedFields ?? []), { ...theirs, manager: 'them' }];
    expect(check(body, live)).toEqual(['spec.notes']);
    expect(check(body, { ...live, metadata: { ...live.metadata, managedFields } })).toEqual([]);
  });

  it('is a field that a map replaced as a whole has more than the body', () => {
    const { body, live } = aPair(
      { nodeSelector: { a: '1' }, tolerations: [{ key: 'k' }] },
      { 'f:nodeSelector': {}, 'f:tolerations': {} },
      { nodeSelector: { a: '1', b: '2' }, tolerations: [{ key: 'k', effect: 'NoSchedule' }] },
    );
    expect(check(body, live)).toEqual(['spec.nodeSelector', 'spec.tolerations']);
  });

  it('compares scalars in the spellings that the caller knows', () => {
    const seen: string[] = [];
    const sameScalar = (path: string, wanted: unknown, found: unknown) => {
      seen.push(path);
      return wanted === '0.2' && found === '200m';
    };
    const { body, live } = aPair(
      { limits: { cpu: '0.2' }, sizes: [{ cpu: '0.2' }] },
      { 'f:limits': { 'f:cpu': {} }, 'f:sizes': {} },
      { limits: { cpu: '200m' }, sizes: [{ cpu: '200m' }] },
    );
    expect(check(body, live, { sameScalar })).toEqual([]);
    expect(seen).toEqual(['spec.limits.cpu', 'spec.sizes[0].cpu']);
  });

  it('takes for its own only what was applied to the object itself, not to a subresource', () => {
    const body = {
      apiVersion: 'v1',
      kind: 'Thing',
      metadata: { name: 'n' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    };
    const tree = {
      'f:status': {
        'f:conditions': { 'k:{"type":"Ready"}': { '.': {}, 'f:type': {}, 'f:status': {} } },
      },
    };
    const live = {
      ...stored(body, { ...entryOf('v1', tree), subresource: 'status' }),
      status: body.status,
    };
    expect(check(body, live)).toEqual(['status.conditions']);
  });
});

describe('the other manager', () => {
  const { body, live } = aPair({ image: 'a', list: ['x'] }, { 'f:list': {} });
  const owner = (name: string, tree: FieldTree, time: string): ManagedFieldsEntry => ({
    ...entryOf('example.org/v1', { 'f:spec': tree }),
    manager: name,
    operation: 'Update',
    time,
  });
  const contest = (...entries: ManagedFieldsEntry[]) => {
    const managedFields = [...(live.metadata.managedFields ?? []), ...entries];
    const contested = { ...live, metadata: { ...live.metadata, managedFields } };
    const [difference] = differences(body, contested, { manager });
    return difference && otherManagerOf(contested, difference, { manager });
  };

  it('is the one that owns the place', () => {
    const elsewhere = owner('elsewhere', { 'f:other': {} }, '2026-01-02T00:00:00Z');
    const editor = owner('kubectl-edit', { 'f:image': {} }, '2026-01-01T00:00:00Z');
    expect(contest(elsewhere, editor)).toBe('kubectl-edit');
  });

  it('is the one that wrote last where several own the place', () => {
    const first = owner('first', { 'f:image': {} }, '2026-01-01T00:00:00Z');
    const last = owner('last', { 'f:image': {} }, '2026-01-02T00:00:00Z');
    expect(contest(first, last)).toBe('last');
  });

  it('is the owner of all that is above the place', () => {
    const whole: ManagedFieldsEntry = { ...entryOf('v1', { 'f:spec': {} }), manager: 'whole' };
    expect(contest(whole)).toBe('whole');
  });

  it('is nobody where nobody owns the place', () => {
    expect(contest()).toBeUndefined();
  });
});

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** A value as we apply it, the live one with what others added, and the tree of what we own. */
interface Node {
  readonly value: Json;
  readonly live: Json;
  readonly tree: FieldTree;
}

const names = fc.constantFrom('a', 'b', 'c', 'x.y/z');
const scalar = fc.oneof(
  fc.constantFrom('s', 't'),
  fc.integer({ min: 1, max: 9 }),
  fc.constant(true),
);
const leaf = scalar.map((value): Node => ({ value, live: value, tree: {} }));
const emptyMap = fc.constant<Node>({ value: {}, live: {}, tree: {} });
const whole = fc
  .oneof(
    fc.array(scalar, { minLength: 1, maxLength: 3 }),
    fc.dictionary(names, scalar, { minKeys: 1, maxKeys: 3 }),
    fc.array(fc.dictionary(names, scalar, { minKeys: 1, maxKeys: 2 }), {
      minLength: 1,
      maxLength: 2,
    }),
  )
  .map((value): Node => ({ value, live: value, tree: {} }));
const set = (foreign: fc.Arbitrary<boolean>) =>
  fc
    .tuple(fc.uniqueArray(names, { minLength: 1, maxLength: 3 }), foreign)
    .map(([value, hasForeign]): Node => {
      const tree = Object.fromEntries(value.map((item) => [`v:${JSON.stringify(item)}`, {}]));
      return { value, live: hasForeign ? ['foreign', ...value] : value, tree };
    });

function aMap(fields: Readonly<Record<string, Node>>, foreign: boolean): Node {
  const of = (pick: (node: Node) => Json) =>
    Object.fromEntries(Object.entries(fields).map(([name, node]) => [name, pick(node)]));
  const tree = Object.entries(fields).map(([name, node]) => [`f:${name}`, node.tree]);
  const live = of((node) => node.live);
  return {
    value: of((node) => node.value),
    live: foreign ? { ...live, foreign: 1 } : live,
    tree: Object.fromEntries(tree),
  };
}

function aKeyedList(items: readonly (readonly [string, Node])[], foreign: boolean): Node {
  const named = (name: string, value: Json): Json => ({ name, ...(value as object) });
  const live = items.map(([name, node]) => named(name, node.live));
  const tree = items.map(([name, node]) => [
    `k:${JSON.stringify({ name })}`,
    { '.': {}, 'f:name': {}, ...node.tree },
  ]);
  return {
    value: items.map(([name, node]) => named(name, node.value)),
    live: foreign ? [...live, { name: 'foreign', a: 1 }] : live,
    tree: Object.fromEntries(tree),
  };
}

/** Maps of everything there is; `foreign` decides where others have added something. */
function specs(foreign: fc.Arbitrary<boolean>): fc.Arbitrary<Node> {
  const { map } = fc.letrec<{ map: Node; node: Node; list: Node }>((tie) => ({
    node: fc.oneof({ maxDepth: 3 }, leaf, emptyMap, whole, set(foreign), tie('map'), tie('list')),
    map: fc
      .tuple(fc.dictionary(names, tie('node'), { minKeys: 1, maxKeys: 3 }), foreign)
      .map(([fields, hasForeign]) => aMap(fields, hasForeign)),
    list: fc
      .tuple(
        fc.uniqueArray(fc.tuple(names, tie('map')), {
          minLength: 1,
          maxLength: 3,
          selector: ([name]) => name,
        }),
        foreign,
      )
      .map(([items, hasForeign]) => aKeyedList(items, hasForeign)),
  }));
  return map;
}

const ours = specs(fc.constant(false));
const shared = specs(fc.boolean());

/** Every way to change one thing in a value. */
function* edits(value: Json): Generator<Json> {
  if (Array.isArray(value)) yield* listEdits(value);
  else if (typeof value === 'object' && value !== null) yield* mapEdits(value as JsonObject);
  else yield `${value} edited`;
}

type JsonObject = Readonly<Record<string, Json>>;

function* listEdits(list: readonly Json[]): Generator<Json> {
  for (const [index, item] of list.entries()) {
    yield list.toSpliced(index, 1);
    for (const edited of edits(item)) yield list.with(index, edited);
    const next = list[index + 1];
    if (next !== undefined && JSON.stringify(next) !== JSON.stringify(item)) {
      yield list.toSpliced(index, 2, next, item);
    }
  }
}

function* mapEdits(map: JsonObject): Generator<Json> {
  for (const [name, value] of Object.entries(map)) {
    const { [name]: _, ...others } = map;
    yield others;
    for (const edited of edits(value)) yield { ...map, [name]: edited };
  }
}

/** Every way to add one field or item somewhere in a value. */
function* additions(value: Json): Generator<Json> {
  if (Array.isArray(value)) {
    yield [...value, typeof value[0] === 'object' ? { name: 'added' } : 'added'];
    for (const [index, item] of value.entries()) {
      for (const edited of additions(item)) yield value.with(index, edited);
    }
  } else if (typeof value === 'object' && value !== null) {
    yield { ...value, added: 'added' };
    for (const [name, item] of Object.entries(value)) {
      for (const edited of additions(item)) yield { ...value, [name]: edited };
    }
  }
}

/** Every tree that lacks one owned field; a node without any vanishes, as in the server's sets. */
function* losses(tree: FieldTree): Generator<FieldTree | undefined> {
  if (Object.keys(tree).length === 0) yield undefined;
  for (const [step, child] of Object.entries(tree)) {
    if (step === '.') continue;
    const { [step]: _, ...others } = tree;
    for (const less of losses(child)) {
      if (less !== undefined) yield { ...tree, [step]: less };
      else if (Object.keys(others).length > 0) yield others;
      else yield undefined;
    }
  }
}

/** Every tree that owns one more field. */
function* gains(tree: FieldTree): Generator<FieldTree> {
  yield { ...tree, 'f:gained': {} };
  for (const [step, child] of Object.entries(tree)) {
    if (step === '.' || step.startsWith('v:')) continue;
    for (const more of gains(child)) yield { ...tree, [step]: more };
  }
}

/** The server may leave out a map that holds nothing, so nothing changed where one is missing. */
function withoutEmpties(value: Json): Json | undefined {
  if (Array.isArray(value)) return value.map((item) => withoutEmpties(item) ?? {});
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).flatMap(([name, item]) => {
    const said = withoutEmpties(item);
    return said === undefined ? [] : [[name, said] as const];
  });
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}

function checkSpec(value: Json, tree: FieldTree, live: Json): readonly string[] {
  const pair = aPair(value as object, tree, live as object);
  return check(pair.body, pair.live);
}

describe('any body under any tree', () => {
  it('is in place as it was applied, whatever others added', () => {
    fc.assert(
      fc.property(shared, ({ value, live, tree }) => {
        expect(checkSpec(value, tree, live)).toEqual([]);
      }),
    );
  });

  it('is not in place when anything of it was edited, removed or moved in the live object', () => {
    fc.assert(
      fc.property(ours, ({ value, tree }) => {
        for (const edited of edits(value)) {
          if (isDeepStrictEqual(withoutEmpties(edited), withoutEmpties(value))) continue;
          expect([edited, checkSpec(value, tree, edited)]).not.toEqual([edited, []]);
        }
      }),
    );
  });

  it('is not in place when the body says something else, more or less than was applied', () => {
    fc.assert(
      fc.property(shared, ({ value, tree, live }) => {
        for (const edited of [...edits(value), ...additions(value)]) {
          expect([edited, checkSpec(edited, tree, live)]).not.toEqual([edited, []]);
        }
      }),
    );
  });

  it('is not in place when we own less or more than the body gives', () => {
    fc.assert(
      fc.property(shared, ({ value, tree, live }) => {
        for (const other of [...losses(tree), ...gains(tree)]) {
          const entry = entryOf('example.org/v1', other === undefined ? {} : { 'f:spec': other });
          const { body, live: object } = aPair(value as object, tree, live as object);
          const changed = { ...object, metadata: { ...object.metadata, managedFields: [entry] } };
          expect([other, check(body, changed)]).not.toEqual([other, []]);
        }
      }),
    );
  });
});

describe('every single place of a DaemonSet', () => {
  const { body, fieldsV1 } = sampleOf('DaemonSet');
  const live = stored(body, entryOf(body.apiVersion, fieldsV1));
  const spec = body['spec'] as Json;
  // Nothing but an empty list, which may leave no trace, goes unnoticed.
  const meant = (json: Json) => JSON.stringify(json).replaceAll(',"volumeMounts":[]', '');

  it('is noticed when the body changes', () => {
    for (const edited of [...edits(spec), ...additions(spec)]) {
      if (meant(edited) === meant(spec)) continue;
      expect([edited, check({ ...body, spec: edited }, live)]).not.toEqual([edited, []]);
    }
  });

  it('is noticed when it is owned no more', () => {
    for (const less of losses(fieldsV1)) {
      const changed = stored(body, entryOf(body.apiVersion, less ?? {}));
      expect([less, check(body, changed)]).not.toEqual([less, []]);
    }
  });
});
