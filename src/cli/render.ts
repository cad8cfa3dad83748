import { stringify } from 'yaml';
import { holdOf } from '../api/findings.ts';
import { parseSpec } from '../api/parse.ts';
import type { Finding, RawSpec } from '../api/types.ts';
import { parsedArgs } from '../command-line.ts';
import type { OperatorConfig } from '../config.ts';
import { UsageError } from '../errors.ts';
import type { KubeObject } from '../kube/objects.ts';
import { children } from '../manifests/children.ts';
import { identityOf, type ManifestSettings } from '../manifests/input.ts';
import { readPullers } from './puller-file.ts';

const renderUsage = `Usage: render -f FILE [--openshift] [--pod-requests]

Prints the objects that the operator would apply for the KubernetesImagePullers of a YAML file, as
YAML on standard output, and what is to be said about the input on standard error. Needs no cluster.
A held spec is one that the operator would not follow, so nothing is printed for its puller.

  -f, --file FILE     the file to read; - is standard input
      --openshift     renders for OpenShift, where no uids are set
      --pod-requests  renders for a cluster where pods can have requests of their own, as they can
                      from Kubernetes 1.34 on; the operator asks the API server
  -h, --help          this text

Exits 0 when everything is printed, 1 when the spec of a puller is held, and 2, with a sentence, on a
mistake in the arguments or in the file.
`;

/** What the command prints, and how it ends. */
export interface Rendering {
  readonly output: string;
  readonly remarks: string;
  /** 1 when the spec of a puller is held, else 0. */
  readonly exitCode: 0 | 1;
}

/** The settings of the operator that decide what it would apply. */
type RenderSettings = Pick<
  OperatorConfig,
  | 'operatorImage'
  | 'sleeperImage'
  | 'maxSurge'
  | 'priorityClass'
  | 'maxImages'
  | 'allowedRegistries'
  | 'allowedTolerationKeys'
>;

/**
 * The `render` command.
 *
 * @throws UsageError
 */
export function render(args: readonly string[], config: RenderSettings): Rendering {
  const { file, openshift, 'pod-requests': hasPodRequests, help } = options(args);
  if (help) return { output: renderUsage, remarks: '', exitCode: 0 };
  if (file === undefined) throw new UsageError(`no file is given\n\n${renderUsage}`);
  const podRequests = hasPodRequests ? 'kept' : undefined;
  const rendered = readPullers(file).map((puller) =>
    renderPuller(puller, { ...config, openshift, podRequests }),
  );
  return {
    output: rendered.flatMap(({ objects }) => objects.map(toYaml)).join('---\n'),
    remarks: rendered.map(({ remarks }) => remarks).join(''),
    exitCode: rendered.some(({ isHeld }) => isHeld) ? 1 : 0,
  };
}

/** An object as the YAML that golden files and people read: no anchors, long lines left whole. */
export function toYaml(object: object): string {
  return stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 });
}

function options(args: readonly string[]) {
  const flags = {
    file: { type: 'string', short: 'f' },
    openshift: { type: 'boolean', default: false },
    'pod-requests': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  return parsedArgs({ args: [...args], options: flags }, renderUsage).values;
}

function renderPuller(
  puller: KubeObject,
  settings: RenderSettings & Pick<ManifestSettings, 'openshift' | 'podRequests'>,
): { readonly objects: readonly KubeObject[]; readonly remarks: string; readonly isHeld: boolean } {
  const raw = (puller['spec'] ?? {}) as RawSpec;
  const { spec, findings } = parseSpec(raw, settings);
  const identity = identityOf(puller);
  const isHeld = holdOf(findings) !== undefined;
  const objects = isHeld
    ? []
    : children({ puller: identity, raw, spec, settings }).map(({ body }) => body);
  const remarks = [
    ...(identity.uid === undefined && !isHeld
      ? ['has no uid, so its children are shown without ownerReferences']
      : []),
    ...(isHeld ? ['its spec is held, so nothing would be applied'] : []),
    ...findings.map(remark),
  ];
  return {
    objects,
    remarks: remarks.map((text) => `${identity.name}: ${text}\n`).join(''),
    isHeld,
  };
}

function remark({ verdict, reason, message }: Finding): string {
  return `${verdict} ${reason}: ${message}`;
}
