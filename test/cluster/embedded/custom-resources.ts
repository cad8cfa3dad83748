import type { Clock } from '../../../src/clock.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { decoded } from './decode.ts';
import { setOf } from './field-set.ts';
import { asObject, isEqual, isObject } from './json.ts';
import { customResourceDefinitions, type Kind, type Kinds } from './kinds.ts';
import { qualified } from './status-error.ts';
import type { Store } from './store.ts';
import { customKindType, pruned, type Schema, schemaErrors } from './structural.ts';
import { customColumns, type PrinterColumn } from './tables/custom.ts';
import { customType } from './types.ts';
import { timestamp, type Writer } from './writer.ts';

/** The parts of a CustomResourceDefinition's spec that count here. */
interface DefinitionSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: {
    readonly kind: string;
    readonly plural: string;
    readonly singular?: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  };
  readonly versions: readonly {
    readonly name: string;
    readonly storage: boolean;
    readonly schema?: { readonly openAPIV3Schema?: Schema };
    readonly subresources?: { readonly status?: object };
    readonly additionalPrinterColumns?: readonly PrinterColumn[];
  }[];
}

const manager = 'kube-apiserver';
const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

interface Parts {
  readonly store: Store;
  readonly kinds: Kinds;
  readonly writer: Writer;
  readonly clock: Clock;
}

/**
 * Serves the kinds of CustomResourceDefinitions: each in its storage version, as long as its
 * definition is there; the objects go with a definition that is deleted.
 */
export function serveCustomResources({ store, kinds, writer, clock }: Parts): void {
  store.onCommit(({ resource, type, object }) => {
    if (resource === qualified(customResourceDefinitions)) {
      const kind = customKind(object);
      if (type === 'DELETED') kinds.remove(kind);
      else if (object.metadata.deletionTimestamp !== undefined) cleanUp(kind, object);
      else serve(kind, object);
      return;
    }
    if (type === 'DELETED') finishCleanUp(resource);
  });

  function serve(kind: Kind, definition: KubeObject): void {
    kinds.add(kind);
    const status = establishedStatus(definition, timestamp(clock.now()));
    const live = asObject(definition['status']);
    if (isEqual(live['acceptedNames'], status.acceptedNames)) return;
    const { name = '' } = definition.metadata;
    writer.update(customResourceDefinitions, '', name, (found) => ({ ...found, status }), {
      manager,
      subresource: 'status',
    });
  }

  function cleanUp(kind: Kind, definition: KubeObject): void {
    for (const { metadata } of store.list(kind)) {
      if (metadata.deletionTimestamp !== undefined) continue;
      writer.remove(kind, metadata.namespace ?? '', metadata.name ?? '', { manager });
    }
    finishCleanUp(definition.metadata.name ?? '');
  }

  /** Once nothing of the kind is left its definition may go. The name of a definition is its resource. */
  function finishCleanUp(resource: string): void {
    const definition = store.get(customResourceDefinitions, '', resource);
    if (!definition?.metadata.finalizers?.includes(cleanupFinalizer)) return;
    const { group, names } = definition['spec'] as DefinitionSpec;
    if (store.list({ group, plural: names.plural }).length > 0) return;
    const finalizers = definition.metadata.finalizers.filter((one) => one !== cleanupFinalizer);
    writer.update(
      customResourceDefinitions,
      '',
      resource,
      (live) => ({ ...live, metadata: { ...live.metadata, finalizers } }),
      { manager },
    );
  }
}

function establishedStatus(definition: KubeObject, now: string) {
  const { names, versions } = definition['spec'] as DefinitionSpec;
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    lastTransitionTime: now,
    reason,
    message,
  });
  return {
    acceptedNames: names,
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    storedVersions: versions.filter(({ storage }) => storage).map(({ name }) => name),
  };
}

/** The kind that a definition defines, in its storage version. */
function customKind(definition: KubeObject): Kind {
  const { group, scope, names, versions } = definition['spec'] as DefinitionSpec;
  const version = versions.find(({ storage }) => storage);
  const schema = version?.schema?.openAPIV3Schema ?? {};
  const hasStatus = version?.subresources?.status !== undefined;
  const type = customKindType(schema);
  return {
    group,
    version: version?.name ?? '',
    plural: names.plural,
    kind: names.kind,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    columns: customColumns(version?.additionalPrinterColumns),
    isCustom: true,
    schema,
    type,
    empty: {},
    decode: (object) => decodeCustom(names.kind, schema, object),
    rules: {
      status: hasStatus,
      statusResets: setOf(['f:metadata'], ['f:spec']),
      needsResourceVersion: true,
      changesGeneration: (live, next) =>
        !isEqual(content(live, hasStatus), content(next, hasStatus)),
      validate: (next) => errorsIn(schema, next),
      validateStatus: (next) => errorsIn(schema, next),
    },
  };
}

/** What counts as a change of the object: everything but metadata, and but a status written apart. */
function content(object: KubeObject, hasStatus: boolean): unknown {
  const { metadata: _, status, ...rest } = object;
  return hasStatus ? rest : { ...rest, status };
}

const metadataOnly = customType();

/** Metadata as everywhere; the rest after the kind's own schema. */
function decodeCustom(kind: string, schema: Schema, object: KubeObject): KubeObject {
  const { apiVersion, kind: named, metadata, ...rest } = object;
  const known = decoded(kind, metadataOnly, { apiVersion, kind: named, metadata });
  const kept = pruned(schema, rest);
  return { ...known, ...(isObject(kept) ? kept : {}) };
}

function errorsIn(schema: Schema, { apiVersion: _, kind: __, metadata: ___, ...rest }: KubeObject) {
  const required = schema.required?.filter((name) => !(name in metadataNames));
  return schemaErrors({ ...schema, ...(required ? { required } : {}) }, rest, '');
}

const metadataNames = { apiVersion: true, kind: true, metadata: true } as const;
