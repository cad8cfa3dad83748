import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { formatHints } from '../api/json-schema.ts';
import { isLabel, isLabelValue, isSubdomain } from '../api/object-names.ts';
import { typeName } from '../api/spec-texts.ts';
import { quote } from '../api/text.ts';
import * as api from '../api/types.ts';
import { asError, UsageError } from '../errors.ts';
import type { KubeObject, ObjectMeta } from '../kube/objects.ts';

/**
 * The KubernetesImagePullers of a YAML file, which must hold nothing else, one by one or in lists as
 * kubectl prints them; `-` is standard input. Their names, namespaces and uids are ones that an API
 * server could have stored; an empty namespace or uid counts as absent, as it does there.
 *
 * @throws UsageError that names the file and what is wrong with it
 */
export function readPullers(file: string): readonly KubeObject[] {
  const pullers = documentsOf(file)
    .flatMap(membersOf)
    .map((object) => pullerOf(object, file));
  if (pullers.length === 0) throw new UsageError(`${file} holds no ${api.kind}`);
  return pullers;
}

/** What the documents of the file say; those that are empty say nothing. */
function documentsOf(file: string): readonly unknown[] {
  return parseAllDocuments(readText(file))
    .map((document) => {
      try {
        const [error] = document.errors;
        if (error) throw error;
        // Refuses aliases of what is not there, and such as multiply beyond reason.
        return document.toJS() as unknown;
      } catch (error) {
        throw new UsageError(`${file} is not YAML: ${asError(error).message}`, { cause: error });
      }
    })
    .filter((object) => object !== null);
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${asError(error).message}`, { cause: error });
  }
}

const listKinds: readonly (readonly [apiVersion: string, kind: string])[] = [
  ['v1', 'List'],
  [api.apiVersion, `${api.kind}List`],
];

/** What is in a list of kubectl's or of the API server's; any other object is alone. */
function membersOf(object: unknown): readonly unknown[] {
  const { apiVersion, kind, items } = fieldsOf(object);
  const isList = listKinds.some(([version, name]) => apiVersion === version && kind === name);
  if (!isList) return [object];
  return Array.isArray(items) ? items : [];
}

function pullerOf(object: unknown, file: string): KubeObject {
  const { apiVersion, kind, metadata, ...others } = fieldsOf(object);
  if (apiVersion !== api.apiVersion || kind !== api.kind) {
    throw new UsageError(
      `${file} must hold objects of kind ${api.kind} in ${api.apiVersion} and nothing else`,
    );
  }
  return { apiVersion, kind, metadata: metadataOf(fieldsOf(metadata), file), ...others };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Fields) : {}; // any object can be asked for fields
}

function metadataOf({ name, namespace, uid, ...others }: Fields, file: string): ObjectMeta {
  const metadata = {
    ...others,
    ...identifier('name', name, file),
    ...identifier('namespace', namespace, file),
    ...identifier('uid', uid, file),
  };
  if (metadata.name === undefined) {
    throw new UsageError(`${file} holds a ${api.kind} without a metadata.name`);
  }
  return metadata;
}

/** What children are named after, live in and are owned by; their labels carry the uid. */
const identifiers = {
  name: {
    isValid: isSubdomain,
    form: 'the name of an object (at most 253 of a-z, 0-9, "-" and ".", with a letter or digit at both ends of each part)',
  },
  namespace: { isValid: isLabel, form: formatHints.namespace },
  uid: { isValid: isLabelValue, form: formatHints['label-value'] },
};

/** The field, where it is set. */
function identifier(
  field: keyof typeof identifiers,
  value: unknown,
  file: string,
): { readonly [name in keyof typeof identifiers]?: string } {
  if (value === undefined || value === null || value === '') return {};
  if (typeof value !== 'string') {
    throw new UsageError(
      `${file}: metadata.${field} is ${typeName(value)}, not a string; write its value in quotes`,
    );
  }
  const { isValid, form } = identifiers[field];
  if (isValid(value)) return { [field]: value };
  throw new UsageError(`${file}: metadata.${field} is ${quote(value)}, which is not ${form}`);
}
