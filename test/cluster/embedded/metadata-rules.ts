import type { KubeObject, ObjectMeta, OwnerReference } from '../../../src/kube/objects.ts';
import { type Grammar, labelKey, labelValue } from './name-rules.ts';
import { type FieldError, fieldError } from './status-error.ts';

/** The keys and values of all annotations of an object together. */
const annotationsLimitBytes = 262_144;

/** What is wrong with the metadata of an object (apimachinery/pkg/api/validation/objectmeta.go). */
export function metadataErrors(
  { metadata }: KubeObject,
  live: KubeObject | undefined,
  nameGrammar: Grammar,
): readonly FieldError[] {
  const { name = '', finalizers = [] } = metadata;
  return [
    ...(live === undefined ? grammarErrors('metadata.name', name, nameGrammar) : []),
    ...labelErrors(metadata.labels ?? {}, 'metadata.labels'),
    ...annotationErrors(metadata.annotations ?? {}),
    ...ownerErrors(metadata.ownerReferences ?? []),
    ...finalizers.flatMap((one) => grammarErrors('metadata.finalizers', one, labelKey)),
    ...(live === undefined ? [] : changeErrors(metadata, live.metadata)),
  ];
}

export function grammarErrors(
  field: string,
  value: string,
  grammar: Grammar,
): readonly FieldError[] {
  return grammar(value).map((detail) => fieldError.invalid(field, value, detail));
}

export function labelErrors(
  labels: Readonly<Record<string, string>>,
  field: string,
): readonly FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...grammarErrors(field, key, labelKey),
    ...grammarErrors(field, value, labelValue),
  ]);
}

function annotationErrors(annotations: Readonly<Record<string, string>>): readonly FieldError[] {
  const field = 'metadata.annotations';
  const keys = Object.keys(annotations).flatMap((key) =>
    labelKey(key.toLowerCase()).map((detail) => fieldError.invalid(field, key, detail)),
  );
  const size = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return size > annotationsLimitBytes
    ? [...keys, fieldError.tooLong(field, annotationsLimitBytes)]
    : keys;
}

function ownerErrors(owners: readonly OwnerReference[]): readonly FieldError[] {
  const field = 'metadata.ownerReferences';
  const missing = owners.flatMap((owner) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((part) => !owner[part])
      .map((part) => {
        const detail = part === 'apiVersion' ? 'version must not be empty' : 'must not be empty';
        return fieldError.invalid(`${field}.${part}`, '', detail);
      }),
  );
  const [first, ...more] = owners.filter(({ controller }) => controller === true);
  const doubled = more.map((second) => {
    const detail = `Only one reference can have Controller set to true. Found "true" in references for ${first?.kind}/${first?.name} and ${second.kind}/${second.name}`;
    return fieldError.invalid(field, owners, detail);
  });
  return [...missing, ...doubled];
}

function changeErrors(next: ObjectMeta, live: ObjectMeta): readonly FieldError[] {
  if (live.deletionTimestamp === undefined) return [];
  const known = live.finalizers ?? [];
  const added = (next.finalizers ?? []).filter((finalizer) => !known.includes(finalizer));
  if (added.length === 0) return [];
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(', ')}}`;
  return [fieldError.forbidden('metadata.finalizers', detail)];
}
