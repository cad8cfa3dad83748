import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { parseSpec } from '../api/parse.ts';
import type { Finding, RawSpec } from '../api/types.ts';
import * as api from '../api/types.ts';
import type { OperatorConfig } from '../config.ts';
import { asError, UsageError } from '../errors.ts';
import type { KubeObject } from '../kube/objects.ts';
import { children } from '../manifests/children.ts';
import { identityOf } from '../manifests/input.ts';

export const renderUsage = `Usage: render -f FILE [--openshift]

Prints the objects that the operator would apply for the KubernetesImagePullers of a YAML file, as
YAML on standard output, and what is to be said about the input on standard error. Needs no cluster.

  -f, --file FILE  the file to read; - is standard input
      --openshift  renders for OpenShift, where no uids are set
  -h, --help       this text
`;

/** What the command prints, and how it ends. */
export interface Rendering {
  readonly output: string;
  readonly remarks: string;
}

/**
 * The `render` command.
 *
 * @throws UsageError
 */
export function render(
  args: readonly string[],
  config: Pick<OperatorConfig, 'operatorImage' | 'sleeperImage' | 'maxSurge' | 'maxImages'>,
): Rendering {
  const { file, openshift, help } = options(args);
  if (help) return { output: renderUsage, remarks: '' };
  if (file === undefined) throw new UsageError(`no file is given\n\n${renderUsage}`);
  const rendered = readPullers(file).map((puller) =>
    renderPuller(puller, { ...config, openshift }),
  );
  return {
    output: rendered.flatMap(({ objects }) => objects.map(toYaml)).join('---\n'),
    remarks: rendered.map(({ remarks }) => remarks).join(''),
  };
}

/** An object as the YAML that golden files and people read: no anchors, long lines left whole. */
export function toYaml(object: object): string {
  return stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 });
}

function options(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        file: { type: 'string', short: 'f' },
        openshift: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(`${asError(error).message}\n\n${renderUsage}`, { cause: error });
  }
}

/**
 * The KubernetesImagePullers of a YAML file, which must hold nothing else.
 *
 * @throws UsageError that names the file and what is wrong with it
 */
export function readPullers(file: string): readonly KubeObject[] {
  const documents = parseAllDocuments(readText(file));
  const pullers: KubeObject[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error) throw new UsageError(`${file} is not YAML: ${error.message}`, { cause: error });
    const object: unknown = document.toJS();
    if (object === null) continue;
    if (!isPuller(object)) {
      throw new UsageError(
        `${file} must hold objects of kind ${api.kind} in ${api.apiVersion} with a metadata.name`,
      );
    }
    pullers.push(object);
  }
  if (pullers.length === 0) throw new UsageError(`${file} holds no ${api.kind}`);
  return pullers;
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${asError(error).message}`, { cause: error });
  }
}

function isPuller(object: unknown): object is KubeObject {
  const candidate = object as Partial<KubeObject> | undefined;
  return (
    candidate?.kind === api.kind &&
    candidate.apiVersion === api.apiVersion &&
    typeof candidate.metadata?.name === 'string'
  );
}

function renderPuller(
  puller: KubeObject,
  settings: Pick<OperatorConfig, 'operatorImage' | 'sleeperImage' | 'maxSurge' | 'maxImages'> & {
    openshift: boolean;
  },
): { readonly objects: readonly KubeObject[]; readonly remarks: string } {
  const raw = (puller['spec'] ?? {}) as RawSpec;
  const { spec, findings } = parseSpec(raw, settings);
  const identity = identityOf(puller);
  const held = findings.some(({ verdict }) => verdict === 'hold');
  const objects = held
    ? []
    : children({ puller: identity, raw, spec, settings }).map(({ body }) => body);
  const remarks = [
    ...(identity.uid === undefined && !held
      ? ['has no uid, so its children are shown without ownerReferences']
      : []),
    ...(held ? ['nothing would be applied'] : []),
    ...findings.map(remark),
  ];
  return { objects, remarks: remarks.map((text) => `${identity.name}: ${text}\n`).join('') };
}

function remark({ verdict, reason, message }: Finding): string {
  return `${verdict} ${reason}: ${message}`;
}
